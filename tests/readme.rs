//! `docs/summary.md` shows a program that runs, and what it really prints.
//!
//! The README's own program needs rig: `examples/rig_agent/tests/readme.rs` runs that one.

#![cfg(feature = "prices")]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

const SUMMARY: &str = include_str!("../docs/summary.md");

/// What differs from run to run.
const VOLATILE: [&str; 3] = ["run_id", "duration_seconds", "started_at"];

/// The first code block that opens with this line.
fn block(fence: &str) -> &'static str {
    let opening = format!("\n```{fence}\n");
    let (_, rest) =
        SUMMARY.split_once(&opening).unwrap_or_else(|| panic!("no block {fence} in docs/summary.md"));
    rest.split_once("```").expect("a code block ends").0
}

#[test]
fn the_program_is_the_example() {
    let example = include_str!("../examples/summary.rs");
    let (_, program) = example.split_once("\n\n").expect("a comment, then the program");
    assert_eq!(block("rust,no_run").trim(), program.trim());
}

#[test]
fn it_prints_what_is_shown() {
    // Cargo builds the examples before it runs tests, and puts them here.
    let tests = env::current_exe().expect("a test has an executable");
    let folder = tests.ancestors().nth(2).expect("target/debug").join("examples");
    let program = folder.join(format!("summary{}", env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "not built yet: cargo build --example summary");

    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("summary-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory");
    let output = Command::new(program).current_dir(&place).output().expect("the example starts");
    assert!(output.status.success(), "{output:?}");
    let files: Vec<_> = fs::read_dir(place.join("target/budget"))
        .expect("the directory that the program names")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "one file a run: {files:?}");
    let document = fs::read(&files[0]).expect("a file");
    fs::remove_dir_all(&place).expect("an end");

    let mut printed = String::from_utf8(output.stdout).expect("text");
    // The bundled prices become old with the calendar, which is then the last line, and shown nowhere.
    printed.truncate(printed.find("\nwarning   the prices of genai-prices@").unwrap_or(printed.len()));
    assert_eq!(
        lasting(block("text")),
        lasting(&printed),
        "docs/summary.md shows another table than\n{printed}"
    );
    let shown: Value = serde_json::from_str(block("json")).expect("docs/summary.md shows JSON");
    let written: Value = serde_json::from_slice(&document).expect("the program writes JSON");
    contained("", &shown, &written);
}

/// The table's words, without ids and times.
fn lasting(table: &str) -> Vec<Vec<&str>> {
    let is_time = |word: &str| {
        word.trim_start_matches('<').starts_with(|c: char| c.is_ascii_digit()) && word.ends_with('s')
    };
    let lines = table.lines().filter(|line| !line.trim_start().starts_with("run "));
    let words = lines.map(|line| line.split_whitespace().filter(|word| !is_time(word)).collect::<Vec<_>>());
    words.filter(|words| !words.is_empty()).collect()
}

/// Fails unless everything that is shown was written.
fn contained(path: &str, shown: &Value, written: &Value) {
    match (shown, written) {
        (Value::Object(shown), Value::Object(written)) => {
            for (key, value) in shown {
                let path = format!("{path}.{key}");
                let found = written.get(key).unwrap_or_else(|| panic!("{path} is not in the file"));
                if !VOLATILE.contains(&key.as_str()) {
                    contained(&path, value, found);
                }
            }
        }
        (Value::Array(shown), Value::Array(written)) => {
            assert_eq!(shown.len(), written.len(), "{path}");
            shown.iter().zip(written).for_each(|(shown, written)| contained(path, shown, written));
        }
        _ => assert_eq!(shown, written, "{path}"),
    }
}
