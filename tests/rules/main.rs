//! The rules of `docs/attribution.md` as programs in text, one file per rule, each program with the rows that it must leave.
//!
//! The grammar is in `program.rs`. Models `m-a` and `m-b` cost 1 and 0.5 USD per million input tokens, and 2 and 4 USD per million
//! output tokens. Tokens of `m-a` from the cache cost 0.1 USD per million.
#![allow(clippy::unwrap_used)]

mod layer;
mod program;
#[path = "../spans/mod.rs"]
mod spans;

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Plays all programs of a file, then lists all that failed.
fn holds(rule: &str, text: &str) {
    let programs = program::parse(text);
    let count = programs.len();
    let mut failures = String::new();
    let mut failed = 0;
    for program in programs {
        if let Err(difference) = layer::check(&program) {
            failed += 1;
            write!(failures, "\n# {}\n{}\n--- differences\n{difference}", program.title, program.text)
                .unwrap();
        }
    }
    assert!(failed == 0, "{rule}: {failed} of {count} programs failed\n{failures}");
}

macro_rules! rules {
    ($($rule:ident),+ $(,)?) => {
        const RULES: &[&str] = &[$(stringify!($rule)),+];

        $(
            #[test]
            fn $rule() {
                holds(stringify!($rule), include_str!(concat!(stringify!($rule), ".txt")));
            }
        )+
    };
}

rules! {
    a01_root,
    a02_stage,
    a03_call,
    a04_newest_figure,
    a05_call_in_call,
    a06_inclusive,
    a07_events,
    a08_response_id,
    a09_explicit_roots,
    a10_parts,
    a11_half_known,
    a12_failure,
    a13_agents,
    a14_flush,
}

#[test]
fn every_file_of_rules_is_played_and_cited() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(folder.join("docs/attribution.md")).unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.join("tests/rules")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(rule) = name.strip_suffix(".txt") {
            files.push(rule.to_owned());
        }
    }
    files.sort();
    assert_eq!(files, RULES);
    for rule in RULES {
        assert!(
            page.contains(&format!("`tests/rules/{rule}.txt`")),
            "docs/attribution.md does not cite {rule}.txt"
        );
    }
}
