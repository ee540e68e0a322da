//! The baseline: the run that other runs are compared with.

use std::convert::Infallible;
use std::str::FromStr;

use crate::input;
use crate::session::Session;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store};

/// The argument `--baseline`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// The newest earlier run of the same pipeline that completed without a failed gate.
    LastPassing,
    /// A run, or a summary file.
    Run(String),
}

impl FromStr for Baseline {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "last-passing" { Self::LastPassing } else { Self::Run(text.to_owned()) })
    }
}

/// Number of completed runs that are searched for one without a failed gate: a pipeline that fails its gates for
/// longer has no useful baseline, and a full scan would read the whole history.
const SEARCHED: usize = 200;

/// The source of baselines; resolved once for all checked runs.
pub(super) enum Baselines {
    None,
    Fixed(Box<RunSummary>),
    /// The newest passing run of each run's pipeline.
    LastPassing(Option<Box<Sqlite>>),
}

/// The baseline of one run.
pub(super) enum Against {
    Nothing,
    Run(Box<RunSummary>),
    /// A baseline was requested, and no run can be one yet.
    NoneYet(&'static str),
}

impl Baselines {
    pub(super) fn new(argument: Option<&Baseline>, session: &Session) -> anyhow::Result<Self> {
        Ok(match argument {
            None => Self::None,
            Some(Baseline::Run(run)) => Self::Fixed(Box::new(input::run_or_file(run, session)?)),
            Some(Baseline::LastPassing) => Self::LastPassing(session.store_if_any()?.map(Box::new)),
        })
    }

    pub(super) fn of(&self, run: &RunSummary) -> anyhow::Result<Against> {
        Ok(match self {
            Self::None => Against::Nothing,
            Self::Fixed(baseline) => Against::Run(baseline.clone()),
            Self::LastPassing(None) => Against::NoneYet("there is no run history"),
            Self::LastPassing(Some(store)) => match last_passing(store.as_ref(), run)? {
                Some(baseline) => Against::Run(Box::new(baseline)),
                None => Against::NoneYet("no earlier run of this pipeline has passed"),
            },
        })
    }
}

/// Returns the newest earlier run of the same pipeline that completed without a failed gate.
fn last_passing(store: &dyn Store, run: &RunSummary) -> anyhow::Result<Option<RunSummary>> {
    let before = Filter::new()
        .project(&run.project)
        .pipeline(&run.pipeline)
        .status(Status::Completed)
        .until(run.started_at);
    let page = store.list(&before, Sort::default(), &Page::first(SEARCHED))?;
    let passed = page.runs.iter().find(|row| row.gates_failed == 0 && row.run_id != run.run_id);
    Ok(match passed {
        Some(row) => store.get(&row.run_id)?,
        None => None,
    })
}
