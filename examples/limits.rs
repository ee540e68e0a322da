//! A pipeline that reserves before it spends, and stops by itself.
//!
//! ```text
//! cargo run --example limits
//! ```

use tracing::{info_span, instrument};
use tracing_budget::{Usage, call, current, limit::BudgetExceeded, record::UsageRecord};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer()
        .limit_usd("0.50")
        .stage_limit_usd("review", "0.04")
        .on_alert(|alert| println!("  ! {alert}"))
        .on_run(|run| println!("\n{run}"))
        .build()?;
    tracing_subscriber::registry().with(budget).init();

    let _pipeline = info_span!("pipeline").entered();
    let answered = draft()? + review()?;
    // Alerts come from a thread of their own, and so does the table once the pipeline's span has closed.
    drop(_pipeline);
    guard.flush()?;
    println!("\n{answered} questions were answered");
    Ok(())
}

/// Each question reserves room before it spends, so that even many at once would stay below the limit.
#[instrument]
fn draft() -> Result<u32, Box<dyn std::error::Error>> {
    let mut answered = 0;
    while let Some(permit) = current().map(|run| run.reserve("0.12")) {
        match permit {
            Ok(permit) => {
                ask("0.09");
                // The question is booked by its own span; what it did not need is free again.
                permit.settle();
                answered += 1;
            }
            Err(why @ BudgetExceeded::NoRoom { .. }) => {
                println!("draft stops: {why}");
                break;
            }
            Err(why) => return Err(why.into()),
        }
    }
    Ok(answered)
}

/// A stage that only checks may pass its limit by the cost of one question.
#[instrument]
fn review() -> Result<u32, Box<dyn std::error::Error>> {
    let mut answered = 0;
    while let Some(Ok(())) = current().map(|run| run.check()) {
        ask("0.02");
        answered += 1;
    }
    if let Some(Err(why)) = current().map(|run| run.check()) {
        println!("review stops: {why}");
    }
    Ok(answered)
}

/// A model call, as a client would make it.
fn ask(cost: &str) {
    let call = call("gpt-5").provider("openai").start();
    call.usage(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(cost));
}
