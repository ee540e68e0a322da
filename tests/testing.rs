//! `tracing_budget::testing`: what a program's own tests capture and assert.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::{Instrument, info_span};
use tracing_budget::record::UsageRecord;
use tracing_budget::testing::{assert_cost, assert_tokens, capture, capture_async, capture_with};
use tracing_budget::{Usage, gate, record_usage};

fn spend(usd: &str) {
    record_usage(UsageRecord::new(Usage::new().input(100).output(10)).model("my-model").cost(usd));
}

fn message(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("an assertion that fails");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or(panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default()
}

#[test]
fn a_stage_has_its_cost() {
    let captured = capture(|| {
        info_span!("pipeline").in_scope(|| info_span!("review").in_scope(|| spend("0.0225")));
        "reply"
    });
    assert_eq!(captured.value, "reply");
    let run = captured.run();
    assert_cost(run, "0.0225");
    assert_cost(run.stage("review"), 0.0225);
    assert_tokens(&run.stages()["review"], 110);
}

#[test]
fn captures_on_two_threads_do_not_mix() {
    let captures = std::thread::scope(|scope| {
        let threads = ["0.01", "0.02"]
            .map(|usd| scope.spawn(move || capture(|| info_span!("pipeline").in_scope(|| spend(usd)))));
        threads.map(|thread| thread.join().expect("no panic"))
    });
    for (captured, usd) in captures.iter().zip(["0.01", "0.02"]) {
        assert_cost(captured.run(), usd);
    }
}

#[tokio::test]
async fn spawned_tasks_are_followed_with_their_span_and_without() {
    let captured = capture_async(async {
        let pipeline = info_span!("pipeline");
        let with_span = tokio::spawn(async { spend("0.01") }.instrument(pipeline.clone()));
        let without = tokio::spawn(async { info_span!("stray").in_scope(|| spend("0.02")) });
        with_span.await.expect("no panic");
        without.await.expect("no panic");
    });
    let captured = captured.await;
    let mut costs: Vec<_> = captured
        .runs
        .iter()
        .map(|run| (run.pipeline.as_str(), run.cost_usd().expect("known").to_string()))
        .collect();
    costs.sort();
    assert_eq!(costs, [("pipeline", "0.01".to_owned()), ("stray", "0.02".to_owned())]);
    let error = message(|| drop(captured.run().clone()));
    assert!(error.starts_with("expected one run, got 2: ["), "{error}");
}

#[test]
fn a_difference_names_both_amounts() {
    let captured = capture(|| info_span!("pipeline").in_scope(|| spend("0.03")));
    let run = captured.run();
    let error = message(|| assert_cost(run, "0.0225"));
    assert_eq!(error, "cost differs: expected $0.0225, got $0.03 ($0.0075 more)");
    assert_eq!(message(|| assert_cost(run, 1)), "cost differs: expected $1, got $0.03 ($0.97 less)");
    assert_eq!(
        message(|| assert_tokens(run, 100)),
        "tokens differ: expected 100, got 110 (100 input, 10 output)"
    );
    assert!(message(|| assert_cost(run, "three cents")).contains("\"three cents\" is not an amount"));
}

#[test]
fn unknown_and_absent_never_pass() {
    let captured = capture(|| {
        info_span!("pipeline").in_scope(|| {
            record_usage(UsageRecord::new(Usage::new().input(100).output(10)).model("no-such-model-at-all"));
        });
    });
    let run = captured.run();
    let error = message(|| assert_cost(run, 0));
    assert_eq!(error, "cost differs: expected $0, got an unknown cost, with 1 unpriced call");
    assert!(message(|| assert_cost(run.stage("reviw"), 0)).contains("the row does not exist"));
    assert!(message(|| drop(capture(|| ()).run().clone())).starts_with("expected one run, got none"));
}

#[test]
fn a_builder_sets_stages_and_gates() {
    let builder = tracing_budget::layer().stages(["review"]).expect_gates(["lint"]);
    let captured = capture_with(builder, || info_span!("pipeline").in_scope(|| gate("lint").pass()));
    assert_eq!(captured.run().stage("review").map(|stage| stage.calls), Some(0));
}

#[test]
fn a_missing_row_is_answered_with_those_that_exist() {
    let captured =
        capture(|| info_span!("pipeline").in_scope(|| info_span!("review").in_scope(|| spend("0.01"))));
    let error = message(|| drop(captured.run().stages()["reviw"].clone()));
    assert_eq!(error, "no row named \"reviw\": the rows are [\"review\"]");
}

#[test]
fn a_cost_that_is_no_amount_is_unknown_and_warned_of() {
    let captured = capture(|| {
        info_span!("pipeline").in_scope(|| {
            spend("two cents");
            let call = tracing_budget::call("my-model").start();
            call.usage(Usage::new().input(1).output(1)).cost(f64::NAN);
        });
    });
    let run = captured.run();
    assert_eq!(run.cost_usd(), None);
    for text in ["two cents", "NaN"] {
        assert!(run.warnings.iter().any(|warning| warning.contains(text)), "{:?}", run.warnings);
    }
}
