//! A process that is killed at any moment loses no more than the bound of its journal allows.
//!
//! The child is this test program itself. Several threads work on several runs, print an acknowledgement for each settled
//! record right after it was settled, and the parent kills the child with SIGKILL meanwhile. The parent looks for the
//! acknowledged records, so it needs no clock. Under a bound in time the child also prints how many records its journal has
//! written: a busy machine may delay the journal's thread beyond any bound, and all records that it counts as written must
//! be in the file.

#![cfg(all(feature = "prices", unix))]
#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use journaled::Fresh;
use tracing::{info, info_span};
use tracing_budget::sink::{Delivery, Sink, SinkError};
use tracing_budget::{
    PriceBook, RunSummary, Status, Verdict, gate, journal::JournalBound, layer, price::Rates,
};
use tracing_subscriber::prelude::*;

const KILLS: u64 = 200;
const AT_ONCE: u64 = 8;

/// The bound of the children with a bound in time.
const BOUND: Duration = Duration::from_millis(20);

/// How many tokens the call with this number uses.
fn tokens(call: u64) -> u64 {
    call * 7 + 1
}

/// Random numbers with a fixed seed, so that a failure can be repeated: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

/// A child that is killed at the latest when the test ends.
struct Running(Child);

impl Running {
    fn start(directory: &Path, bound: &str) -> (Self, BufReader<ChildStdout>) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads", "1"])
            .env("JOURNAL_DIRECTORY", directory)
            .env("JOURNAL_BOUND", bound)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        (Self(child), stdout)
    }

    /// Kills it, and waits for its end.
    fn kill(mut self) {
        self.0.kill().unwrap();
        let status = self.0.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "it ended by itself: {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An acknowledgement of a child, and the number of records of its journal by then.
#[derive(Debug)]
struct Ack {
    records: u64,
    words: Vec<String>,
}

impl Ack {
    /// Reads a whole line; `None` for one that was cut short.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_suffix('\n')?.split(' ');
        (words.next()? == "ack").then_some(())?;
        let records = words.next()?.parse().ok()?;
        Some(Self { records, words: words.map(str::to_owned).collect() })
    }
}

/// The next acknowledgements, up to a number or to the end.
fn acks(stdout: &mut impl BufRead, most: usize) -> Vec<Ack> {
    let mut acks: Vec<Ack> = Vec::new();
    let mut line = String::new();
    while acks.len() < most && stdout.read_line(&mut line).unwrap() > 0 {
        acks.extend(Ack::read(&line));
        line.clear();
    }
    acks
}

/// Starts one child, kills it, and checks what its journal has.
fn kill_one(seed: u64, bound: &str, life: u64) -> Counts {
    let directory = Fresh::new();
    let (child, mut stdout) = Running::start(directory.path(), bound);
    let mut random = Random(seed);
    let mut acknowledged = acks(&mut stdout, random.below(life) as usize);
    let pause = Instant::now() + Duration::from_micros(random.below(500));
    while Instant::now() < pause {
        std::hint::spin_loop();
    }
    child.kill();
    acknowledged.extend(acks(&mut stdout, usize::MAX));

    let found = directory.recover();
    assert_eq!((found.in_use(), found.unreadable().len()), (0, 0), "{found:#?}");
    for journal in found.journals() {
        assert!(journal.skipped().iter().all(|line| line.is_cut_short), "{:?}", journal.skipped());
    }
    let runs: BTreeMap<&str, &RunSummary> = found.runs().map(|run| (run.run_id.as_str(), run)).collect();
    assert_eq!(runs.len(), found.runs().count(), "a run is there twice");
    runs.values().for_each(|run| is_in_order(run));
    let settled = acknowledged.iter().filter(|ack| ack.words[0] != "written").count();
    // Delivered runs are no longer in the journal.
    let with_sink: BTreeSet<&str> =
        acknowledged.iter().filter(|ack| ack.words[0] == "sink").map(|ack| ack.words[1].as_str()).collect();
    let mut promised = promised(&acknowledged, bound);
    let kept = promised.len();
    promised.retain(|ack| !with_sink.contains(ack.words[1].as_str()));
    for ack in &promised {
        holds(ack, &runs);
    }
    let counts = Counts { settled, kept, looked_for: promised.len() };
    found.discard().unwrap();
    assert!(directory.files().is_empty());
    counts
}

/// Numbers of acknowledged records of one child.
struct Counts {
    settled: usize,
    /// Those that had to survive.
    kept: usize,
    /// Those of them that were in no delivered run.
    looked_for: usize,
}

