//! The command: which runs, what is said of them, and where that is written.

use std::path::PathBuf;

use anyhow::Context as _;

use super::baseline::{Against, Baselines};
use super::outcome::{Checked, Outcome, Report, Verdict};
use super::rules::{Rules, regressions};
use super::{junit, markdown};
use crate::args::CheckArgs;
use crate::cell::{Cell, Tone};
use crate::exit::{Absent, End};
use crate::page::Page;
use crate::session::Session;
use crate::sheet::{Sheet, csv_only, left};
use crate::{pick, sources};
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;

/// Checks runs; ends badly if one fails.
pub(crate) fn run(args: &CheckArgs, session: &Session) -> anyhow::Result<End> {
    let rules = Rules {
        any_status: args.any_status,
        max_cost: args.max_cost_usd,
        max_tokens: args.max_tokens,
        max_seconds: args.max_seconds,
        gates: args.gates.clone(),
    };
    let runs = runs(args, session)?;
    let baselines = Baselines::new(args.baseline.as_ref(), session)?;
    let checked = runs
        .into_iter()
        .map(|(origin, run)| {
            let mut checks = rules.judge(&run);
            let against = baselines.of(&run)?;
            let baseline = match &against {
                Against::Run(baseline) => {
                    checks.extend(regressions(&run, baseline, &args.regression_of, args.max_regression));
                    Some(baseline.run_id.clone())
                }
                Against::NoneYet(why) => {
                    checks.push(Outcome::skipped("baseline", *why));
                    None
                }
                Against::Nothing => None,
            };
            Ok(Checked::new(&run, origin, baseline, checks))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let report = Report { passed: checked.iter().all(|run| run.passed), runs: checked };
    if let Some(file) = &args.junit {
        junit::write(&report, file).with_context(|| format!("--junit: {}", file.display()))?;
    }
    if let Some(file) = &args.step_summary {
        markdown::append(&report, file).with_context(|| format!("--step-summary: {}", file.display()))?;
    }
    session.show(&report, || page(&report))?;
    Ok(if report.passed { End::Good } else { End::Bad })
}

/// The runs that are meant, each with the file that it came from.
fn runs(args: &CheckArgs, session: &Session) -> anyhow::Result<Vec<(Option<String>, RunSummary)>> {
    let mut runs = Vec::new();
    for typed in &args.runs {
        if !sources::is_path(typed) {
            runs.push((None, pick::run(&session.store()?, typed)?));
            continue;
        }
        sources::read(&[PathBuf::from(typed)], &mut |found| {
            // A summary that cannot be read has shown nothing: that must not pass as nothing to complain about.
            let run = found.run.map_err(anyhow::Error::msg).with_context(|| found.origin.clone())?;
            runs.push((Some(found.origin), run));
            Ok(())
        })?;
    }
    if runs.is_empty() {
        return Err(Absent(format!("there is no summary in {}", args.runs.join(", "))).into());
    }
    Ok(runs)
}

fn page(report: &Report) -> Page {
    let mut page = Page::new().for_csv(sheet(&report.runs));
    for run in &report.runs {
        let origin = run.origin.as_ref().unwrap_or(&run.run_id);
        let baseline = run.baseline.as_ref().map_or_else(String::new, |id| format!(" · baseline {id}"));
        let (mark, outcome) = match run.failures() {
            0 => ('✓', "passed".to_owned()),
            failures => {
                ('✗', format!("FAILED {} of {}", failures, counted(run.checks.len() as u64, "check")))
            }
        };
        page = page
            .text(format!("{mark} {} · {origin}{baseline} · {outcome}", run.name()))
            .sheet(sheet(std::slice::from_ref(run)));
    }
    if report.runs.len() > 1 {
        let failed = report.runs.iter().filter(|run| !run.passed).count();
        page = page.text(format!("{}, {failed} of them failed", counted(report.runs.len() as u64, "run")));
    }
    page
}

fn sheet(runs: &[Checked]) -> Sheet {
    let mut sheet = Sheet::new([
        csv_only("run_id"),
        csv_only("pipeline"),
        left("CHECK", "check"),
        left("RESULT", "result"),
        left("WHAT WAS FOUND", "text"),
    ]);
    for run in runs {
        for check in &run.checks {
            let result = match check.result {
                Verdict::Passed => Cell::short("✓ passed", "passed").in_tone(Tone::Good),
                Verdict::Failed => Cell::short("✗ FAILED", "failed").in_tone(Tone::Bad),
                Verdict::Skipped => Cell::short("· skipped", "skipped").in_tone(Tone::Faint),
            };
            sheet.row([
                Cell::whole(&run.run_id),
                Cell::words(&run.pipeline),
                Cell::words(&check.check),
                result,
                Cell::whole(&check.text),
            ]);
        }
    }
    sheet
}
