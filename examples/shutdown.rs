//! The program of `docs/shutdown.md`, word for word: Ctrl-C and SIGTERM leave a summary. `tests/shutdown.rs` sends both.
//!
//! ```text
//! cargo run --example shutdown
//! ```

use std::time::Duration;

use tracing::instrument;
use tracing_budget::{Usage, call};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer().on_run(|run| println!("{run}")).build()?;
    tracing_subscriber::registry().with(budget).init();

    let pipeline = pipeline();
    tokio::pin!(pipeline);
    tokio::select! {
        biased; // the signals first: their handlers are installed before the pipeline begins
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
        () = &mut pipeline => {}
    }
    // The pipeline is still there, with its spans open, so the run ends as `incomplete`. Dropped before the guard,
    // it would close its spans like a pipeline that has ended, and the run would be `completed`.
    drop(guard);
    Ok(())
}

#[instrument]
async fn pipeline() {
    call("gpt-5").provider("openai").start().usage(Usage::new().input(3_000).output(987));
    println!("the first of many calls has ended");
    tokio::time::sleep(Duration::from_secs(600)).await;
}

/// Waits for SIGTERM, which Windows does not have.
async fn terminated() {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signal.recv().await;
        return;
    }
    std::future::pending().await
}
