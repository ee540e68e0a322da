//! Efficiency and burn rates: computed as documented, and null without the recorded sources.

mod budgeted;

use std::time::Duration;

use budgeted::{run, run_with, usd};
use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{info, info_span};
use tracing_budget::{
    RunSummary, layer, operation,
    summary::{BurnRate, Efficiency},
};
use tracing_subscriber::prelude::*;

fn written(run: &RunSummary) -> Value {
    serde_json::from_str::<Value>(&run.to_json()).expect("JSON")["efficiency"].take()
}

/// Half a unit in the sixth decimal.
fn near(figure: &Value, expected: f64) -> bool {
    figure.as_f64().is_some_and(|figure| (figure - expected).abs() < 5e-7)
}

#[test]
fn the_golden_run() {
    let run = run(|| {
        let root = info_span!("pipeline", value_usd = 100.0, iteration = Empty).entered();
        for iteration in 1..=8 {
            info!(operation = "iteration", cost_usd = "0.004375", iteration);
        }
        root.record("iteration", 8);
    });
    assert_eq!((run.budget_summary.total.cost_usd, run.iterations), (Some(usd("0.035")), Some(8)));
    let efficiency = written(&run);
    assert_eq!(efficiency["cost_per_iteration_usd"], json!(0.004375));
    assert!(near(&efficiency["roi"], 2_856.142_857), "{efficiency}");
    assert_eq!(efficiency["cost_to_value"], json!(0.00035));
    let table = run.to_string();
    assert!(
        table.contains("$100.00: a return of 2,856 times the cost, $0.000350 spent for each $1"),
        "{table}"
    );
    assert!(table.contains("8 iterations: $0.004375 each"), "{table}");
}

#[test]
fn figures_without_a_recorded_source_are_null() {
    let silent =
        written(&run(|| info_span!("pipeline").in_scope(|| operation("search").cost_usd("0.035").record())));
    for figure in ["cost_per_iteration_usd", "roi", "cost_to_value"] {
        assert_eq!(silent[figure], Value::Null, "{figure}");
    }
    assert!(silent["usd_per_minute"].as_f64().is_some_and(|rate| rate > 0.0), "time has passed");

    // A value is recorded, and the cost is unknown.
    let unpriced = run(|| {
        let _root = info_span!("pipeline", value_usd = 100, iteration = 2).entered();
        info!(model = "a model of our own", input_tokens = 100);
    });
    let efficiency = written(&unpriced);
    for figure in ["cost_per_iteration_usd", "roi", "cost_to_value", "usd_per_minute"] {
        assert_eq!(efficiency[figure], Value::Null, "{figure}");
    }
    assert!(efficiency["tokens_per_minute"].as_f64().is_some_and(|rate| rate > 0.0));
    assert!(unpriced.to_string().contains("$100.00; what it cost is unknown"), "{unpriced}");
}

#[test]
fn merged_parts_are_worked_out_anew() {
    let part = |cost: &str| {
        run_with(layer().usage_events([module_path!()]), || {
            let _root = info_span!("pipeline", value_usd = 50, iteration = 8).entered();
            operation("iteration").cost_usd(cost).record();
        })
    };
    let whole = part("0.030").merge(&part("0.005"));
    assert_eq!(whole.efficiency.cost_per_iteration_usd, Some(usd("0.004375")));
    assert!(near(&written(&whole)["roi"], 2_856.142_857));
    whole.check().expect("it adds up");
}

#[test]
fn a_figure_that_contradicts_the_others_is_found() {
    let mut run = run(|| {
        let _root = info_span!("pipeline", value_usd = 50, iteration = 8).entered();
        operation("iteration").cost_usd("0.5").record();
    });
    run.efficiency.roi = Some(98.0);
    let error = run.check().expect_err("it is 99");
    assert!(error.to_string().contains("efficiency.roi"), "{error}");
    // A document of before there were these figures does not have them.
    run.efficiency = Efficiency::default();
    assert_eq!(run.check(), Ok(()));
    run.settle();
    assert_eq!(run.efficiency.roi, Some(99.0));
}

#[test]
fn the_burn_rate_is_that_of_the_runs_own_snapshots() {
    let (budget, guard) = layer().usage_events([module_path!()]).build().expect("a layer");
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("pipeline").entered();
        let mut burn = BurnRate::over(Duration::from_secs(600));
        let mut seen = Vec::new();
        for _ in 0..2 {
            operation("search").cost_usd("0.01").record();
            assert_eq!(burn.usd_per_minute(), None, "one point has no rate");
            let mut run = handle.snapshot().remove(0);
            // As if half a minute had passed.
            run.duration_seconds = 30.0 * seen.len() as f64;
            burn.observe_run(&run);
            seen.push(run);
        }
        assert_eq!((burn.usd_per_minute(), burn.tokens_per_minute()), (Some(0.02), Some(0.0)));
        assert_eq!(burn.usd_in(Duration::from_secs(300)), Some(usd("0.12")));
        assert_eq!(burn.until_usd(usd("0.05")), Some(Duration::from_secs(90)));
    });
}
