//! `runs delete` and `runs prune`.

use clap::Args;
use serde::Serialize;

use crate::cell::Cell;
use crate::exit::Exit;
use crate::output::Output;
use crate::run_ref;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::numbers::counted;
use tracing_budget_history::grammar::When;
use tracing_budget_history::{Prune, Store};

/// Arguments of `runs delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Runs: ids, or beginnings or endings of ids.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,

    /// Report without deleting.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `runs prune`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["older_than", "keep_last"]))]
pub(crate) struct PruneArgs {
    /// Start time before which runs are deleted: 90d, 2026-01-01.
    #[arg(long, value_name = "WHEN")]
    pub(crate) older_than: Option<When>,

    /// Number of newest runs per project to keep.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_last: Option<u64>,

    /// Project name.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Report without deleting.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The deleted runs; with --dry-run those that would be.
#[derive(Serialize)]
struct Deleted {
    deleted: u64,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_ids: Option<Vec<String>>,
}

/// Deletes the given runs.
pub(crate) fn delete(args: &DeleteArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    // Resolve all references first: an unknown one must not leave half of the runs deleted.
    let mut run_ids =
        args.runs.iter().map(|run| run_ref::resolve(&store, run)).collect::<Result<Vec<_>, _>>()?;
    run_ids.sort();
    run_ids.dedup();
    let deleted = if args.dry_run {
        run_ids.len() as u64
    } else {
        store.delete(&run_ids.iter().map(String::as_str).collect::<Vec<_>>())?
    };
    report(session, &Deleted { deleted, dry_run: args.dry_run, run_ids: Some(run_ids) })
}

/// Deletes old runs.
pub(crate) fn prune(args: &PruneArgs, session: &Session) -> anyhow::Result<Exit> {
    let mut prune = Prune::default();
    prune.project.clone_from(&args.project);
    prune.older_than = args.older_than.map(|when| session.instant("--older-than", when)).transpose()?;
    prune.keep_last = args.keep_last;
    prune.dry_run = args.dry_run;
    let deleted = session.store()?.prune(&prune)?;
    report(session, &Deleted { deleted, dry_run: args.dry_run, run_ids: None })
}

fn report(session: &Session, deleted: &Deleted) -> anyhow::Result<Exit> {
    session.show(deleted, || {
        let mut table = Table::new([left("RUN", "run_id"), right("DELETED", "deleted")]);
        for run_id in deleted.run_ids.iter().flatten() {
            table.row([Cell::whole(run_id), Cell::words((!deleted.dry_run).to_string())]);
        }
        let runs = counted(deleted.deleted, "run");
        let text =
            if deleted.dry_run { format!("{runs} would be deleted") } else { format!("{runs} deleted") };
        Output::new().line(text).for_csv(table)
    })?;
    Ok(Exit::Success)
}
