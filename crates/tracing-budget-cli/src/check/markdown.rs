//! The outcome as Markdown, for the page of a workflow run.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::outcome::{Checked, Report, Verdict};
use tracing_budget::present::columns::one_line;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, duration};

/// Adds to the file, which other steps may have written to as well.
pub(super) fn append(report: &Report, file: &Path) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(written(report).as_bytes())?)
}

fn written(report: &Report) -> String {
    let mut text = String::new();
    for run in &report.runs {
        let (mark, outcome) = if run.passed { ("✅", "passed") } else { ("❌", "failed") };
        let _ = writeln!(text, "### {mark} {}: budget check {outcome}\n", cell(run.name()));
        let _ = writeln!(text, "{}\n", figures(run));
        text += "| | check | what was found |\n|---|---|---|\n";
        for check in &run.checks {
            let mark = match check.result {
                Verdict::Passed => "✅",
                Verdict::Failed => "❌",
                Verdict::Skipped => "➖",
            };
            let _ = writeln!(text, "| {mark} | {} | {} |", cell(&check.check), cell(&check.text));
        }
        text.push('\n');
    }
    text
}

fn figures(run: &Checked) -> String {
    let cost = run.cost_usd.map(|cost| Money::for_amounts([cost].into_iter()).write(cost));
    let tokens = run.tokens_used.map(count);
    format!(
        "run `{}` · {} · {} · {} tokens · {}",
        one_line(&run.run_id).replace('`', "'"),
        run.status,
        cost.as_deref().unwrap_or(UNKNOWN),
        tokens.as_deref().unwrap_or(UNKNOWN),
        duration(run.duration_seconds),
    )
}

/// A text that cannot leave its cell, nor become markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in one_line(text).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn what_a_model_said_does_not_become_markup() {
        assert_eq!(cell("a|b\n<img src=x> *c*"), "a\\|b &lt;img src=x&gt; \\*c\\*");
    }
}
