//! Every pair of what keeps and changes runs, under SIGKILL at random moments: afterwards every way of asking has the same sums, each
//! run has all that was promised for it, and none has more than was spent.
//!
//! Not among them: the import of files while their process delivers the same runs to the same history. Files name no part, so the two can
//! still be counted as two.
//!
//! `TRACING_BUDGET_KILLS` sets the number of kills, and `TRACING_BUDGET_SEED` the first seed; a failure names its own.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};

use tracing::{info, info_span};
use tracing_budget::journal::{JournalBound, recover};
use tracing_budget::sink::{Sink, SinkError};
use tracing_budget::{Builder, RunSummary, Status};
use tracing_budget_history::{Filter, HistorySink, Page, Prune, Put, Scope, Sort, Sqlite, Store};
use tracing_subscriber::{Registry, prelude::*};

const SCENARIO: &str = "TRACING_BUDGET_TEST_SCENARIO";
const DIRECTORY: &str = "TRACING_BUDGET_TEST_DIRECTORY";

/// What keeps runs, and what changes a history beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Journal,
    History,
    JsonDir,
    JsonLines,
    Memory,
    Failing,
    Limits,
    Recovery,
    Recover,
    Delete,
    Prune,
}

use Thing::*;

const THINGS: [Thing; 11] =
    [Journal, History, JsonDir, JsonLines, Memory, Failing, Limits, Recovery, Recover, Delete, Prune];

/// Numbers that a seed decides (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// A pair of things, and what they need.
fn pair(seed: u64) -> BTreeSet<Thing> {
    let pairs: Vec<[Thing; 2]> = THINGS
        .iter()
        .enumerate()
        .flat_map(|(at, one)| THINGS[at + 1..].iter().map(move |two| [*one, *two]))
        .collect();
    let pair = pairs[seed as usize % pairs.len()];
    let mut things = BTreeSet::from(pair);
    if pair.iter().any(|thing| matches!(thing, Recover | Delete | Prune))
        || !things.iter().any(|thing| matches!(thing, JsonDir | JsonLines))
    {
        things.insert(History);
    }
    if things.contains(&Recover) || things.contains(&Recovery) {
        things.insert(Journal);
    }
    things
}

fn layer(things: &BTreeSet<Thing>, seed: u64, directory: &Path) -> Builder {
    let mut layer = tracing_budget::layer()
        .prices(tracing_budget::PriceBook::builder().build().unwrap())
        .usage_events([module_path!()])
        .delivery(tracing_budget::sink::Delivery::new().retries([]));
    for thing in things {
        layer = match thing {
            Journal if seed.is_multiple_of(2) => {
                layer.journal(directory.join("journal")).journal_bound(JournalBound::EveryRecord)
            }
            Journal => layer.journal(directory.join("journal")),
            History => {
                let sink = HistorySink::open(directory.join("runs.db")).unwrap();
                layer.sink(sink.refresh(Duration::from_millis(3)))
            }
            JsonDir => layer.json_dir(directory.join("json")),
            JsonLines => layer.json_lines(directory.join("runs.jsonl")),
            Memory => layer.sink(tracing_budget::sink::Memory::new()),
            Failing => layer.sink(Fails),
            Limits => layer.limit_tokens(1_000_000_000),
            Recovery | Recover | Delete | Prune => layer,
        };
    }
    layer
}

/// A sink that takes every other run.
struct Fails;

impl Sink for Fails {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        if run.run_id.ends_with(['0', '2', '4', '6', '8']) {
            Err(SinkError::new("on purpose"))
        } else {
            Ok(())
        }
    }
}

/// One line for the parent, whole before it may be killed.
fn report(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Traces runs until it is killed, or a few.
fn trace(things: &BTreeSet<Thing>, seed: u64, life: u64, directory: &Path, runs: u64) {
    let mut random = Random(seed.wrapping_mul(31) + life + 1);
    let (budget, guard) = layer(things, seed, directory).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        for number in 0..runs {
            let id = format!("{life}-{number}");
            let root = info_span!(parent: None, "pipeline", run_id = id);
            let mut total = 0;
            for _ in 0..=random.below(4) {
                let tokens = 1 + random.below(1_000);
                total += tokens;
                report(&format!("spend {id} {tokens}"));
                root.in_scope(|| {
                    info_span!("stage")
                        .in_scope(|| info!(model = "m", input_tokens = tokens, output_tokens = 0));
                });
                if random.below(3) == 0 {
                    thread::sleep(Duration::from_micros(500 * random.below(10)));
                }
            }
            drop(root);
            if random.below(2) == 0 && guard.flush().is_ok() {
                report(&format!("kept {id} {total}"));
            }
        }
    });
    drop(guard);
}

