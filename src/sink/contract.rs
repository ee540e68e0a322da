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
        Cow::Owned(without_path(type_name::<Self>()))
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
    /// ends between two calls never appears here. [`RunSummary::part`] is the same here and in `run_finished`.
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
        named(type_name::<Self>())
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self(run);
        Ok(())
    }
}

/// The name of a function or closure, from that of its type: `closure in a::b::c` for `a::b::c<D>::{{closure}}`.
fn named(full: &str) -> Cow<'static, str> {
    // From the end: a closure may be a parameter of the function that another is in.
    let place = full.trim_end_matches("::{{closure}}");
    if place.len() < full.len() {
        Cow::Owned(format!("closure in {}", without_parameters(place)))
    } else {
        Cow::Owned(without_path(full))
    }
}

/// The name of a type without path and parameters: `Type` of `a::b::Type<c::Other>`.
fn without_path(full: &str) -> String {
    let plain = without_parameters(full);
    plain.rsplit("::").next().unwrap_or(&plain).to_owned()
}

/// A name without the parameters of its types and functions: `<a::B as c::D>::e` of `<a::B<F> as c::D<G>>::e<H>`.
fn without_parameters(full: &str) -> String {
    let mut plain = String::with_capacity(full.len());
    // Open brackets of parameters; everything inside the first is left out.
    let mut depth = 0_u32;
    let mut last = ' ';
    for letter in full.chars() {
        match letter {
            '<' if depth > 0 || last.is_alphanumeric() || last == '_' => depth += 1,
            // That of an arrow, as in `fn() -> T`, closes nothing.
            '>' if depth > 0 && last != '-' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        last = letter;
    }
    plain
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

    /// A sink that calls another one for some runs; its type's name has the other one's inside.
    fn only_failed<F: FnMut(&RunSummary) + Send + 'static>(mut then: F) -> impl Sink {
        move |run: &RunSummary| {
            if run.status == crate::summary::Status::Failed {
                then(run);
            }
        }
    }

    #[test]
    fn names_of_closures_are_whole() {
        let outer = only_failed(|_: &RunSummary| {});
        assert_eq!(outer.name(), "closure in tracing_budget::sink::contract::tests::only_failed");
        let make = || |_: &RunSummary| {};
        let inner = make();
        assert_eq!(
            Sink::name(&inner),
            "closure in tracing_budget::sink::contract::tests::names_of_closures_are_whole"
        );
    }

    #[test]
    fn names_are_cut_at_no_parameter() {
        for (full, name) in [
            ("p::main::{{closure}}", "closure in p::main"),
            ("p::main::{{closure}}::{{closure}}", "closure in p::main"),
            ("p::wrap<p::main::{{closure}}>::{{closure}}", "closure in p::wrap"),
            (
                "<p::A<fn(u8) -> p::B<u8>> as p::C<D>>::wrap<E>::{{closure}}",
                "closure in <p::A as p::C>::wrap",
            ),
            ("p::main::{{closure}}::helper", "helper"),
            ("p::main<p::T>::helper<p::U>", "helper"),
        ] {
            assert_eq!(named(full), name, "{full}");
        }
        assert_eq!(without_path("a::make<b::T>::Local<c::U>"), "Local");
        assert_eq!(without_path("alloc::boxed::Box<dyn a::Sink + core::marker::Send>"), "Box");
    }
}
