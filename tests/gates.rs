//! Which gates ran, in which order, after which stage, and with which verdict.

mod budgeted;

use budgeted::{run, run_with, usd};
use tracing::field::Empty;
use tracing::{info, info_span};
use tracing_budget::{RunSummary, Status, Verdict, gate, summary::GateVerdict};

fn verdicts(run: &RunSummary) -> &[GateVerdict] {
    &run.budget_summary.gate_verdicts
}

#[test]
fn gates_are_listed_in_the_order_of_their_verdicts() {
    let run = run_with(
        tracing_budget::layer().usage_events([module_path!()]).expect_gates(["lint", "sign_off"]),
        || {
            let _root = info_span!("pipeline").entered();
            info_span!("implementation").in_scope(|| {
                gate("lint").verdict(Verdict::Pass).score(0.9).diagnostic("files", 12).emit();
            });
            gate("tests").verdict("PASSED").emit();
            info_span!("review").in_scope(|| gate("style").verdict("warn").reason("long lines").emit());
        },
    );
    let listed: Vec<_> = verdicts(&run)
        .iter()
        .map(|gate| (gate.seq, gate.gate_name.as_str(), gate.after_stage.as_deref(), gate.verdict.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            (1, "lint", Some("implementation"), "pass"),
            (2, "tests", Some("implementation"), "pass"),
            (3, "style", Some("review"), "warn"),
            (4, "sign_off", None, "skipped"),
        ]
    );
    let lint = &verdicts(&run)[0];
    assert_eq!((lint.score, lint.blocking, &lint.diagnostics["files"]), (Some(0.9), true, &12.into()));
    assert_eq!(verdicts(&run)[2].reason.as_deref(), Some("long lines"));
    assert_eq!(verdicts(&run)[3].reason.as_deref(), Some("not reached"));
    assert_eq!(run.status, Status::Completed);
}

#[test]
fn a_blocking_fail_fails_the_run_with_its_reason() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info_span!("implementation").in_scope(|| gate("lint").verdict("failed").reason("3 findings").emit());
    });
    assert_eq!(run.status, Status::Failed);
    assert_eq!(run.error_summary.as_deref(), Some("gate lint failed: 3 findings"));
    assert_eq!(run.failed_stage, None, "no stage has failed");
}

#[test]
fn a_fail_that_does_not_block_fails_nothing() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        gate("lint").verdict(Verdict::Fail).blocking(false).emit();
    });
    assert_eq!(run.status, Status::Completed);
}

#[test]
fn a_plain_event_with_a_gate_field_is_a_gate() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info!(gate = "lint", verdict = "OK", blocking = false, findings = 0, tool = %"clippy", "all clean");
    });
    let lint = &verdicts(&run)[0];
    assert_eq!((&lint.verdict, lint.blocking), (&Verdict::Pass, false));
    assert_eq!(lint.reason.as_deref(), Some("all clean"));
    assert_eq!((&lint.diagnostics["findings"], &lint.diagnostics["tool"]), (&0.into(), &"clippy".into()));
}

#[test]
#[cfg_attr(not(feature = "prices"), ignore = "needs the published prices")]
fn a_gate_that_is_a_span_has_a_duration_and_the_cost_of_its_judge() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let judge = info_span!("judge", gate = "judge", verdict = Empty, reason = Empty, answer = Empty);
        judge.in_scope(|| {
            info!(provider = "openai", model = "gpt-5", input_tokens = 1_000_000, output_tokens = 0);
        });
        judge.record("verdict", "pass").record("answer", 42);
    });
    let judge = &verdicts(&run)[0];
    assert_eq!((judge.gate_name.as_str(), &judge.verdict), ("judge", &Verdict::Pass));
    assert_eq!(judge.cost_usd, Some(usd("1.25")));
    assert!(judge.duration_seconds.is_some());
    assert_eq!(judge.diagnostics["answer"], 42);
    assert!(run.budget_summary.per_agent.get("judge").is_none(), "a gate is no stage\n{run}");
}

#[test]
fn a_gate_span_that_fails_without_a_verdict_is_an_error() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let gate = info_span!("judge", gate = "judge", verdict = Empty);
        gate.in_scope(|| tracing::error!(error = "the judge is out"));
        drop(gate);
        drop(info_span!("judge", gate = "silent", verdict = Empty));
        drop(info_span!("judge", gate = Empty, verdict = Empty));
    });
    let listed: Vec<_> = verdicts(&run)
        .iter()
        .map(|gate| (gate.gate_name.as_str(), &gate.verdict, gate.reason.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        listed,
        [
            ("judge", &Verdict::Error, "the judge is out"),
            ("silent", &Verdict::Error, "closed without a verdict")
        ]
    );
    assert_eq!(verdicts(&run)[0].cost_usd, None, "nothing is known of its cost");
}

#[test]
fn an_unknown_verdict_is_kept_with_a_warning() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        gate("mood").verdict("so-so").emit();
    });
    assert_eq!(verdicts(&run)[0].verdict, Verdict::Other("so-so".into()));
    assert!(run.warnings.iter().any(|warning| warning.contains("so-so")), "{:?}", run.warnings);
}

#[test]
fn an_evaluation_of_the_genai_conventions_is_a_gate_that_does_not_block() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let evaluation = info_span!(
            target: "genai::otel::span",
            "genai.evaluation.result",
            gen_ai.evaluation.name = Empty,
            gen_ai.evaluation.score.value = Empty,
            gen_ai.evaluation.score.label = Empty,
            gen_ai.evaluation.explanation = Empty
        );
        evaluation.record("gen_ai.evaluation.name", "relevance").record("gen_ai.evaluation.score.value", 0.4);
        evaluation.record("gen_ai.evaluation.score.label", "fail");
        evaluation.record("gen_ai.evaluation.explanation", "beside the point");
        drop(evaluation);
        info!(gen_ai.evaluation.name = "length", gen_ai.evaluation.score.value = 12);
    });
    let relevance = &verdicts(&run)[0];
    assert_eq!((&relevance.verdict, relevance.score, relevance.blocking), (&Verdict::Fail, Some(0.4), false));
    assert_eq!(relevance.reason.as_deref(), Some("beside the point"));
    assert_eq!(verdicts(&run)[1].verdict, Verdict::Other("scored".into()));
    assert_eq!(run.status, Status::Completed);
}

/// More calls with response ids than a span remembers one by one.
#[test]
fn a_gate_costs_what_its_judges_thousand_calls_cost() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info_span!("judge", gate = "judge", verdict = "pass").in_scope(|| {
            for number in 0..1_500 {
                info_span!(
                    "chat",
                    gen_ai.operation.name = "chat",
                    gen_ai.request.model = "m",
                    gen_ai.response.id = format!("r{number}"),
                    gen_ai.usage.input_tokens = 2,
                    gen_ai.usage.output_tokens = 1,
                    cost_usd = 0.001
                );
            }
        });
    });
    assert_eq!(run.budget_summary.total.tokens_used, Some(4_500));
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("1.5")));
    assert_eq!(verdicts(&run)[0].cost_usd, Some(usd("1.5")));
}
