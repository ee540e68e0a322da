//! JSON and CSV hold what the tables show; colours are for terminals only.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::program::Place;
use crate::seeded::id;

#[test]
fn every_result_is_available_as_json() {
    let place = Place::seeded();
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show"],
        &["runs", "summary"],
        &["runs", "compare", "019a0017-01", "019a0018-01"],
        &["runs", "health"],
        &["stages", "--since", "ever"],
        &["models", "--since", "ever"],
        &["gates", "--since", "ever"],
        &["check", "019a0018-01"],
        &["reprice", "--as-of", "2026-10-01"],
        &["prices", "list", "gpt-5"],
        &["prices", "find", "gpt-5"],
        &["prices", "calc", "gpt-5", "--input", "1000"],
        &["prices", "diff", "--from", "2025-01-01", "--to", "2026-01-01", "--provider", "openai"],
        &["runs", "delete", "019a0003-01", "--dry-run"],
        &["runs", "prune", "--keep-last", "1", "--dry-run"],
    ] {
        let ended = place.run(&[&["--format", "json"], arguments].concat()).ended_with(0);
        ended.json();
        assert_eq!(ended.talk, "", "{arguments:?}: talk is for people");
    }
}

#[test]
fn every_result_is_available_as_csv_with_one_cell_per_column() {
    let place = Place::seeded();
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "019a0018-01"],
        &["runs", "summary"],
        &["runs", "compare", "019a0017-01", "019a0018-01"],
        &["runs", "health", "--recent", "4", "--fail-on", "never"],
        &["stages", "--since", "ever"],
        &["models", "--since", "ever"],
        &["gates", "--since", "ever"],
        &["check", "019a0018-01"],
        &["reprice", "--as-of", "2026-10-01"],
        &["prices", "list", "gpt-5"],
        &["prices", "find", "gpt-5"],
        &["prices", "calc", "gpt-5", "--input", "1000", "--unit", "web_searches=2"],
        &["prices", "diff", "--from", "2025-01-01", "--to", "2026-01-01", "--provider", "openai"],
    ] {
        let ended = place.run(&[arguments, &["--format", "csv"]].concat()).ended_with(0);
        let mut reader = csv_rows(&ended.data);
        let width = reader.remove(0).len();
        assert!(width > 2 && !reader.is_empty(), "{arguments:?}:\n{}", ended.data);
        for row in reader {
            assert_eq!(row.len(), width, "{arguments:?}: {row:?}");
            assert!(!row.iter().any(|cell| cell.contains(['—', '$', '≥', '✗'])), "{arguments:?}: {row:?}");
        }
    }
}

/// Enough of CSV to count cells: quotes, commas, lines.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows
}

#[test]
fn an_unknown_value_is_null_or_empty_and_never_0() {
    let place = Place::seeded();
    let run = place.run(&["runs", "show", &id(1, 21), "--format", "json"]).ended_with(0).json();
    assert_eq!(run["budget_summary"]["per_agent"]["review"]["cost_usd"], Value::Null);
    let csv = place.run(&["runs", "show", &id(1, 21), "--format", "csv"]).ended_with(0).data;
    let rows = csv_rows(&csv);
    let cost = rows[0].iter().position(|name| name == "cost_usd").expect("a column");
    let review = rows.iter().find(|row| row[0] == "review").expect("a row");
    assert_eq!(review[cost], "");
    let table = place.run(&["runs", "compare", &id(1, 18), &id(1, 21)]).ended_with(0).data;
    let review = table.lines().find(|line| line.starts_with("review")).expect("a row");
    assert!(review.contains('—'), "{review}");
}

#[test]
fn a_run_shown_as_json_is_the_document() {
    let place = Place::seeded();
    let shown = place.run(&["runs", "show", &id(1, 18), "--format", "json"]).ended_with(0).data;
    let read = tracing_budget::RunSummary::from_json(&shown).expect("a summary");
    assert_eq!(read, crate::seeded::nightly(18));
}

#[test]
fn pages_of_a_list_follow_each_other() {
    let place = Place::seeded();
    let mut met = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut arguments = vec!["runs", "list", "--limit", "5", "--sort", "cost:asc", "--format", "json"];
        if let Some(cursor) = &after {
            arguments.extend(["--cursor", cursor]);
        }
        let page = place.run(&arguments).ended_with(0).json();
        met.extend(page["runs"].as_array().expect("runs").iter().map(|run| run["run_id"].to_string()));
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    let listed = met.len();
    met.sort();
    met.dedup();
    assert_eq!((listed, met.len()), (23, 23), "every run once");
}

#[test]
fn colours_are_for_terminals_and_on_request() {
    let place = Place::seeded();
    let list = ["runs", "list"];
    assert!(!place.run(&list).ended_with(0).data.contains('\u{1b}'), "a pipe");
    let always = place.run(&["runs", "list", "--color", "always"]).ended_with(0).data;
    assert!(always.contains("\u{1b}[") && always.contains("FAILED"), "{always}");
    let is_coloured = |name: &str, value: &str| {
        let output = place.command(&list).env(name, value).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text").contains('\u{1b}')
    };
    assert!(is_coloured("CLICOLOR_FORCE", "1"));
    assert!(!is_coloured("NO_COLOR", "1"));
    let both =
        place.command(&list).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().expect("it runs");
    assert!(!String::from_utf8_lossy(&both.stdout).contains('\u{1b}'), "NO_COLOR wins");
    let never = place.command(&["runs", "list", "--color", "never"]).env("CLICOLOR_FORCE", "1").output();
    assert!(!String::from_utf8_lossy(&never.expect("it runs").stdout).contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::seeded();
    // More than a pipe holds, so that the program writes to the closed end.
    let mut child = place
        .command(&["prices", "list", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut first = [0; 64];
    let mut data = child.stdout.take().expect("a pipe");
    data.read_exact(&mut first).expect("it begins");
    drop(data);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_failed_check_exits_with_1_even_if_the_pipe_is_closed() {
    let place = Place::seeded();
    let mut child = place
        .command(&["check", "last-failed"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}
