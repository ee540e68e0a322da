//! A program under a layer of its own.

use tracing::Dispatch;
use tracing_budget::sink::Memory;
use tracing_budget::{BudgetGuard, Builder, RunSummary, Usage, call};
use tracing_subscriber::prelude::*;

/// Runs a program under a layer of its own, and returns the runs that it delivered, each of which adds up.
pub(crate) fn runs_of(budget: Builder, program: impl FnOnce(&BudgetGuard)) -> Vec<RunSummary> {
    let memory = Memory::new();
    // The programs log usage as events of their own: named here, they count (A7).
    let (layer, guard) = budget.usage_events(["hazards"]).sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || program(&guard));
    delivered(&guard, &memory)
}

/// The runs that have reached a memory, each of which adds up.
pub(crate) fn delivered(guard: &BudgetGuard, memory: &Memory) -> Vec<RunSummary> {
    guard.flush().unwrap();
    let runs = memory.take();
    for run in &runs {
        run.check().unwrap();
    }
    runs
}

/// The only run of a program.
pub(crate) fn run_of(budget: Builder, program: impl FnOnce(&BudgetGuard)) -> RunSummary {
    let mut runs = runs_of(budget, program);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

/// One call of a model, here and now.
pub(crate) fn chat(tokens: u64) {
    call("gpt-5").provider("openai").start().usage(Usage::new().input(tokens));
}

/// The tokens of a run.
pub(crate) fn tokens(run: &RunSummary) -> Option<u64> {
    run.budget_summary.total.tokens_used
}

/// The tokens of a run's row; none if there is no such row.
pub(crate) fn tokens_of(run: &RunSummary, stage: &str) -> Option<u64> {
    run.budget_summary.per_agent.get(stage).and_then(|row| row.figures.tokens_used)
}

/// The subscriber of this thread, for another.
pub(crate) fn dispatch() -> Dispatch {
    tracing::dispatcher::get_default(Clone::clone)
}
