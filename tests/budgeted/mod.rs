//! Runs a piece of traced code under a budget layer of its own, and returns the summaries it left.

#![allow(dead_code, reason = "not every test file needs all of it")]

use tracing_budget::sink::Memory;
use tracing_budget::{Builder, RunSummary, Usd, summary::StageRow};
use tracing_subscriber::prelude::*;

/// The summaries of all runs in `code`, under a layer with nothing set.
pub(crate) fn runs(code: impl FnOnce()) -> Vec<RunSummary> {
    runs_with(tracing_budget::layer(), code)
}

/// The summaries of all runs in `code`. Each of them must add up.
pub(crate) fn runs_with(builder: Builder, code: impl FnOnce()) -> Vec<RunSummary> {
    let memory = Memory::new();
    // Tests log usage as events of their own: named here, they count (A7).
    let own = module_path!().split("::").next().unwrap_or_default();
    let (budget, guard) = builder.usage_events([own]).sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), code);
    guard.flush().expect("delivered");
    let mut runs = memory.take();
    for run in &mut runs {
        // The bundled prices become old with the calendar. That is the subject of `tests/renewal.rs`, and of no other test.
        run.warnings.retain(|warning| !is_of_age(warning));
    }
    for run in &runs {
        run.check().unwrap_or_else(|error| panic!("{error}\n{run}"));
    }
    runs
}

/// Whether a warning is that prices are old, and they are.
pub(crate) fn is_of_age(warning: &str) -> bool {
    let is_old = || tracing_budget::PriceBook::new().edition().is_old(std::time::SystemTime::now());
    warning.contains(" days old, and may have changed: ") && is_old()
}

/// The summary of the only run in `code`.
pub(crate) fn run(code: impl FnOnce()) -> RunSummary {
    run_with(tracing_budget::layer(), code)
}

/// The summary of the only run in `code`.
pub(crate) fn run_with(builder: Builder, code: impl FnOnce()) -> RunSummary {
    let mut runs = runs_with(builder, code);
    assert_eq!(runs.len(), 1, "one run was expected, not {runs:#?}");
    runs.remove(0)
}

/// A stage's row.
pub(crate) fn stage<'a>(run: &'a RunSummary, name: &str) -> &'a StageRow {
    run.budget_summary.per_agent.get(name).unwrap_or_else(|| panic!("no stage {name:?} in\n{run}"))
}

/// Input and output tokens of the run.
pub(crate) fn tokens(run: &RunSummary) -> (u64, u64) {
    (run.budget_summary.total.input_tokens, run.budget_summary.total.output_tokens)
}

pub(crate) fn usd(text: &str) -> Usd {
    text.parse().expect("an amount")
}
