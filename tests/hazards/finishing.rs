//! Runs that are ended from outside while their spans are open.

use tracing::{Span, field::Empty, info, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{BudgetGuard, RunSummary, Status, Usage, call, gate, layer};
use tracing_subscriber::prelude::*;

use crate::runs_of::{chat, delivered, dispatch, run_of, runs_of, tokens, tokens_of};

fn finish(guard: &BudgetGuard) {
    let runs = guard.handle().snapshot();
    assert_eq!(runs.len(), 1);
    assert!(guard.handle().finish(&runs[0].run_id));
    assert!(!guard.handle().finish(&runs[0].run_id), "it has ended already");
    assert!(guard.handle().snapshot().is_empty());
}

/// A14.
#[test]
fn a_finished_run_has_what_its_open_spans_had_recorded_and_nothing_later() {
    let run = run_of(layer(), |guard| {
        let root = info_span!("pipeline", cost_usd = Empty);
        let stage = info_span!(parent: &root, "draft", input_tokens = 1, model = "gpt-5");
        stage.in_scope(|| chat(4));
        let reported = stage.in_scope(|| call("gpt-5").provider("openai").start());
        reported.usage(Usage::new().input(2));
        let unreported = stage.in_scope(|| call("gpt-5").provider("openai").start());
        finish(guard);
        unreported.usage(Usage::new().input(1_000));
        stage.record("input_tokens", 1_000);
        stage.in_scope(|| {
            info!(input_tokens = 1_000);
            gate("lint").verdict("fail").emit();
            chat(1_000);
            info_span!("later", stage = "later").in_scope(|| chat(1_000));
        });
        root.record("cost_usd", 1_000.0);
        drop((reported, unreported, stage, root));
        let stats = guard.handle().stats();
        assert_eq!((stats.runs_started, stats.runs_finished, stats.open_spans), (1, 1, 0));
        // The event, the gate, both calls, and the stage that declared itself by a field, which opened and closed.
        assert!(stats.late >= 4, "{stats:?}");
    });
    assert_eq!(run.status, Status::Incomplete);
    let row = &run.budget_summary.per_agent["draft"];
    assert_eq!((row.status, row.calls), (Status::Incomplete, 1));
    assert_eq!((tokens(&run), row.figures.llm_calls, row.figures.calls_without_usage), (Some(7), 4, 1));
    assert!(run.budget_summary.gate_verdicts.is_empty());
    assert!(run.completed_at.is_some());
}

#[test]
fn what_comes_late_through_a_span_that_does_not_matter_begins_no_run() {
    let run = run_of(layer(), |guard| {
        let root = info_span!("pipeline");
        let stage = info_span!(parent: &root, "draft");
        let plain = info_span!(parent: &stage, "request");
        plain.in_scope(|| chat(1));
        finish(guard);
        plain.in_scope(|| chat(1_000));
        info_span!(parent: &plain, "retry").in_scope(|| chat(1_000));
        drop((plain, stage, root));
        let stats = guard.handle().stats();
        assert_eq!((stats.late, stats.runs_started, stats.open_spans), (2, 1, 0));
    });
    assert_eq!((run.status, tokens(&run), tokens_of(&run, "draft")), (Status::Incomplete, Some(1), Some(1)));
}

#[test]
fn an_aggregate_that_is_open_at_the_end_is_not_counted_with_its_parts() {
    let run = run_of(layer(), |guard| {
        let root = info_span!("pipeline");
        let agent = info_span!(
            parent: &root,
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.usage.input_tokens = 10
        );
        let call = agent.in_scope(|| call("gpt-5").start());
        call.usage(Usage::new().input(6));
        agent.in_scope(|| chat(2));
        finish(guard);
        drop((root, agent, call));
    });
    assert_eq!(tokens(&run), Some(10));
}

/// A14.
#[test]
fn a_guard_that_is_dropped_ends_what_is_open() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let root = info_span!("pipeline").entered();
        let stage = info_span!("draft").entered();
        chat(3);
        drop(guard);
        let run: RunSummary = memory.take().remove(0);
        run.check().unwrap();
        assert_eq!((run.status, tokens_of(&run, "draft")), (Status::Incomplete, Some(3)));

        // Whatever comes now neither hangs nor panics, and no sink receives it.
        chat(5);
        drop((stage, root));
        let second: Span = info_span!("second");
        second.in_scope(|| chat(7));
        drop(second);
        assert!(handle.snapshot().is_empty());
        assert!(!handle.finish(&run.run_id));
        handle.reset();
        assert_eq!((handle.stats().late, handle.stats().open_spans), (1, 0));
    });
    assert!(memory.take().is_empty());
}

#[test]
fn a_guard_that_is_dropped_while_the_first_call_is_open_delivers_it() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let root = info_span!("pipeline").entered();
        let reported = call("gpt-5").provider("openai").start();
        reported.usage(Usage::new().input(3));
        let plain = info_span!(parent: None, "request");
        let unreported = info_span!(parent: None, "second").in_scope(|| call("gpt-5").start());
        drop(guard);
        let runs = memory.take();
        let runs: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), run.status, tokens(run))).collect();
        assert_eq!(runs, [("pipeline", Status::Incomplete, Some(3)), ("second", Status::Incomplete, None)]);
        drop((reported, unreported, plain, root));
    });
}

