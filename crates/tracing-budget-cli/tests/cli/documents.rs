//! Generated documents are current, and documented commands work.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::Place;
use crate::seeded::nightly;
use crate::shown::{OWN_PRICES, as_kept};

/// The root of the workspace.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages of the workspace; this program generates two of them.
fn pages() -> PathBuf {
    repository().join("docs")
}

fn document(name: &str) -> String {
    fs::read_to_string(pages().join(name)).unwrap_or_default().replace("\r\n", "\n")
}

#[test]
fn the_reference_is_current() {
    let written = Place::empty().run(&["reference", "cli"]).ended_with(0).data;
    as_kept(&pages().join("cli.md"), &written);
}

#[test]
fn the_metrics_are_those_of_the_schema() {
    let written = Place::empty().run(&["reference", "metrics"]).ended_with(0).data;
    as_kept(&pages().join("metrics.md"), &written);
    let schema =
        fs::read_to_string(repository().join("schema/run-summary.v1.schema.json")).expect("the schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let mut keys = 0;
    let parts = schema["$defs"].as_object().expect("definitions").values().chain([&schema]);
    for (key, property) in parts.flat_map(|part| part["properties"].as_object().expect("properties")) {
        keys += 1;
        let rows: Vec<&str> =
            written.lines().filter(|line| line.starts_with(&format!("| `{key}` |"))).collect();
        assert!(!rows.is_empty(), "{key} is not in the metrics");
        assert!(
            rows.iter().all(|row| row.split('|').all(|cell| cell.is_empty() || !cell.trim().is_empty())),
            "{rows:?}"
        );
        let nullable = property["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "null"));
        assert!(
            !nullable || rows.iter().any(|row| !row.ends_with("| never |")),
            "{key} may be null: {rows:?}"
        );
    }
    assert!(keys > 60, "{keys} keys");
}

/// The commands in shell blocks of a document, one per line.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside => {
                let command = command.split(" #").next().unwrap_or(command).trim();
                commands.push(command.split_whitespace().map(str::to_owned).collect());
            }
            _ => {}
        }
    }
    commands.retain(|words: &Vec<String>| words.first().is_some_and(|word| word == "tracing-budget"));
    commands
}

#[test]
fn every_command_of_the_operations_page_works() {
    let text = document("operations.md");
    let commands = commands(&text);
    assert!(commands.len() >= 15, "{} commands", commands.len());
    for checklist in ["A run failed", "The cost jumped", "A gate did not run", "A model is unpriced", "agent"]
    {
        assert!(text.contains(checklist), "{checklist}");
    }
    for words in commands {
        // Each in a place of its own, as one may delete what another shows.
        let place = Place::seeded();
        place.write("prices.toml", OWN_PRICES);
        place.write("target/budget/1.json", &nightly(1).to_json());
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let ended = place.run(&arguments);
        let is_finding = ended.code == 1 && matches!(arguments[0], "check") || arguments.contains(&"health");
        assert!(
            ended.code == 0 || is_finding,
            "{words:?} ended with {}\n{}{}",
            ended.code,
            ended.data,
            ended.talk
        );
    }
}

#[test]
fn every_command_is_in_the_reference_and_has_a_manual_page() {
    let place = Place::empty();
    place.run(&["man", "--dir", "man"]).ended_with(0);
    let pages: BTreeSet<String> = fs::read_dir(place.path("man"))
        .expect("pages")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    for command in document("cli.md").lines().filter_map(|line| line.strip_prefix("## ")) {
        if command.starts_with(char::is_uppercase) {
            continue;
        }
        let page = format!("tracing-budget-{}.1", command.replace(' ', "-"));
        assert!(pages.contains(&page), "{page} among {pages:?}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).ended_with(0).data;
        assert!(script.contains("reprice") && script.contains("max-cost-usd"), "{shell}");
    }
}
