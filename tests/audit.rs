//! Whatever is not as it should be has a name, and where all is right nothing is named.

// Without published prices, no call here has a price, which is a thing to name.
#![cfg(feature = "prices")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::thread;

use tracing::{Instrument, info, info_span};
use tracing_budget::sink::{Delivery, Memory, Sink, SinkError, WhenFull};
use tracing_budget::{
    BudgetGuard, Builder, RunSummary, Status,
    audit::{Audit, Discrepancy, SpanAudit},
    call, gate, layer,
};
use tracing_subscriber::prelude::*;

fn traced(builder: Builder, code: impl FnOnce(&BudgetGuard)) -> Audit {
    let (budget, guard) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || code(&guard));
    let _ = guard.flush();
    guard.handle().audit()
}

fn one_call() {
    info!(model = "gpt-5", input_tokens = 100, output_tokens = 10);
}

#[test]
fn a_complete_run_has_no_discrepancies() {
    let memory = Memory::new();
    let audit = traced(
        layer().usage_events([module_path!()]).sink(memory.clone()).sink(Memory::new()),
        |_| {
            for _ in 0..3 {
                let _root = info_span!("pipeline").entered();
                info_span!("discovery").in_scope(one_call);
                call("gpt-5").start().usage(tracing_budget::Usage::new().input(1).output(1));
                info_span!("judge", gate = "judge", verdict = "pass").in_scope(|| ());
                // An adopted span closes after its root.
                drop(
                    info_span!(parent: None, "chat", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = 3, model = "gpt-5"),
                );
            }
            info_span!("came to nothing").in_scope(|| ());
        },
    );
    assert!(audit.is_clean(), "{audit}");
    assert_eq!((audit.spans.opened, audit.spans.open), (audit.spans.closed, 0), "{audit}");
    assert_eq!(audit.spans.opened, 3 * 5 + 1, "{audit}");
    assert_eq!(audit.spans.settled, audit.spans.closed);
    assert_eq!(
        (audit.calls.with_usage, audit.calls.without_usage, audit.calls.unpriced),
        (9, 0, 0),
        "{audit}"
    );
    assert_eq!((audit.runs.started, audit.runs.finished, audit.runs.in_flight), (3, 3, 0));
    for sink in &audit.sinks {
        assert_eq!((sink.name.as_str(), sink.owed, sink.delivered, sink.failed), ("Memory", 3, 3, 0));
    }
    assert!(audit.to_string().ends_with("nothing is missing"), "{audit}");
    assert_eq!(memory.take().len(), 3);
}

#[test]
fn a_span_still_open_and_a_run_in_flight_are_named() {
    let mut open = None;
    let audit = traced(layer().usage_events([module_path!()]), |guard| {
        let root = info_span!("pipeline");
        root.in_scope(one_call);
        open = Some((root.clone(), root.in_scope(|| info_span!("discovery"))));
        let audit = guard.handle().audit();
        assert_eq!(
            audit.discrepancies,
            [Discrepancy::SpansOpen { spans: 2 }, Discrepancy::RunsInFlight { runs: 1 }]
        );
        assert_eq!(audit.calls.with_usage, 1, "in a run in flight");
    });
    assert!(audit.to_string().contains("spans that are still open, and in no finished run: 2"), "{audit}");
}

#[test]
fn a_root_that_waits_for_a_span_that_it_adopted_is_open() {
    traced(layer().usage_events([module_path!()]), |guard| {
        let root = info_span!("pipeline");
        let adopted = root.in_scope(|| {
            one_call();
            info_span!(parent: None, "agent", gen_ai.operation.name = "invoke_agent")
        });
        drop(root);
        let spans = guard.handle().audit().spans;
        assert_eq!((spans.opened, spans.open, spans.closed), (2, 2, 0));
        drop(adopted);
        let audit = guard.handle().audit();
        let SpanAudit { opened, open, closed, settled, .. } = audit.spans;
        assert_eq!((opened, open, closed, settled), (2, 0, 2, 2), "{audit}");
    });
}

#[test]
fn a_late_amount_is_named() {
    let audit = traced(layer().usage_events([module_path!()]), |guard| {
        let root = info_span!("pipeline", run_id = "mine");
        root.in_scope(|| {
            one_call();
            assert!(guard.handle().finish("mine"));
            one_call();
        });
    });
    assert_eq!(audit.discrepancies, [Discrepancy::Late { amounts: 1 }], "{audit}");
}

