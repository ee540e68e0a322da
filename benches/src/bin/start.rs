//! What a program waits for at its start, and what the worker does at a run's end: `cargo run --release -p budget-benches --bin start`.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use budget_benches::bar;
use budget_benches::shapes::{self, KNOWN};
use tracing::info_span;
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;

/// Each is a process of its own: prices are read once in a process.
const PROCESSES: usize = 21;
/// As many as a run keeps.
const CALLS: u64 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("--inside") {
        return live();
    }
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..PROCESSES {
        let output = Command::new(std::env::current_exe()?).arg("--inside").output()?;
        let printed = String::from_utf8(output.stdout)?;
        for (times, time) in times.iter_mut().zip(printed.split_whitespace()) {
            times.push(time.parse()?);
        }
    }
    println!("| what | median ms | most ms |");
    println!("|---|--:|--:|");
    let bars = [
        ("`build()`, without a journal or a sink that opens files", 1.0),
        ("the first priced call, before the prices are read, on its own thread", 1.0),
        ("a run with 1,000 calls kept, from the close of its root to a sink", 2.0),
    ];
    for ((what, most), times) in bars.into_iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        println!("| {what} | {median:.3} | {longest:.3} |");
        bar(&format!("{what}: {most} ms"), &format!("{median:.3} ms"), median <= most);
    }
    Ok(())
}

fn live() -> Result<(), Box<dyn Error>> {
    let memory = Memory::new();
    let start = Instant::now();
    let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build()?;
    let built = start.elapsed();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(budget))?;
    let start = Instant::now();
    info_span!("pipeline").in_scope(|| call(1));
    let first = start.elapsed();
    guard.flush()?;
    let root = info_span!("pipeline");
    root.in_scope(|| (0..CALLS).for_each(call));
    let _ = memory.take();
    let start = Instant::now();
    drop(root);
    guard.flush()?;
    let ended = start.elapsed();
    let kept = memory
        .take()
        .first()
        .and_then(|run| Some(run.budget_summary.calls.as_ref()?.len()))
        .unwrap_or_default();
    assert_eq!(kept as u64, CALLS, "they are all kept");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{} {} {}", ms(built), ms(first), ms(ended));
    Ok(())
}

/// A call with a usage of its own.
fn call(number: u64) {
    let call = shapes::new_call(KNOWN);
    shapes::end_call(&call, 1_000 + number);
}
