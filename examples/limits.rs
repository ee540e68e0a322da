//! A pipeline that reserves before it spends, and stops by itself.
//!
//! ```text
//! cargo run --example limits
//! ```

use tracing::{info_span, instrument};
use tracing_budget::{Call, Usage, call, check, limit::BudgetExceeded, record::UsageRecord, reserve};
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
    loop {
        match reserve("0.12") {
            Ok(permit) => {
                // The room is held until the call's span has closed; what it did not need is free again.
                ask(permit.call("gpt-5").provider("openai").start(), "0.09");
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
    loop {
        match check() {
            Ok(()) => ask(call("gpt-5").provider("openai").start(), "0.02"),
            Err(why @ BudgetExceeded::Exhausted { .. }) => {
                println!("review stops: {why}");
                return Ok(answered);
            }
            Err(why) => return Err(why.into()),
        }
        answered += 1;
    }
}

/// A model call, as a client would make it.
fn ask(call: Call, cost: &str) {
    call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(cost));
}
