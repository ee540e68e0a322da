//! The calls of a run are listed one by one: what each record has, which calls are kept, and that a killed process's run has them.

mod budgeted;
mod journaled;

use std::sync::Arc;

use budgeted::{run, run_with, usd};
use journaled::Fresh;
use tracing::field::Empty;
use tracing::{Span, info, info_span};
use tracing_budget::journal::JournalBound;
use tracing_budget::price::Rates;
use tracing_budget::sink::Memory;
use tracing_budget::summary::CallRecord;
use tracing_budget::{Builder, Kind, PriceBook, RunSummary, Status, Usage, call, layer, record_usage};
use tracing_subscriber::prelude::*;

/// Every call of a run; none is left out.
fn calls(run: &RunSummary) -> &[CallRecord] {
    let budget = &run.budget_summary;
    let calls = budget.calls.as_deref().expect("the calls are kept");
    assert_eq!((calls.len() as u64, budget.calls_left_out), (budget.total.llm_calls, 0), "{run}");
    calls
}

fn only(run: &RunSummary) -> &CallRecord {
    let [only] = calls(run) else { panic!("one call was expected, not {:#?}", calls(run)) };
    only
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn priced() -> Builder {
    let book = PriceBook::builder().price("acme/m", Rates::per_million().input("10").output("20"));
    layer().prices(book.build().expect("a book"))
}

/// A call with the fields that these tests record.
fn chat() -> Span {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "acme",
        gen_ai.request.model = "m",
        gen_ai.response.model = Empty,
        gen_ai.response.id = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        gen_ai.conversation.id = Empty,
        gen_ai.prompt.name = Empty,
        gen_ai.prompt.version = Empty,
        openai.request.service_tier = Empty,
        openai.response.service_tier = Empty,
        gen_ai.input.messages = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cost = Empty,
        error.type = Empty,
        error.message = Empty,
    )
}

fn used(span: &Span, input: u64, output: u64) {
    span.record("gen_ai.usage.input_tokens", input).record("gen_ai.usage.output_tokens", output);
}

#[test]
fn a_record_has_all_that_is_known_of_its_call_and_no_text_of_it() {
    let run = run_with(priced(), || {
        info_span!("pipeline").in_scope(|| {
            let agent = info_span!(
                "invoke_agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.agent.name = "writer",
                stage = "review"
            );
            agent.in_scope(|| {
                let chat = chat();
                used(&chat, 3_000, 987);
                chat.record("gen_ai.usage.cache_read.input_tokens", 900)
                    .record("gen_ai.response.model", "m")
                    .record("gen_ai.response.id", "resp_1")
                    .record("gen_ai.response.finish_reasons", tracing::field::debug(["stop", "length"]))
                    .record("gen_ai.response.time_to_first_chunk", 0.25)
                    .record("gen_ai.conversation.id", tracing::field::display("session-7"))
                    .record("gen_ai.prompt.name", "critique")
                    .record("gen_ai.prompt.version", 3)
                    .record("openai.request.service_tier", "auto")
                    .record("gen_ai.input.messages", "the secret prompt")
                    .record("openai.response.service_tier", "priority");
            });
        });
    });
    let call = only(&run);
    assert_eq!((&call.stage, &call.agent), (&some("review"), &some("writer")));
    assert_eq!((call.operation.as_str(), &call.provider), ("chat", &some("acme")));
    assert_eq!((&call.model, &call.model_requested), (&some("acme/m"), &some("m")));
    assert_eq!((&call.model_answered, &call.tier), (&some("m"), &some("priority")));
    assert_eq!((&call.response_id, &call.conversation), (&some("resp_1"), &some("session-7")));
    assert_eq!((&call.prompt_name, &call.prompt_version), (&some("critique"), &some("3")));
    assert_eq!((&call.finish_reason, call.attempt), (&some("stop, length"), 1));
    assert_eq!((call.status, &call.error), (Status::Completed, &None));
    assert_eq!(call.usage, Usage::new().input(3_000).output(987).cache_read(900));
    assert_eq!((call.cost_usd, &call.price_source), (run.cost_usd(), &some("override")));
    assert_eq!(call.time_to_first_token_seconds, Some(0.25));
    assert!(call.duration_seconds.is_some() && call.started_at >= run.started_at);
    assert!(!run.to_json().contains("secret"));
    assert_eq!(RunSummary::from_json(run.to_json()).as_ref(), Ok(&run));
}

