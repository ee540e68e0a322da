//! What a sink promises.

use std::any::type_name;
use std::borrow::Cow;
use std::time::Duration;

use super::SinkError;
use crate::limit::Alert;
use crate::summary::RunSummary;

/// Takes the runs that are finished.
///
/// A sink lives on the layer's delivery thread. What it returns as an error is retried after a pause, then counted
/// and reported once; the other sinks and the pipeline do not notice. A sink that panics has lost that run and
/// gets the next one. Since a run that failed is given again, a sink should leave nothing half-done behind an error.
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
    /// What statistics and error messages call this sink; the type's name without its path unless overridden.
    ///
    /// It is asked once, when the layer is built.
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(without_path(type_name::<Self>()))
    }

    /// Takes a finished run.
    ///
    /// # Errors
    ///
    /// Whatever kept the run from being taken. It is given again after a pause, a bounded number of times.
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError>;

    /// How often this sink wants to see the runs in flight; `None`, unless overridden, is never.
    ///
    /// It is asked once, when the layer is built.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Takes the runs in flight as they stand, with status `running`, oldest first.
    ///
    /// Called soon after a run has begun, then at every [`interval`](Self::interval) for as long as there is one, and once
    /// more, with none, after the last has ended and was given to [`run_finished`](Self::run_finished). A run that ends between two looks is never seen here.
    ///
    /// # Errors
    ///
    /// Whatever kept them from being taken. It is counted, and said the first time; the next look brings newer figures,
    /// so these are not given again.
    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        let _ = runs;
        Ok(())
    }

    /// Takes the alert that a run or a stage is near a limit or has reached it, before the run itself is finished.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being taken. It is counted, and said the first time; an alert is not given again.
    fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let _ = alert;
        Ok(())
    }

    /// Puts what was taken where it is safe.
    ///
    /// Called after every run that was finished before a flush of the layer has been given to this sink.
    ///
    /// # Errors
    ///
    /// Whatever kept that from happening. The one who asked for the flush is told.
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

/// `a::b::Type<c::Other>` is `Type`.
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
