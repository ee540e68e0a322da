//! The outcome as JUnit XML: a suite a run, a case a check.

use std::fs;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};

use super::outcome::{Checked, Report, Verdict};

/// Writes the file.
pub(super) fn write(report: &Report, file: &Path) -> anyhow::Result<()> {
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
            Verdict::Passed => TestCaseStatus::success(),
            Verdict::Skipped => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(check.text.as_str());
                status
            }
            Verdict::Failed => {
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