#[test]
fn a_failed_call_has_its_reason() {
    let run = run_with(priced(), || {
        let _root = info_span!("pipeline").entered();
        chat().record("error.type", "429").record("error.message", "overloaded,\n try again");
        call("m").provider("acme").start().usage(Usage::new().input(10).output(1));
    });
    let [failed, other] = calls(&run) else { panic!("{:#?}", calls(&run)) };
    assert_eq!((failed.status, &failed.error), (Status::Failed, &some("429: overloaded, try again")));
    assert_eq!((failed.cost_usd, &failed.price_source, failed.usage.is_empty()), (None, &None, true));
    assert_eq!((other.status, other.cost_usd), (Status::Completed, Some(usd("0.00012"))));
}

/// A5: the requests inside a wrapper are the calls. They are its attempts, and what the wrapper knows is theirs.
#[test]
fn requests_of_one_call_are_its_attempts() {
    let run = run_with(priced(), || {
        let _root = info_span!("pipeline").entered();
        let outer = chat();
        outer.record("gen_ai.conversation.id", "session-7").record("gen_ai.prompt.name", "critique");
        outer.in_scope(|| {
            chat().record("error.type", "timeout");
            let second = chat();
            used(&second, 100, 10);
            second.record("gen_ai.response.id", "resp_2");
        });
        outer.record("gen_ai.response.finish_reasons", "[\"stop\"]");
    });
    let [failed, second] = calls(&run) else { panic!("{:#?}", calls(&run)) };
    assert_eq!((failed.attempt, failed.status, &failed.error), (1, Status::Failed, &some("timeout")));
    assert_eq!((second.attempt, second.status), (2, Status::Completed));
    assert_eq!((&failed.finish_reason, &second.finish_reason), (&None, &some("stop")));
    assert_eq!((&failed.response_id, &second.response_id), (&None, &some("resp_2")));
    for call in [failed, second] {
        assert_eq!((&call.conversation, &call.prompt_name), (&some("session-7"), &some("critique")));
    }
}

/// A8: the second record of a response completes the first one in its place.
#[test]
fn a_response_that_is_recorded_twice_is_one_call() {
    let record = |fields: fn(&Span)| {
        let chat = chat();
        chat.record("gen_ai.response.id", "resp_1");
        fields(&chat);
    };
    let run = run_with(priced(), || {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("work", stage = "work");
        stage.in_scope(|| {
            record(|span| {
                span.record("gen_ai.prompt.name", "critique");
            });
        });
        info_span!("other", stage = "other").in_scope(|| {
            record(|span| {
                used(span, 1_000, 100);
                span.record("gen_ai.conversation.id", "session-7").record("gen_ai.prompt.name", "another");
            });
        });
    });
    let call = only(&run);
    assert_eq!((&call.stage, call.cost_usd), (&some("work"), Some(usd("0.012"))));
    assert_eq!(call.usage, Usage::new().input(1_000).output(100));
    assert_eq!((&call.prompt_name, &call.conversation), (&some("critique"), &some("session-7")));
}

/// A8, on two threads: the record lies in the part of the first thread.
#[test]
fn a_call_is_completed_from_another_thread() {
    let run = run_with(priced(), || {
        let root = info_span!("pipeline");
        let (dispatch, inside) = (tracing::dispatcher::get_default(Clone::clone), root.clone());
        let first = inside.in_scope(chat);
        first.record("gen_ai.response.id", "resp_1");
        drop(first);
        let other = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let second = inside.in_scope(chat);
                used(&second, 1_000, 100);
                second.record("gen_ai.response.id", "resp_1");
            });
        });
        other.join().expect("no panic");
        drop(root);
    });
    assert_eq!(only(&run).cost_usd, Some(usd("0.012")));
}

/// A7: an event with a call's details completes its record and adds none.
#[test]
fn an_event_with_details_completes_the_record() {
    let run = run_with(priced(), || {
        let _root = info_span!("pipeline").entered();
        let chat = chat();
        used(&chat, 1_000, 100);
        chat.in_scope(|| {
            info!(
                event.name = "gen_ai.client.inference.operation.details",
                gen_ai.response.id = "resp_1",
                gen_ai.conversation.id = "session-7",
                gen_ai.usage.input_tokens = 1_000,
                gen_ai.response.finish_reasons = "stop",
            );
        });
        drop(chat);
        info!(
            event.name = "gen_ai.client.inference.operation.details",
            gen_ai.response.id = "resp_1",
            gen_ai.usage.input_tokens = 1_000,
            openai.response.service_tier = "flex",
        );
    });
    let call = only(&run);
    assert_eq!((&call.response_id, &call.conversation), (&some("resp_1"), &some("session-7")));
    assert_eq!((&call.finish_reason, &call.tier), (&some("stop"), &some("flex")));
}

