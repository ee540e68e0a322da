//! The run that others are held against.

use crate::args::Baseline;
use crate::session::Session;
use crate::sources;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store};

/// How many completed runs are looked through for one that passed every gate.
const LOOKED_AT: usize = 200;

/// Where baselines come from; looked up once, however many runs are held against one.
pub(super) enum Baselines {
    None,
    Fixed(Box<RunSummary>),
    /// The newest that passed, of each run's own pipeline.
    LastPassing(Option<Sqlite>),
}

/// What a run is held against.
pub(super) enum Against {
    Nothing,
    Run(Box<RunSummary>),
    /// There should be one, and there is none yet.
    NoneYet(&'static str),
}

impl Baselines {
    pub(super) fn new(asked: Option<&Baseline>, session: &Session) -> anyhow::Result<Self> {
        Ok(match asked {
            None => Self::None,
            Some(Baseline::Run(typed)) => Self::Fixed(Box::new(sources::run_or_file(typed, session)?)),
            Some(Baseline::LastPassing) => Self::LastPassing(session.store_if_any()?),
        })
    }

    pub(super) fn of(&self, run: &RunSummary) -> anyhow::Result<Against> {
        Ok(match self {
            Self::None => Against::Nothing,
            Self::Fixed(baseline) => Against::Run(baseline.clone()),
            Self::LastPassing(None) => Against::NoneYet("there is no run history yet"),
            Self::LastPassing(Some(store)) => match last_passing(store, run)? {
                Some(baseline) => Against::Run(Box::new(baseline)),
                None => Against::NoneYet("no earlier run of this pipeline has passed yet"),
            },
        })
    }
}

/// The newest run of the same pipeline before this one that completed and of which no gate failed.
fn last_passing(store: &dyn Store, run: &RunSummary) -> anyhow::Result<Option<RunSummary>> {
    let before = Filter::new()
        .project(&run.project)
        .pipeline(&run.pipeline)
        .status(Status::Completed)
        .until(run.started_at);
    let page = store.list(&before, Sort::default(), &Page::first(LOOKED_AT))?;
    let passed = page.runs.iter().find(|row| row.gates_failed == 0 && row.run_id != run.run_id);
    Ok(match passed {
        Some(row) => store.get(&row.run_id)?,
        None => None,
    })
}
