//! Counts the comments that give a reason, beside the code they explain.

use std::fs;
use std::path::Path;

use crate::lines::{lines, without_tests};
use crate::sources::rust_files;
use crate::{Outcome, root};

/// The rooms with locks, memory orderings and formats: what they do is clear from the code, and why is not.
pub(crate) const ROOMS: &[&str] = &["layer", "ledger", "limit", "sink", "journal"];
/// Comment lines per 100 lines of code. tracing and jj have 8, rustls 4.
const AT_LEAST: f64 = 4.0;
/// A comment with fewer words is a label (`// Totals`), not a reason.
const REASON_WORDS: usize = 4;

#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) code: usize,
    pub(crate) reasons: usize,
}

impl Count {
    /// Comment lines per 100 lines of code.
    pub(crate) fn share(self) -> f64 {
        100.0 * self.reasons as f64 / self.code.max(1) as f64
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.code += other.code;
        self.reasons += other.reasons;
    }
}

pub(crate) fn check() -> Outcome {
    let mut faults = Vec::new();
    for room in ROOMS {
        let count = of_folder(&root().join("src").join(room))?;
        if count.code == 0 {
            return Err(format!("src/{room} has no code: is it still a room?").into());
        }
        println!(
            "src/{room}: {:.1} ({} comment lines with {} lines of code)",
            count.share(),
            count.reasons,
            count.code
        );
        if count.share() < AT_LEAST {
            let share = count.share();
            faults.push(format!(
                "src/{room}: {share:.1} comment lines with reasons, expected at least {AT_LEAST}"
            ));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

pub(crate) fn of_folder(folder: &Path) -> Outcome<Count> {
    let mut sum = Count::default();
    for file in rust_files(folder)?.into_iter().filter(|file| !file.ends_with("tests.rs")) {
        sum.add(of_text(&fs::read_to_string(file)?));
    }
    Ok(sum)
}

/// Counts outside of unit tests. Comment lines that follow each other are one comment of several lines.
fn of_text(text: &str) -> Count {
    let mut count = Count::default();
    let (mut comment_lines, mut comment_words) = (0, 0);
    let lines = without_tests(lines(text));
    for line in lines.iter().map(Some).chain([None]) {
        let comment = line.map_or("", |line| line.comment.as_str());
        let follows = line.is_some_and(|line| line.code.is_empty()) && !comment.is_empty();
        if !follows {
            count.reasons += if comment_words >= REASON_WORDS { comment_lines } else { 0 };
            (comment_lines, comment_words) = (0, 0);
        }
        comment_lines += usize::from(!comment.is_empty());
        comment_words += comment.split_whitespace().count();
        count.code += usize::from(line.is_some_and(|line| !line.code.is_empty()));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::of_text;

    fn counts(text: &str) -> (usize, usize) {
        let count = of_text(text);
        (count.code, count.reasons)
    }

    #[test]
    fn each_line_of_a_reason_counts() {
        assert_eq!(counts("// The lock order is slot, then run:\n// a deadlock.\nlet a = 1;\n"), (1, 2));
        assert_eq!(counts("let a = 64; // one cache line holds it\n"), (1, 1));
    }

    #[test]
    fn labels_documentation_and_tests_do_not_count() {
        let text = "// Totals\nlet a = 1;\n/// Returns what was counted before.\nfn f() {}\n#[cfg(test)]\nmod tests {\n// because of some reason here\n}\n";
        assert_eq!(counts(text), (2, 0));
    }

    #[test]
    fn a_last_comment_counts_too() {
        assert_eq!(counts("a();\n// Kept for the next version.\n"), (1, 1));
    }
}