/// Changes the history until it is killed.
fn change(thing: Thing, seed: u64, directory: &Path) {
    let mut random = Random(seed + 77);
    let store = Sqlite::open(directory.join("runs.db")).unwrap();
    report("begun");
    loop {
        match thing {
            Recover => {
                let found = recover(directory.join("journal")).unwrap();
                store.put_all(&found.runs().map(Put::new).collect::<Vec<_>>()).unwrap();
                found.discard().unwrap();
            }
            Delete => {
                let listed = store.list(&Filter::new(), Sort::default(), &Page::first(10)).unwrap();
                if let Some(row) = listed.runs.get(random.below(10) as usize) {
                    report(&format!("delete {} 0", row.run_id));
                    store.delete(&[&row.run_id]).unwrap();
                }
            }
            _ => {
                let mut prune = Prune::default();
                prune.keep_last = Some(5);
                store.prune(&prune).unwrap();
            }
        }
        thread::sleep(Duration::from_micros(100 * random.below(30)));
    }
}

/// Not a test by itself: the process that is killed.
#[test]
fn child() {
    let (Some(scenario), Some(directory)) = (env::var(SCENARIO).ok(), env::var_os(DIRECTORY)) else { return };
    let numbers: Vec<u64> = scenario.split(' ').map(|number| number.parse().unwrap()).collect();
    let [seed, life, thing] = numbers[..] else { panic!("three numbers") };
    match THINGS.get(thing as usize) {
        None => trace(&pair(seed), seed, life, directory.as_ref(), u64::MAX),
        Some(thing) => change(*thing, seed, directory.as_ref()),
    }
}

/// The whole documents of `json_dir`.
fn documents(directory: &Path) -> Vec<RunSummary> {
    let Ok(files) = fs::read_dir(directory.join("json")) else { return vec![] };
    let paths = files.map(|file| file.unwrap().path());
    let whole: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    whole.iter().map(|path| RunSummary::from_json(fs::read(path).unwrap()).unwrap()).collect()
}

fn lines(directory: &Path) -> Vec<RunSummary> {
    let text = fs::read_to_string(directory.join("runs.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| RunSummary::from_json(line).ok()).collect()
}

/// What the children reported of each run.
#[derive(Default)]
struct Reported {
    spent: BTreeMap<String, u64>,
    kept: BTreeMap<String, u64>,
    deleted: BTreeSet<String>,
}

impl Reported {
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, id, number] = words[..] else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        match what {
            "spend" => *self.spent.entry(id.to_owned()).or_default() += number,
            "kept" => drop(self.kept.insert(id.to_owned(), number)),
            "delete" => drop(self.deleted.insert(id.to_owned())),
            _ => {}
        }
    }

    /// The sums of runs as they are kept in one place.
    fn check(&self, what: &str, runs: &BTreeMap<String, u64>, may_lack: bool) {
        for (id, tokens) in runs {
            let spent = self.spent.get(id).copied().unwrap_or_default();
            assert!(*tokens <= spent, "{what}: run {id} has {tokens} tokens, and {spent} were spent");
        }
        for (id, tokens) in &self.kept {
            match runs.get(id) {
                Some(found) => assert_eq!(found, tokens, "{what}: run {id}"),
                None => assert!(may_lack || self.deleted.contains(id), "{what}: run {id} is gone"),
            }
        }
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(
    seed: u64,
    life: u64,
    thing: usize,
    directory: &Path,
    lines: &mpsc::Sender<String>,
) -> (Killed, thread::JoinHandle<()>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(SCENARIO, format!("{seed} {life} {thing}"))
        .env(DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (out, lines) = (BufReader::new(child.stdout.take().unwrap()), lines.clone());
    // To the end of the pipe: what was written before the kill is read.
    let reader =
        thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line))));
    (Killed(child), reader)
}

fn tokens_by_id(runs: &[RunSummary]) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for run in runs {
        run.check().unwrap();
        // A document that was delivered again after a kill is the same document.
        let same = serde_json::to_string(run).unwrap();
        sums.entry(run.run_id.clone()).or_default().insert(same, run.budget_summary.total.input_tokens);
    }
    sums.into_iter().map(|(id, documents)| (id, documents.into_values().sum())).collect()
}

