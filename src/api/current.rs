//! The run that the current span belongs to.

use std::fmt;
use std::sync::Arc;

use super::Permit;
use crate::layer::{Core, Location, Position, locate};
use crate::ledger::IntoUsd;
use crate::limit::{BudgetExceeded, OutsideOfRun, Remaining, Unit};
use crate::summary::RunSummary;

/// The run of the current span, in the first budget layer of the current subscriber; `None` outside of any run.
///
/// The layer is found in an `Option`, a `Box`, a `Vec` and a `reload`. For limits there are [`reserve`](crate::reserve()) and
/// [`check`](crate::check()), which fail outside of a run instead of leaving the decision to the caller.
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
    match locate() {
        Location::Run(core, position) => Some(Current::new(core, position)),
        Location::Unlimited | Location::Outside(..) => None,
    }
}

/// A place in a run; see [`current`]. It stays good on any thread, and after its span has closed.
#[derive(Clone)]
pub struct Current {
    core: Arc<Core>,
    position: Position,
}

impl Current {
    pub(super) fn new(core: Arc<Core>, position: Position) -> Self {
        Self { core, position }
    }

    /// The run, unless a filter hides a part of it.
    pub(super) fn whole(&self) -> Result<&Self, OutsideOfRun> {
        self.core.check_whole_run(self.position).map(|()| self)
    }

    /// The nearest stage around the place.
    #[must_use]
    pub fn stage(&self) -> Option<&'static str> {
        self.position.place.stage.map(|stage| stage.name().as_str())
    }

    /// The run's id; `None` while nothing accountable has happened in it, and after its end.
    #[must_use]
    pub fn run_id(&self) -> Option<String> {
        self.core.takes_more(self.position.run).then(|| self.core.public_id(self.position.run)).flatten()
    }

    /// Whether more may be spent here: an error if a limit of the run, or of a stage around this place, is used up, or cannot
    /// be proven to hold (see [`UnpricedCalls`](crate::limit::UnpricedCalls)).
    ///
    /// What counts is what is booked, and a call is booked when its span closes. Two threads that both check may both spend:
    /// where that matters, [`reserve`](Self::reserve).
    ///
    /// ```
    /// use tracing_budget::limit::BudgetExceeded;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, _guard) = tracing_budget::layer().limit_usd("0.05").build()?;
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     let run = tracing_budget::current().expect("a run is around");
    ///     tracing_budget::operation("search").cost_usd("0.04").record();
    ///     assert_eq!(run.check(), Ok(()));
    ///     tracing_budget::operation("search").cost_usd("0.01").record();
    ///     let error = run.check().expect_err("five cents are used");
    ///     assert_eq!(error.to_string(), "the run spent $0.05 of its $0.05 limit");
    ///     assert!(matches!(error, BudgetExceeded::Exhausted { .. }));
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BudgetExceeded`] with the widest limit that refuses, because the run has ended, or because a filter hides a span around
    /// the run from the layer. Without limits there is no error.
    pub fn check(&self) -> Result<(), BudgetExceeded> {
        self.core.check(self.position)
    }

    /// What may still be spent here, under the limit that leaves least.
    #[must_use]
    pub fn remaining(&self) -> Remaining {
        self.core.remaining(self.position)
    }

    /// Takes room for a call that may cost so much, in the limits of the run and of every stage around this place: in all
    /// of them, or in none. What is used and what is reserved together never pass a limit, however many reserve at
    /// once. Less than nothing counts as nothing. A run begins with the first reservation in it.
    ///
    /// See [`Permit`] for how long to hold it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), if a limit has less room than that, and if `usd` is not an amount.
    pub fn reserve(&self, usd: impl IntoUsd) -> Result<Permit, BudgetExceeded> {
        // Fail closed: an estimate that cannot be read must not let money through.
        let usd = usd.into_usd().map_err(BudgetExceeded::NotAnAmount)?;
        self.permit(Unit::Usd, usd.pico())
    }

    /// Takes room for a call that may use so many tokens; as [`reserve`](Self::reserve) otherwise.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_tokens(&self, tokens: u64) -> Result<Permit, BudgetExceeded> {
        self.permit(Unit::Tokens, tokens.into())
    }

    pub(super) fn permit(&self, unit: Unit, amount: i128) -> Result<Permit, BudgetExceeded> {
        let hold = self.core.reserve(self.position, unit, amount)?;
        Ok(Permit::new(Arc::clone(&self.core), self.position, hold))
    }

    /// A snapshot of the run; `None` while nothing accountable has happened in it, and after its end.
    #[must_use]
    pub fn snapshot(&self) -> Option<RunSummary> {
        self.core.snapshot(self.position.run)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("run_id", &self.run_id())
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
