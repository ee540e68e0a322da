//! Hostile texts at every exit for people: no name of a document moves the cursor, disguises itself, or begins a line of its own.

use tracing_budget::summary::{AgentRow, GateVerdict, ModelRow, OperationRow, StageRow, Timestamp};
use tracing_budget::{RunSummary, Status, Usd, Verdict};
use tracing_budget_history::{Sqlite, Store};

use crate::program::{Ended, Place};

/// New lines that forge a result and commands of CI services; escapes of terminals, also without ESC; right-to-left override.
const EVIL: &str = "evil\n::error::FORGED\r\n✓ passed FORGED\u{85}✗ failed FORGED\u{2028}##vso[task.complete]FORGED\t\
     \u{1b}]0;FORGED\u{7}\u{1b}[2J\u{9b}31m\u{90}q\u{9d}0;FORGED\u{9c}\u{202e}DEGROF\u{2066}\u{8}\u{7f}";

/// A name that would be a command if it began a line.
const COMMAND: &str = "::error::FORGED";

#[track_caller]
fn is_clean(what: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let shown = line.escape_debug();
        let bad = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        assert!(!line.contains(bad), "{what}, line {number}: {shown}");
        let begins = |mark: &str| line.trim_start().starts_with(mark);
        assert!(!begins("::") && !begins("FORGED"), "{what}, line {number}: {shown}");
        assert!(!begins("✓ passed FORGED") && !begins("✗ failed FORGED"), "{what}, line {number}: {shown}");
        assert!(!line.contains("##vso["), "{what}, line {number}: {shown}");
    }
}

fn hostile(run_id: &str, day: u32, name: &str) -> RunSummary {
    let at: Timestamp = format!("2026-11-{day:02}T08:30:00Z").parse().expect("a time");
    let mut run = RunSummary::new(run_id, at);
    (run.project, run.pipeline) = (name.to_owned(), name.to_owned());
    (run.status, run.completed_at) = (Status::Failed, Some(at));
    (run.failed_stage, run.error_summary) = (Some(name.to_owned()), Some(name.to_owned()));
    run.tags.insert(name.to_owned(), name.to_owned());
    run.counts.insert(name.to_owned(), 3);
    run.warnings = vec![name.to_owned(), format!("{name}: has no price")];
    let budget = &mut run.budget_summary;
    let cost = Some(Usd::from_pico(1_000_000_000));
    (budget.total.cost_usd, budget.total.llm_calls, budget.total.input_tokens) = (cost, 1, 7);
    budget.total.unpriced_calls = 1;
    let mut model = ModelRow::default();
    model.figures = budget.total.clone();
    model.price_sources = vec![name.to_owned()];
    let mut stage = StageRow::default();
    (stage.figures, stage.calls, stage.status, stage.errors) = (budget.total.clone(), 1, Status::Failed, 1);
    stage.per_model = [(name.to_owned(), model.clone())].into_iter().collect();
    budget.per_agent = [(name.to_owned(), stage)].into_iter().collect();
    budget.per_model = [(name.to_owned(), model)].into_iter().collect();
    let mut operation = OperationRow::default();
    (operation.figures, operation.calls) = (budget.total.clone(), 1);
    budget.by_operation = [(name.to_owned(), operation)].into_iter().collect();
    let mut agent = AgentRow::default();
    (agent.figures, agent.called_by) = (budget.total.clone(), vec![name.to_owned()]);
    budget.by_agent = [(name.to_owned(), agent)].into_iter().collect();
    let mut gate = GateVerdict::new(1, name, Verdict::Fail);
    (gate.blocking, gate.reason, gate.after_stage) = (true, Some(name.to_owned()), Some(name.to_owned()));
    gate.diagnostics.insert(name.to_owned(), name.into());
    budget.gate_verdicts = vec![gate, GateVerdict::new(2, name, Verdict::Other(name.into()))];
    run.settle();
    run
}

fn place() -> Place {
    let place = Place::empty();
    let store = Sqlite::open(place.db()).expect("a history");
    for (id, day, name) in [
        (EVIL, 20, EVIL),
        ("evil-2", 21, EVIL),
        ("evil-3", 22, EVIL),
        (COMMAND, 23, COMMAND),
        ("command-2", 24, COMMAND),
    ] {
        store.put(&hostile(id, day, name)).expect("stored");
    }
    place
}

