//! Paid tools, searches and build minutes cost money without a span. Recorded directly, they are in the same summary.
//!
//! ```sh
//! cargo run --example direct_records
//! ```

use std::time::Duration;

use tracing::{Span, field::Empty, instrument};
use tracing_budget::{Handle, Usage, operation, record::UsageRecord, record_usage};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer().on_run(|run| println!("{run}")).build()?;
    tracing_subscriber::registry().with(budget).init();
    pipeline(&guard.handle());
    guard.flush()?;
    Ok(())
}

// What a run is worth and how often it went round gives it a cost an iteration and a return.
#[instrument(skip_all, fields(run_id = "nightly-7", value_usd = 100, iteration = Empty))]
fn pipeline(handle: &Handle) {
    for iteration in 1..=3 {
        research(iteration);
    }
    Span::current().record("iteration", 3);

    // A thread outside of the run's spans names the run by its id.
    let handle = handle.clone();
    let billed = std::thread::spawn(move || {
        handle.operation("gpu_minutes").cost_usd("0.04").run("nightly-7").record()
    });
    assert!(billed.join().is_ok_and(|was_booked| was_booked));
}

#[instrument]
fn research(round: u64) {
    record_usage(UsageRecord::new(Usage::new().input(3_000).output(400)).provider("openai").model("gpt-5"));
    operation("mcp_tool_call")
        .cost_usd("0.005")
        .duration(Duration::from_millis(340))
        .iteration(round)
        .meta("tool", "web_search")
        .record();
    operation("cache_look_up").record(); // counted, and free: it has no cost
}
