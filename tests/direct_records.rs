//! What is no span is recorded directly: into the current run or a named one, in every row, and never as a model call.

mod budgeted;

use std::thread;
use std::time::Duration;

use budgeted::{run, run_with, runs, stage, usd};
use tracing::{info, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{Usage, Usd, layer, operation, record::UsageRecord, record_usage};
use tracing_subscriber::prelude::*;

#[test]
fn a_record_is_in_every_row_of_the_nearest_stage_and_is_no_model_call() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        operation("setup").cost_usd(0.25).record();
        // A stage that has named a model: what is recorded here is still none of its calls.
        let _stage = info_span!("research", model = "gpt-5").entered();
        let _deeper = info_span!("one_page").entered();
        let call = operation("mcp_tool_call").cost_usd("0.005").duration(Duration::from_millis(340));
        call.iteration(2).meta("tool", "web_search").meta("hits", 12).record();
        operation("mcp_tool_call")
            .cost_usd("0.0025")
            .duration(Duration::from_millis(60))
            .iteration(7)
            .record();
        operation("cache_look_up").record();
    });
    let budget = &run.budget_summary;
    assert_eq!((budget.total.cost_usd, budget.total.llm_calls), (Some(usd("0.2575")), 0));
    assert_eq!(budget.operation_cost("mcp_tool_call"), Some(usd("0.0075")));
    let row = &budget.by_operation["mcp_tool_call"];
    assert_eq!((row.calls, row.duration_seconds, row.figures.llm_calls), (2, Some(0.4), 0));
    assert_eq!(budget.by_operation["cache_look_up"].calls, 1);
    assert_eq!(budget.operation_cost("never done"), None);
    let row = stage(&run, "research");
    assert_eq!((row.figures.cost_usd, row.figures.llm_calls), (Some(usd("0.0075")), 0));
    assert_eq!(row.figures.calls_without_usage + row.figures.unpriced_calls, 0);
    assert_eq!(stage(&run, "unattributed").figures.cost_usd, Some(usd("0.25")));
    assert_eq!(run.iterations, Some(7), "the highest of them");

    let listed: Vec<_> =
        budget.records.iter().map(|record| (record.operation.as_str(), record.cost_usd)).collect();
    let expected = [
        ("setup", Some(usd("0.25"))),
        ("mcp_tool_call", Some(usd("0.005"))),
        ("mcp_tool_call", Some(usd("0.0025"))),
        ("cache_look_up", None),
    ];
    assert_eq!(listed, expected);
    let record = &budget.records[1];
    assert_eq!((record.stage.as_deref(), record.iteration), (Some("research"), Some(2)));
    assert_eq!(record.duration_seconds, Some(0.34));
    assert_eq!((&record.meta["tool"], &record.meta["hits"]), (&"web_search".into(), &12.into()));
    assert!(record.at.is_some());
}

#[test]
fn records_and_model_calls_add_up_together() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let _stage = info_span!("research").entered();
        record_usage(UsageRecord::new(Usage::new().input(3_000)).model("gpt-5").cost("0.01"));
        operation("chat").cost_usd("0.02").record();
    });
    let row = &run.budget_summary.by_operation["chat"];
    assert_eq!((row.calls, row.figures.llm_calls, row.figures.cost_usd), (2, 1, Some(usd("0.03"))));
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("0.03")));
    assert_eq!(run.budget_summary.per_model["unattributed"].figures.cost_usd, Some(usd("0.02")));
}

#[test]
fn a_record_by_hand_is_an_event_like_any_other() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        info!(
            target: "tracing_budget::operation",
            operation = "build_minute", cost_usd = "0.008", duration_seconds = 61.5, meta = r#"{"runner": "arm"}"#
        );
        info!(target: "tracing_budget::operation", operation = "build_minute", duration_seconds = -1, meta = "no JSON");
    });
    let row = &run.budget_summary.by_operation["build_minute"];
    assert_eq!((row.calls, row.duration_seconds, row.figures.cost_usd), (2, Some(61.5), Some(usd("0.008"))));
    assert_eq!(run.budget_summary.records[0].meta["runner"], "arm");
    assert_eq!(
        (run.budget_summary.records[1].duration_seconds, run.budget_summary.records[1].cost_usd),
        (None, None)
    );
}

#[test]
fn an_unreadable_cost_is_unknown_with_a_warning() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        operation("search").cost_usd("five").record();
        operation("search").cost_usd(f64::NAN).record();
        operation("search").cost_usd(-0.5).record();
        operation(" ").cost_usd("0.5").record();
    });
    let budget = &run.budget_summary;
    assert_eq!((budget.by_operation["search"].calls, budget.operation_cost("search")), (3, Some(Usd::ZERO)));
    assert!(budget.records[..3].iter().all(|record| record.cost_usd.is_none()));
    assert_eq!(budget.operation_cost("unattributed"), Some(usd("0.5")), "an operation without a name");
    for (warning, words) in run.warnings.iter().zip(["\"five\"", "NaN", "-0.5 USD is below zero"]) {
        assert!(
            warning.starts_with("cost_usd was taken as not reported") && warning.contains(words),
            "{warning}"
        );
    }
    assert_eq!(run.warnings.len(), 3);
}