#[tokio::test]
async fn an_event_outside_of_any_run_is_named() {
    let (budget, guard) = layer().usage_events([module_path!()]).build().unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(budget));
    async {
        one_call();
        // Without `.in_current_span()`, the spawned work is outside of the run.
        let here = tracing::dispatcher::get_default(Clone::clone);
        let spawned = thread::spawn(move || {
            tracing::dispatcher::with_default(&here, || {
                one_call();
                gate("lint").emit();
            })
        });
        spawned.join().unwrap();
    }
    .instrument(info_span!("pipeline"))
    .await;
    guard.flush().unwrap();
    let audit = guard.handle().audit();
    assert_eq!(audit.discrepancies, [Discrepancy::Outside { events: 2 }], "{audit}");
}

#[test]
fn calls_without_a_known_cost_are_named() {
    let audit = traced(layer().usage_events([module_path!()]), |_| {
        let _root = info_span!("pipeline").entered();
        drop(call("gpt-5").start());
        info!(model = "unheard of", input_tokens = 1);
    });
    let expected = [Discrepancy::CallsWithoutUsage { calls: 1 }, Discrepancy::CallsUnpriced { calls: 1 }];
    assert_eq!(audit.discrepancies, expected, "{audit}");
    assert_eq!(audit.calls.with_usage, 1);
}

/// A sink that fails: by a panic for completed runs where `panics` is set, otherwise by an error.
struct Broken {
    panics: bool,
}

impl Sink for Broken {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        assert!(!self.panics || run.status != Status::Completed, "on purpose");
        Err(SinkError::new("no room"))
    }
}

#[test]
fn a_sink_that_fails_is_named_and_the_other_has_all() {
    for (panics, reason) in [(false, "no room"), (true, "it panicked: on purpose")] {
        let memory = Memory::new();
        let builder = layer()
            .usage_events([module_path!()])
            .sink(Broken { panics })
            .sink(memory.clone())
            .delivery(Delivery::new().retries([]));
        let audit = traced(builder, |_| {
            for _ in 0..2 {
                info_span!("pipeline").in_scope(one_call);
            }
        });
        let [Discrepancy::SinkFailed { sink, runs: 2, reason: reported }] = audit.discrepancies.as_slice()
        else {
            panic!("{audit}")
        };
        assert!(sink == "Broken" && reported.contains(reason), "{audit}");
        assert_eq!((audit.sinks[1].delivered, memory.take().len()), (2, 2));
    }
}

#[test]
fn runs_that_reached_no_sink_are_named() {
    let (budget, guard) = layer().usage_events([module_path!()]).sink(Memory::new()).build().unwrap();
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("kept").entered();
        drop(guard);
        info_span!(parent: None, "late").in_scope(one_call);
    });
    let audit = handle.audit();
    assert_eq!(audit.discrepancies, [Discrepancy::RunsLost { runs: 1 }], "{audit}");
    assert_eq!(audit.sinks[0].owed, 0, "it was lost before");
}

#[test]
fn runs_that_found_the_queue_full_are_named() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (is_held, is_there) = std::sync::mpsc::channel();
    let sink = move |_: &RunSummary| {
        let _ = is_held.send(());
        let _ = held.recv();
    };
    let delivery = Delivery::new().capacity(1).when_full(WhenFull::Drop);
    let audit = traced(layer().usage_events([module_path!()]).sink(sink).delivery(delivery), |guard| {
        let run = || info_span!("pipeline").in_scope(one_call);
        run();
        is_there.recv().unwrap();
        run();
        run();
        let audit = guard.handle().audit();
        let expected = [Discrepancy::RunsQueued { runs: 2 }, Discrepancy::RunsDropped { runs: 1 }];
        assert_eq!(audit.discrepancies, expected, "{audit}");
        drop(hold);
    });
    assert_eq!(audit.discrepancies, [Discrepancy::RunsDropped { runs: 1 }], "{audit}");
    assert_eq!((audit.sinks[0].owed, audit.sinks[0].delivered), (2, 2));
}

#[test]
fn runs_that_were_given_up_are_not_missing() {
    let audit = traced(layer().usage_events([module_path!()]).sink(Memory::new()), |guard| {
        let _root = info_span!("pipeline").entered();
        one_call();
        guard.handle().reset();
    });
    assert!(audit.is_clean(), "{audit}");
    assert_eq!((audit.runs.started, audit.runs.forgotten), (1, 1));
}
