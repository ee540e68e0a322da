//! Many threads telling one run, in one stage: `cargo run --release -p budget-benches --bin threads`.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use budget_benches::shapes::{self, KNOWN, UNKNOWN};
use budget_benches::{bar, layers};
use tracing::{Dispatch, info_span};

const CALLS: u32 = 100_000;
/// Of so many rounds the fastest: whatever else the machine does only slows one down.
const ROUNDS: u32 = 5;

fn main() {
    println!("| under | in the stage | threads | calls per second | against 1 thread | CPU time per call |");
    println!("|---|---|--:|--:|--:|--:|");
    for (below, whose) in [(false, "all in its span"), (true, "each in a span of its own")] {
        threads(below, whose);
    }
}

/// Threads that have calls in one stage. In the stage's own span they meet in the registry, which counts every child at its
/// parent; below it, in a span of a thread's own as a task's is, they do not.
fn threads(below: bool, whose: &str) {
    for (what, listener, model) in [
        ("no-op layer behind INFO", layers::no_op_filtered as fn() -> layers::Listener, UNKNOWN),
        ("ours, unpriced", layers::ours, UNKNOWN),
        ("ours, priced", layers::ours, KNOWN),
    ] {
        let listener = listener();
        let mut alone = None;
        for threads in [1, 2, 4, 8] {
            let rounds = (0..ROUNDS).map(|_| round(&listener.dispatch, threads, model, below));
            let (rate, busy) = rounds.max_by(|a, b| a.0.total_cmp(&b.0)).expect("there is a round");
            let alone = *alone.get_or_insert(rate);
            println!("| {what} | {whose} | {threads} | {rate:.0} | {:.2} | {busy:.0} ns |", rate / alone);
            if threads == 2 && what.starts_with("ours") {
                let text = format!(
                    "2 threads into one run and one stage, {whose}, {what}: 1.7 times the throughput of 1"
                );
                bar(&text, &format!("{:.2} times", rate / alone), rate / alone >= 1.7);
            }
        }
    }
}

/// Nanoseconds that this thread has been on a processor; 0 where the system does not tell.
fn on_processor() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

/// Calls per second of all threads together, and nanoseconds on a processor per call.
fn round(dispatch: &Dispatch, threads: u32, model: &str, below: bool) -> (f64, f64) {
    let busy = &AtomicU64::new(0);
    let calls = f64::from(CALLS) * f64::from(threads);
    let rate = tracing::dispatcher::with_default(dispatch, || {
        info_span!("pipeline").in_scope(|| {
            let stage = info_span!("work", stage = "work");
            let (stage, barrier) = (&stage, &Barrier::new(threads as usize + 1));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(move || {
                        tracing::dispatcher::with_default(dispatch, || {
                            let own = stage.in_scope(|| info_span!("task"));
                            if below { &own } else { stage }.in_scope(|| {
                                let call = || shapes::end_call(&shapes::new_call(model), 3000);
                                (0..1000).for_each(|_| call());
                                barrier.wait();
                                let before = on_processor();
                                (0..CALLS).for_each(|_| call());
                                busy.fetch_add(on_processor() - before, Ordering::Relaxed);
                                barrier.wait();
                            });
                        });
                    });
                }
                barrier.wait();
                let start = Instant::now();
                barrier.wait();
                calls / start.elapsed().as_secs_f64()
            })
        })
    });
    (rate, busy.load(Ordering::Relaxed) as f64 / calls)
}