/// The records that must have survived.
fn promised<'a>(acknowledged: &'a [Ack], bound: &str) -> Vec<&'a Ack> {
    let until = match bound {
        "every record" => u64::MAX,
        _ => acknowledged
            .iter()
            .filter(|ack| ack.words[0] == "written")
            .map(|ack| ack.records)
            .max()
            .unwrap_or(0),
    };
    acknowledged.iter().filter(|ack| ack.words[0] != "written" && ack.records <= until).collect()
}

fn holds(ack: &Ack, runs: &BTreeMap<&str, &RunSummary>) {
    let words: Vec<&str> = ack.words.iter().map(String::as_str).collect();
    let ["call" | "gate" | "stage" | "run", id, rest @ ..] = words.as_slice() else { return };
    let run = runs.get(*id).unwrap_or_else(|| panic!("{ack:?}: no such run in {:?}", runs.keys()));
    let budget = &run.budget_summary;
    match (words[0], rest) {
        ("call", [stage, number]) => {
            let row = budget.by_operation.get(&format!("op-{number}"));
            let row = row.unwrap_or_else(|| panic!("{ack:?} is not in\n{run}"));
            assert_eq!(row.figures.input_tokens, tokens(number.parse().unwrap()), "{ack:?} in\n{run}");
            assert!(budget.per_agent.get(stage).is_some(), "{ack:?} in\n{run}");
        }
        ("gate", [name]) => {
            assert!(budget.gate_verdicts.iter().any(|gate| gate.gate_name == *name), "{ack:?} in\n{run}");
        }
        ("stage", [name]) => {
            let row = budget.per_agent.get(name).unwrap_or_else(|| panic!("{ack:?} is not in\n{run}"));
            assert_eq!((row.status, row.calls), (Status::Completed, 1), "{ack:?} in\n{run}");
        }
        ("run", []) => assert_eq!(run.status, Status::Completed, "{ack:?} in\n{run}"),
        other => panic!("{other:?}"),
    }
}

/// Checks that a recovered run adds up, has no record that was never settled, and has its verdicts in order.
fn is_in_order(run: &RunSummary) {
    run.check().unwrap_or_else(|error| panic!("{error}\n{run}"));
    assert!(matches!(run.status, Status::Interrupted | Status::Completed), "{run}");
    let budget = &run.budget_summary;
    for (operation, row) in budget.by_operation.iter() {
        let call: u64 = operation.trim_start_matches("op-").parse().unwrap();
        assert_eq!((row.figures.llm_calls, row.figures.input_tokens), (1, tokens(call)), "{run}");
    }
    let verdicts: Vec<&str> = budget.gate_verdicts.iter().map(|gate| gate.gate_name.as_str()).collect();
    let all = ["gate-0", "gate-1", "gate-2"];
    assert_eq!(verdicts, all[..verdicts.len()], "{run}");
    for (name, row) in budget.per_agent.iter().filter(|(name, _)| *name != "unattributed") {
        assert!(matches!(row.status, Status::Completed | Status::Interrupted), "{name} in\n{run}");
    }
}

fn kill_all(bound: &'static str, life: u64) {
    let next = AtomicU64::new(0);
    let [settled, kept, looked_for, informative] = [const { AtomicU64::new(0) }; 4];
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let seed @ 0..KILLS = next.fetch_add(1, SeqCst) {
                    let counts = kill_one(seed, bound, life);
                    settled.fetch_add(counts.settled as u64, SeqCst);
                    kept.fetch_add(counts.kept as u64, SeqCst);
                    looked_for.fetch_add(counts.looked_for as u64, SeqCst);
                    informative.fetch_add(u64::from(counts.looked_for > 0), SeqCst);
                }
            });
        }
    });
    let [settled, kept, looked_for, informative] =
        [settled, kept, looked_for, informative].map(AtomicU64::into_inner);
    println!(
        "{KILLS} kills: {settled} records settled, {kept} to survive, {looked_for} of them with no sink, in {informative} children"
    );
    assert!(informative > KILLS / 4, "only {informative} of {KILLS} kills could show anything");
    assert!(kept > settled / 2, "the journal was far behind: {kept} of {settled}");
}

#[test]
fn with_every_record_no_settled_record_is_lost() {
    kill_all("every record", 600);
}

#[test]
fn with_a_bound_in_time_no_record_counted_as_written_is_lost() {
    kill_all("in time", 1_600);
}