#[test]
fn a_handle_records_into_a_run_by_its_id_from_anywhere() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().expect("a layer");
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let other = info_span!("other");
        let _pipeline = info_span!("pipeline", run_id = "nightly-7").entered();
        let elsewhere = |id: &'static str| {
            let handle = handle.clone();
            let record =
                move || handle.operation("gpu_minutes").cost_usd("0.40").iteration(3).run(id).record();
            thread::spawn(record).join().expect("no panic")
        };
        assert!(elsewhere("nightly-7"), "before anything else has happened in it");
        assert!(elsewhere("nightly-7"));
        assert_eq!(handle.snapshot()[0].run_id, "nightly-7", "the name that its root gave it");
        assert!(!elsewhere("nightly-8"));
        assert_eq!(handle.stats().outside, 1);

        // On a thread that is at work in the run, it belongs to the stage there; and to none where another run is current.
        let stage = info_span!("train").entered();
        assert!(handle.operation("gpu_minutes").cost_usd("0.1").run("nightly-7").record());
        assert!(handle.operation("disk").cost_usd("0.02").record());
        drop(stage);
        other.in_scope(|| assert!(handle.operation("disk").cost_usd("0.003").run("nightly-7").record()));
    });
    assert!(!handle.operation("disk").run("nightly-7").record(), "the run has ended");
    assert!(!handle.operation("disk").record(), "no run is current");
    assert_eq!((handle.stats().outside, handle.stats().late), (3, 0));
    guard.flush().expect("delivered");
    let runs = memory.take();
    assert_eq!(runs.len(), 1);
    runs[0].check().expect("it adds up");
    let budget = &runs[0].budget_summary;
    assert_eq!((runs[0].run_id.as_str(), budget.total.cost_usd), ("nightly-7", Some(usd("0.923"))));
    assert_eq!(stage(&runs[0], "train").figures.cost_usd, Some(usd("0.12")));
    assert_eq!(stage(&runs[0], "unattributed").figures.cost_usd, Some(usd("0.803")));
    assert_eq!((runs[0].iterations, budget.by_operation["gpu_minutes"].calls), (Some(3), 3));
}

#[test]
fn outside_of_any_run_it_is_counted_and_does_nothing() {
    operation("no subscriber at all").cost_usd("1").record();
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        operation("mcp_tool_call").cost_usd("1").record();
        operation("mcp_tool_call").record();
    });
    assert_eq!((guard.handle().stats().outside, guard.handle().stats().runs_started), (2, 0));
    guard.flush().expect("delivered");
    assert!(memory.take().is_empty());
}

#[test]
fn what_comes_after_the_end_is_late() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().expect("a layer");
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _pipeline = info_span!("pipeline", run_id = "short").entered();
        operation("search").cost_usd("0.1").record();
        assert!(handle.finish("short"));
        operation("search").cost_usd("0.2").record();
        assert!(!handle.operation("search").cost_usd("0.4").record());
    });
    guard.flush().expect("delivered");
    assert_eq!(handle.stats().late, 2);
    assert_eq!(memory.take()[0].budget_summary.total.cost_usd, Some(usd("0.1")));
}

#[test]
fn the_list_is_bounded_and_the_sums_are_not() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        for at in 0..1_200_u64 {
            operation("search").cost_usd(Usd::from_pico(at.into())).record();
        }
    });
    let budget = &run.budget_summary;
    assert_eq!((budget.records.len(), budget.records_dropped), (1_000, 200));
    assert_eq!(budget.records[0].cost_usd, Some(Usd::from_pico(200)), "the newest are kept");
    assert_eq!(budget.total.cost_usd, Some(Usd::from_pico(1_199 * 1_200 / 2)));
    assert_eq!(budget.by_operation["search"].calls, 1_200);

    let twice = run.merge(&run);
    assert_eq!((twice.budget_summary.records.len(), twice.budget_summary.records_dropped), (1_000, 1_400));
    twice.check().expect("merged, it adds up");
}

#[test]
fn nothing_is_lost_under_many_threads() {
    let run = run_with(layer().stages(["search"]), || {
        let root = info_span!("pipeline");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    tracing::dispatcher::with_default(&dispatch, || {
                        let _stage = info_span!(parent: &root, "search").entered();
                        for _ in 0..500 {
                            operation("query").cost_usd(Usd::from_pico(3)).record();
                        }
                    });
                });
            }
        });
    });
    let budget = &run.budget_summary;
    assert_eq!(stage(&run, "search").figures.cost_usd, Some(Usd::from_pico(12_000)));
    assert_eq!(budget.by_operation["query"].calls, 4_000);
    assert_eq!(budget.records.len() as u64 + budget.records_dropped, 4_000);
}

#[test]
fn a_run_of_records_alone_leaves_a_summary() {
    let runs = runs(|| info_span!("cron").in_scope(|| operation("backup").record()));
    assert_eq!(runs.len(), 1);
}
