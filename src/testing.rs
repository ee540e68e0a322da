//! Budgets in tests: the runs of a piece of code, and assertions about their cost.
//!
//! [`capture`] runs a closure under a layer of its own, [`capture_async`] a future, and both return the runs that it left
//! behind. The layer replaces the thread's subscriber for that time, so tests that run beside each other on other threads
//! are unaffected.
//!
//! ```
//! use tracing_budget::testing::{assert_cost, assert_tokens, capture};
//! use tracing_budget::{Usage, record::UsageRecord, record_usage};
//!
//! fn review() {
//!     let span = tracing::info_span!("review");
//!     let usage = Usage::new().input(3_000).output(987);
//!     span.in_scope(|| record_usage(UsageRecord::new(usage).model("my-model").cost("0.0225")));
//! }
//!
//! let captured = capture(|| tracing::info_span!("pipeline").in_scope(review));
//! let run = captured.run();
//! assert_cost(run.stage("review"), "0.0225");
//! assert_tokens(run, 3_987);
//! ```
//!
//! # Invariants
//!
//! - Nothing here changes the process: no global subscriber, no environment variable, no file.
//! - An assertion about an unknown figure fails and names it as unknown.

use std::pin::Pin;

use tracing_subscriber::layer::SubscriberExt;

use crate::layer::{BudgetGuard, Builder, OwnFilter, layer};
use crate::ledger::{IntoUsd, Usd};
use crate::present::numbers::counted;
use crate::sink::Memory;
use crate::summary::{Figures, ModelRow, OperationRow, RunSummary, StageRow};

/// The value that captured code returned, and the runs that it left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct Captured<T> {
    /// The value that the closure or the future returned.
    pub value: T,
    /// The runs, in the order in which they ended.
    pub runs: Vec<RunSummary>,
}

impl<T> Captured<T> {
    /// The only run.
    ///
    /// # Panics
    ///
    /// If there is no run, or more than one; the message lists their pipelines.
    #[must_use]
    #[track_caller]
    pub fn run(&self) -> &RunSummary {
        match self.runs.as_slice() {
            [run] => run,
            [] => panic!(
                "expected one run, got none: a run needs a root span at INFO or above, with usage, a cost, a call, a \
                 gate or a declared stage in it"
            ),
            runs => {
                let pipelines: Vec<_> = runs.iter().map(|run| run.pipeline.as_str()).collect();
                panic!("expected one run, got {}: {pipelines:?}", runs.len())
            }
        }
    }
}

/// Runs a closure under a budget layer and returns its value with the runs that it left behind.
///
/// Threads that the closure starts have a subscriber of their own; give them the current one by
/// `tracing::dispatcher::with_default`. [`capture_with`] takes a builder, for stages, limits or prices.
///
/// ```
/// use tracing_budget::testing::capture;
///
/// let captured = capture(|| {
///     tracing::info_span!("pipeline").in_scope(|| tracing_budget::gate("lint").pass());
///     42
/// });
/// assert_eq!(captured.value, 42);
/// assert_eq!(captured.run().budget_summary.gate_verdicts[0].gate_name, "lint");
/// ```
#[track_caller]
pub fn capture<T>(work: impl FnOnce() -> T) -> Captured<T> {
    capture_with(layer(), work)
}

/// Runs a closure under the layer of this builder; as [`capture`] otherwise.
///
/// ```
/// use tracing_budget::testing::capture_with;
///
/// let builder = tracing_budget::layer().stages(["review"]);
/// let captured = capture_with(builder, || {
///     tracing::info_span!("pipeline").in_scope(|| tracing_budget::gate("lint").pass());
/// });
/// let review = captured.run().stage("review").expect("declared stages have a row");
/// assert_eq!(review.calls, 0); // it never ran
/// ```
///
/// # Panics
///
/// If the layer cannot be built.
#[track_caller]
pub fn capture_with<T>(builder: Builder<OwnFilter>, work: impl FnOnce() -> T) -> Captured<T> {
    let capture = Capture::new(builder);
    let value = tracing::dispatcher::with_default(&capture.dispatch, work);
    capture.end(value)
}

/// Runs a future under a budget layer and returns its value with the runs that it left behind.
///
/// The layer stays the thread's subscriber until the future ends, so it also sees the tasks that the future spawns on a
/// runtime of one thread, as `#[tokio::test]` has by default, with or without a span. On a runtime of several threads, tasks
/// run on threads that do not have the layer: use `flavor = "current_thread"`.
///
/// ```
/// use tracing::Instrument;
/// use tracing_budget::testing::capture_async;
/// use tracing_budget::{Usage, record_usage};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let captured = capture_async(async {
///     let pipeline = tracing::info_span!("pipeline");
///     let task = async { record_usage(&Usage::new().input(100).output(10)) };
///     tokio::spawn(task.instrument(pipeline)).await
/// });
/// let captured = captured.await;
/// assert_eq!(captured.run().budget_summary.total.tokens_used, Some(110));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn capture_async<T>(work: impl Future<Output = T>) -> Captured<T> {
    capture_async_with(layer(), work).await
}

