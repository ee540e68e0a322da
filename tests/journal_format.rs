//! Journals of the first version are read, and today's lines have the same form.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journaled::Fresh;
use serde_json::Value;
use tracing::{error, info, info_span};
use tracing_budget::builder::ErrorEvents;
use tracing_budget::price::Rates;
use tracing_budget::record::UsageRecord;
use tracing_budget::sink::{Delivery, Sink, SinkError};
use tracing_budget::summary::Units;
use tracing_budget::{
    BudgetGuard, Builder, Kind, PriceBook, RunSummary, Usage, Verdict, call, gate, journal::JournalBound,
    layer, operation, record_usage,
};
use tracing_subscriber::prelude::*;

/// Two journals of the version before the workspace, written by [`write_every_record`] and [`write_rewritten`] in processes
/// that aborted at `end`. `*.runs.json` has the runs that the same version recovered from them. All but two of the thousand
/// `recorded` lines were taken out before.
const GOLDEN: [&str; 2] = ["journal-v1", "journal-v1-rewritten"];

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// Takes the runs of the pipelines `delivered` and `padding`, and refuses all others.
struct TakesSome;

impl Sink for TakesSome {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        let is_taken = ["delivered", "padding"].contains(&run.pipeline.as_str());
        if is_taken { Ok(()) } else { Err(SinkError::new("refused")) }
    }
}

fn builder(directory: &Path) -> Builder {
    let book =
        PriceBook::builder().price("m", Rates::per_million().input("1.000001").output("2")).build().unwrap();
    layer()
        .prices(book)
        .project("apprentice")
        .tag("tier", "2")
        .stages(["discovery", "implementation", "inner", "charts"])
        .expect_gates(["lint", "sign_off"])
        .limit_usd("5000000.000000000001")
        .limit_tokens(1_000_000)
        .usage_events(["journal_format"])
        .error_events(ErrorEvents::Fail)
        .delivery(Delivery::new().retries([]))
        .sink(TakesSome)
        .journal(directory)
        .journal_bound(JournalBound::EveryRecord)
}

fn with_layer(builder: Builder, code: impl FnOnce(&BudgetGuard)) {
    let (budget, guard) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || code(&guard));
}

/// Usage of every kind and price source, a recorded operation, gates, failed stages, run attributes and a warning.
fn work() {
    info!(tag.branch = "main", count.candidates = 12, value_usd = "100.000000000001", iteration = 3_u64);
    info_span!("implementation").in_scope(|| {
        info!(
            model = "m",
            provider = "p",
            input_tokens = 3_000,
            output_tokens = 987,
            cache_read_tokens = 5,
            cache_write_tokens = 6,
            cache_write_1h_tokens = 2,
            reasoning_tokens = 7,
            audio_input_tokens = 8,
            audio_output_tokens = 9
        );
        record_usage(UsageRecord::new(Usage::new().with(Kind::Requests, 2)).model("m"));
        operation("verification").record();
        info!(model = "gpt-4o", provider = "openai", input_tokens = 10, output_tokens = 3);
        info!(model = "unknown model", input_tokens = 10);
        info!(model = "m", total_tokens = 4);
        info!(cost_usd = 9_000.000000000001);
        drop(call("m").start());
        info_span!("tool", gen_ai.operation.name = "execute_tool").in_scope(|| ());
        let call =
            info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "m", error = "boom");
        drop(call);
        info_span!("inner").in_scope(|| error!("it broke"));
    });
    let spent = operation("mcp_tool_call").cost_usd("0.0005").duration(Duration::from_millis(3)).iteration(7);
    spent.meta("tool", "grep").record();
    let judge = info_span!("judge", gate = "judge", verdict = "PASSED", score = 0.1, why = "all \"good\"\n");
    judge.in_scope(|| info!(model = "m", input_tokens = 7));
    gate("lint").verdict(Verdict::Fail).blocking(false).reason("E0308").diagnostic("lines", 3).emit();
    info!(gate = "style", verdict = "meh", blocking = false);
    info!(input_tokens = -5, model = "m");
}

