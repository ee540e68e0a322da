//! The figures of a killed process are recovered exactly, and its journal is removed only after delivery.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journaled::Fresh;
use tracing::{error, info, info_span};
use tracing_budget::sink::{Memory, Sink, SinkError};
use tracing_budget::{
    BudgetGuard, Builder, PriceBook, RunSummary, Status, Usd, Verdict, call, gate,
    journal::{JournalBound, JournalStats},
    layer, operation,
    price::Rates,
};
use tracing_subscriber::prelude::*;

fn journaled(directory: &Fresh) -> Builder {
    let book = PriceBook::builder().price("m", Rates::per_million().input("1.000001").output("2"));
    layer()
        .usage_events([module_path!()])
        .prices(book.build().unwrap())
        .project("apprentice")
        .tag("tier", "2")
        .limit_usd("5000000.000000000001")
        .journal(directory.path())
        .journal_bound(JournalBound::EveryRecord)
}

fn traced(builder: Builder, code: impl FnOnce(&BudgetGuard)) {
    let (budget, guard) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || code(&guard));
}

/// Every kind of record that a run can have, except its end.
fn work() {
    info_span!("early").in_scope(|| ());
    info!(tag.branch = "main", count.candidates = 12, value_usd = "100.000000000001", iteration = 3_u64);
    info_span!("implementation", stage = "implementation").in_scope(|| {
        info!(model = "m", provider = "p", input_tokens = 3_000, output_tokens = 987, cache_read_tokens = 5);
        info!(model = "unheard of", input_tokens = 10, web_searches = 2, input_audio_seconds = 1.5);
        info!(cost_usd = 9_000.000000000001);
        drop(call("m").start());
        info_span!("tool", gen_ai.operation.name = "execute_tool")
            .in_scope(|| error!(error = "no such tool"));
        info_span!("inner", stage = "inner").in_scope(|| error!(error = "it broke"));
    });
    let spent = operation("mcp_tool_call").cost_usd("0.0005").duration(Duration::from_millis(3)).iteration(7);
    spent.meta("tool", "grep").record();
    let judge = info_span!("judge", gate = "judge", verdict = "PASSED", score = 0.1, why = "all \"good\"\n");
    judge.in_scope(|| info!(model = "m", input_tokens = 7));
    gate("lint").verdict(Verdict::Fail).blocking(false).reason("E0308").diagnostic("lines", 3).emit();
    info!(gate = "style", verdict = "meh", blocking = false);
    info!(input_tokens = -5, model = "m");
}

/// A run as a sink gets it, and the runs that a kill would leave at that moment.
type Seen = (RunSummary, Vec<RunSummary>);

#[test]
fn an_ended_run_without_a_delivery_is_recovered_unchanged() {
    // With the other bound, the journal's thread comes too late for the sinks.
    for bound in [JournalBound::EveryRecord, JournalBound::Every(Duration::from_secs(3_600))] {
        is_recovered_unchanged(bound);
    }
}

fn is_recovered_unchanged(bound: JournalBound) {
    let directory = Fresh::new();
    let path = directory.path().to_owned();
    let found: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let seen = Arc::clone(&found);
    // Between the end of a run and the moment at which a sink has it.
    let sink = move |run: &RunSummary| {
        let lost = Fresh::at(&path).lost_now();
        seen.lock().unwrap().push((run.clone(), lost));
    };
    let builder = journaled(&directory).journal_bound(bound).sink(sink);
    traced(builder.expect_gates(["lint", "sign_off"]), |guard| {
        info_span!("pipeline").in_scope(work);
        info_span!("fails", run_id = "own", project = "other").in_scope(|| {
            work();
            error!(error = "no space left");
        });
        let kept = info_span!("kept");
        kept.in_scope(work);
        let open = kept.in_scope(|| info_span!("open stage", stage = "open"));
        let run = guard.handle().snapshot().remove(0).run_id;
        assert!(guard.handle().finish(&run));
        guard.flush().unwrap();
        drop((open, kept));
        let explicit = tracing_budget::run("nightly");
        let open = explicit.in_scope(|| {
            gate("lint").pass();
            info_span!("open stage", stage = "open")
        });
        drop(explicit);
        guard.flush().unwrap();
        drop(open);
    });
    let found = found.lock().unwrap();
    assert_eq!(found.len(), 4);
    for (run, lost) in &*found {
        let lost = lost.iter().find(|lost| lost.run_id == run.run_id).unwrap();
        assert_eq!(lost, run, "recovered:\n{lost}\n\nlive:\n{run}");
        assert!(run.part().is_some());
        assert_eq!(lost.part(), run.part());
    }
    assert_eq!(
        found.iter().map(|(run, _)| run.status).collect::<Vec<_>>(),
        [Status::Failed, Status::Failed, Status::Incomplete, Status::Completed]
    );
}

