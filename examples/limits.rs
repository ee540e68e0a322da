//! A pipeline that asks before it spends, and stops by itself.
//!
//! ```text
//! cargo run --example limits
//! ```

use tracing::{info_span, instrument};
use tracing_budget::{Usage, Usd, call, current, limit::BudgetExceeded, record::UsageRecord};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer()
        .limit_usd("0.50")
        .stage_limit_usd("review", "0.04")
        .on_alert(|alert| println!("  ! {alert}"))
        .sink(|run: &tracing_budget::RunSummary| println!("\n{run}"))
        .build()?;
    tracing_subscriber::registry().with(budget).init();

    let _pipeline = info_span!("pipeline").entered();
    let asked = draft()? + review()?;
    // Alerts come from a thread of their own, and so does the table once the pipeline's span has closed.
    drop(_pipeline);
    guard.flush()?;
    println!("\n{asked} questions were asked");
    Ok(())
}

/// Each question takes room before it spends, so that even many at once would stay below the limit.
#[instrument]
fn draft() -> Result<u32, Box<dyn std::error::Error>> {
    let at_most: Usd = "0.12".parse()?;
    let mut asked = 0;
    while let Some(permit) = current().map(|run| run.reserve(at_most)) {
        match permit {
            Ok(permit) => {
                ask("0.09");
                // The question is booked by its own span; what it did not need is free again.
                permit.settle();
                asked += 1;
            }
            Err(why @ BudgetExceeded::NoRoom { .. }) => {
                println!("draft stops: {why}");
                break;
            }
            Err(why) => return Err(why.into()),
        }
    }
    Ok(asked)
}

/// A stage that only looks whether anything is left may pass its limit by what one question costs.
#[instrument]
fn review() -> Result<u32, Box<dyn std::error::Error>> {
    let mut asked = 0;
    while let Some(Ok(())) = current().map(|run| run.check()) {
        ask("0.02");
        asked += 1;
    }
    if let Some(Err(why)) = current().map(|run| run.check()) {
        println!("review stops: {why}");
    }
    Ok(asked)
}

/// A model call, as a client would make it.
fn ask(cost: &str) {
    let cost = cost.parse().unwrap_or(Usd::ZERO);
    let call = call("gpt-5").provider("openai").start();
    call.usage(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(cost));
}
