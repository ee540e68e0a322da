//! Recording an operation into a run of one layer, by the layer's handle.

use super::operation_builder::OperationBuilder;
use crate::layer::{Core, Handle};

impl Handle {
    /// Begins to record an operation in a run of this layer: the current one, or with [`run`](OperationBuilder::run) any run in
    /// flight. As [`operation`](crate::operation()) otherwise, but without an event that other layers see.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _nightly = tracing::info_span!("pipeline", run_id = "nightly-7").entered();
    ///     let bill = handle.clone();
    ///     let elsewhere = std::thread::spawn(move || bill.operation("gpu_minutes").cost_usd("0.40").run("nightly-7").record());
    ///     assert!(elsewhere.join().is_ok_and(|was_booked| was_booked));
    ///     assert_eq!(handle.snapshot()[0].budget_summary.operation_cost("gpu_minutes"), "0.40".parse().ok());
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn operation<'a>(&'a self, name: &'a str) -> OperationBuilder<'a, LayerRun<'a>> {
        OperationBuilder::new(name, LayerRun { core: self.core(), run_id: None })
    }
}

/// Where [`Handle::operation`] records: a run of one layer.
#[derive(Clone, Copy)]
pub struct LayerRun<'a> {
    core: &'a Core,
    run_id: Option<&'a str>,
}

impl std::fmt::Debug for LayerRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerRun").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

impl<'a> OperationBuilder<'a, LayerRun<'a>> {
    /// Names the run, by the id that its summary has. It belongs to the current stage if the current span is in that run, and to no
    /// stage otherwise.
    pub fn run(self, run_id: &'a str) -> Self {
        self.to(|to| LayerRun { run_id: Some(run_id), ..to })
    }

    /// Records it. Returns whether there was such a run to take it; where there was none, it is counted in
    /// [`Stats::outside`](crate::audit::Stats::outside), and in [`Stats::late`](crate::audit::Stats::late) where the run was just ending.
    pub fn record(self) -> bool {
        let (fields, LayerRun { core, run_id }) = self.parts();
        core.record_operation(fields, run_id)
    }
}