#[test]
fn a_run_in_flight_is_recovered_as_interrupted_with_all_its_figures() {
    let directory = Fresh::new();
    traced(journaled(&directory).stages(["early", "implementation", "review", "charts"]), |guard| {
        let _root = info_span!("pipeline", run_id = "own", tag.from = "root").entered();
        work();
        let _review = info_span!("review").entered();
        info!(model = "m", input_tokens = 1);
        let live = guard.handle().snapshot().remove(0);
        let lost = directory.lost_now().remove(0);
        assert_eq!(lost.status, Status::Interrupted);
        assert_eq!(lost.part(), live.part());
        assert_eq!((lost.pipeline, lost.project), (live.pipeline, live.project));
        // A root's own attributes reach the living run only when the root closes.
        assert_eq!((lost.run_id.as_str(), lost.tags["from"].as_str()), ("own", "root"));
        assert_eq!(lost.tags["branch"], live.tags["branch"]);
        assert_eq!((lost.counts, lost.warnings), (live.counts, live.warnings));
        assert_eq!((lost.value_usd, lost.iterations), (live.value_usd, live.iterations));
        assert_eq!(lost.started_at, live.started_at);
        assert!(lost.completed_at.is_some());
        let (lost, live) = (lost.budget_summary, live.budget_summary);
        assert_eq!(lost.total, live.total);
        assert_eq!(lost.limits, live.limits);
        assert_eq!((lost.usd_remaining, lost.exhausted), (live.usd_remaining, live.exhausted));
        assert_eq!(lost.per_model, live.per_model);
        assert_eq!(lost.by_operation, live.by_operation);
        assert_eq!(lost.gate_verdicts, live.gate_verdicts);
        assert_eq!((&lost.records, lost.records.len()), (&live.records, 1));
        let row = |name: &str| lost.per_agent.get(name).unwrap();
        for (name, live) in live.per_agent.iter() {
            assert_eq!((&row(name).figures, row(name).calls), (&live.figures, live.calls), "{name}");
        }
        assert_eq!(row("early").status, Status::Completed);
        assert_eq!(row("inner").status, Status::Failed);
        assert_eq!(row("review").status, Status::Interrupted);
        assert_eq!(row("charts").status, Status::NotRun);
    });
}

#[cfg(feature = "prices")]
#[test]
fn a_corrected_price_names_the_corrections_in_a_living_run_and_in_a_recovered_one() {
    let directory = Fresh::new();
    // Without the prices that the others bring.
    traced(journaled(&directory).prices(PriceBook::new()), |guard| {
        let _root = info_span!("pipeline").entered();
        let usage = tracing_budget::Usage::new().input(1_000).output(100);
        call("mistral-large-latest").provider("mistral").start().finish(usage);
        let live = guard.handle().snapshot().remove(0).budget_summary;
        let lost = directory.lost_now().remove(0).budget_summary;
        for summary in [&live, &lost] {
            let row = summary.per_model.get("mistral/mistral-large-latest").unwrap();
            assert_eq!(row.price_sources, ["corrections@2026-11-30"]);
            assert_eq!(row.figures.cost_usd, Some("0.00065".parse().unwrap()));
            assert_eq!(
                summary.calls.as_ref().unwrap()[0].price_source.as_deref(),
                Some("corrections@2026-11-30")
            );
        }
        assert_eq!(live.per_model, lost.per_model);
    });
}

