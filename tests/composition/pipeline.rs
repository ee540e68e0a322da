//! A small pipeline, and what the layer must have seen of it.

use tracing::{debug, info_span, trace};
use tracing_budget::sink::Memory;
use tracing_budget::{BudgetGuard, RunSummary, Usage, call};

/// A run with one stage and a call of 17 tokens, and words at every level.
pub(crate) fn run() {
    let _root = info_span!("pipeline").entered();
    let _stage = info_span!("draft").entered();
    debug!("a debug word");
    trace!("a trace word");
    tracing::info!("an info word");
    call("gpt-5").provider("openai").start().usage(Usage::new().input(10).output(7));
}

/// The runs that a memory was given.
pub(crate) fn delivered(guard: &BudgetGuard, memory: &Memory) -> Vec<RunSummary> {
    guard.flush().unwrap();
    memory.take()
}

/// Holds that the layer has seen exactly [`run`].
pub(crate) fn saw_it(guard: &BudgetGuard, memory: &Memory) {
    let runs = delivered(guard, memory);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs[0].check().unwrap();
    assert_eq!(runs[0].pipeline, "pipeline");
    let row = runs[0].budget_summary.per_agent.get("draft").unwrap();
    assert_eq!((row.figures.tokens_used, row.calls, row.figures.llm_calls), (Some(17), 1, 1));
}