#[track_caller]
fn shown(place: &Place, arguments: &[&str]) -> Ended {
    let ended = place.run(arguments);
    assert_ne!(ended.code, 2, "{arguments:?}: {}", ended.talk);
    is_clean(&format!("{arguments:?}"), &ended.data);
    is_clean(&format!("messages of {arguments:?}"), &ended.talk);
    ended
}

#[test]
fn no_name_moves_the_cursor_or_begins_a_line_of_a_screen() {
    let place = place();
    let since = ["--since", "2026-11-01"];
    for arguments in [
        &["runs", "list", "--limit", "9"][..],
        &["runs", "show", "evil-2"],
        &["runs", "show", EVIL],
        &["runs", "show", "evil-2", "--calls"],
        &["runs", "show", "no such run\u{1b}[2J\n::error::FORGED"],
        &["runs", "compare", "evil-2", "evil-3"],
        &["runs", "compare", "evil-2", "command-2"],
        &["runs", "compare", "command-2", EVIL],
        &[&["stages"][..], &since].concat(),
        &[&["models"][..], &since].concat(),
        &[&["gates"][..], &since].concat(),
        &[&["stages", "--project", EVIL][..], &since].concat(),
        &["runs", "list", "--project", "no such project\u{1b}[2J\n::error::FORGED"],
        &["runs", "list", "--pipeline", COMMAND],
        &[
            "check",
            "evil-2",
            "--max-cost-usd",
            "0.0001",
            "--require-gate",
            EVIL,
            "--require-gate",
            "absent\n::error::FORGED",
        ],
        &["check", "command-2", "--baseline", EVIL, "--max-regression", "5%"],
        &["check", COMMAND, "--max-cost-usd", "1"],
        &["runs", "health", "--project", EVIL],
        &["reprice", "evil-2", "--as-of", "2026-11-01"],
        &["reprice", "evil-2", "--model-swap", &format!("{EVIL}={COMMAND}")],
        &["prices", "find", EVIL],
        &["prices", "find", COMMAND, "--provider", EVIL],
        &["prices", "list", EVIL],
        &["export", "no such run\u{1b}[2J\n::error::FORGED"],
        &["recover", "no such directory\u{1b}[2J\n::error::FORGED"],
        &["runs", "delete", "evil-3"],
        &["runs", "delete", COMMAND],
        &["store", "verify"],
    ] {
        shown(&place, arguments);
    }
}

#[test]
fn no_file_name_or_broken_document_does_so_on_the_way_in() {
    let place = Place::empty();
    let name = "evil\n::error::FORGED \u{1b}[2J\u{9b}31m.json";
    place.write(name, "{\"run_id\": \"\\u001b[2J\\n::error::FORGED\"}");
    place.write(&format!("folder/{name}"), "{");
    place.write(
        "lines.jsonl",
        "{\"run_id\": \"\\u001b[2J\\n::error::FORGED\", \"schema_version\": \"\\n::error::FORGED\"}\n",
    );
    for arguments in [
        &["import", name][..],
        &["import", "folder"],
        &["import", "lines.jsonl"],
        &["import", "absent\n::error::FORGED"],
    ] {
        shown(&place, arguments);
    }
    let prices = "[[price]]\nmodel = \"\\u001b[2J\\n::error::FORGED\"\ninput_per_million_usd = \"\\n::error::FORGED\"\n";
    place.write("prices\n::error::FORGED.toml", prices);
    shown(&place, &["prices", "find", "gpt-5", "--with", "prices\n::error::FORGED.toml"]);
}

/// JSON stays what it is for a program, and shows a terminal nothing but text.
#[test]
fn json_escapes_what_a_terminal_would_obey() {
    let place = place();
    for arguments in [
        &["runs", "show", "evil-2", "--format", "json"][..],
        &["runs", "list", "--format", "json"],
        &["export", "--as", "json"],
        &["export"],
    ] {
        let ended = place.run(arguments).ended_with(0);
        let is_bad = |c: char| {
            c.is_control() && c != '\n' || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!ended.data.contains(is_bad), "{arguments:?}: {}", ended.data.escape_debug());
        assert!(ended.data.contains("\\u009b") && ended.data.contains("\\u202e"), "{arguments:?}");
        let first = ended.data.lines().find(|line| line.contains("evil")).unwrap_or_default();
        let text = if arguments == ["export"] { first } else { &ended.data };
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert!(format!("{value}").contains('\u{9b}'), "{arguments:?}");
    }
}
