//! A sink that never returns holds up `flush`, `shutdown` and the guard's drop no longer than their time, and the error names it.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing::info_span;
use tracing_budget::sink::{Delivery, FlushError, Memory};
use tracing_budget::{BudgetGuard, Builder, RunSummary, Status, Usage, layer, record_usage};
use tracing_subscriber::prelude::*;

/// How long a test waits for what should come at once; only a failure takes so long.
const AMPLE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);

/// A sink that reports each run on the first channel, then waits until the second one sends or is dropped.
fn held() -> (impl FnMut(&RunSummary) + Send + 'static, Receiver<()>, Sender<()>) {
    let (entered, has_entered) = channel();
    let (go_on, may_go_on) = channel();
    let sink = move |_: &RunSummary| {
        let _ = entered.send(());
        let _ = may_go_on.recv();
    };
    (sink, has_entered, go_on)
}

fn delivery() -> Delivery {
    Delivery::new().flush_timeout(SHORT).close_timeout(SHORT).wait_timeout(SHORT)
}

fn one_run() {
    info_span!("pipeline").in_scope(|| record_usage(Usage::new().input(100).output(10)));
}

/// Does something with the guard on a thread of its own, and fails if that does not return.
fn returns<T: Send + 'static>(
    builder: Builder,
    entered: &Receiver<()>,
    end: impl FnOnce(BudgetGuard) -> T + Send + 'static,
) -> T {
    let (budget, guard) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(budget);
    let (done, is_done) = channel();
    let _default = tracing::subscriber::set_default(subscriber);
    one_run();
    entered.recv().unwrap();
    thread::spawn(move || done.send(end(guard)));
    is_done.recv_timeout(AMPLE).expect("it returns whatever the sink does")
}

fn names_the_sink(outcome: &Result<(), FlushError>) {
    let error = outcome.as_ref().expect_err("the sink hangs").to_string();
    assert!(
        error.starts_with("timed out after 30ms waiting for sink closure in hanging_sinks::held;"),
        "{error}"
    );
}

#[test]
fn a_flush_returns_in_its_time_and_a_later_one_has_everything() {
    let (sink, entered, go_on) = held();
    let memory = Memory::new();
    let kept = memory.clone();
    returns(layer().sink(sink).sink(memory).delivery(delivery()), &entered, move |guard| {
        names_the_sink(&guard.flush());
        names_the_sink(&guard.flush());
        drop(go_on);
        // Its time is short, so that it may take more than one.
        while guard.flush().is_err() {}
    });
    assert_eq!(kept.runs().len(), 1);
}

#[test]
fn a_shutdown_returns_in_its_time() {
    let (sink, entered, _go_on) = held();
    let ended = returns(layer().sink(sink).delivery(delivery()), &entered, BudgetGuard::shutdown);
    names_the_sink(&ended);

    let (sink, entered, _go_on) = held();
    let ended = returns(layer().sink(sink).delivery(delivery()), &entered, |guard| {
        let ended = guard.handle().shutdown();
        assert_eq!(guard.handle().shutdown(), ended, "the second returns what the first came to");
        ended
    });
    names_the_sink(&ended);
}

#[test]
fn a_drop_returns_in_its_time_where_the_queue_is_full_and_runs_are_open() {
    let (sink, entered, _go_on) = held();
    let (budget, guard) = layer().sink(sink).delivery(delivery().capacity(1)).build().unwrap();
    let handle = guard.handle();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(budget));
    let _default = tracing::dispatcher::set_default(&dispatch);
    one_run();
    entered.recv().unwrap();
    one_run();
    let open: Vec<_> = (0..5)
        .map(|_| {
            let open = info_span!("open");
            open.in_scope(|| record_usage(Usage::new().input(1)));
            open
        })
        .collect();
    let (done, is_done) = channel();
    thread::spawn(move || {
        drop(guard);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(AMPLE).expect("the drop returns");
    drop(open);
    let stats = handle.stats().delivery;
    assert_eq!((stats.lost, stats.queued), (7, 0), "each run is counted");
}

#[test]
fn a_shutdown_ends_open_runs_and_delivers_them() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let handle = guard.handle();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(budget));
    let open = info_span!("pipeline").entered();
    record_usage(Usage::new().input(100).output(10));
    handle.shutdown().unwrap();
    let runs = memory.runs();
    assert_eq!((runs.len(), runs[0].status), (1, Status::Incomplete));
    assert_eq!(runs[0].budget_summary.total.tokens_used, Some(110));
    drop(open);
    drop(guard);
    assert_eq!(memory.runs().len(), 1, "the guard's drop finds nothing more to do");
}
