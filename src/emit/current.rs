//! The run that the current span belongs to.

use std::sync::Arc;

use crate::layer::{BudgetLayer, Core, Place};
use crate::summary::RunSummary;

/// The run of the current span, in the first budget layer of the current subscriber; `None` outside of any run.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let (budget, _guard) = tracing_budget::layer().build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     assert!(tracing_budget::current().is_none());
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     let _stage = tracing::info_span!("review", stage = "review").entered();
///     assert_eq!(tracing_budget::current().and_then(|run| run.stage()), Some("review"));
/// });
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
#[must_use]
pub fn current() -> Option<Current> {
    tracing::dispatcher::get_default(|dispatch| {
        let layer = dispatch.downcast_ref::<BudgetLayer>()?;
        let place = layer.core.current_place(dispatch.downcast_ref())?;
        Some(Current { core: Arc::clone(&layer.core), place })
    })
}

/// A place in a run; see [`current`]. It stays good on any thread, and after its span has closed.
#[derive(Clone)]
pub struct Current {
    core: Arc<Core>,
    place: Place,
}

impl Current {
    /// The nearest stage around the place.
    #[must_use]
    pub fn stage(&self) -> Option<&'static str> {
        self.place.stage.map(crate::ledger::Name::as_str)
    }

    /// The run's id; `None` while nothing accountable has happened in it, and after its end.
    #[must_use]
    pub fn run_id(&self) -> Option<String> {
        self.core.live_run(self.place.run).map(|run| run.public_id())
    }

    /// The run as it stands; `None` while nothing accountable has happened in it, and after its end.
    #[must_use]
    pub fn snapshot(&self) -> Option<RunSummary> {
        self.core.live_run(self.place.run).map(|run| self.core.snapshot(&run))
    }
}
