//! What a run keeps has bounds, figures have none, and what was cut is recorded.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

mod budgeted;

use budgeted::{run, run_with, usd};
use tracing::{info_span, subscriber};
use tracing_budget::sink::Memory;
use tracing_budget::{RunSummary, Status, Usage, Usd, call, gate, operation, record_usage};
use tracing_subscriber::layer::SubscriberExt;

/// As a document, which is whole and reads back as it was.
#[track_caller]
fn document(run: &RunSummary) -> String {
    run.check().unwrap();
    let json = serde_json::to_string(run).unwrap();
    assert_eq!(RunSummary::from_json(&json).unwrap(), *run);
    json
}

/// A service that has named more stages, models and operations than a person could read still names the next ones, prices them, and
/// warns of what it does not know.
#[test]
fn a_process_with_many_names_behind_it_does_not_go_blind() {
    let memory = Memory::new();
    let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build().unwrap();
    subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        for request in 0..51 {
            let _root = info_span!("request").entered();
            for part in 0..2_000 {
                info_span!("part", stage = format!("file {request}/{part}")).in_scope(|| {
                    record_usage(Usage::new().input(1).output(1));
                });
            }
        }
        guard.flush().unwrap();
        drop(memory.take());
        let _root = info_span!("request").entered();
        info_span!("part", stage = "the last file").in_scope(|| {
            call("gpt-5-mini").provider("openai").start().finish(Usage::new().input(1_000_000).output(0));
            call("model-of-tomorrow").provider("acme").start().finish(Usage::new().input(5).output(5));
        });
    });
    guard.flush().unwrap();
    let run = memory.take().remove(0);
    assert_eq!(run.stages()["the last file"].figures.llm_calls, 2);
    assert_eq!(run.budget_summary.per_model["openai/gpt-5-mini"].figures.cost_usd, Some(usd("0.25")));
    assert_eq!(run.budget_summary.per_model["acme/model-of-tomorrow"].figures.unpriced_calls, 1);
    assert!(run.warnings.iter().any(|warning| warning.contains("model-of-tomorrow")), "{:?}", run.warnings);
}

#[test]
fn a_run_with_too_many_stages_has_the_costly_ones_and_the_sum_of_the_rest() {
    const STAGES: u64 = 15_000;
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        for number in 0..STAGES {
            info_span!("part", stage = format!("stage {number}")).in_scope(|| {
                record_usage(Usage::new().input(number).output(1));
                operation("charge").cost_usd(&*format!("0.{number:06}")).record();
            });
        }
        let failed = info_span!("part", stage = "it failed");
        failed.in_scope(|| tracing::error!(error = "no such file", "failed"));
        drop(failed);
    });
    let stages = run.stages();
    assert!(stages.iter().count() <= 10_000, "{}", stages.iter().count());
    let dearest = &stages["stage 14999"];
    assert_eq!((dearest.figures.cost_usd, dearest.calls), (Some(usd("0.014999")), 1));
    assert!(stages.get("stage 7").is_none());
    let rest = &stages["(more names)"];
    let kept = stages.iter().filter(|(name, _)| name.starts_with("stage ")).count() as u64;
    assert_eq!(rest.calls, STAGES - kept);
    let total = &run.budget_summary.total;
    assert_eq!(total.input_tokens, STAGES * (STAGES - 1) / 2);
    assert!(
        run.warnings.iter().any(|warning| warning.contains("stages are together in the row (more names)"))
    );
    assert!(document(&run).len() < 12_000_000);
}

#[test]
fn a_run_fails_by_its_failed_stage_however_many_others_it_has() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let failed = info_span!("part", stage = "it failed", error = tracing::field::Empty);
        failed.record("error", "no such file");
        drop(failed);
        for number in 0..12_000 {
            info_span!("part", stage = format!("stage {number}"))
                .in_scope(|| operation("charge").cost_usd(0.5).record());
        }
    });
    assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Failed, Some("it failed")));
    document(&run);
}