#[test]
fn unknown_figures_are_recovered_as_unknown() {
    let directory = Fresh::new();
    traced(journaled(&directory), |_| {
        let _root = info_span!("pipeline").entered();
        drop(call("unheard of").start());
        let run = directory.lost_now().remove(0);
        let total = run.budget_summary.total;
        assert_eq!((total.cost_usd, total.tokens_used, total.calls_without_usage), (None, None, 1));
    });
}

#[test]
fn a_stage_that_was_open_before_the_run_started_is_interrupted() {
    let directory = Fresh::new();
    traced(journaled(&directory), |_| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        assert!(directory.lost_now().is_empty(), "nothing accountable has happened yet");
        info!(model = "m", input_tokens = 1);
        let run = directory.lost_now().remove(0);
        assert_eq!(run.budget_summary.per_agent.get("discovery").unwrap().status, Status::Interrupted);
    });
}

#[test]
fn a_process_that_ends_normally_leaves_no_file() {
    let directory = Fresh::new();
    let memory = Memory::new();
    let (budget, guard) = journaled(&directory).sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        info_span!("pipeline").in_scope(work);
        assert_eq!(directory.files().len(), 1);
        guard.flush().unwrap();
        assert!(directory.lost_now().is_empty(), "the sink has it");
    });
    let stats = guard.handle().stats().journal.unwrap();
    assert_eq!((stats.lost, stats.waiting(), stats.open_runs), (0, 0, 0));
    assert!(stats.records > 10, "{stats:?}");
    drop(guard);
    assert_eq!(memory.take().len(), 1);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Takes no run.
struct Refuses;

impl Sink for Refuses {
    fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
        Err(SinkError::new("no"))
    }
}

#[test]
fn the_next_layer_delivers_undelivered_runs_and_then_removes_the_journal() {
    let directory = Fresh::new();
    traced(journaled(&directory).sink(Refuses).delivery(no_retries()), |_| {
        info_span!("pipeline").in_scope(work);
    });
    assert_eq!(directory.files().len(), 1, "no sink has it");
    // A layer without sinks cannot deliver it either.
    traced(journaled(&directory), |guard| guard.flush().unwrap());
    traced(journaled(&directory).sink(Refuses).delivery(no_retries()), |guard| drop(guard.flush()));
    traced(journaled(&directory).sink(Memory::new()).recover(false), |guard| guard.flush().unwrap());
    assert_eq!(directory.files().len(), 1, "it is still there");

    let memory = Memory::new();
    traced(journaled(&directory).sink(Refuses).sink(memory.clone()).delivery(no_retries()), |guard| {
        drop(guard.flush());
        assert_eq!(guard.handle().stats().journal.unwrap().recovered, 1);
    });
    assert_eq!(memory.take().len(), 1);
    assert_eq!(directory.files().len(), 0);
}

fn no_retries() -> tracing_budget::sink::Delivery {
    tracing_budget::sink::Delivery::new().retries([])
}

#[test]
fn journals_of_live_processes_are_left_alone() {
    let directory = Fresh::new();
    let memory = Memory::new();
    traced(journaled(&directory), |_| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1);
        let found = directory.recover();
        assert_eq!((found.journals().len(), found.in_use()), (0, 1));
        traced(journaled(&directory).sink(memory.clone()), |other| other.flush().unwrap());
        assert!(memory.take().is_empty());
        assert_eq!(directory.lost_now().len(), 1, "it is there as it was");
    });
}

#[test]
fn a_journal_is_recovered_by_one_process_at_a_time() {
    let directory = Fresh::new();
    let crashed = crash(&directory);
    let found = crashed.recover();
    assert_eq!(found.runs().count(), 1);
    assert_eq!((crashed.recover().runs().count(), crashed.recover().in_use()), (0, 1));
    drop(found);
    let again = crashed.recover();
    assert_eq!(again.runs().count(), 1, "it was not discarded");
    again.discard().unwrap();
    assert_eq!((crashed.recover().runs().count(), crashed.files().len()), (0, 0));
}

