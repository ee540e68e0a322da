//! Room that is held under a limit while a call is under way.

use std::fmt;
use std::sync::Arc;

use super::operation_builder::amount;
use crate::layer::{Core, Hold, Position};
use crate::ledger::{IntoUsd, Usd};
use crate::limit::Amount;

/// Room under the limits around a place, held until it is settled or dropped; from [`Current::reserve`](crate::Current::reserve).
///
/// What a call really cost comes from the call itself, by its span or its event, as without a permit: a permit adds nothing
/// to any figure. It only holds room until the cost is booked. So take it before the call's span opens, and drop it
/// after the span has closed: in between the call counts twice at most against others, never less than once. Dropped
/// earlier, as by a permit that is taken inside the span with the usage, its room may be granted again although it is spent
/// already. For several calls in a row take a permit each.
///
/// ```
/// use tracing_budget::{call, current, record::UsageRecord, Usage, Usd};
/// use tracing_subscriber::prelude::*;
///
/// fn ask(at_most: Usd) -> Result<(), Box<dyn std::error::Error>> {
///     let permit = current().ok_or("no run is open here")?.reserve(at_most)?;
///     let call = call("gpt-5").provider("openai").start();
///     call.usage(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(Usd::from_pico(80_000_000_000)));
///     drop(call); // its cost is booked
///     drop(permit); // what it did not need is free again
///     Ok(())
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
    core: Arc<Core>,
    position: Position,
    /// None where nothing is limited.
    hold: Option<Hold>,
}

impl Permit {
    pub(super) fn new(core: Arc<Core>, position: Position, hold: Option<Hold>) -> Self {
        Self { core, position, hold }
    }

    /// What is held; `None` where nothing is limited.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.hold.as_ref().map(Hold::amount)
    }

    /// Gives the room back, as the call's span has closed and its cost is booked; the same as dropping the permit.
    pub fn settle(self) {}

    /// Books what it really cost, as an operation of the stage in which the room was reserved, and gives the room back. For work
    /// without a span or an event of its own; with one, this would count the same money again. A cost below zero counts as 0.
    ///
    /// ```
    /// # fn search() -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(run) = tracing_budget::current() {
    ///     let permit = run.reserve("0.01")?;
    ///     // … a search that is billed by the query …
    ///     permit.settle_as("web_search", "0.005");
    /// }
    /// # Ok(())
    /// # }
    /// # search().expect("there is no run");
    /// ```
    pub fn settle_as(self, operation: &str, cost: impl IntoUsd) {
        // A cost that cannot be read is unknown and never 0: the operation is booked without one, with a warning.
        let (cost, refusal) = match cost.into_usd() {
            Ok(cost) => (Some(cost.max(Usd::ZERO)), None),
            Err(error) => amount("cost_usd", error.text()),
        };
        self.core.book_cost(self.position, operation, cost, refusal);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("amount", &self.amount()).finish_non_exhaustive()
    }
}
