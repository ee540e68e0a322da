//! Room that is held under a limit while a call is under way.

use std::fmt;
use std::sync::Arc;

use tracing::{Instrument, Span};

use super::operation_builder::amount;
use crate::layer::{Core, Hold, Location, Position, locate};
use crate::ledger::{IntoUsd, Usd};
use crate::limit::Amount;

/// Room under the limits around a place; from [`reserve`](crate::reserve()) and [`Current::reserve`](crate::Current::reserve).
///
/// What a call really cost comes from the call itself, by its span, as without a permit: a permit adds nothing to any figure. It
/// only holds room until the cost is booked. In between the call counts twice at most against others, never less than once.
/// For several calls in a row take a permit each.
///
/// | the call is | write | the room is held until |
/// |---|---|---|
/// | reported by this program | [`permit.call("gpt-5").start()`](Self::call) | the call's span has closed |
/// | traced by its client, as by rig | [`permit.hold(future).await`](Self::hold) | the future has ended, or is dropped |
/// | no model call | [`permit.settle_as("web_search", cost)`](Self::settle_as) | its cost is booked |
/// | not made after all | `drop(permit)` | |
///
/// Each of them takes the permit, so the room cannot be given back while the call is under way.
///
/// ```
/// use tracing_budget::{Usage, Usd, current, record::UsageRecord, reserve};
/// use tracing_subscriber::prelude::*;
///
/// fn ask(at_most: Usd) -> Result<(), Box<dyn std::error::Error>> {
///     let call = reserve(at_most)?.call("gpt-5").provider("openai").start();
///     call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(Usd::from_pico(80_000_000_000)));
///     Ok(()) // its cost is booked, and what it did not need is free again
/// }
///
/// let (budget, _guard) = tracing_budget::layer().limit_usd(1).build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     ask("0.10".parse()?)?;
///     assert_eq!(current().and_then(|run| run.remaining().usd), "0.92".parse().ok());
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })
/// # .expect("there is room");
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
#[must_use = "a permit that is dropped at once holds no room"]
pub struct Permit {
    /// Where the room was reserved; `None` where no layer with limits is responsible.
    place: Option<(Arc<Core>, Position)>,
    /// None where nothing is limited.
    hold: Option<Hold>,
    /// The span in which it was reserved: a call that starts elsewhere, as in a spawned task, belongs to it nevertheless.
    span: Span,
}

impl Permit {
    pub(super) fn new(core: Arc<Core>, position: Position, hold: Option<Hold>) -> Self {
        // Of another run, it would lead the call there.
        let span = if is_here(&core, position) { Span::current() } else { Span::none() };
        Self { place: Some((core, position)), hold, span }
    }

    /// A permit where nothing is limited.
    pub(super) fn unlimited() -> Self {
        Self { place: None, hold: None, span: Span::none() }
    }

    /// What is held; `None` where nothing is limited.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.hold.as_ref().map(Hold::amount)
    }

    /// Runs a future inside the span in which the room was reserved, and holds the room until it ends: for calls of clients
    /// that open spans themselves.
    ///
    /// ```
    /// # async fn prompt() -> &'static str { "42" }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let permit = tracing_budget::reserve("0.05")?;
    /// let answer = tokio::spawn(permit.hold(prompt())).await?; // the task needs no span of its own
    /// assert_eq!(answer, "42");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn hold<F: Future>(self, work: F) -> F::Output {
        let ended = work.instrument(self.span.clone()).await;
        drop(self);
        ended
    }

    /// Books what it really cost, as an operation of the stage in which the room was reserved, and gives the room back. For work
    /// without a span or an event of its own; with one, this would count the same money again. A cost below zero counts as 0.
    ///
    /// ```
    /// # fn search() -> Result<(), Box<dyn std::error::Error>> {
    /// let permit = tracing_budget::reserve("0.01")?;
    /// // … a search that is billed by the query …
    /// permit.settle_as("web_search", "0.005");
    /// # Ok(())
    /// # }
    /// # search().expect("nothing is limited");
    /// ```
    pub fn settle_as(self, operation: &str, cost: impl IntoUsd) {
        // A cost that cannot be read is unknown and never 0: the operation is booked without one, with a warning.
        let (cost, refusal) = match cost.into_usd() {
            Ok(cost) => (Some(cost.max(Usd::ZERO)), None),
            Err(error) => amount("cost_usd", error.text()),
        };
        match &self.place {
            Some((core, position)) => core.book_cost(*position, operation, cost, refusal),
            // A layer without limits counts it as outside of any run.
            None => super::operation(operation).reported(cost, refusal).record(),
        }
    }

    /// The span in which a call is to open; `None` is the current one.
    pub(super) fn parent(&self) -> Option<&Span> {
        let (core, position) = self.place.as_ref()?;
        Some(&self.span).filter(|span| !span.is_disabled() && !is_here(core, *position))
    }

    /// Holds the room until a call's span has closed. What cannot be held so is returned, to be kept with the call.
    pub(super) fn hold_until_close(mut self, call: &Span) -> Option<Self> {
        let Some((core, position)) = &self.place else { return None };
        let hold = self.hold.take()?;
        match core.hold_until_close(hold, position.run, call) {
            None => None,
            Some(hold) => {
                self.hold = Some(hold);
                Some(self)
            }
        }
    }
}

/// Whether the caller is in the run of a place.
fn is_here(core: &Arc<Core>, position: Position) -> bool {
    matches!(locate(), Location::Run(here, found) if Arc::ptr_eq(&here, core) && found.run == position.run)
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("amount", &self.amount()).finish_non_exhaustive()
    }
}