/// What is booked as a call has a record: usage by hand, of a stage, of an event, and a container's excess (A6).
#[test]
fn every_booked_call_has_a_record() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        record_usage(
            tracing_budget::record::UsageRecord::new(Usage::new().input(5).output(1))
                .provider("acme")
                .model("m"),
        );
        info!(model = "m", input_tokens = 7, output_tokens = 1);
        info_span!("work", stage = "work", input_tokens = 9, output_tokens = 1).in_scope(|| ());
        let agent = info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "writer",
            gen_ai.usage.input_tokens = 100,
            gen_ai.usage.output_tokens = 10,
        );
        agent.in_scope(|| used(&chat(), 40, 4));
    });
    let mut inputs: Vec<_> = calls(&run).iter().map(|call| call.usage.count(Kind::Input)).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, [5, 7, 9, 40, 60]);
    let excess = calls(&run).iter().find(|call| call.usage.count(Kind::Input) == 60).expect("an excess");
    assert_eq!((&excess.agent, excess.duration_seconds), (&some("writer"), None));
    assert_eq!(calls(&run).iter().filter(|call| call.stage == some("work")).count(), 1);
}

#[test]
fn as_many_are_kept_as_the_program_sets() {
    for (most, kept) in [(0, 0), (3, 3), (5_000, 10)] {
        let run = run_with(priced().keep_calls(most), || {
            let _root = info_span!("pipeline").entered();
            (0..10).for_each(|at| used(&chat(), at, 1));
        });
        let budget = &run.budget_summary;
        let inputs: Option<Vec<u64>> = budget
            .calls
            .as_ref()
            .map(|calls| calls.iter().map(|call| call.usage.count(Kind::Input)).collect());
        assert_eq!(inputs, Some((0..10).rev().take(kept).collect()));
        assert_eq!(budget.calls_left_out, 10 - kept as u64);
    }
}

/// How many calls of a run are listed.
const KEPT: usize = 1_000;

/// A number that is larger than any of the calls, and prime: its multiples are different costs.
const PRIME: usize = 100_003;

fn pico(call: usize) -> usize {
    call * 7_919 % PRIME
}

fn fails(call: usize) -> bool {
    call % 997 == 3
}

/// Makes one of many calls. Each has another cost; some fail.
fn make(number: usize) {
    let chat = chat();
    used(&chat, 10, 1);
    chat.record("gen_ai.response.id", format!("resp_{number}"))
        .record("gen_ai.usage.cost", pico(number) as f64 / 1e6);
    if fails(number) {
        chat.record("error.type", "overloaded");
    }
}

/// The ids that a list of so many calls has, in its order.
fn expected(calls: impl Iterator<Item = usize>) -> Vec<String> {
    let mut calls: Vec<usize> = calls.collect();
    calls.sort_by_key(|call| std::cmp::Reverse((fails(*call), pico(*call))));
    calls.iter().take(KEPT).map(|call| format!("resp_{call}")).collect()
}

fn listed(run: &RunSummary) -> Vec<String> {
    run.check().unwrap_or_else(|error| panic!("{error}"));
    let calls = run.budget_summary.calls.iter().flatten();
    calls.map(|call| call.response_id.clone().unwrap_or_default()).collect()
}

/// Runs the calls on eight threads in one run.
fn on_eight_threads(builder: Builder, calls: usize, at_end: impl FnOnce()) -> RunSummary {
    let memory = Memory::new();
    let (budget, guard) = builder.sink(memory.clone()).build().expect("a layer");
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(budget));
    tracing::dispatcher::with_default(&dispatch, || {
        let root = Arc::new(info_span!("pipeline"));
        let threads = (0..8).map(|thread| {
            let (dispatch, root) = (dispatch.clone(), Arc::clone(&root));
            std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    root.in_scope(|| {
                        let stage = info_span!("work", stage = "work").entered();
                        (thread..calls).step_by(8).for_each(make);
                        drop(stage);
                    });
                });
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        at_end();
    });
    guard.flush().expect("delivered");
    let mut runs = memory.take();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

