//! Snapshots of every screen.
//!
//! `tests/cli/shown/NAME.txt` holds the output of a command; with `UPDATE_SNAPSHOTS=1` the files are
//! rewritten; read each difference before committing it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::program::Place;
use crate::seeded::id;

pub(crate) fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/shown").join(name)
}

/// Compares a text with its snapshot.
#[track_caller]
pub(crate) fn as_kept(file: &Path, shown: &str) {
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::write(file, shown).expect("the text can be kept");
    }
    let expected = fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n");
    assert!(shown == expected, "shown:\n{shown}\nkept in {}:\n{expected}", file.display());
}

/// Compares the output of a command with its snapshot: data, then messages.
#[track_caller]
fn shows(name: &str, place: &Place, arguments: &[&str], code: i32) -> String {
    // Prices have dates and hours: an answer for now would differ between the morning and the night.
    if let ["prices", "list" | "find" | "calc", ..] = arguments {
        assert!(arguments.contains(&"--at"), "a price of now is kept in {name}");
    }
    let ended = place.run(arguments).ended_with(code);
    let mut text = format!("$ tracing-budget {}\n{}", arguments.join(" "), ended.data);
    if !ended.talk.is_empty() {
        text += &format!("(stderr)\n{}", ended.talk);
    }
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "blanks at the end of a line");
        assert!(!line.contains('\u{1b}'), "colours in a pipe: {line}");
    }
    as_kept(&kept(name), &text);
    ended.data
}

#[test]
fn runs_list() {
    let place = Place::seeded();
    let shown = shows("list.txt", &place, &["runs", "list", "--limit", "6"], 0);
    assert!(shown.contains("✗ FAILED"), "a failed run is unmistakable");
    assert!(shown.contains('≥'), "a partly known cost is marked");
    let mixed = ["runs", "list", "--status", "failed", "--status", "interrupted", "--sort", "cost"];
    shows("list-filtered.txt", &place, &mixed, 0);
    shows("list-none.txt", &place, &["runs", "list", "--project", "no-such-project"], 0);
    shows("list-by-tag.txt", &place, &["runs", "list", "--tag", "tier=2", "--since", "2026-11-19"], 0);
}

#[test]
fn runs_show() {
    let place = Place::seeded();
    shows("show.txt", &place, &["runs", "show", &id(1, 18)], 0);
    let shown = shows("show-failed.txt", &place, &["runs", "show", "last-failed"], 0);
    assert!(shown.starts_with("✗ nightly"), "{shown}");
}

/// The calls of a run, the most expensive first; a run of an earlier version has none.
#[test]
fn runs_show_calls() {
    let place = Place::seeded();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/table/calls.json");
    place.run(&["import", &document.display().to_string()]).ended_with(0);
    let run = "0193c0de-7a11-7000-8000-0000000000a1";
    let shown = shows("show-calls.txt", &place, &["runs", "show", run, "--calls=3"], 0);
    assert!(shown.contains("Not shown: 1 call, 1 of them failed."), "{shown}");
    let csv = place.run(&["runs", "show", run, "--calls", "--format", "csv"]).ended_with(0).data;
    assert_eq!(csv.lines().count(), 1 + 4, "all that were kept:\n{csv}");
    assert!(csv.contains("2026-04-19T09:13:55.000Z,completed,0.0996,genai-prices@0.2.1,9.4"), "{csv}");
    let old = place.run(&["runs", "show", &id(1, 18), "--calls"]).ended_with(0).data;
    assert!(old.contains("Calls were not kept"), "{old}");
}

#[test]
fn runs_summary() {
    let place = Place::seeded();
    let shown = shows("summary.txt", &place, &["runs", "summary", "--project", "apprentice"], 0);
    assert!(shown.contains("hunk 3"), "why the last one failed");
    shows("summary-of-nothing.txt", &place, &["runs", "summary", "--since", "2027-01-01"], 0);
}

