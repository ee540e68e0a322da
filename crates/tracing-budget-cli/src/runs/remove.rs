//! `runs delete` and `runs prune`.

use serde::Serialize;

use crate::args::{DeleteArgs, PruneArgs};
use crate::cell::Cell;
use crate::exit::End;
use crate::page::Page;
use crate::pick;
use crate::session::Session;
use crate::sheet::{Sheet, left, right};
use tracing_budget::present::numbers::counted;
use tracing_budget_history::{Prune, Store};

/// What was deleted, or would be.
#[derive(Serialize)]
struct Deleted {
    deleted: u64,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_ids: Option<Vec<String>>,
}

/// Deletes the runs that are named.
pub(crate) fn delete(args: &DeleteArgs, session: &Session) -> anyhow::Result<End> {
    let store = session.store()?;
    // All of them are found before the first is deleted.
    let mut run_ids = args.runs.iter().map(|run| pick::run_id(&store, run)).collect::<Result<Vec<_>, _>>()?;
    run_ids.sort();
    run_ids.dedup();
    let deleted = if args.dry_run {
        run_ids.len() as u64
    } else {
        store.delete(&run_ids.iter().map(String::as_str).collect::<Vec<_>>())?
    };
    tell(session, &Deleted { deleted, dry_run: args.dry_run, run_ids: Some(run_ids) })
}

/// Deletes old runs.
pub(crate) fn prune(args: &PruneArgs, session: &Session) -> anyhow::Result<End> {
    let mut prune = Prune::default();
    prune.project.clone_from(&args.project);
    prune.older_than = args.older_than;
    prune.keep_last = args.keep_last;
    prune.dry_run = args.dry_run;
    let deleted = session.store()?.prune(&prune)?;
    tell(session, &Deleted { deleted, dry_run: args.dry_run, run_ids: None })
}

fn tell(session: &Session, deleted: &Deleted) -> anyhow::Result<End> {
    session.show(deleted, || {
        let mut sheet = Sheet::new([left("RUN", "run_id"), right("DELETED", "deleted")]);
        for run_id in deleted.run_ids.iter().flatten() {
            sheet.row([Cell::whole(run_id), Cell::words((!deleted.dry_run).to_string())]);
        }
        let runs = counted(deleted.deleted, "run");
        let said =
            if deleted.dry_run { format!("{runs} would be deleted") } else { format!("{runs} deleted") };
        Page::new().text(said).for_csv(sheet)
    })?;
    Ok(End::Good)
}