#[test]
fn of_many_calls_the_failed_and_the_most_expensive_are_listed() {
    for calls in [999, 1_000, 1_001, 100_000] {
        let run = on_eight_threads(layer(), calls, || ());
        assert_eq!(listed(&run), expected(0..calls), "{calls} calls");
        assert_eq!(run.budget_summary.calls_left_out, calls.saturating_sub(KEPT) as u64);
    }
}

/// The parts of a run that several processes recorded, merged in every order.
#[test]
fn parts_with_many_calls_merge_to_one_list() {
    let parts: Vec<RunSummary> = (0..3)
        .map(|part| {
            run_with(layer(), || {
                let _root = info_span!("pipeline", run_id = "shared").entered();
                (part..4_000).step_by(3).for_each(make);
            })
        })
        .collect();
    for [one, two, three] in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let left = parts[one].merge(&parts[two]).merge(&parts[three]);
        let right = parts[one].merge(&parts[two].merge(&parts[three]));
        assert_eq!(left, right);
        assert_eq!(listed(&left), expected(0..4_000));
        assert_eq!(left.budget_summary.calls_left_out, 3_000);
    }
}

/// A document of an earlier version has no calls: merged with a newer one, all of them are left out.
#[test]
fn calls_of_an_earlier_version_are_left_out() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        (0..3).for_each(make);
    });
    let mut old = run.clone();
    (old.budget_summary.calls, old.budget_summary.calls_left_out) = (None, 0);
    assert_eq!(old.check(), Ok(()));
    assert!(!old.to_json().contains("calls_left_out"));
    assert_eq!(RunSummary::from_json(old.to_json()).as_ref(), Ok(&old));
    assert_eq!(old.merge(&old).budget_summary.calls, None);
    for both in [old.merge(&run), run.merge(&old)] {
        assert_eq!((listed(&both).len(), both.budget_summary.calls_left_out), (3, 3));
    }
}

#[test]
fn a_list_that_contradicts_the_number_of_calls_is_found() {
    let mut run = run(|| {
        let _root = info_span!("pipeline").entered();
        (0..3).for_each(make);
    });
    run.budget_summary.calls_left_out = 1;
    let error = run.check().expect_err("one call too many");
    assert!(error.to_string().contains("calls and calls_left_out come to 4, expected 3"), "{error}");
    run.budget_summary.calls_left_out = 0;
    if let Some(call) = run.budget_summary.calls.iter_mut().flatten().next() {
        call.stage = some("nowhere");
    }
    let error = run.check().expect_err("a stage without a row");
    assert!(error.to_string().contains("\"nowhere\""), "{error}");
}

/// A killed process leaves its calls with their amounts.
#[test]
fn a_recovered_run_has_its_calls() {
    for calls in [1_000, 1_001, 100_000] {
        let directory = Fresh::new();
        let mut lost = Vec::new();
        let journaled = layer().journal(directory.path()).journal_bound(JournalBound::EveryRecord);
        let run = on_eight_threads(journaled, calls, || lost = directory.lost_now());
        let [lost] = &lost[..] else { panic!("one run was lost, not {}", lost.len()) };
        assert_eq!(lost.status, Status::Interrupted);
        assert_eq!(listed(lost), expected(0..calls), "{calls} calls");
        assert_eq!(lost.budget_summary.calls, run.budget_summary.calls);
        assert_eq!(lost.budget_summary.calls_left_out, run.budget_summary.calls_left_out);
    }
}

/// A8, with a journal: the second record of a response is in another line than the first one.
#[test]
fn a_recovered_run_has_calls_that_were_completed() {
    let directory = Fresh::new();
    let mut lost = Vec::new();
    let journaled = priced().journal(directory.path()).journal_bound(JournalBound::EveryRecord).keep_calls(2);
    let run = run_with(journaled, || {
        let _root = info_span!("pipeline").entered();
        chat().record("gen_ai.response.id", "resp_1").record("gen_ai.prompt.name", "critique");
        (0..3).for_each(|at| used(&chat(), at, 1));
        let again = chat();
        again.record("gen_ai.response.id", "resp_1");
        used(&again, 1_000, 100);
        drop(again);
        lost = directory.lost_now();
    });
    let budget = &run.budget_summary;
    assert_eq!(lost[0].budget_summary.calls, budget.calls);
    let calls = budget.calls.as_deref().unwrap_or_default();
    assert_eq!((calls.len(), budget.calls_left_out), (2, 2));
    assert_eq!((&calls[0].response_id, calls[0].cost_usd), (&some("resp_1"), Some(usd("0.012"))));
}
