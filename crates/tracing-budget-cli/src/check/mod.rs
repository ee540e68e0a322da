//! `check`: runs against limits, gates and a baseline.
//!
//! # Invariants
//!
//! - `rules` judges one run, and reads neither files nor the history; `report` writes outcomes, and judges nothing.
//! - An unreadable summary is an error, never a passed check.

mod baseline;
mod report;
mod rules;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueHint};

use crate::cell::{Cell, Tone};
use crate::exit::{Exit, NotFound};
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left};
use crate::{input, run_ref};
use baseline::{Against, Baseline, Baselines};
use report::{Check, CheckResult, Checked, Report};
use rules::{Figure, Percent, Rules, regressions};
use tracing_budget::Usd;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Runs of the history, summary files, folders of these, or `-` for standard input.
    #[arg(value_name = "RUN|FILE", default_value = "last", value_hint = ValueHint::AnyPath)]
    pub(crate) runs: Vec<String>,

    /// Maximum cost in USD. A run with an unknown cost fails, as the limit cannot be verified.
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost_usd: Option<Usd>,

    /// Maximum number of tokens.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_tokens: Option<u64>,

    /// Maximum duration in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_seconds: Option<f64>,

    /// Gate that must have run and passed (repeatable).
    #[arg(long = "require-gate", value_name = "NAME")]
    pub(crate) gates: Vec<String>,

    /// Baseline: a run, a summary file, or `last-passing` of the same pipeline.
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) baseline: Option<Baseline>,

    /// Maximum growth over the baseline.
    #[arg(long, value_name = "PERCENT", default_value = "10%", requires = "baseline")]
    pub(crate) max_regression: Percent,

    /// Figures that are compared with the baseline.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "cost,tokens",
        requires = "baseline",
        value_name = "FIGURES"
    )]
    pub(crate) regression_of: Vec<Figure>,

    /// Accept any status; without it, a run that did not complete fails.
    #[arg(long)]
    pub(crate) any_status: bool,

    /// File for the outcome as JUnit XML.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,

    /// File to which the outcome is appended as Markdown; GitHub shows it on the page of the workflow run.
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) step_summary: Option<PathBuf>,
}

/// Checks runs; the exit is negative if one fails.
pub(crate) fn run(args: &CheckArgs, session: &Session) -> anyhow::Result<Exit> {
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
            let mut checks = rules.apply(&run);
            let against = baselines.of(&run)?;
            let baseline = match &against {
                Against::Run(baseline) => {
                    checks.extend(regressions(&run, baseline, &args.regression_of, args.max_regression));
                    Some(baseline.run_id.clone())
                }
                Against::NoneYet(reason) => {
                    checks.push(Check::skipped("baseline", *reason));
                    None
                }
                Against::Nothing => None,
            };
            Ok(Checked::new(&run, origin, baseline, checks))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let report = Report { passed: checked.iter().all(|run| run.passed), runs: checked };
    if let Some(file) = &args.junit {
        report::write_junit(&report, file).with_context(|| format!("--junit: {}", file.display()))?;
    }
    if let Some(file) = &args.step_summary {
        report::append_markdown(&report, file)
            .with_context(|| format!("--step-summary: {}", file.display()))?;
    }
    session.show(&report, || output(&report))?;
    Ok(if report.passed { Exit::Success } else { Exit::Negative })
}

/// Reads the runs, each with its source file.
fn runs(args: &CheckArgs, session: &Session) -> anyhow::Result<Vec<(Option<String>, RunSummary)>> {
    let mut runs = Vec::new();
    for run in &args.runs {
        if !input::is_path(run) {
            runs.push((None, run_ref::load(&session.store()?, run)?));
            continue;
        }
        input::read(&[PathBuf::from(run)], &mut |item| {
            // An unreadable summary must fail: skipped, it would pass as a run without findings.
            let summary = item.run.map_err(anyhow::Error::msg).with_context(|| item.origin.clone())?;
            runs.push((Some(item.origin), summary));
            Ok(())
        })?;
    }
    if runs.is_empty() {
        return Err(NotFound(format!("no summary in {}", args.runs.join(", "))).into());
    }
    Ok(runs)
}

fn output(report: &Report) -> Output {
    let mut output = Output::new().for_csv(table(&report.runs));
    for run in &report.runs {
        let origin = run.origin.as_ref().unwrap_or(&run.run_id);
        let baseline = run.baseline.as_ref().map_or_else(String::new, |id| format!(" · baseline {id}"));
        let (mark, outcome) = match run.failures() {
            0 => ('✓', "passed".to_owned()),
            failures => {
                ('✗', format!("FAILED {} of {}", failures, counted(run.checks.len() as u64, "check")))
            }
        };
        output = output
            .line(format!("{mark} {} · {origin}{baseline} · {outcome}", run.name()))
            .table(table(std::slice::from_ref(run)));
    }
    if report.runs.len() > 1 {
        let failed = report.runs.iter().filter(|run| !run.passed).count();
        output =
            output.line(format!("{}, {failed} of them failed", counted(report.runs.len() as u64, "run")));
    }
    output
}

fn table(runs: &[Checked]) -> Table {
    let mut table = Table::new([
        csv_only("run_id"),
        csv_only("pipeline"),
        left("CHECK", "check"),
        left("RESULT", "result"),
        left("FINDING", "text"),
    ]);
    for run in runs {
        for check in &run.checks {
            let result = match check.result {
                CheckResult::Passed => Cell::short("✓ passed", "passed").in_tone(Tone::Good),
                CheckResult::Failed => Cell::short("✗ FAILED", "failed").in_tone(Tone::Bad),
                CheckResult::Skipped => Cell::short("· skipped", "skipped").in_tone(Tone::Faint),
            };
            table.row([
                Cell::whole(&run.run_id),
                Cell::words(&run.pipeline),
                Cell::words(&check.check),
                result,
                Cell::whole(&check.text),
            ]);
        }
    }
    table
}
