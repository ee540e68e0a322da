//! A summary is shown as a table that a person reads without help.
//!
//! `tests/table/NAME.json` is shown and compared with `tests/table/NAME.txt`; with `UPDATE_SNAPSHOTS=1` the texts
//! are written anew, to be looked at before they are kept.

use std::path::Path;
use std::{env, fs};

use tracing_budget::present::calls;
use tracing_budget::present::columns::{cut, width};
use tracing_budget::summary::{GateVerdict, StageRow};
use tracing_budget::{RunSummary, Usage, Verdict};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/table")
}

fn read(name: &str) -> RunSummary {
    let json = fs::read(folder().join(name).with_extension("json")).expect("the document is there");
    RunSummary::from_json(json).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Shows a document, and holds the text against the one that was looked at and kept.
fn shown_as_kept(name: &str) -> String {
    is_kept(name, format!("{}\n", read(name)))
}

/// Holds a text against the one that was looked at and kept.
fn is_kept(name: &str, shown: String) -> String {
    let kept = folder().join(name).with_extension("txt");
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::write(&kept, &shown).expect("the text can be kept");
    }
    let expected = fs::read_to_string(&kept).unwrap_or_default().replace("\r\n", "\n");
    assert!(shown == expected, "{name} is shown as\n{shown}\nwhere {kept:?} has\n{expected}");
    shown
}

