//! The program of `docs/summary.md`, word for word. `tests/readme.rs` compares both, and runs it.
//!
//! ```text
//! cargo run --example summary
//! ```

use std::thread::sleep;
use std::time::Duration;

use tracing::{Span, field::Empty, instrument};
use tracing_budget::{Usage, gate};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer()
        .limit_usd("5.00")
        .json_dir("target/budget") // one file per run
        .on_run(|run| println!("{run}"))
        .build()?;
    tracing_subscriber::registry().with(budget).init();
    pipeline();
    guard.flush()?; // also done when the guard is dropped
    Ok(())
}

#[instrument] // the root span: one run
fn pipeline() {
    discovery();
    implementation();
}

// A stage that records its own usage.
#[instrument(fields(model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty))]
fn discovery() {
    sleep(Duration::from_millis(900)); // the model thinks
    Span::current().record("input_tokens", 3_000).record("output_tokens", 987);
}

// A stage with a call in it, and a gate. Libraries such as rig open a span like this call's themselves.
#[instrument]
fn implementation() {
    let call = tracing_budget::call("gpt-5").provider("openai").start();
    sleep(Duration::from_millis(400));
    call.usage(Usage::new().input(8_000).output(640));
    gate("lint").pass();
}
