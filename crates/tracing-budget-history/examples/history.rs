//! Three runs stored in a history, and the queries that it answers afterwards.
//!
//! `cargo run --example history --features history` needs no network and no key.

use tracing::{info, info_span};
use tracing_budget::{Verdict, gate};
use tracing_budget_history::compare::compare;
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::series::{By, Measure, SeriesQuery};
use tracing_budget_history::{Filter, HistorySink, Page, Scope, Sort, Sqlite, Store};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "target/history-example.db";
    let sink = HistorySink::open(file)?;
    let (budget, guard) =
        tracing_budget::layer().usage_events([module_path!()]).project("apprentice").sink(sink).build()?;
    tracing_subscriber::registry().with(budget).init();

    for thousands in 1..=3 {
        nightly(thousands);
    }
    guard.flush()?;

    // Another process would open the same file.
    let history = Sqlite::open(file)?;
    let page = history.list(&Filter::new().project("apprentice"), Sort::default(), &Page::first(3))?;
    for run in &page.runs {
        println!("{} {:<9} {} gates failed", run.started_at, run.status, run.gates_failed);
    }

    let overview = history.summary(&Scope::new())?;
    println!("{} runs, of which {} failed", overview.runs, overview.by_status.failed);
    if let Some(cost) = overview.typical.cost_usd {
        println!("a run costs ${cost} as a rule");
    }

    let by_stage = SeriesQuery::new(Scope::new(), Measure::Cost).by(By::Stage);
    for line in history.series(&by_stage)?.lines {
        println!("{}: {:?} USD", line.name, line.total.map(|total| total.to_f64()));
    }

    for finding in history.health(&HealthQuery::default())?.findings {
        println!("{}: {}", finding.severity.as_str(), finding.text);
    }

    if let [newest, before, ..] = page.runs.as_slice()
        && let (Some(a), Some(b)) = (history.get(&before.run_id)?, history.get(&newest.run_id)?)
        && let Some(change) = compare(&a, &b).total.cost_usd.change
    {
        println!("the newest cost ${change} more than the one before");
    }
    Ok(())
}

fn nightly(thousands: u64) {
    info_span!("nightly").in_scope(|| {
        info_span!("discovery").in_scope(|| {
            info!(model = "claude-sonnet-4-5", input_tokens = 1_000 * thousands, output_tokens = 300);
        });
        info_span!("review").in_scope(|| {
            info!(model = "gpt-5", input_tokens = 2_000, output_tokens = 100 * thousands);
            gate("lint").verdict(if thousands == 2 { Verdict::Fail } else { Verdict::Pass }).emit();
        });
    });
}