/// Every line within the page, and none with blanks at its end.
fn is_tidy(shown: &str) {
    for line in shown.lines() {
        assert!(line.chars().count() <= 110, "{} columns: {line}", line.chars().count());
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn a_completed_run() {
    is_tidy(&shown_as_kept("completed"));
}

#[test]
fn a_failed_run_has_its_cause_and_lists_what_did_not_run() {
    let shown = shown_as_kept("failed");
    is_tidy(&shown);
    for word in ["failed in implementation", "not run", "not reached", "✗ error", "? meh", "! warn"] {
        assert!(shown.contains(word), "{word} in\n{shown}");
    }
}

#[test]
fn what_is_unknown_is_never_shown_as_nothing() {
    let shown = shown_as_kept("unknown");
    is_tidy(&shown);
    let row = |name: &str| shown.lines().find(|line| line.starts_with(name)).expect("a row").to_owned();
    assert_eq!(
        row("stream").matches('—').count(),
        6,
        "tokens of every kind, cost and share: {}",
        row("stream")
    );
    assert!(row("draft").contains("5,200") && row("draft").contains('—'), "{}", row("draft"));
    assert!(row("polish").contains("≥2,100") && row("polish").contains("≥$0.0168"), "{}", row("polish"));
    assert!(row("free").contains("$0 "), "free is not unknown: {}", row("free"));
}

#[test]
fn a_run_in_flight_has_burn_rates_and_its_return_so_far() {
    let shown = shown_as_kept("running");
    is_tidy(&shown);
    for words in ["at most 380 times", "at least $0.0175 each", "3,315 tokens a minute", "mcp_tool_call"] {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    assert!(!shown_as_kept("completed").contains("a minute"), "what is over has no pace");
}

#[test]
fn a_run_with_agents_has_their_rows_and_stages_of_one_name_under_their_parents() {
    let shown = shown_as_kept("agents");
    is_tidy(&shown);
    assert_eq!(shown.lines().filter(|line| line.starts_with("  search ")).count(), 2);
    for words in
        ["failed in review/search", "2 calls known in part", "3 ERROR events", "editor, writer", "≥4,000"]
    {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    assert!(!shown_as_kept("completed").contains("AGENT"), "a run without agents has no rows of them");
}

#[test]
fn calls_are_listed_in_eighty_columns_the_most_expensive_first() {
    let run = read("calls");
    let shown = is_kept("calls", calls::table(&run, 20));
    for line in shown.lines() {
        assert!(width(line) <= 80 && line == line.trim_end(), "{} columns: {line}", width(line));
    }
    let short = calls::table(&run, 2);
    assert!(short.contains("Not shown: 2 calls, 1 of them failed."), "{short}");
    assert!(!run.to_string().contains("09:13:55"), "only on request");
    assert!(calls::table(&read("completed"), 20).contains("not kept"), "of an earlier version");
}

/// A pipeline for 400 USD, with long names and large figures, still has 80 columns.
#[test]
fn calls_with_large_figures_stay_within_eighty_columns() {
    let mut run = read("calls");
    for call in run.budget_summary.calls.iter_mut().flatten() {
        call.cost_usd = "412.123456".parse().ok();
        call.usage = Usage::new().input(12_345_678).output(999);
        call.duration_seconds = Some(3_725.0);
        call.stage = Some("a stage with a very long name".to_owned());
        call.model_answered = Some("anthropic/claude-sonnet-4-5-20250929-v1:0".to_owned());
    }
    for line in calls::table(&run, 20).lines() {
        assert!(width(line) <= 80, "{} columns: {line}", width(line));
    }
}

#[test]
fn an_empty_run() {
    is_tidy(&shown_as_kept("empty"));
}

#[test]
fn a_very_large_run() {
    let shown = shown_as_kept("large");
    assert_eq!(shown.lines().filter(|line| line.trim_start().starts_with("batch_")).count(), 48);
}

#[test]
fn wide_names_long_names_and_stages_inside_each_other() {
    let shown = shown_as_kept("names");
    assert!(!shown.contains('\u{1b}'), "nothing steers the terminal");
    for name in ["me", "egg", "hen"] {
        let rows = shown.lines().filter(|line| line.trim_start().starts_with(&format!("{name} "))).count();
        assert_eq!(rows, 1, "{name} in\n{shown}");
    }
}

#[test]
fn the_documents_shown_here_add_up() {
    for name in ["completed", "failed", "unknown", "empty", "large", "running", "agents", "calls"] {
        read(name).check().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // Its stages `egg` and `hen` are around each other, and `me` is around itself.
    let error = read("names").check().expect_err("a foreign document");
    assert!(error.findings().iter().all(|finding| finding.contains("around each other")), "{error}");
}

#[test]
fn ten_thousand_stages_are_all_shown() {
    let mut run = read("empty");
    let row = read("completed").budget_summary.per_agent["discovery"].clone();
    let mut parent = None;
    let rows = (0..10_000).map(|at| {
        let name = format!("stage_{at:05}");
        let mut row = row.clone();
        // A chain: each stage inside the one before it.
        row.parent = parent.replace(name.clone());
        (name, row)
    });
    run.budget_summary.per_agent = rows.collect();
    let read_back = RunSummary::from_json(run.to_json()).expect("it reads what it wrote");
    assert_eq!(read_back, run);
    assert_eq!(run.merge(&run).budget_summary.per_agent.len(), 10_000);
    assert_eq!(
        run.to_string().lines().filter(|line| line.trim_start().starts_with("stage_")).count(),
        10_000
    );
}

#[test]
fn a_name_of_a_hundred_characters_stays_within_the_page() {
    let name = "審査の段階 step ".repeat(8);
    let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse().expect("a time"));
    run.pipeline = name.clone();
    run.project = name.clone();
    let mut row = StageRow::default();
    row.calls = 1;
    row.parent = Some(name.clone());
    run.budget_summary.per_agent.insert(name.clone(), row.clone());
    run.budget_summary.per_agent.insert(format!("{name} inner"), row);
    for line in run.to_string().lines() {
        assert!(width(line) <= 110, "{} cells: {line}", width(line));
    }
    assert!(width(&cut(&name, 80)) <= 80);
}

#[test]
fn a_run_without_rows_and_a_run_with_one_are_shown() {
    let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse().expect("a time"));
    assert!(run.to_string().contains("Nothing was recorded"), "{run}");
    // What is there without a row of a stage is shown, and is not nothing.
    let mut gates = run.clone();
    gates.budget_summary.gate_verdicts.push(GateVerdict::new(1, "lint", Verdict::Pass));
    assert!(!gates.to_string().contains("Nothing was recorded"), "{gates}");
    assert!(gates.to_string().contains("lint"), "{gates}");
    let mut row = StageRow::default();
    row.calls = 1;
    run.budget_summary.per_agent.insert("only", row);
    assert_eq!(run.to_string().lines().filter(|line| line.starts_with("only ")).count(), 1, "{run}");
}