#[test]
fn live_processes_never_recover_each_others_runs() {
    let directory = Fresh::new();
    let (one, mut one_stdout) = Running::start(directory.path(), "every record");
    let first = acks(&mut one_stdout, 20);
    let (two, mut two_stdout) = Running::start(directory.path(), "every record");
    let second = acks(&mut two_stdout, 200);
    let of = |acks: &[Ack]| acks.iter().filter_map(|ack| ack.words.get(1).cloned()).collect::<BTreeSet<_>>();
    assert!(of(&first).is_disjoint(&of(&second)), "the second has delivered runs of the first");
    let found = directory.recover();
    assert_eq!((found.runs().count(), found.in_use()), (0, 2));
    one.kill();
    let found = directory.recover();
    assert_eq!((found.journals().len(), found.in_use()), (1, 1));
    assert!(found.runs().all(|run| !of(&second).contains(&run.run_id)));
    drop(found);
    // A third process recovers the runs of the dead one, and still not those of the second.
    let (three, mut three_stdout) = Running::start(directory.path(), "every record");
    let third = acks(&mut three_stdout, 300);
    assert!(of(&third).is_disjoint(&of(&second)));
    two.kill();
    three.kill();
    fs::remove_dir_all(directory.path()).unwrap();
}

/// Prints what was settled, in one write.
fn acknowledge(records: u64, what: &str) {
    let line = format!("ack {records} {what}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

#[test]
#[ignore = "the process that is killed"]
fn child() {
    let directory = env::var_os("JOURNAL_DIRECTORY").unwrap();
    let (bound, pause) = match env::var("JOURNAL_BOUND").unwrap().as_str() {
        "every record" => (JournalBound::EveryRecord, None),
        _ => (JournalBound::Every(BOUND), Some(Duration::from_millis(1))),
    };
    let (budget, guard) = layer()
        .usage_events([module_path!()])
        .prices(prices())
        .journal(directory)
        .journal_bound(bound)
        .sink(TakesTwoWorkers)
        .delivery(Delivery::new().retries([]))
        .build()
        .unwrap();
    tracing_subscriber::registry().with(budget).init();
    let handle = guard.handle();
    let journal = || handle.stats().journal.unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                acknowledge(journal().written, "written");
                thread::sleep(Duration::from_millis(2));
            }
        });
        for worker in 0..3 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("{}-{worker}-{number}", std::process::id());
                    one_run(&id, &|what| {
                        acknowledge(journal().records, what);
                        pause.into_iter().for_each(thread::sleep);
                    });
                }
            });
        }
    });
}

/// Takes the runs of two workers; those of the third stay in the journal after their end.
struct TakesTwoWorkers;

impl Sink for TakesTwoWorkers {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        if run.run_id.contains("-2-") {
            return Err(SinkError::new("refused"));
        }
        acknowledge(0, &format!("sink {}", run.run_id));
        Ok(())
    }
}

/// Prices without the bundled list: reading it takes longer than a child lives.
fn prices() -> PriceBook {
    let rates = Rates::per_million().input("1").output("2");
    PriceBook::builder().prices_json("[]").price("gpt-5", rates).build().unwrap()
}

/// A run with three stages, two threads, twelve calls and three gates.
fn one_run(id: &str, acknowledge: &(impl Fn(&str) + Sync)) {
    let root = info_span!("pipeline", run_id = id);
    let call = |stage: &str, number: u64| {
        let operation = format!("op-{number}");
        let span = info_span!(
            "chat",
            gen_ai.operation.name = operation.as_str(),
            gen_ai.request.model = "gpt-5",
            gen_ai.usage.input_tokens = tokens(number),
        );
        drop(span);
        acknowledge(&format!("call {id} {stage} {number}"));
    };
    root.in_scope(|| {
        for (name, number) in ["discovery", "implementation", "review"].into_iter().zip(0_u64..) {
            let stage = info_span!("stage", stage = name);
            stage.in_scope(|| {
                thread::scope(|scope| {
                    let other = scope.spawn(|| {
                        let _here = stage.enter();
                        call(name, number * 4);
                        call(name, number * 4 + 1);
                    });
                    call(name, number * 4 + 2);
                    call(name, number * 4 + 3);
                    other.join().unwrap();
                });
                let gate_name = format!("gate-{number}");
                gate(&gate_name).verdict(Verdict::Pass).emit();
                acknowledge(&format!("gate {id} {gate_name}"));
            });
            drop(stage);
            acknowledge(&format!("stage {id} {name}"));
        }
        info!("what is no record");
    });
    drop(root);
    acknowledge(&format!("run {id}"));
}
