//! The tests that the page of reliability names exist.

use std::fs;
use std::path::Path;

/// Files with the tests that the page names in them: `` `FILE` · `TEST`, `TEST` ``.
fn named(page: &str) -> Vec<(String, String)> {
    let mut named = Vec::new();
    let mut file = None;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let Some(cell) = row.trim_end_matches('|').rsplit('|').next() else { continue };
        for text in cell.split('`').skip(1).step_by(2) {
            if text.ends_with(".rs") {
                file = Some(text.to_owned());
            } else if let Some(file) = &file {
                named.push((file.clone(), text.to_owned()));
            }
        }
    }
    named
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reliability.md")).expect("the page");
    let named = named(&page);
    assert!(named.len() > 40, "{}", named.len());
    for (file, test) in named {
        let text = fs::read_to_string(root.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{file} has no {test}");
    }
}
