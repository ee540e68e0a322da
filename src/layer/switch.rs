//! Whether a layer is wanted at all, and how one is made that is not.

use std::sync::Arc;

use tracing_core::{Dispatch, LevelFilter, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::Layered;
use tracing_subscriber::registry::LookupSpan;

use super::budget_layer::BudgetLayer;
use super::clock::Clock;
use super::core::{Core, Options};
use super::guard::BudgetGuard;
use super::pricer::Pricer;
use crate::price::PriceBook;
use crate::sink::{Worker, print_diagnostic};

/// The variables that switch a layer off, in the order in which they are read.
const VARIABLES: [&str; 2] = ["TRACING_BUDGET", "ENABLE_COST_TRACKING"];

const OFF: [&str; 4] = ["off", "false", "no", "0"];
const ON: [&str; 5] = ["on", "true", "yes", "1", ""];

/// Why the environment of this process wants no layer; `None` if it has nothing against one.
pub(crate) fn off_by_environment() -> Option<String> {
    off_by(
        |variable| std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned()),
        print_diagnostic,
    )
}

/// The same of any environment. A word that is neither on nor off turns nothing off, and is complained of.
fn off_by(lookup: impl Fn(&str) -> Option<String>, mut complain: impl FnMut(&str)) -> Option<String> {
    for variable in VARIABLES {
        let Some(value) = lookup(variable) else { continue };
        let word = value.trim().to_ascii_lowercase();
        if OFF.contains(&word.as_str()) {
            return Some(format!("{variable}={}", value.trim()));
        }
        if !ON.contains(&word.as_str()) {
            complain(&format!(
                "{variable}={value:?} is neither on nor off (off, false, no, 0): the layer stays on"
            ));
        }
    }
    None
}

/// A layer that does nothing: no thread, no sinks, and a guard with the reason.
pub(crate) fn disabled(why: String) -> (BudgetLayer, BudgetGuard) {
    let options = Options { disabled: Some(why), ..Options::default() };
    let books = Arc::clone(&options.books);
    // No file of prices is read for a layer that prices nothing.
    let book = PriceBook::builder().bundled_prices().build().unwrap_or_default();
    let pricer = Pricer::new(Arc::new(book), books);
    let core = Arc::new(Core::new(options, pricer, Worker::idle(), Clock::new(), None));
    // There is no worker that would.
    core.early.end();
    (BudgetLayer { core: Arc::clone(&core) }, BudgetGuard::new(core))
}

/// Puts the layer's own filter around it. One that is switched off lets nothing through: then the layer is never called,
/// and a callsite that no other layer wants is as off as without any subscriber. For spans that another layer wants, the
/// registry's books are kept for one filter more.
///
/// `Option` would save that; but it does not pass the subscriber on to its layer, and so a layer that works
/// would lose sight of what happens in spans that are hidden from it. A box around the layer would cost every span of a layer that works.
pub(crate) fn filtered<S>(layer: BudgetLayer) -> Filtered<BudgetLayer, LevelFilter, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let is_on = layer.core.options.disabled.is_none();
    layer.with_filter(if is_on { LevelFilter::INFO } else { LevelFilter::OFF })
}

/// The layer without a filter, or none. `Option` has a mark by which other layers know that it wants nothing, which a layer of
/// our own cannot have; what it does not hand on is caught beside it.
pub(crate) fn unfiltered<S>(layer: BudgetLayer) -> Layered<Catch, Option<BudgetLayer>, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let catch = Catch(Arc::clone(&layer.core));
    let layer = Some(layer).filter(|layer| layer.core.options.disabled.is_none());
    Layer::and_then(layer, catch)
}

/// Learns which subscriber the layer beside it is a part of.
pub(crate) struct Catch(Arc<Core>);

impl<S: Subscriber> Layer<S> for Catch {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.0.spans.learn_subscriber(dispatch);
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.options.disabled.is_some().then_some(LevelFilter::OFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why a layer is off in an environment, and how many words were complained of.
    fn off_in(environment: &[(&str, &str)]) -> (Option<String>, usize) {
        let mut complaints = 0;
        let value = |variable: &str| {
            environment.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned())
        };
        let why = off_by(value, |_| complaints += 1);
        (why, complaints)
    }

    #[test]
    fn every_word_for_off_turns_off_in_any_case() {
        for variable in VARIABLES {
            for word in ["off", "OFF", "false", "False", "no", "0", " off "] {
                let why = format!("{variable}={}", word.trim());
                assert_eq!(off_in(&[(variable, word)]), (Some(why), 0), "{variable}={word:?}");
            }
        }
    }

    #[test]
    fn nothing_else_does_and_a_word_that_means_neither_is_complained_of() {
        assert_eq!(off_in(&[]), (None, 0));
        for variable in VARIABLES {
            for word in ["on", "true", "YES", "1", ""] {
                assert_eq!(off_in(&[(variable, word)]), (None, 0), "{variable}={word:?}");
            }
            assert_eq!(off_in(&[(variable, "offf")]), (None, 1));
        }
        assert_eq!(
            off_in(&[("TRACING_BUDGET", "on"), ("ENABLE_COST_TRACKING", "0")]).0.as_deref(),
            Some("ENABLE_COST_TRACKING=0")
        );
    }
}
