//! The page about filters has every word of the grammar, and only those.

use std::fs;
use std::path::Path;

use tracing_budget_history::grammar::{RunQuery, When, Zone};

#[test]
fn the_page_about_filters_has_every_word_and_its_times_are_times() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/filters.md");
    let page = fs::read_to_string(page).unwrap();
    let table = |heading: &str| {
        let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| row.split('|').nth(1).unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    let words: Vec<String> = RunQuery::WORDS.iter().map(|word| format!("`{}`", word.name)).collect();
    assert_eq!(table("Words"), words);
    let mut times = 0;
    for cell in table("Times") {
        for text in cell.split('`').skip(1).step_by(2) {
            assert!(text.parse::<When>().is_ok(), "{text}");
            times += 1;
        }
    }
    assert!(times > 10, "{times}");
    assert!("Europe/Berlin".parse::<Zone>().is_ok());
}