/// More distinct warnings than a run keeps.
fn warn_often() {
    for number in 1..=102 {
        info!(model = format!("unknown model {number}"), input_tokens = 1);
    }
}

/// A journal with every kind of record but `lost`; `end` is called while runs are in flight.
fn write_every_record(directory: &Path, end: &mut dyn FnMut()) {
    with_layer(builder(directory), |guard| {
        {
            let _root = info_span!("forgotten").entered();
            info!(model = "m", input_tokens = 1);
            guard.handle().reset();
        }
        info_span!("delivered").in_scope(|| info!(model = "m", input_tokens = 1));
        info_span!("failed", run_id = "own", project = "other").in_scope(|| {
            work();
            error!("no space left");
        });
        let unfinished = info_span!("unfinished");
        unfinished.in_scope(work);
        let open = unfinished.in_scope(|| info_span!("charts"));
        let run = guard.handle().snapshot().remove(0).run_id;
        assert!(guard.handle().finish(&run));
        let _ = guard.flush();
        let _root = info_span!(
            "in flight",
            tag.from = "root",
            count.files = 2,
            value_usd = "0.5",
            iteration = 1_u64,
        )
        .entered();
        // A stage that ends before anything is recorded is in the run's first record.
        info_span!("discovery").in_scope(|| error!("nothing found"));
        work();
        warn_often();
        let charts = info_span!("charts").entered();
        let _inner = info_span!("inner").entered();
        info!(model = "m", input_tokens = 1);
        let _ = guard.flush();
        end();
        drop(charts);
        drop(open);
    });
}

/// A journal that was rewritten when it had grown, after a line of it was damaged.
fn write_rewritten(directory: &Path, end: &mut dyn FnMut()) {
    with_layer(builder(directory), |guard| {
        let unfinished = info_span!("unfinished");
        unfinished.in_scope(work);
        let run = guard.handle().snapshot().remove(0).run_id;
        assert!(guard.handle().finish(&run));
        let _root = info_span!("in flight", run_id = "own", project = "other", tag.from = "root").entered();
        info_span!("discovery").in_scope(|| error!("nothing found"));
        work();
        warn_often();
        for number in 0..1_005 {
            operation("many").iteration(number).record();
        }
        let _charts = info_span!("charts").entered();
        let _inner = info_span!("inner").entered();
        info!(model = "m", input_tokens = 1);
        let file = journals(directory).remove(0);
        fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"damaged\n").unwrap();
        let padding = "x".repeat(90_000);
        let size = || fs::metadata(journals(directory).remove(0)).unwrap().len();
        let mut largest = 0;
        loop {
            largest = largest.max(size());
            info_span!(parent: None, "padding", stage = "padding", error = padding).in_scope(|| {
                info!(model = "m", input_tokens = 1);
            });
            let _ = guard.flush();
            if size() < largest {
                break;
            }
        }
        end();
    });
}

/// The journals in a directory.
fn journals(directory: &Path) -> Vec<PathBuf> {
    Fresh::at(directory).files()
}

/// The old version wrote 0 for a time that no span had measured.
fn unmeasured(seconds: &mut Option<f64>) {
    *seconds = seconds.filter(|seconds| *seconds > 0.0);
}