/// The journal of a dead process, with one run.
fn crash(directory: &Fresh) -> Fresh {
    let mut crashed = None;
    traced(journaled(directory), |_| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1);
        info!(model = "m", input_tokens = 2);
        gate("lint").verdict(Verdict::Pass).emit();
        gate("tests").verdict(Verdict::Pass).emit();
        crashed = Some(directory.crashed());
    });
    crashed.unwrap()
}

fn input_of(run: &RunSummary) -> u64 {
    run.budget_summary.total.input_tokens
}

#[test]
fn a_last_line_cut_short_at_any_byte_loses_only_that_line() {
    let crashed = crash(&Fresh::new());
    let file = crashed.files().remove(0);
    let text = fs::read(&file).unwrap();
    let second_call = String::from_utf8_lossy(&text).find("\"input\":2").unwrap();
    let start = text[..second_call].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let end = start + text[start..].iter().position(|byte| *byte == b'\n').unwrap();
    for cut in start + 1..end {
        fs::write(&file, &text[..cut]).unwrap();
        let found = crashed.recover();
        let run = found.runs().next().unwrap();
        run.check().unwrap();
        assert_eq!(input_of(run), 1, "cut at {cut}");
        assert!(run.warnings.is_empty(), "its write had not returned: {:?}", run.warnings);
        let skipped = found.journals()[0].skipped();
        assert!(skipped.len() == 1 && skipped[0].is_cut_short, "{skipped:?}");
    }
    // Whole but for its end.
    fs::write(&file, &text[..end]).unwrap();
    assert_eq!(input_of(crashed.recover().runs().next().unwrap()), 3);
    // Within the header there is no run yet.
    for cut in 1..40 {
        fs::write(&file, &text[..cut]).unwrap();
        let found = crashed.recover();
        assert_eq!((found.runs().count(), found.unreadable().len()), (0, 1), "cut at {cut}");
    }
}

