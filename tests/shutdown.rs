//! A program that ends by Ctrl-C or SIGTERM leaves the summary of what it has used.
#![cfg(all(unix, feature = "prices"))]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// A14.
#[test]
fn a_signal_ends_the_run_as_incomplete_with_its_usage() {
    // Cargo builds the examples before it runs tests, and puts them here.
    let tests = env::current_exe().expect("a test has an executable");
    let program = tests.ancestors().nth(2).expect("target/debug").join("examples/shutdown");
    assert!(program.is_file(), "not built yet: cargo build --example shutdown");

    for signal in ["-INT", "-TERM"] {
        let mut child = Command::new(&program).stdout(Stdio::piped()).spawn().expect("the example starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut ready = String::new();
        output.read_line(&mut ready).expect("a line");
        assert!(ready.starts_with("the first of many calls"), "{ready}");
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill starts").success());

        let mut shown = String::new();
        output.read_to_string(&mut shown).expect("text");
        assert!(child.wait().expect("an end").success(), "{signal}: {shown}");
        assert!(shown.contains("incomplete") && shown.contains("3,000"), "{signal}: {shown}");
    }
}

#[test]
fn the_page_shows_the_example() {
    let example = include_str!("../examples/shutdown.rs");
    let (_, program) = example.split_once("\n\n").expect("a comment, then the program");
    let page = include_str!("../docs/shutdown.md");
    let (_, block) = page.split_once("\n```rust,no_run\n").expect("a program");
    assert_eq!(block.split_once("\n```").expect("an end").0.trim(), program.trim());
}