#[test]
fn many_agents_and_operations_are_bounded_alike() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        for number in 0..12_000 {
            info_span!("part", agent = format!("agent {number}")).in_scope(|| {
                operation(&format!("operation {number}")).cost_usd("0.000001").record();
            });
        }
    });
    let budget = &run.budget_summary;
    for (what, rows) in
        [("agents", budget.by_agent.iter().count()), ("operations", budget.by_operation.iter().count())]
    {
        assert_eq!(rows, 10_000, "{what}");
        assert!(run.warnings.iter().any(|warning| warning.contains(what)), "{what}: {:?}", run.warnings);
    }
    assert_eq!(budget.total.cost_usd, Some(usd("0.012")));
    document(&run);
}

#[test]
fn a_text_of_megabytes_is_no_name_and_no_reason() {
    let long = "é".repeat(5_000_000);
    let run = run_with(tracing_budget::layer().usage_events([module_path!()]), || {
        let _root = info_span!("pipeline", run_id = %long, project = long, tag.topic = long).entered();
        for end in ["1", "2"] {
            let name = format!("{long}{end}");
            info_span!("part", stage = name).in_scope(|| {
                call(&name).start().finish(Usage::new().input(1).output(1));
                operation(&name).meta("shown", long.as_str()).record();
                gate(&name).verdict(&*long).reason(&long).diagnostic("output", long.as_str()).emit();
                tracing::error!(error = long, "failed");
            });
        }
        info_span!("part", stage = "it failed", error = long, otel.name = long).in_scope(|| {
            gate("lint").fail(&long);
        });
    });
    let json = document(&run);
    assert!(json.len() < 150_000, "{}", json.len());
    let stages = run.stages();
    let cut: Vec<&str> = stages.iter().map(|(name, _)| name).filter(|name| name.starts_with("ééé")).collect();
    assert_eq!(cut.len(), 2, "{cut:?}");
    assert!(cut.iter().all(|name| name.len() <= 256 && name.contains("…#")), "{cut:?}");
    let reason = run.budget_summary.gate_verdicts[0].reason.as_deref().unwrap();
    assert!(reason.len() <= 4_096 && reason.ends_with(" bytes cut)"), "{reason}");
    assert_eq!(run.run_id, run.project);
    assert!(run.tags["topic"].ends_with(" bytes cut)"));
}

#[test]
fn verdicts_of_a_gate_in_a_loop_are_bounded_and_the_last_ones_stay() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        gate("early").fail("no licence");
        for number in 0..45_000 {
            if number % 3 == 0 { gate("loop").fail("again") } else { gate("loop").pass() }
        }
        gate("late").pass();
    });
    let verdicts = &run.budget_summary.gate_verdicts;
    assert_eq!(verdicts.len(), 10_000);
    assert_eq!(verdicts[0].gate_name, "early");
    assert_eq!(verdicts[9_999].gate_name, "late");
    assert_eq!(run.error_summary.as_deref(), Some("gate early failed: no licence"));
    assert!(
        run.warnings.iter().any(|warning| warning.starts_with("35002 of 45002 verdicts are not listed")),
        "{:?}",
        run.warnings
    );
    document(&run);
}

#[test]
fn a_recursion_of_stages_ends_in_the_deepest_row() {
    fn descend(left: u32) {
        if left > 0 {
            info_span!("step", stage = "step").in_scope(|| {
                record_usage(Usage::new().input(1).output(0));
                descend(left - 1);
            });
        }
    }
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        descend(1_000);
    });
    assert_eq!(run.stages().iter().count(), 64);
    assert_eq!(run.budget_summary.total.input_tokens, 1_000);
    let executions: u64 = run.stages().iter().map(|(_, row)| row.calls).sum();
    assert_eq!(executions, 1_000);
    // The records of a thousand calls have the path of their stage.
    assert!(document(&run).len() < 1_000_000);
}

/// What the layer writes, the layer reads.
#[test]
fn costs_beyond_any_budget_are_read_back() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        for _ in 0..40 {
            operation("charge").cost_usd(900_000_000_000_000.0).record();
        }
    });
    assert!(run.budget_summary.total.cost_usd > Usd::from_f64(9e14), "{:?}", run.budget_summary.total);
    document(&run);
}
