//! Writes a run history of many runs, and measures writes and queries.
//!
//! ```sh
//! cargo run --release -p budget-history-bench -- --runs 1000000 --db target/history-bench.db
//! ```
//!
//! Stored runs are kept: an interrupted run of this program continues. The file is about 8 kB a run.

mod queries;
mod runs;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing_budget::sink::Sink;
use tracing_budget_history::{HistorySink, Put, Scope, Sqlite, Store};

struct Options {
    runs: u64,
    db: PathBuf,
    /// Runs only this query: the time of a command line.
    query: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    if let Some(query) = &options.query {
        return queries::once(&options.db, query);
    }
    make(&options)?;
    write_through_sink(&options.db)?;
    queries::all(&options.db)
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { runs: 1_000_000, db: "target/history-bench.db".into(), query: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--runs" => options.runs = value.parse()?,
            "--db" => options.db = value.into(),
            "--query" => options.query = Some(value),
            _ => return Err(format!("{word}: expected --runs, --db or --query").into()),
        }
    }
    Ok(options)
}

/// Stores the missing runs, a thousand at a time.
fn make(options: &Options) -> Result<(), Box<dyn Error>> {
    let store = Sqlite::open(&options.db)?;
    let there = store.summary(&Scope::new())?.runs;
    let begun = Instant::now();
    let mut printed = begun;
    for from in (there..options.runs).step_by(1_000) {
        let to = options.runs.min(from + 1_000);
        let runs: Vec<_> = (from..to).map(|n| runs::run(n, options.runs)).collect();
        store.put_all(&runs.iter().map(Put::new).collect::<Vec<_>>())?;
        if printed.elapsed() > Duration::from_secs(10) || to == options.runs {
            printed = Instant::now();
            println!("{to} runs, {:.0} a second", (to - there) as f64 / begun.elapsed().as_secs_f64());
        }
    }
    let size = std::fs::metadata(&options.db)?.len();
    println!("file | {:.2} GB | {:.0} bytes a run", size as f64 / 1e9, size as f64 / options.runs as f64);
    Ok(())
}

/// Runs a second through the sink, which stores each in a transaction of its own before it answers. A thousand runs end in a second
/// where each takes a millisecond, and no model answers that fast.
const SINK_BAR: f64 = 1_000.0;

/// The sink, on an empty history beside the large one: runs arrive as the worker gives them.
fn write_through_sink(db: &Path) -> Result<(), Box<dyn Error>> {
    const RUNS: u64 = 20_000;
    /// As many as there were in 90 days, were every minute as busy.
    const OF: u64 = RUNS * 60 * 24 * 90;
    let beside = db.with_extension("sink.db");
    let runs: Vec<_> = (OF - RUNS..OF).map(|n| runs::run(n, OF)).collect();
    let mut rates = Vec::new();
    let mut busy: Vec<f64> = Vec::new();
    for _ in 0..3 {
        remove(&beside);
        let mut sink = HistorySink::open(&beside)?;
        let (begun, busy_before) = (Instant::now(), busy_seconds());
        for run in &runs {
            sink.run_finished(run)?;
        }
        sink.flush()?;
        rates.push(RUNS as f64 / begun.elapsed().as_secs_f64());
        busy.extend(busy_before.zip(busy_seconds()).map(|(before, after)| RUNS as f64 / (after - before)));
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let rate = median(rates);
    let met = if rate >= SINK_BAR { "met" } else { "**missed**" };
    println!("sink | {rate:.0} runs a second | at least {SINK_BAR} | {met}");
    println!("sink | {:.0} runs in a second of processor time, which neighbours do not change", median(busy));
    remove(&beside);
    Ok(())
}

/// Seconds that this process has kept a core busy, from Linux, in hundredths.
fn busy_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process, in brackets, may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: [f64; 2] = [fields.next()?.parse().ok()?, fields.next()?.parse().ok()?];
    Some((ticks[0] + ticks[1]) / 100.0)
}

fn remove(db: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = db.as_os_str().to_owned();
        name.push(end);
        // Mostly not there.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}
