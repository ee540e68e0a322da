//! Arguments of `runs`.

use clap::{Args, Subcommand, ValueEnum};

use super::{FilterArgs, ScopeArgs};
use crate::cli::when;
use crate::history::{Severity, Sort};
use crate::summary::Timestamp;

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RunsCommand {
    /// The runs that match, newest first.
    List(ListArgs),
    /// One run: its stages, models, gates, limits and warnings.
    Show(ShowArgs),
    /// How it goes: counts by status, the last failed run and why, what is typical.
    Summary(SummaryArgs),
    /// Two runs side by side, stage by stage, model by model, gate by gate.
    Compare(CompareArgs),
    /// The newest runs against the history before them; exits with 1 if that is critical.
    Health(HealthArgs),
    /// Delete these runs.
    Delete(DeleteArgs),
    /// Delete old runs.
    Prune(PruneArgs),
}

/// Arguments of `runs list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,

    /// By started, cost, duration or tokens, largest first; `:asc` turns it round. What is unknown comes last.
    #[arg(long, value_name = "ORDER", default_value_t)]
    pub(in crate::cli) sort: Sort,

    /// At most so many runs, 1 to 1000.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,

    /// Where to go on: what the page before named as next.
    #[arg(long, value_name = "CURSOR")]
    pub(in crate::cli) after: Option<String>,
}

/// Arguments of `runs show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The run: its id, the beginning of its id, `last` or `last-failed`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub(in crate::cli) run: String,
}

/// Arguments of `runs summary`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SummaryArgs {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArgs,
}

/// Arguments of `runs compare`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// The run to compare with: an id, the beginning of one, `last`, `last-failed`, or a summary file.
    #[arg(value_name = "A")]
    pub(in crate::cli) a: String,

    /// The run to look at; changes are what it has more or less than A.
    #[arg(value_name = "B", default_value = "last")]
    pub(in crate::cli) b: String,
}

/// Arguments of `runs health`.
#[derive(Debug, Args)]
pub(in crate::cli) struct HealthArgs {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArgs,

    /// How many of each pipeline's newest runs are judged.
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(in crate::cli) recent: u16,

    /// How many runs before them say what is usual.
    #[arg(long, value_name = "RUNS", default_value_t = 200)]
    pub(in crate::cli) history: u16,

    /// How bad it must be to exit with 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub(in crate::cli) fail_on: FailOn,
}

/// How bad it must be to exit with 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FailOn {
    /// Worth knowing.
    Notice,
    /// To be looked at today.
    Warning,
    /// To be looked at now.
    #[default]
    Critical,
    /// Nothing is that bad.
    Never,
}

impl FailOn {
    pub(in crate::cli) fn is_reached_by(self, severity: Severity) -> bool {
        match self {
            Self::Notice => severity >= Severity::Notice,
            Self::Warning => severity >= Severity::Warning,
            Self::Critical => severity >= Severity::Critical,
            Self::Never => false,
        }
    }
}

/// Arguments of `runs delete`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    /// The runs: ids, or beginnings of ids that are long enough to be clear.
    #[arg(value_name = "RUN", required = true)]
    pub(in crate::cli) runs: Vec<String>,

    /// Only say what would be deleted.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

/// Arguments of `runs prune`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["older_than", "keep_last"]))]
pub(in crate::cli) struct PruneArgs {
    /// Runs that started before then: 90d, 2026-01-01.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(in crate::cli) older_than: Option<Timestamp>,

    /// Not the newest so many of each project.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) keep_last: Option<u64>,

    /// Only runs of this project.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) project: Option<String>,

    /// Only say how many would be deleted.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}