#[test]
fn runs_compare() {
    let place = Place::seeded();
    shows("compare.txt", &place, &["runs", "compare", &id(1, 17), &id(1, 18)], 0);
    shows("compare-failed.txt", &place, &["runs", "compare", &id(1, 18), "last-failed"], 0);
    let shown = shows("compare-unpriced.txt", &place, &["runs", "compare", &id(1, 18), &id(1, 21)], 0);
    assert!(shown.contains("only in B"), "{shown}");
}

#[test]
fn runs_health() {
    let place = Place::seeded();
    let shown = shows("health.txt", &place, &["runs", "health", "--recent", "4"], 1);
    assert!(shown.contains("✗ CRITICAL"), "{shown}");
    shows("health-of-nothing.txt", &place, &["runs", "health", "--project", "no-such-project"], 0);
}

#[test]
fn stages_models_and_gates() {
    let place = Place::seeded();
    for what in ["stages", "models", "gates"] {
        shows(&format!("{what}.txt"), &place, &[what, "--since", "2026-11-10", "--until", "2026-11-21"], 0);
    }
    shows("gates-none.txt", &place, &["gates", "--since", "2026-12-24", "--until", "2026-12-24"], 0);
}

#[test]
fn checks() {
    let place = Place::seeded();
    let kept =
        ["check", &id(1, 18), "--max-cost-usd", "0.50", "--max-tokens", "100000", "--require-gate", "lint"];
    shows("check.txt", &place, &kept, 0);
    let failing = [
        "check",
        "last-failed",
        "--max-cost-usd",
        "0.05",
        "--require-gate",
        "lint",
        "--require-gate",
        "deploy",
        "--baseline",
        "last-passing",
        "--max-regression",
        "5%",
    ];
    shows("check-fails.txt", &place, &failing, 1);
    let dark =
        ["check", &id(1, 21), "--max-cost-usd", "0.50", "--baseline", &id(1, 18), "--max-regression", "10%"];
    shows("check-unknown.txt", &place, &dark, 1);
}

#[test]
fn prices() {
    let place = Place::empty();
    place.write("prices.toml", OWN_PRICES);
    shows(
        "prices-list.txt",
        &place,
        &["prices", "list", "claude-sonnet-4", "--provider", "anthropic", "--at", "2026-11-01"],
        0,
    );
    shows(
        "prices-find.txt",
        &place,
        &["prices", "find", "gpt-5-mini", "--provider", "openai", "--at", "2026-11-01"],
        0,
    );
    let at_night =
        ["prices", "find", "deepseek-v4-pro", "--provider", "deepseek", "--at", "2026-11-01T02:00Z"];
    shows("prices-find-hours.txt", &place, &at_night, 0);
    place.write("data.json", DATA);
    let own = ["--with", "data.json", "--with", "prices.toml", "--at", "2026-11-01T12:00Z"];
    let comments = [&["prices", "find", "vox-1", "--provider", "vox"][..], &own].concat();
    shows("prices-find-comments.txt", &place, &comments, 0);
    shows("prices-find-typo.txt", &place, &["prices", "find", "claude-sonet-4-5", "--at", "2026-11-01"], 4);
    let units = ["prices", "list", "whisper", "--provider", "openai", "--at", "2026-11-01"];
    shows("prices-list-units.txt", &place, &units, 0);
    shows(
        "prices-list-none.txt",
        &place,
        &["prices", "list", "gpt-5", "--provider", "openia", "--at", "2026-11-01"],
        0,
    );
    let absent = ["prices", "list", "qwen-3-coder", "--provider", "cerebras", "--at", "2026-11-01"];
    shows("prices-list-absent.txt", &place, &absent, 0);
    let calc = ["prices", "calc", "claude-sonnet-4-5", "--input", "300000", "--cache-read", "1000"];
    let more = ["--output", "528", "--unit", "web_searches=2", "--unit", "code_executions=1"];
    let batch = ["--tier", "batch", "--at", "2026-11-01"];
    shows("prices-calc-units.txt", &place, &[&calc[..], &more, &batch].concat(), 0);
    let minimum = ["prices", "calc", "whisper-large-v3", "--provider", "groq", "--unit", "audio_seconds=2.5"];
    shows("prices-calc-minimum.txt", &place, &[&minimum[..], &["--at", "2026-11-01"]].concat(), 0);
    shows(
        "prices-find-none.txt",
        &place,
        &["prices", "find", "frontier-9", "--provider", "acme", "--at", "2026-11-01"],
        4,
    );
    let calc =
        ["prices", "calc", "claude-sonnet-4-5", "--input", "12000", "--output", "900", "--at", "2026-11-01"];
    shows("prices-calc.txt", &place, &calc, 0);
    let own = ["prices", "diff", "--with", "prices.toml", "--to", "2026-11-01", "--provider", "acme"];
    shows("prices-diff.txt", &place, &own, 0);
}

