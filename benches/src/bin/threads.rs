//! Many threads that record into one run, in one stage: `cargo run --release -p budget-benches --bin threads`.

use std::error::Error;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use budget_benches::shapes::{self, KNOWN, UNKNOWN};
use budget_benches::{bar, layers};
use tracing::info_span;

const CALLS: u32 = 100_000;
/// Of so many rounds the fastest: whatever else the machine does only slows one down.
const ROUNDS: u32 = 20;
const COUNTS: [u32; 4] = [1, 2, 4, 8];
/// Threads that wait between two that work. The registry keeps what is its own of each thread next to that of the one that came
/// before it, and two that work side by side would write one cache line, with or without a layer.
const BETWEEN: usize = 8;

/// What is measured, by its name.
type Listen = fn() -> layers::Listener;
const LISTENERS: [(&str, Listen, &str); 3] = [
    ("no-op layer behind INFO", layers::no_op_filtered, UNKNOWN),
    ("ours, unpriced", layers::ours, UNKNOWN),
    ("ours, priced", layers::ours, KNOWN),
];

/// Where the threads have their calls. In the stage's own span they meet in the registry, which counts every child at its
/// parent; below it, in a span of a thread's own as a task's is, they do not.
const PLACES: [&str; 2] = ["all in its span", "each in a span of its own"];
/// How many times the throughput of one thread two are to have there.
const LEAST: [f64; 2] = [1.7, 1.8];

/// Each is measured in a process of its own, as a program has one subscriber for all its threads: were it handed to them, as
/// a test does, they would count their references to it on one cache line at every span.
fn main() -> Result<(), Box<dyn Error>> {
    if let [inside, what, place] = &*std::env::args().skip(1).collect::<Vec<_>>()
        && inside == "--inside"
    {
        return live(what, place);
    }
    println!("| under | in the stage | threads | calls per second | against 1 thread | CPU time per call |");
    println!("|---|---|--:|--:|--:|--:|");
    println!("{}", independent_loops());
    for place in PLACES {
        for (what, ..) in LISTENERS {
            let child = Command::new(std::env::current_exe()?).args(["--inside", what, place]).status()?;
            if !child.success() {
                return Err(format!("{what}, {place}: {child}").into());
            }
        }
    }
    Ok(())
}

fn live(what: &str, place: &str) -> Result<(), Box<dyn Error>> {
    let (_, listener, model) =
        LISTENERS.into_iter().find(|(name, ..)| *name == what).ok_or("no such listener")?;
    let listener = listener();
    tracing::dispatcher::set_global_default(listener.dispatch)?;
    // In turn, so that what the machine does meanwhile slows all of them down.
    let mut best = [(0.0, 0.0); COUNTS.len()];
    for _ in 0..ROUNDS {
        for (threads, best) in COUNTS.into_iter().zip(&mut best) {
            let round = round(threads, model, place == PLACES[1]);
            if round.0 > best.0 {
                *best = round;
            }
        }
    }
    let alone = best[0].0;
    let least = LEAST[usize::from(place == PLACES[1])];
    for (threads, (rate, busy)) in COUNTS.into_iter().zip(best) {
        println!("| {what} | {place} | {threads} | {rate:.0} | {:.2} | {busy:.0} ns |", rate / alone);
        if threads == 2 && what.starts_with("ours") {
            let text = format!(
                "2 threads into one run and one stage, {place}, {what}: {least} times the throughput of 1"
            );
            bar(&text, &format!("{:.2} times", rate / alone), rate / alone >= least);
        }
    }
    Ok(())
}

/// What two threads that share nothing have of these cores, in a line of the table: nothing can do better.
fn independent_loops() -> String {
    let spin = || {
        let mut state = 1_u64;
        (0..200_000_000_u64).for_each(|step| state = std::hint::black_box(state ^ step).rotate_left(7));
        std::hint::black_box(state);
    };
    let rate = |threads: u32| {
        let rounds = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(spin))));
            f64::from(threads) / start.elapsed().as_secs_f64()
        });
        rounds.fold(0.0, f64::max)
    };
    format!("| two loops that share nothing | | 2 | | {:.2} | |", rate(2) / rate(1))
}

/// Nanoseconds that this thread has been on a processor; 0 where the system does not report it.
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

/// Calls per second of all threads together, from the first that begins to the last that is done, and nanoseconds on a
/// processor per call.
fn round(threads: u32, model: &str, below: bool) -> (f64, f64) {
    let busy = &AtomicU64::new(0);
    let calls = f64::from(CALLS) * f64::from(threads);
    let rate = info_span!("pipeline").in_scope(|| {
        let stage = info_span!("work", stage = "work");
        let (stage, barrier) = (&stage, &Barrier::new(threads as usize));
        let (met, end) = (&Barrier::new(2), &Barrier::new(threads as usize * BETWEEN + 1));
        std::thread::scope(|scope| {
            let live = move |_| {
                let life = scope.spawn(move || {
                    let own = stage.in_scope(|| info_span!("task"));
                    met.wait();
                    if below { &own } else { stage }.in_scope(|| {
                        let call = || shapes::end_call(&shapes::new_call(model), 3000);
                        (0..1000).for_each(|_| call());
                        barrier.wait();
                        let (before, start) = (on_processor(), Instant::now());
                        (0..CALLS).for_each(|_| call());
                        let end = Instant::now();
                        busy.fetch_add(on_processor() - before, Ordering::Relaxed);
                        (start, end)
                    })
                });
                met.wait();
                for _ in 0..BETWEEN {
                    scope.spawn(move || {
                        stage.in_scope(|| ());
                        met.wait();
                        end.wait();
                    });
                    met.wait();
                }
                life
            };
            let threads: Vec<_> = (0..threads).map(live).collect();
            let lives = threads.into_iter().map(|thread| thread.join().expect("no thread panics"));
            let (starts, ends): (Vec<_>, Vec<_>) = lives.unzip();
            end.wait();
            let first = starts.into_iter().min().expect("there is a thread");
            let last = ends.into_iter().max().expect("there is a thread");
            calls / (last - first).as_secs_f64()
        })
    });
    (rate, busy.load(Ordering::Relaxed) as f64 / calls)
}