#[test]
fn a_reset_forgets_the_runs_in_flight_and_nothing_else() {
    let runs = runs_of(layer(), |guard| {
        let handle = guard.handle();
        let before = info_span!("before").entered();
        chat(1);
        handle.reset();
        assert!(handle.snapshot().is_empty());
        chat(2);
        info_span!("draft").in_scope(|| chat(3));
        drop(before);
        info_span!("after").in_scope(|| chat(4));
        handle.reset();
        assert_eq!((handle.stats().open_spans, handle.stats().late), (0, 2));
    });
    let runs: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run))).collect();
    assert_eq!(runs, [("after", Some(4))]);
}

#[test]
fn a_reset_forgets_what_was_open_too_and_a_new_root_is_a_new_state() {
    let runs = runs_of(layer(), |guard| {
        let handle = guard.handle();
        // Nothing accountable has happened in these: one has had a stage, one has adopted a call that is still open.
        let plain = info_span!("plain");
        plain.in_scope(|| info_span!("draft").in_scope(|| ()));
        let adopting = info_span!("adopting");
        let adopted = adopting.in_scope(|| info_span!(parent: None, "chat", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = 5));
        drop(adopting);
        let live = info_span!("live", value_usd = 7, iteration = 3, tag.tier = "2");
        let stage = live.in_scope(|| info_span!("draft"));
        live.in_scope(|| chat(1));
        handle.reset();
        assert!(handle.snapshot().is_empty());

        plain.in_scope(|| chat(2));
        stage.in_scope(|| chat(3));
        live.in_scope(|| tracing_budget::gate("lint").verdict("pass").emit());
        live.in_scope(|| tracing_budget::operation("search").cost_usd("1").record());
        assert!(handle.snapshot().is_empty(), "what was open begins no run any more");
        // A new root of the same callsite, while the old ones are still open.
        let anew = info_span!(parent: None, "live");
        anew.in_scope(|| chat(4));
        assert_eq!(handle.snapshot().len(), 1);
        drop((plain, adopted, stage, live, anew));
        assert_eq!((handle.stats().open_spans, handle.stats().runs_finished), (0, 1));
        assert_eq!(handle.stats().late, 5, "two calls, the adopted one, a gate and a record");
    });
    let [run] = runs.as_slice() else { panic!("{runs:#?}") };
    assert_eq!(
        (run.pipeline.as_str(), tokens(run), run.budget_summary.total.llm_calls),
        ("live", Some(4), 1)
    );
    assert_eq!((run.value_usd, run.iterations, run.tags.len()), (None, None, 0));
    assert!(run.budget_summary.gate_verdicts.is_empty() && run.budget_summary.per_agent.len() == 1);
}

#[test]
fn resets_and_new_runs_at_once_leave_nothing_behind() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let dispatch = dispatch();
        std::thread::scope(|threads| {
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    threads.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || {
                            (0..1_000).for_each(|_| info_span!("pipeline").in_scope(|| chat(1)));
                        });
                    })
                })
                .collect();
            while workers.iter().any(|worker| !worker.is_finished()) {
                handle.reset();
            }
        });
    });
    let stats = handle.stats();
    let runs = delivered(&guard, &memory).len() as u64;
    assert_eq!((handle.snapshot().len(), stats.open_spans, stats.runs_finished), (0, 0, runs));
    assert!(stats.runs_started >= runs && stats.runs_started + stats.late >= 2_000, "{stats:?}");
}

#[test]
fn a_run_may_be_finished_from_another_thread_while_it_is_at_work() {
    for _ in 0..50 {
        let run = run_of(layer(), |guard| {
            let (handle, dispatch) = (guard.handle(), dispatch());
            std::thread::scope(|threads| {
                let worker = threads.spawn(|| {
                    tracing::dispatcher::with_default(&dispatch, || {
                        let _root = info_span!("pipeline").entered();
                        for _ in 0..2_000 {
                            info_span!("draft").in_scope(|| chat(1));
                        }
                    });
                });
                let run = loop {
                    if let Some(run) = handle.snapshot().pop() {
                        break run;
                    }
                    if worker.is_finished() {
                        return;
                    }
                };
                handle.finish(&run.run_id);
            });
            let stats = handle.stats();
            assert_eq!((stats.runs_started, stats.runs_finished, stats.open_spans), (1, 1, 0));
        });
        assert_eq!(
            tokens(&run),
            Some(run.budget_summary.total.llm_calls - run.budget_summary.total.calls_without_usage)
        );
    }
}

/// A14.
#[test]
fn runs_end_once_however_many_end_them() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        for _ in 0..200 {
            let root = info_span!("pipeline");
            root.in_scope(|| chat(1));
            let run_id = guard.handle().snapshot()[0].run_id.clone();
            std::thread::scope(|threads| {
                let (one, two, id) = (guard.handle(), guard.handle(), run_id.as_str());
                threads.spawn(move || one.finish(id));
                threads.spawn(move || two.finish(id));
                drop(root);
            });
        }
    });
    let runs = delivered(&guard, &memory);
    assert_eq!(runs.len(), 200);
    assert!(runs.iter().all(|run| tokens(run) == Some(1)));
}