/// Published data with remarks, as newer files have them.
const DATA: &str = r#"[{"id": "vox", "name": "Vox", "api_pattern": "vox", "price_comments": "Billed in euros.", "models": [
    {"id": "vox-1", "match": {"equals": "vox-1"}, "price_comments": "Half the price at night.", "prices": [
        {"prices": {"input_mtok": 2, "output_mtok": 4, "input_audio_mtok": 8}},
        {"constraint": {"start_time": "22:00:00Z", "end_time": "06:00:00Z"},
         "prices": {"input_mtok": 1, "output_mtok": 2, "input_audio_mtok": 4}}]}]}]"#;

#[test]
fn charges_add_up_to_the_cost() {
    let place = Place::empty();
    let calc =
        ["prices", "calc", "gemini-2.5-flash", "--input", "7001", "--cache-read", "333", "--output", "11"];
    let units = [
        "--unit",
        "web_searches=3",
        "--unit",
        "input_audio_tokens=17",
        "--unit",
        "cache_audio_read_tokens=0",
    ];
    let found = place.run(&[&calc[..], &units, &["--format", "json"]].concat()).ended_with(0).json();
    let pico = |value: &serde_json::Value| (value.as_f64().expect("an amount") * 1e12).round() as i128;
    let charges = found["charges"].as_array().expect("a list");
    assert_eq!(charges.len(), 5, "{found:#}");
    let sum: i128 = charges.iter().map(|charge| pico(&charge["amount_usd"])).sum();
    assert_eq!((sum, pico(&found["beside_usd"])), (pico(&found["cost_usd"]), 0), "{found:#}");
}

pub(crate) const OWN_PRICES: &str = "\
[[price]]
provider = \"acme\"
model = \"frontier-9\"
input = 2.00
output = 10.00
";

#[test]
fn repricing() {
    let place = Place::seeded();
    place.write("prices.toml", OWN_PRICES);
    let swap = format!("{}={}", crate::seeded::SONNET, crate::seeded::MINI);
    let since = ["--since", "2026-11-17", "--project", "apprentice"];
    shows("reprice-swap.txt", &place, &[&["reprice", "--model-swap", &swap][..], &since].concat(), 0);
    shows("reprice-with.txt", &place, &[&["reprice", "--with", "prices.toml"][..], &since].concat(), 0);
}

#[test]
fn removing() {
    let place = Place::seeded();
    shows("delete-dry.txt", &place, &["runs", "delete", &id(1, 3), &id(1, 4), "--dry-run"], 0);
    shows("delete.txt", &place, &["runs", "delete", &id(1, 3), &id(1, 4)], 0);
    shows("prune-dry.txt", &place, &["runs", "prune", "--older-than", "2026-11-10", "--dry-run"], 0);
    shows("prune.txt", &place, &["runs", "prune", "--keep-last", "5", "--project", "apprentice"], 0);
    let left = place.run(&["runs", "list", "--format", "csv"]).ended_with(0).data;
    assert_eq!(left.lines().count(), 1 + 5 + 2, "five of the project, and the other project's two:\n{left}");
}
