//! The error of a caller in no run, where limits are set.

/// Why no limit can be enforced for the caller: no run encloses it, or a filter hides a part of the run, although a layer with
/// limits is installed.
///
/// Without limits, with a layer that is [switched off](crate::Builder::enabled), and without any layer there is no such error.
///
/// ```
/// use tracing_budget::limit::{BudgetExceeded, OutsideOfRun};
/// use tracing_subscriber::prelude::*;
///
/// let (budget, _guard) = tracing_budget::layer().limit_usd("0.10").build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let refused = tracing_budget::reserve("0.0225").err();
///     assert_eq!(refused, Some(BudgetExceeded::OutsideOfRun(OutsideOfRun::NoSpan)));
/// });
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutsideOfRun {
    /// No span is entered on this thread, as in a task that was spawned without its span.
    #[error("no span is entered here; give a spawned task its span by `.in_current_span()`")]
    NoSpan,
    /// No span is entered on this thread, and a filter on the whole subscriber hides spans of level INFO, those of runs among them.
    #[error(
        "no span is entered here, and a filter on the whole subscriber hides spans of level INFO, those of runs among them; give \
         the filter to the layer that it is meant for"
    )]
    Filtered,
    /// A filter hides this span from the layer.
    #[error(
        "a filter hides the span {span:?} around the caller from the layer, so that the run is not seen whole; let the span \
         through, or name the spans that are runs by `roots` on the builder"
    )]
    Hidden {
        /// The span's name.
        span: &'static str,
    },
    /// None of the spans around the caller is one that [`Builder::roots`](crate::Builder::roots) names.
    #[error("no span around the caller is one that `roots` on the builder names")]
    NoRoot,
    /// This thread has no subscriber, as the threads of a runtime under `set_default`.
    #[error(
        "this thread has no subscriber; install the layer for all threads by `init`, or pass the subscriber on by `with_default`"
    )]
    NoSubscriber,
}
