//! A run that a program opens and ends itself.

use std::fmt::Display;

use tracing::field::Empty;
use tracing::span::{Entered, Span};

/// Opens a run with this pipeline name. It ends when the [`Run`] is dropped, even if detached tasks still hold spans in it.
///
/// Any other root closes with the last span inside it, so one task that never ends keeps its run open for ever. The end of an
/// explicit run does not wait:
///
/// - Spans that are open then are booked with what they have recorded so far. Stages among them are `incomplete`.
/// - What they record later is counted in [`Stats::late`](crate::audit::Stats::late).
/// - The run is `completed`, or `failed` if it was [failed](Run::fail), if a panic unwinds through it, or if the last attempt of
///   a stage or the last verdict of a blocking gate failed.
///
/// An explicit run is a root in every case: inside another run it is a run of its own, and [`Builder::roots`](crate::Builder::roots)
/// does not narrow it. Without anything accountable in it there is no summary, as for other roots. Where no layer
/// listens it does nothing. With a blank name, the pipeline is called `run`.
///
/// ```
/// use tracing::info_span;
/// use tracing_budget::{Status, Usage, record_usage, sink::Memory};
/// use tracing_subscriber::prelude::*;
///
/// let memory = Memory::new();
/// let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let run = tracing_budget::run("nightly");
///     let watcher = run.in_scope(|| info_span!("watcher")); // a direct child of the root: a stage
///     watcher.in_scope(|| record_usage(&Usage::new().input(3_000).output(987)));
///     drop(run); // the end, although `watcher` is open
///     watcher.in_scope(|| record_usage(&Usage::new().input(1).output(1)));
/// });
/// guard.flush()?;
/// let run = memory.take().remove(0);
/// assert_eq!((run.pipeline.as_str(), run.status), ("nightly", Status::Completed));
/// assert_eq!(run.budget_summary.total.tokens_used, Some(3_987));
/// assert_eq!(run.stages()["watcher"].status, Status::Incomplete);
/// assert_eq!(guard.handle().stats().late, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(pipeline: &str) -> Run {
    // The layer knows the span by this target. It has no parent, so that a run inside a run does not keep the outer one open.
    Run(tracing::info_span!(
        target: "tracing_budget::run",
        parent: None,
        "run",
        pipeline,
        otel.status_code = Empty,
        error.message = Empty,
        ended = Empty,
    ))
}

/// A run under way, which ends when this is dropped; see [`run`].
#[derive(Debug)]
#[must_use = "the run ends when this is dropped"]
pub struct Run(Span);

impl Run {
    /// The run's root span, to instrument futures with, and to enter on other threads. It does not keep the run from its end.
    ///
    /// ```
    /// use tracing::Instrument as _;
    ///
    /// # async fn pipeline() -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let run = tracing_budget::run("nightly");
    /// let result = pipeline().instrument(run.span().clone()).await;
    /// if let Err(error) = &result {
    ///     run.fail(error);
    /// }
    /// drop(run); // the end, whatever the pipeline has spawned
    /// # }
    /// ```
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.0
    }

    /// Enters the run; not across an `.await`.
    ///
    /// ```
    /// let run = tracing_budget::run("nightly");
    /// let _entered = run.enter();
    /// tracing_budget::gate("lint").pass();
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        self.0.enter()
    }

    /// Runs `act` inside the run.
    ///
    /// ```
    /// let run = tracing_budget::run("nightly");
    /// assert_eq!(run.in_scope(|| 40 + 2), 42);
    /// ```
    pub fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.in_scope(act)
    }

    /// Records that the run failed, and why. It goes on until it is dropped; the newest reason counts.
    ///
    /// ```
    /// use tracing_budget::{Status, gate, run, sink::Memory};
    /// use tracing_subscriber::prelude::*;
    ///
    /// let memory = Memory::new();
    /// let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build()?;
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let run = run("nightly");
    ///     run.in_scope(|| gate("input").pass());
    ///     run.fail("the source is not reachable");
    /// });
    /// guard.flush()?;
    /// let run = memory.take().remove(0);
    /// assert_eq!(run.status, Status::Failed);
    /// assert_eq!(run.error_summary.as_deref(), Some("the source is not reachable"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail(&self, error: impl Display) -> &Self {
        self.0.record("otel.status_code", "ERROR");
        self.0.record("error.message", tracing::field::display(error));
        self
    }
}

impl Drop for Run {
    /// Ends the run.
    fn drop(&mut self) {
        // A field and not the span's close: the registry closes a span with the last one inside it. A field and not an event: a
        // filter that passes the span might not pass the event.
        self.0.record("ended", true);
    }
}