#[test]
fn unreadable_lines_are_skipped_counted_and_described_and_the_run_has_a_warning() {
    let crashed = crash(&Fresh::new());
    let file = crashed.files().remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(2, "what is this");
    lines.insert(3, r#"{"kind":"unheard_of","run":1}"#);
    lines.insert(4, "");
    lines.push(r#"{"kind":"booked","run":999,"at":1}"#);
    fs::write(&file, lines.join("\n") + "\n\u{0}\n").unwrap();
    let found = crashed.recover();
    let run = found.runs().next().unwrap();
    assert_eq!((input_of(run), run.budget_summary.gate_verdicts.len()), (3, 2));
    let journal = &found.journals()[0];
    let named: Vec<String> = journal.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(journal.skipped_in_all(), 4, "{named:#?}");
    assert!(named[0].starts_with("line 3: expected value"), "{named:#?}");
    assert!(named[1].starts_with("line 4: unknown variant `unheard_of`"), "{named:#?}");
    assert!(named[2].ends_with("the beginning of its run 999 is missing"), "{named:#?}");
    assert!(run.warnings.iter().any(|warning| warning.starts_with("4 lines of the journal")), "{run}");
}

#[test]
fn files_in_another_format_are_left_unchanged() {
    let directory = Fresh::new();
    fs::create_dir_all(directory.path()).unwrap();
    let foreign = directory.path().join("journal-of-another-program.jsonl");
    fs::write(&foreign, "{}\n").unwrap();
    let newer = directory.path().join("journal-z.jsonl");
    let head = r#"{"kind":"journal","format":2,"version":"9","process":1,"built_at":"2026-04-19T09:12:03Z","origin_ns":0,"book":""}"#;
    fs::write(&newer, head).unwrap();
    fs::write(directory.path().join("runs.jsonl"), "not even looked at").unwrap();
    let found = directory.recover();
    let reasons: Vec<&str> = found.unreadable().iter().map(|(_, reason)| reason.as_str()).collect();
    assert!(reasons[0].contains("not the head of a journal"), "{reasons:?}");
    assert!(reasons[1].contains("format is 2"), "{reasons:?}");
    found.discard().unwrap();
    traced(journaled(&directory).sink(Memory::new()), |guard| guard.flush().unwrap());
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "{}\n");
    assert_eq!(fs::read_to_string(&newer).unwrap(), head);
    assert_eq!(directory.recover().runs().count(), 0);
    assert_eq!(Fresh::new().recover().runs().count(), 0, "no directory, no journals");
}

#[test]
fn verdicts_keep_their_order_and_are_renumbered_if_one_is_missing() {
    let crashed = crash(&Fresh::new());
    let file = crashed.files().remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let (mut gates, mut lines): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.contains(r#""kind":"gate""#));
    gates.reverse();
    lines.extend(&gates);
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let names = |run: &RunSummary| {
        run.check().unwrap();
        run.budget_summary.gate_verdicts.iter().map(|gate| gate.gate_name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(crashed.recover().runs().next().unwrap()), ["lint", "tests"]);
    lines.pop();
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let found = crashed.recover();
    let run = found.runs().next().unwrap();
    assert_eq!(names(run), ["tests"]);
    assert!(run.warnings[0].starts_with("the last verdict has the number "), "{run}");
}

#[test]
fn a_forgotten_run_is_not_recovered() {
    let directory = Fresh::new();
    traced(journaled(&directory), |guard| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1);
        guard.handle().reset();
        assert!(directory.lost_now().is_empty());
    });
    assert!(directory.files().is_empty());
}

#[test]
fn with_a_bound_in_time_a_flush_writes_everything() {
    let directory = Fresh::new();
    let bound = JournalBound::Every(Duration::from_secs(3_600));
    traced(journaled(&directory).journal_bound(bound), |guard| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1);
        assert!(directory.lost_now().is_empty(), "an hour has not passed");
        guard.flush().unwrap();
        assert_eq!(directory.lost_now().len(), 1);
        assert_eq!(guard.handle().stats().journal.unwrap().waiting(), 0);
    });
}

#[test]
fn a_journal_does_not_grow_without_bound() {
    let directory = Fresh::new();
    traced(journaled(&directory).sink(Memory::new()), |guard| {
        let size = || fs::metadata(directory.files().remove(0)).unwrap().len();
        for _ in 0..200 {
            info_span!("pipeline").in_scope(|| info!(model = "m", input_tokens = 1));
            guard.flush().unwrap();
        }
        assert!(size() < 100_000, "hundreds of delivered runs take {} bytes", size());

        let _root = info_span!("pipeline", tag.kept = "yes").entered();
        let _stage = info_span!("long", stage = "long").entered();
        gate("lint").verdict(Verdict::Pass).emit();
        for number in 0..1_100 {
            operation("many").iteration(number).record();
        }
        let padding = "x".repeat(9_000);
        for calls in 1..=800_u64 {
            info!(model = "m", input_tokens = 1, output_tokens = 2);
            // Another run in between, which is not delivered either.
            info_span!(parent: None, "other", stage = "other", error = padding).in_scope(|| ());
            if calls % 200 == 0 {
                let run = directory.lost_now().remove(0);
                assert_eq!((input_of(&run), run.budget_summary.total.llm_calls), (calls, calls));
            }
        }
        let live = guard.handle().snapshot().remove(0);
        let lost = directory.lost_now().remove(0);
        assert_eq!(lost.budget_summary.total, live.budget_summary.total);
        assert_eq!(lost.budget_summary.gate_verdicts, live.budget_summary.gate_verdicts);
        assert_eq!(lost.budget_summary.records, live.budget_summary.records);
        assert_eq!(lost.budget_summary.records_dropped, 100);
        assert_eq!(lost.tags["kept"], "yes");
        assert_eq!(lost.budget_summary.per_agent.get("long").unwrap().status, Status::Interrupted);
        assert!(size() < 4_000_000, "{}", size());
    });
    assert!(directory.files().is_empty());
}

