//! The report of a check: as data (JSON), as JUnit XML, and as Markdown for the page of a CI run.

use std::fmt::Write as _;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use tracing_budget::Usd;
use tracing_budget::present::columns::one_line;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, duration};
use tracing_budget::summary::{RunSummary, Status};

/// The outcome of one rule for one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Check {
    /// The rule: `status`, `cost`, `gate lint`, `cost against baseline`.
    pub(super) check: String,
    pub(super) result: CheckResult,
    /// The finding, in a sentence.
    pub(super) text: String,
}

/// The result of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckResult {
    Passed,
    Failed,
    /// The rule could not be applied, which is no failure.
    Skipped,
}

impl Check {
    pub(super) fn passed(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Passed, text: text.into() }
    }

    pub(super) fn failed(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Failed, text: text.into() }
    }

    pub(super) fn skipped(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Skipped, text: text.into() }
    }
}

/// One run with the outcomes of all rules.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) run_id: String,
    pub(super) project: String,
    pub(super) pipeline: String,
    pub(super) status: Status,
    /// Source file; null for a run of the history.
    pub(super) origin: Option<String>,
    pub(super) cost_usd: Option<Usd>,
    pub(super) tokens_used: Option<u64>,
    pub(super) duration_seconds: f64,
    pub(super) baseline: Option<String>,
    pub(super) passed: bool,
    pub(super) checks: Vec<Check>,
}

impl Checked {
    pub(super) fn new(
        run: &RunSummary,
        origin: Option<String>,
        baseline: Option<String>,
        checks: Vec<Check>,
    ) -> Self {
        let total = &run.budget_summary.total;
        Self {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            origin,
            cost_usd: total.cost_usd,
            tokens_used: total.tokens_used,
            duration_seconds: run.duration_seconds,
            baseline,
            passed: checks.iter().all(|check| check.result != CheckResult::Failed),
            checks,
        }
    }

    pub(super) fn failures(&self) -> usize {
        self.checks.iter().filter(|check| check.result == CheckResult::Failed).count()
    }

    pub(super) fn name(&self) -> &str {
        if self.pipeline.is_empty() { "run" } else { &self.pipeline }
    }
}

/// All checked runs.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) passed: bool,
    pub(super) runs: Vec<Checked>,
}

/// Writes JUnit XML: one suite per run, one case per check.
pub(super) fn write_junit(report: &Report, file: &Path) -> anyhow::Result<()> {
    let mut xml = Xml::new("tracing-budget check");
    xml.add_test_suites(report.runs.iter().map(suite));
    Ok(fs::write(file, xml.to_string()?)?)
}

fn suite(run: &Checked) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} {}", run.name(), run.run_id));
    if let Ok(took) = Duration::try_from_secs_f64(run.duration_seconds) {
        suite.set_time(took);
    }
    suite.add_test_cases(run.checks.iter().map(|check| {
        let status = match check.result {
            CheckResult::Passed => TestCaseStatus::success(),
            CheckResult::Skipped => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(check.text.as_str());
                status
            }
            CheckResult::Failed => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(check.text.as_str()).set_type("check");
                status
            }
        };
        let mut case = TestCase::new(check.check.as_str(), status);
        case.set_classname(run.name());
        case
    }));
    suite
}

/// Appends Markdown to a file that other steps of the CI run append to as well.
pub(super) fn append_markdown(report: &Report, file: &Path) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(markdown(report).as_bytes())?)
}

fn markdown(report: &Report) -> String {
    let mut text = String::new();
    for run in &report.runs {
        let (mark, outcome) = if run.passed { ("✅", "passed") } else { ("❌", "failed") };
        let _ = writeln!(text, "### {mark} {}: budget check {outcome}\n", cell(run.name()));
        let _ = writeln!(text, "{}\n", figures(run));
        text += "| | check | finding |\n|---|---|---|\n";
        for check in &run.checks {
            let mark = match check.result {
                CheckResult::Passed => "✅",
                CheckResult::Failed => "❌",
                CheckResult::Skipped => "➖",
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

/// Escapes a text: a model may have written it, and it must not leave its cell or become markup.
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
    fn text_of_a_model_does_not_become_markup() {
        assert_eq!(cell("a|b\n<img src=x> *c*"), "a\\|b &lt;img src=x&gt; \\*c\\*");
    }
}
