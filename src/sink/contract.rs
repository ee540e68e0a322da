//! The trait [`Sink`].

use std::any::type_name;
use std::borrow::Cow;
use std::time::Duration;

use super::SinkError;
use crate::limit::Alert;
use crate::summary::RunSummary;

/// The destination of finished runs.
///
/// A sink runs on the layer's delivery thread. A run that it fails to take is given again after a pause, then counted as
/// lost and reported once. Other sinks and the pipeline are not affected. A sink that panics loses that run and gets the
/// next one. Because a failed run is given again, a sink should undo its partial work before it returns an error.
///
/// A closure is a sink too:
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget::sink::Sink;
///
/// fn is_a_sink(_: impl Sink) {}
///
/// is_a_sink(|run: &RunSummary| println!("{} cost {:?}", run.pipeline, run.budget_summary.total.cost_usd));
/// ```
///
/// One that can fail is a type:
///
/// ```
/// use std::io::Write;
/// use std::net::TcpStream;
/// use tracing_budget::RunSummary;
/// use tracing_budget::sink::{Sink, SinkError};
///
/// struct Socket(TcpStream);
///
/// impl Sink for Socket {
///     fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
///         self.0.write_all(&serde_json::to_vec(run)?)?;
///         Ok(())
///     }
/// }
/// ```
pub trait Sink: Send + 'static {
    /// The name of this sink in statistics and error messages; the type's name without its path unless overridden.
    ///
    /// Called once, when the layer is built.
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(without_path(type_name::<Self>()))
    }

    /// Takes a finished run.
    ///
    /// # Errors
    ///
    /// Why the run was not taken. It is given again after a pause, a bounded number of times.
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError>;

    /// The interval at which this sink polls the runs in flight; `None`, the default, is never.
    ///
    /// Called once, when the layer is built.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Takes the runs in flight with their figures so far, status `running`, oldest first.
    ///
    /// Called soon after a run has started, then at every [`interval`](Self::interval) while a run is in flight. Called
    /// once more, with an empty slice, after the last run was given to [`run_finished`](Self::run_finished). A run that
    /// ends between two calls never appears here.
    ///
    /// # Errors
    ///
    /// Why they were not taken. The failure is counted, and the first one is reported on stderr. The runs are not given
    /// again, because the next call has newer figures.
    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        let _ = runs;
        Ok(())
    }

    /// Takes an alert: a run or a stage is near a limit or has reached it. It comes before the run itself.
    ///
    /// # Errors
    ///
    /// Why it was not taken. The failure is counted, and the first one is reported on stderr. An alert is not given again.
    fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let _ = alert;
        Ok(())
    }

    /// Makes the taken runs durable: writes buffers, syncs files.
    ///
    /// Called by a flush of the layer, after all runs that had finished before it were given to this sink.
    ///
    /// # Errors
    ///
    /// Why a run may not be durable. The caller of the layer's flush gets the reason.
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

impl<F> Sink for F
where
    F: FnMut(&RunSummary) + Send + 'static,
{
    fn name(&self) -> Cow<'_, str> {
        let full = type_name::<Self>();
        match full.split_once("::{{closure}}") {
            Some((place, _)) => Cow::Owned(format!("closure in {place}")),
            None => Cow::Borrowed(without_path(full)),
        }
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self(run);
        Ok(())
    }
}

/// The name of a type without path and parameters: `Type` of `a::b::Type<c::Other>`.
fn without_path(full: &str) -> &str {
    let plain = full.split('<').next().unwrap_or(full);
    plain.rsplit("::").next().unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;
    struct Generic<T>(T);

    impl Sink for Plain {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Ok(())
        }
    }

    impl<T: Send + 'static> Sink for Generic<T> {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Ok(())
        }
    }

    fn count(_: &RunSummary) {}

    #[test]
    fn names_leave_the_path_out() {
        let boxed: Box<dyn Sink> = Box::new(Plain);
        assert_eq!(boxed.name(), "Plain");
        assert_eq!(Generic(String::new()).name(), "Generic");
        assert_eq!(Sink::name(&count), "count");
        let closure = |_: &RunSummary| {};
        assert_eq!(
            Sink::name(&closure),
            "closure in tracing_budget::sink::contract::tests::names_leave_the_path_out"
        );
    }
}
