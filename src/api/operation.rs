//! Recording what an operation cost that is no span.

use super::operation_builder::OperationBuilder;

/// Begins to record an operation that is neither a span nor a model call, and what it cost: a call of a paid tool, a search,
/// a build minute. Nothing is recorded before [`record`](OperationBuilder::record).
///
/// It goes to the current run, to the nearest stage around it, and adds to `by_operation`, to the stage's row and to the
/// totals. Where the program has no current span of that run, use [`Handle::operation`](crate::Handle::operation).
///
/// ```
/// use std::time::Duration;
/// use tracing_budget::{operation, sink::Memory};
/// use tracing_subscriber::prelude::*;
///
/// let memory = Memory::new();
/// let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     let _stage = tracing::info_span!("research").entered();
///     let call = operation("mcp_tool_call").cost_usd("0.005").duration(Duration::from_millis(340));
///     call.iteration(2).meta("tool", "web_search").record();
/// });
/// guard.flush()?;
/// let run = memory.take().remove(0);
/// assert_eq!(run.budget_summary.operation_cost("mcp_tool_call"), "0.005".parse().ok());
/// assert_eq!(run.budget_summary.per_agent["research"].figures.llm_calls, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn operation(name: &str) -> OperationBuilder<'_, CurrentRun> {
    OperationBuilder::new(name, CurrentRun(()))
}

/// Where [`operation`] records: the run of the current span.
#[derive(Clone, Copy, Debug)]
pub struct CurrentRun(());

impl OperationBuilder<'_, CurrentRun> {
    /// Records it, as one event in the current span. Outside of any run it is only counted, in
    /// [`Stats::outside`](crate::audit::Stats::outside).
    pub fn record(self) {
        let (fields, CurrentRun(())) = self.parts();
        let meta = match fields.meta.is_empty() {
            true => None,
            false => serde_json::to_string(&fields.meta).ok(),
        };
        // The layer knows the fields below by this target.
        tracing::info!(
            target: "tracing_budget::operation",
            operation = fields.operation,
            cost_usd = fields.cost.map(crate::ledger::Usd::to_f64),
            duration_seconds = fields.duration.map(|duration| duration.as_secs_f64()),
            iteration = fields.iteration,
            meta = meta.as_deref(),
            refusal = fields.refusal.as_deref(),
        );
    }
}