/// Runs a future under the layer of this builder; as [`capture_async`] otherwise.
///
/// # Panics
///
/// If the layer cannot be built.
pub async fn capture_async_with<T>(
    builder: Builder<OwnFilter>,
    work: impl Future<Output = T>,
) -> Captured<T> {
    let work: Pin<&mut _> = std::pin::pin!(work);
    let capture = Capture::new(builder);
    // The guard is held across the await on purpose: tasks of the same thread are polled between two polls of this future,
    // and would have no subscriber if the layer were set for each poll alone.
    let default = tracing::dispatcher::set_default(&capture.dispatch);
    let value = work.await;
    drop(default);
    capture.end(value)
}

/// A layer with a sink in memory, behind a subscriber of its own.
struct Capture {
    dispatch: tracing::Dispatch,
    guard: BudgetGuard,
    memory: Memory,
}

impl Capture {
    #[track_caller]
    fn new(builder: Builder<OwnFilter>) -> Self {
        let memory = Memory::new();
        match builder.scoped().sink(memory.clone()).build() {
            Ok((budget, guard)) => {
                let dispatch = tracing_subscriber::registry().with(budget).into();
                Self { dispatch, guard, memory }
            }
            Err(error) => panic!("the layer to capture with cannot be built: {error}"),
        }
    }

    fn end<T>(self, value: T) -> Captured<T> {
        let Self { dispatch, guard, memory } = self;
        // Spans still open end as `incomplete`, which a test should see rather than miss.
        drop(guard);
        drop(dispatch);
        Captured { value, runs: memory.take() }
    }
}

/// A value with a cost and tokens: a run, a row, figures, or an `Option` of a row.
pub trait HasFigures {
    /// The figures; `None` for a row that does not exist.
    fn figures(&self) -> Option<&Figures>;
}

impl HasFigures for RunSummary {
    fn figures(&self) -> Option<&Figures> {
        Some(&self.budget_summary.total)
    }
}

impl HasFigures for Figures {
    fn figures(&self) -> Option<&Figures> {
        Some(self)
    }
}

macro_rules! rows_have_figures {
    ($($row:ty),*) => {$(
        impl HasFigures for $row {
            fn figures(&self) -> Option<&Figures> {
                Some(&self.figures)
            }
        }
    )*};
}

rows_have_figures!(StageRow, ModelRow, OperationRow);

impl<T: HasFigures> HasFigures for &T {
    fn figures(&self) -> Option<&Figures> {
        (*self).figures()
    }
}

impl<T: HasFigures> HasFigures for Option<T> {
    fn figures(&self) -> Option<&Figures> {
        self.as_ref().and_then(HasFigures::figures)
    }
}

/// Asserts the cost of a run or a row, to the last pico-dollar.
///
/// ```should_panic
/// use tracing_budget::testing::{assert_cost, capture};
///
/// let captured = capture(|| tracing::info_span!("pipeline").in_scope(|| tracing::info!(cost_usd = 0.03)));
/// assert_cost(captured.run(), "0.0225"); // cost differs: expected $0.0225, got $0.03 ($0.0075 more)
/// ```
///
/// # Panics
///
/// If the cost differs, is unknown or known in part, if the row does not exist, or if `expected` is not an amount.
#[track_caller]
pub fn assert_cost(of: impl HasFigures, expected: impl IntoUsd) {
    let expected = match expected.into_usd() {
        Ok(expected) => expected,
        Err(error) => panic!("the expected cost cannot be read: {error}"),
    };
    let figures = existing(&of);
    let Some(cost) = figures.cost_usd else {
        panic!("cost differs: expected ${expected}, got an unknown cost{}", unknown_part(figures))
    };
    let difference = match cost - expected {
        Usd::ZERO => String::new(),
        more if more > Usd::ZERO => format!(" (${more} more)"),
        less => format!(" (${} less)", -less),
    };
    let unknown = unknown_part(figures);
    if cost != expected || !unknown.is_empty() {
        panic!("cost differs: expected ${expected}, got ${cost}{difference}{unknown}");
    }
}

/// Asserts the tokens of a run or a row, input and output together.
///
/// # Panics
///
/// If they differ or are unknown, or if the row does not exist.
#[track_caller]
pub fn assert_tokens(of: impl HasFigures, expected: u64) {
    let figures = existing(&of);
    let unknown = unknown_part(&Figures { unpriced_calls: 0, ..figures.clone() });
    match figures.tokens_used {
        None => panic!("tokens differ: expected {expected}, got an unknown number{unknown}"),
        Some(tokens) if tokens != expected || !unknown.is_empty() => panic!(
            "tokens differ: expected {expected}, got {tokens} ({} input, {} output){unknown}",
            figures.input_tokens, figures.output_tokens
        ),
        Some(_) => {}
    }
}

#[track_caller]
fn existing(of: &impl HasFigures) -> &Figures {
    match of.figures() {
        Some(figures) => figures,
        None => panic!("the row does not exist; `run.stages()` has those that do"),
    }
}

fn unknown_part(figures: &Figures) -> String {
    let unpriced = (figures.unpriced_calls > 0).then(|| counted(figures.unpriced_calls, "unpriced call"));
    let without = (figures.calls_without_usage > 0)
        .then(|| format!("{} without usage", counted(figures.calls_without_usage, "call")));
    let partial = (figures.partial_calls > 0)
        .then(|| format!("{} known in part", counted(figures.partial_calls, "call")));
    let parts: Vec<String> = [unpriced, without, partial].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(", with {}", parts.join(" and ")) }
}
