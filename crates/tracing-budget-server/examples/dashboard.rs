//! A pipeline that serves its own history while it runs: dashboard, API and live events in one process.
//!
//! `cargo run -p tracing-budget-server --example dashboard`, then open the printed URL. Ctrl-C ends it.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Span, field::Empty, instrument};
use tracing_budget::{Verdict, gate};
use tracing_budget_history::{HistorySink, Sqlite};
use tracing_budget_server::{ServeOptions, Server};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::temp_dir().join("tracing-budget-example.db");
    let store = Arc::new(Sqlite::open(&database)?);
    let server = Server::bind(&ServeOptions::new(), Arc::clone(&store) as _)?.start();
    println!("http://{} shows {}", server.address(), database.display());

    let (budget, guard) = tracing_budget::layer()
        .project("apprentice")
        .sink(HistorySink::new(store))
        .limit_usd("5.00")
        .build()?;
    tracing_subscriber::registry().with(budget).init();
    for night in 1.. {
        nightly(night);
        guard.flush()?;
        std::thread::sleep(Duration::from_secs(5));
    }
    Ok(())
}

#[instrument(name = "nightly")]
fn nightly(night: u64) {
    discovery(night);
    review(night);
}

#[instrument(fields(model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty))]
fn discovery(night: u64) {
    std::thread::sleep(Duration::from_secs(2));
    Span::current().record("input_tokens", 3_000 + 100 * night).record("output_tokens", 987);
}

#[instrument(fields(model = "gpt-4o-mini", input_tokens = Empty, output_tokens = Empty))]
fn review(night: u64) {
    std::thread::sleep(Duration::from_secs(1));
    Span::current().record("input_tokens", 1_200).record("output_tokens", 80);
    let verdict = if night.is_multiple_of(4) { Verdict::Fail } else { Verdict::Pass };
    gate("lint").verdict(verdict).emit();
}
