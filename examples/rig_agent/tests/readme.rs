//! The README shows a program that runs, and the table that it really prints.

use std::path::Path;
use std::process::Command;
use std::{fs, process};

use loopback_llm::Server;

const README: &str = include_str!("../../../README.md");

/// The first code block of the README with this info string.
fn block(info: &str) -> &'static str {
    let opening = format!("\n```{info}\n");
    let (_, rest) = README.split_once(&opening).unwrap_or_else(|| panic!("README.md has no block {info}"));
    rest.split_once("\n```").expect("a code block ends").0
}

#[test]
fn the_first_program_is_compiled_word_for_word() {
    let source = include_str!("../src/bin/readme.rs");
    let (_, program) = source.split_once("\n\n").expect("a comment, then the program");
    assert_eq!(block("rust,ignore").trim(), program.trim());
}

#[test]
fn it_prints_the_table_that_follows() {
    let server = Server::start().expect("loopback has a free port");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{}", process::id()));
    fs::create_dir_all(&place).expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_readme"))
        .current_dir(&place)
        .env("OPENAI_API_KEY", "none is needed")
        .env("OPENAI_BASE_URL", server.base_url())
        .env_remove("TRACING_BUDGET")
        .env_remove("ENABLE_COST_TRACKING")
        .env_remove("TRACING_BUDGET_PROJECT")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    let files =
        fs::read_dir(place.join("target/budget")).expect("the directory that the program names").count();
    assert_eq!(files, 1, "one file per run");
    fs::remove_dir_all(&place).expect("the directory can be removed");

    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(lasting(block("text")), lasting(&printed), "README.md shows another table than\n{printed}");
}

/// The table's words, without the line of the run's id and without durations, which differ from run to run.
fn lasting(table: &str) -> Vec<Vec<&str>> {
    let is_duration = |word: &str| {
        word.trim_start_matches('<').starts_with(|c: char| c.is_ascii_digit()) && word.ends_with('s')
    };
    let lines = table.lines().filter(|line| !line.trim_start().starts_with("run "));
    let words =
        lines.map(|line| line.split_whitespace().filter(|word| !is_duration(word)).collect::<Vec<_>>());
    // The line between rows and total is as wide as the widest duration.
    words.filter(|words| !words.iter().all(|word| word.starts_with('─'))).collect()
}