/// One scenario: three lives that are killed, and one that is not.
fn scenario(seed: u64, met: &Met) {
    let directory =
        env::temp_dir().join(format!("tracing-budget-combinations-{}-{seed}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let (things, mut reported, mut random) =
        (pair(seed), Reported::default(), Random(seed.wrapping_add(1) * 0x9e37_79b9));
    let mut children = vec![THINGS.len()];
    children.extend(
        (0..THINGS.len())
            .filter(|at| matches!(THINGS[*at], Recover | Delete | Prune) && things.contains(&THINGS[*at])),
    );
    for life in 0..LIVES {
        let (send, receive) = mpsc::channel();
        let running: Vec<_> =
            children.iter().map(|thing| start(seed, life, *thing, &directory, &send)).collect();
        drop(send);
        let mut wanted = 1 + random.below(60);
        while wanted > 0 {
            let line = receive
                .recv_timeout(Duration::from_secs(60))
                .unwrap_or_else(|_| panic!("seed {seed}: {things:?}: no line"));
            wanted -= u64::from(line.starts_with("spend"));
            reported.take(&line);
        }
        thread::sleep(Duration::from_micros(random.below(3_000)));
        let readers: Vec<_> = running
            .into_iter()
            .map(|(child, reader)| {
                drop(child);
                reader
            })
            .collect();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        receive.iter().for_each(|line| reported.take(&line));
    }
    // A last life that ends by itself recovers what the others left.
    {
        let (_, guard) = layer(&things, seed, &directory).build::<Registry>().unwrap();
        let flushed = guard.flush();
        assert!(flushed.is_ok() || things.contains(&Failing), "{flushed:?}");
    }
    if things.contains(&JsonDir) {
        reported.check("json_dir", &tokens_by_id(&documents(&directory)), false);
    }
    if things.contains(&JsonLines) {
        reported.check("json_lines", &tokens_by_id(&lines(&directory)), false);
    }
    if things.contains(&History) {
        let store = Sqlite::open(directory.join("runs.db")).unwrap();
        let page = store.list(&Filter::new(), Sort::default(), &Page::first(100_000)).unwrap();
        let rows: BTreeMap<String, u64> =
            page.runs.iter().map(|row| (row.run_id.clone(), row.tokens_used.unwrap_or_default())).collect();
        reported.check("history", &rows, things.contains(&Prune));
        for (id, tokens) in &rows {
            let run = store.get(id).unwrap().unwrap();
            run.check().unwrap();
            assert_eq!(run.budget_summary.total.input_tokens, *tokens, "run {id}");
        }
        let interrupted = page.runs.iter().filter(|row| row.status == Status::Interrupted).count();
        met.interrupted.fetch_add(interrupted as u64, Relaxed);
        let ended = page.runs.iter().filter(|row| row.status.is_terminal());
        let sum: u64 = ended.map(|row| row.tokens_used.unwrap_or_default()).sum();
        let everything = Scope::new();
        assert_eq!(store.summary(&everything).unwrap().tokens_used.unwrap_or_default(), sum, "overview");
        let stages: u64 =
            store.stages(&everything).unwrap().iter().map(|row| row.tokens_used.unwrap_or_default()).sum();
        let models: u64 =
            store.models(&everything).unwrap().iter().map(|row| row.tokens_used.unwrap_or_default()).sum();
        assert_eq!((stages, models), (sum, sum), "stages and models");
        let found = store.verify().unwrap();
        assert!(found.is_sound(), "{found:?}");
        if things.contains(&JsonDir) && !things.contains(&Delete) && !things.contains(&Prune) {
            let documents = tokens_by_id(&documents(&directory));
            let ended: BTreeMap<String, u64> = page
                .runs
                .iter()
                .filter(|row| row.status.is_terminal())
                .map(|row| (row.run_id.clone(), row.tokens_used.unwrap_or_default()))
                .collect();
            for (id, tokens) in &documents {
                assert_eq!(ended.get(id), Some(tokens), "history and json_dir: run {id}");
            }
        }
    }
    met.runs.fetch_add(reported.spent.len() as u64, Relaxed);
    met.kept.fetch_add(reported.kept.len() as u64, Relaxed);
    met.deleted.fetch_add(reported.deleted.len() as u64, Relaxed);
    let _ = fs::remove_dir_all(&directory);
}

/// Lives of a scenario that are killed.
const LIVES: u64 = 3;

/// What all scenarios came to: a test of kills that met nothing shows nothing.
#[derive(Debug, Default)]
struct Met {
    runs: AtomicU64,
    kept: AtomicU64,
    interrupted: AtomicU64,
    deleted: AtomicU64,
}

#[test]
fn every_pair_survives_kills_at_any_moment() {
    let number = |name: &str| env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (kills, first) =
        (number("TRACING_BUDGET_KILLS").unwrap_or(200), number("TRACING_BUDGET_SEED").unwrap_or(0));
    let seeds = first..first + kills.div_ceil(LIVES);
    let met = Met::default();
    let next = AtomicU64::new(seeds.start);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(|| scenario(seed, &met))) {
                        println!("TRACING_BUDGET_SEED={seed} {:?}", pair(seed));
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
    println!("{kills} kills: {met:?}");
    if kills >= 200 {
        let met = [met.runs, met.kept, met.interrupted, met.deleted].map(AtomicU64::into_inner);
        assert!(met.iter().all(|met| *met >= 20), "the kills met too little: {met:?}");
    }
}
