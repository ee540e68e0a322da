//! Memory, the live snapshot, and the price of a price: `cargo run --release -p budget-benches --bin memory`.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use budget_benches::bar;
use budget_benches::heap::{self, Weighing};
use budget_benches::layers::{self, Listener};
use budget_benches::shapes::{self, KNOWN};
use tracing::{Span, info_span};
use tracing_budget::{BudgetGuard, PriceBook, RunSummary, Usage};
use tracing_subscriber::prelude::*;

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

fn main() {
    println!("| memory | bytes |");
    println!("|---|--:|");
    closed_spans();
    open_spans();
    runs();
    println!("\n| `snapshot()` of a run | time | heap requested | of it returned | besides |");
    println!("|---|--:|--:|--:|--:|");
    snapshots();
    println!("\n| pricing a call on its own | time | heap requested |");
    println!("|---|--:|--:|");
    prices();
}

/// Ours as it is by default, with a sink that drops what it gets.
fn ours() -> (Listener, BudgetGuard) {
    let built = tracing_budget::layer().project("benches").sink(|_: &RunSummary| ()).build();
    let (layer, guard) = built.expect("nothing in these options can be wrong");
    (Listener::alone(tracing_subscriber::registry().with(layer).into()), guard)
}

fn under<T>(listener: &Listener, act: impl FnOnce() -> T) -> T {
    tracing::dispatcher::with_default(&listener.dispatch, act)
}

fn growth(from: u64, to: u64) -> i64 {
    to as i64 - from as i64
}

fn closed_spans() {
    let (listener, _guard) = ours();
    let mut number = 0;
    under(&listener, || {
        info_span!("pipeline").in_scope(|| {
            info_span!("work", stage = "work").in_scope(|| {
                let mut live = |count: u64| {
                    for _ in 0..count / 2 {
                        number += 1;
                        shapes::end_call(&shapes::new_call(KNOWN), 3000 + number % 5000);
                        shapes::end_plain(&shapes::new_plain());
                    }
                    heap::in_use()
                };
                let few = live(1000);
                let many = live(999_000);
                println!("| in use after 1,000 closed spans of one run | {few} |");
                println!("| in use after 1,000,000 closed spans of one run | {many} |");
                let grown = growth(few, many);
                println!("| growth between | {grown} |");
                bar(
                    "memory after 1,000,000 closed spans within 64 KiB of after 1,000",
                    &format!("{grown} B"),
                    grown <= 65_536,
                );
            });
        });
    });
}

fn open_spans() {
    const COUNT: usize = 100_000;
    type New = fn() -> Span;
    let kinds: [(&str, New); 2] = [("plain", shapes::new_plain), ("call", || shapes::new_call(KNOWN))];
    for (kind, new) in kinds {
        let (ours, _guard) = ours();
        for (layer, listener) in [("ours", ours), ("no-op layer behind INFO", layers::no_op_filtered())] {
            let mut spans = Vec::with_capacity(COUNT);
            let bytes = under(&listener, || {
                info_span!("pipeline").in_scope(|| {
                    info_span!("work", stage = "work").in_scope(|| {
                        let before = heap::in_use();
                        spans.extend((0..COUNT).map(|_| new()));
                        let bytes = growth(before, heap::in_use());
                        spans.clear();
                        bytes
                    })
                })
            });
            println!("| per open {kind} span, 100,000 open, {layer} | {} |", bytes / COUNT as i64);
        }
    }
}

fn runs() {
    let (listener, guard) = ours();
    let mut number = 0;
    let mut live = |count: u32| {
        under(&listener, || (0..count).for_each(|_| one_call_run(&mut number)));
        guard.flush().expect("the sink takes everything");
        heap::in_use()
    };
    let few = live(1000);
    let many = live(100_000);
    println!("| in use after 1,000 runs | {few} |");
    println!("| in use after 100,000 more | {many} |");
    let grown = growth(few, many);
    println!("| growth between | {grown} |");
    // What differs is where the worker is in a vector or two.
    bar("no growth over 100,000 runs", &format!("{grown} B"), grown <= 4096);
}

fn one_call_run(number: &mut u64) {
    *number += 1;
    info_span!("pipeline").in_scope(|| {
        info_span!("work", stage = "work")
            .in_scope(|| shapes::end_call(&shapes::new_call(KNOWN), 3000 + *number % 5000));
    });
}

fn snapshots() {
    for stages in [6, 100, 1000] {
        let (listener, guard) = ours();
        under(&listener, || {
            info_span!("pipeline").in_scope(|| {
                for stage in 0..stages {
                    let name = format!("stage_{stage}");
                    info_span!("work", stage = name.as_str())
                        .in_scope(|| shapes::end_call(&shapes::new_call(KNOWN), 3000));
                }
                let handle = guard.handle();
                drop(handle.snapshot());
                let (requested, in_use) = (heap::requested(), heap::in_use());
                let snapshot = handle.snapshot();
                let requested = heap::requested() - requested;
                let held = growth(in_use, heap::in_use());
                assert_eq!(snapshot[0].budget_summary.per_agent.len(), stages, "a row a stage");
                drop(snapshot);
                let time = median(|| {
                    let start = Instant::now();
                    let snapshot = handle.snapshot();
                    let time = start.elapsed();
                    drop(snapshot);
                    time
                });
                let besides = requested as i64 - held;
                println!(
                    "| of {stages} stages | {:.1} µs | {requested} B | {held} B | {besides} B |",
                    micros(time)
                );
                if stages == 6 {
                    bar(
                        "snapshot of 6 stages under 20 µs",
                        &format!("{:.1} µs", micros(time)),
                        micros(time) < 20.0,
                    );
                    bar(
                        "snapshot of 6 stages: less than 1 KiB besides the returned value",
                        &format!("{besides} B"),
                        besides < 1024,
                    );
                }
            });
        });
    }
}

fn prices() {
    let book = PriceBook::new();
    book.warm();
    let model = book.model(Some("anthropic"), Some(KNOWN));
    let at = SystemTime::now();
    let mut input = 3000_u64;
    let mut price = || {
        input += 1;
        black_box(model.price(&Usage::new().input(input).output(987), at)).expect("there is a price")
    };
    price();
    let requested = heap::requested();
    drop(price());
    let requested = heap::requested() - requested;
    let time = median(|| {
        let start = Instant::now();
        (0..100).for_each(|_| drop(price()));
        start.elapsed() / 100
    });
    println!("| another usage each time | {:.3} µs | {requested} B |", micros(time));
}

fn median(mut measure: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..201).map(|_| measure()).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
