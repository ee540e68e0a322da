//! With a global subscriber, `tracing` lets code trace that runs inside of a callback: sinks that log, and values that
//! trace while they are shown, neither hang nor count themselves. One test, as there is one global subscriber.
#![allow(clippy::unwrap_used)]

use std::fmt;

use tracing::{info, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{RunSummary, Usage, call};
use tracing_subscriber::prelude::*;

/// A value that is at work when it is shown.
struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("shown", stage = "shown").in_scope(|| {
            call("gpt-5").start().usage(Usage::new().input(100));
        });
        info!(input_tokens = 10);
        f.write_str("1")
    }
}

#[test]
fn code_that_traces_inside_of_a_callback_is_seen_and_hangs_nothing() {
    let memory = Memory::new();
    let chatty = |run: &RunSummary| {
        let _span = info_span!("sink", stage = "sink").entered();
        info!(input_tokens = 1_000, "stored {}", run.run_id);
        tracing_budget::gate("stored").verdict("pass").emit();
    };
    let (budget, guard) = tracing_budget::layer()
        .usage_events([module_path!()])
        .sink(chatty)
        .sink(memory.clone())
        .build()
        .unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(budget)).unwrap();

    let root = info_span!("pipeline").entered();
    // In an event, in a new span, and in what a span records.
    info!(input_tokens = %Busy);
    let draft = info_span!("draft", input_tokens = %Busy);
    draft.record("input_tokens", tracing::field::display(Busy));
    drop((draft, root));

    guard.flush().unwrap();
    guard.flush().unwrap();
    let runs = memory.take();
    assert_eq!(runs.len(), 1, "the work of a sink makes no run of its own");
    let run = &runs[0];
    run.check().unwrap();
    let of = |stage: &str| run.budget_summary.per_agent.get(stage).and_then(|row| row.figures.tokens_used);
    let shown = of("shown").unwrap();
    assert!(shown > 0 && shown % 100 == 0);
    let times = shown / 100;
    assert!(times >= 3, "each of the three is shown at least once");
    assert_eq!(of("draft"), Some(2));
    assert_eq!(of("unattributed"), Some(1 + times * 10));
    assert!(run.budget_summary.gate_verdicts.is_empty());
    assert_eq!(guard.handle().stats().outside, 0);
}