#[test]
fn a_journal_in_format_1_gives_the_same_runs_as_the_version_that_wrote_it() {
    for name in GOLDEN {
        let directory = Fresh::new();
        fs::create_dir_all(directory.path()).unwrap();
        // A copy: the lock of a reader must not meet the one of another test.
        fs::copy(golden(&format!("{name}.jsonl")), directory.path().join("journal-golden.jsonl")).unwrap();
        let found = directory.recover();
        assert_eq!((found.unreadable(), found.journals()[0].skipped()), ([].as_slice(), [].as_slice()));
        let recovered: Vec<RunSummary> = found.runs().cloned().collect();
        let text = fs::read_to_string(golden(&format!("{name}.runs.json"))).unwrap();
        let expected: Vec<RunSummary> = serde_json::from_str(&text).unwrap();
        assert!(!expected.is_empty());
        // As documents: those of the old version have money as doubles.
        let document = |run: &RunSummary| {
            let mut run = run.clone();
            // The old version listed no attempts. What is known of them is in its lines, and `check` compares their number.
            for row in run.budget_summary.per_agent.values_mut() {
                (row.attempts, row.attempts_left_out) = (Vec::new(), 0);
                row.per_model.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            }
            let budget = &mut run.budget_summary;
            // Nor has the old version units in rows.
            let stages = budget.per_agent.values_mut().flat_map(|row| {
                let models = row.per_model.values_mut().map(|row| &mut row.figures);
                models.chain([&mut row.figures])
            });
            stages
                .chain(budget.per_model.values_mut().map(|row| &mut row.figures))
                .chain(budget.by_agent.values_mut().map(|row| &mut row.figures))
                .chain(budget.by_operation.values_mut().map(|row| &mut row.figures))
                .chain([&mut budget.total])
                .for_each(|figures| figures.units = Units::default());
            budget.per_model.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            budget.by_operation.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            budget.by_agent.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            serde_json::to_value(run).unwrap()
        };
        for (recovered, expected) in recovered.iter().zip(&expected) {
            recovered.check().unwrap();
            let (found, wanted) = (document(recovered), document(expected));
            assert_eq!(found, wanted, "recovered:\n{recovered}\n\nexpected:\n{expected}");
        }
        assert_eq!(recovered.len(), expected.len(), "{name}");
        let rows = recovered.iter().flat_map(|run| run.stages().iter());
        assert!(rows.flat_map(|(_, row)| &row.attempts).any(|attempt| attempt.error.is_some()), "{name}");
    }
}

/// The paths of all keys of each kind of record: `booked` has `cells[].usage.input`.
fn keys_by_kind(journals: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in journals.iter().flat_map(|text| text.lines()) {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        add_keys(&record, "", kinds.entry(record["kind"].as_str().unwrap().to_owned()).or_default());
    }
    kinds
}

fn add_keys(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            add_keys(value, &format!("{path}.{key}"), keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| add_keys(item, &format!("{path}[]"), keys)),
        // The type belongs to the form: money is text, and a count is a number.
        Value::Null => drop(keys.insert(format!("{path}: null"))),
        Value::Bool(_) => drop(keys.insert(format!("{path}: boolean"))),
        Value::Number(_) => drop(keys.insert(format!("{path}: number"))),
        Value::String(_) => drop(keys.insert(format!("{path}: text"))),
    }
}

#[test]
fn lines_of_today_have_the_keys_of_format_1() {
    let written = |program: fn(&Path, &mut dyn FnMut())| {
        let directory = Fresh::new();
        let mut text = String::new();
        program(directory.path(), &mut || text = directory.text());
        text
    };
    let today = keys_by_kind(&[written(write_every_record), written(write_rewritten)]);
    let format_1 =
        keys_by_kind(&GOLDEN.map(|name| fs::read_to_string(golden(&format!("{name}.jsonl"))).unwrap()));
    assert_eq!(
        format_1.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "booked",
            "delivered",
            "ended",
            "forgotten",
            "gate",
            "journal",
            "lost",
            "opened",
            "recorded",
            "run",
            "told",
            "warned"
        ]
    );
    for (kind, keys) in &format_1 {
        let missing: Vec<_> = keys.difference(&today[kind]).collect();
        assert!(missing.is_empty(), "{kind}: {missing:?}");
        let more: Vec<_> = today[kind].difference(keys).filter(|key| !is_added(key)).collect();
        assert!(more.is_empty(), "{kind}: {more:?}");
    }
    assert_eq!(today.len(), format_1.len());
}

/// Keys that were added to format 1. A reader of the first version ignores them.
fn is_added(key: &str) -> bool {
    let of_cells = [".cells[].parent", ".cells[].around[]", ".cells[].agent", ".cells[].partial"];
    let of_stages = [".stages[].around[]", ".stages[].attempts[]", ".open[].around[]", ".around[]"];
    let others = [".agents[]", ".error_events[]", ".paths", ".calls[]", ".keep_calls", ".corrections"];
    [&of_cells[..], &of_stages, &others].concat().iter().any(|added| key.starts_with(added))
}
