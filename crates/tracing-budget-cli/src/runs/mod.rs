//! `runs`: the commands that list, show, compare, judge and delete runs, one file each.
//!
//! # Invariants
//!
//! - Each command reads the store once and shows what it returns.
//! - Absent: what "usual", "stale" or "changed" means. The history decides that, for the dashboard as well.

mod compare;
mod delete;
mod health;
mod list;
mod show;
mod summary;

use clap::Subcommand;

use crate::exit::Exit;
use crate::session::Session;

pub(crate) use list::table as list_table;

/// The commands under `runs`.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Matching runs, newest first.
    List(list::ListArgs),
    /// One run: its stages, models, gates, limits and warnings.
    Show(show::ShowArgs),
    /// Counts by status, typical figures, the last failed run and its error.
    Summary(summary::SummaryArgs),
    /// Two runs side by side: stages, models, gates.
    Compare(compare::CompareArgs),
    /// The newest runs against the history before them; exits with 1 if that is critical.
    Health(health::HealthArgs),
    /// Delete the given runs.
    Delete(delete::DeleteArgs),
    /// Delete old runs.
    Prune(delete::PruneArgs),
}

/// Runs one of the commands.
pub(crate) fn run(command: &RunsCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        RunsCommand::List(args) => list::run(args, session),
        RunsCommand::Show(args) => show::run(args, session),
        RunsCommand::Summary(args) => summary::run(args, session),
        RunsCommand::Compare(args) => compare::run(args, session),
        RunsCommand::Health(args) => health::run(args, session),
        RunsCommand::Delete(args) => delete::delete(args, session),
        RunsCommand::Prune(args) => delete::prune(args, session),
    }
}