#[test]
fn records_after_the_delivery_of_a_run_are_ignored() {
    let crashed = crash(&Fresh::new());
    let file = crashed.files().remove(0);
    let run = fs::read_to_string(&file).unwrap().lines().nth(1).map(str::to_owned).unwrap();
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let number = &run["run"];
    let mut text = fs::OpenOptions::new().append(true).open(&file).unwrap();
    writeln!(text, r#"{{"kind":"delivered","run":{number}}}"#).unwrap();
    writeln!(text, r#"{{"kind":"booked","run":{number},"at":5}}"#).unwrap();
    drop(text);
    let found = crashed.recover();
    assert_eq!((found.runs().count(), found.journals()[0].skipped().len()), (0, 0));
}

#[test]
fn money_in_a_journal_is_exact() {
    let directory = Fresh::new();
    traced(journaled(&directory), |_| {
        let _root = info_span!("pipeline").entered();
        info!(cost_usd = "123456789.000000000001");
        info!(cost_usd = "0.000000000001");
        let run = directory.lost_now().remove(0);
        assert_eq!(run.budget_summary.total.cost_usd, "123456789.000000000002".parse::<Usd>().ok());
        assert!(directory.text().contains(r#""cost_usd":"123456789.000000000001""#));
    });
}

#[test]
fn a_span_without_amounts_leaves_no_record() {
    let directory = Fresh::new();
    traced(journaled(&directory), |guard| {
        let records = || guard.handle().stats().journal.unwrap().records;
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("implementation", stage = "implementation").entered();
        info!(model = "m", input_tokens = 1);
        let before = records();
        (0..10).for_each(|_| drop(info_span!("helper", error = tracing::field::Empty)));
        assert_eq!(records(), before);
    });
}

/// Does something to the journal in the middle of a run, books more, and returns what a kill would leave then, with the statistics.
fn disturbed(bound: JournalBound, disturb: impl FnOnce(&Path)) -> (Vec<RunSummary>, JournalStats) {
    let directory = Fresh::new();
    let mut result = None;
    traced(journaled(&directory).journal_bound(bound), |guard| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1_000);
        guard.flush().unwrap();
        let file = directory.files().remove(0);
        disturb(&file);
        // Within a second, without a flush.
        std::thread::sleep(Duration::from_millis(1_100));
        info!(model = "m", input_tokens = 10);
        std::thread::sleep(Duration::from_millis(50));
        info!(model = "m", input_tokens = 1);
        let flushed = guard.flush();
        let stats = guard.handle().stats().journal.unwrap();
        assert_eq!(flushed.is_err(), stats.lost > 0, "{flushed:?} {stats:?}");
        assert!(guard.flush().is_ok(), "reported once");
        assert!(stats.path.is_file() && !stats.is_failing, "{stats:?}");
        assert_eq!(stats.waiting(), 0, "{stats:?}");
        result = Some((Fresh::at(directory.path()).lost_now(), stats));
    });
    result.unwrap()
}

#[test]
fn a_journal_that_was_removed_or_replaced_is_begun_anew_with_everything() {
    let replace = |file: &Path| {
        fs::write(file.with_extension("tmp"), "").unwrap();
        fs::rename(file.with_extension("tmp"), file).unwrap();
    };
    let disturbances: [&dyn Fn(&Path); 4] = [
        &|file| fs::remove_file(file).unwrap(),
        &|file| fs::rename(file, file.with_extension("moved")).unwrap(),
        &|file| fs::remove_dir_all(file.parent().unwrap()).unwrap(),
        &replace,
    ];
    for bound in [JournalBound::EveryRecord, JournalBound::Every(Duration::from_millis(1))] {
        for disturb in disturbances {
            let (runs, stats) = disturbed(bound, disturb);
            assert_eq!(runs.len(), 1);
            assert_eq!(runs[0].budget_summary.total.input_tokens, 1_011, "{}", runs[0]);
            assert!(stats.last_error.unwrap().ends_with("by another program"));
            assert_eq!((stats.records, stats.lost), (stats.written, 0));
        }
    }
}

#[test]
fn what_another_program_cut_off_a_journal_is_counted_as_lost() {
    let cut =
        |file: &Path, to: u64| fs::OpenOptions::new().write(true).open(file).unwrap().set_len(to).unwrap();
    let text = |file: &Path| fs::metadata(file).unwrap().len();
    let disturbances: [&dyn Fn(&Path); 3] =
        [&|file| cut(file, 0), &|file| cut(file, 30), &|file| cut(file, text(file) - 5)];
    for bound in [JournalBound::EveryRecord, JournalBound::Every(Duration::from_millis(1))] {
        for disturb in disturbances {
            let (runs, stats) = disturbed(bound, disturb);
            assert_eq!(runs.len(), 1, "the run has its name");
            assert_eq!((runs[0].pipeline.as_str(), runs[0].project.as_str()), ("pipeline", "apprentice"));
            assert!(stats.lost > 0 && stats.records == stats.written + stats.lost, "{stats:?}");
            let tokens = runs[0].budget_summary.total.input_tokens;
            assert!(tokens == 11 || tokens == 1, "{}", runs[0]);
            let warning =
                runs[0].warnings.iter().any(|text| text.contains("was cut short by another program"));
            assert!(warning, "{}", runs[0]);
        }
    }
}

/// No record counts as written while there is no file to write to, and none is lost once there is one again.
#[test]
fn a_journal_with_a_file_for_a_directory_waits_for_it() {
    let directory = Fresh::new();
    traced(journaled(&directory), |guard| {
        let _root = info_span!("pipeline").entered();
        info!(model = "m", input_tokens = 1_000);
        fs::remove_dir_all(directory.path()).unwrap();
        fs::write(directory.path(), "a file").unwrap();
        let error = guard.flush().unwrap_err().to_string();
        assert!(error.contains("was removed by another program, and no other can be begun"), "{error}");
        let written = guard.handle().stats().journal.unwrap().written;
        info!(model = "m", input_tokens = 10);
        let stats = guard.handle().stats().journal.unwrap();
        assert!(stats.is_failing && stats.written == written && stats.waiting() > 0, "{stats:?}");
        fs::remove_file(directory.path()).unwrap();
        let _ = guard.flush();
        guard.flush().unwrap();
        assert_eq!(directory.lost_now()[0].budget_summary.total.input_tokens, 1_010);
    });
}

#[cfg(unix)]
#[test]
fn a_journal_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Fresh::new();
    traced(journaled(&directory), |_| {
        let mode = fs::metadata(directory.files().remove(0)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[cfg(unix)]
#[test]
fn what_is_no_file_holds_up_no_recovery() {
    let directory = Fresh::new();
    fs::create_dir_all(directory.path().join("journal-directory.jsonl")).unwrap();
    let pipe = directory.path().join("journal-pipe.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    assert_eq!(directory.recover().unreadable().len(), 2);
}

/// Reading needs no writing. (Root may write these all the same, and then it is a plain recovery.)
#[cfg(unix)]
#[test]
fn a_read_only_journal_is_read_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let crashed = crash(&Fresh::new());
    let (file, empty) = (crashed.files().remove(0), crashed.path().join("journal-empty.jsonl"));
    fs::write(&empty, "").unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let text = fs::read(&file).unwrap();
    [(&file, 0o444), (&empty, 0o444)].into_iter().for_each(|(path, bits)| mode(path, bits));
    mode(crashed.path(), 0o555);
    let found = crashed.recover();
    let (runs, unreadable) = (found.runs().count(), found.unreadable().to_vec());
    drop(found);
    mode(crashed.path(), 0o755);
    assert_eq!((runs, unreadable), (1, Vec::new()));
    assert_eq!(fs::read(&file).unwrap(), text);
}
