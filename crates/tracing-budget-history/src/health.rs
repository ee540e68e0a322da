//! Health: a pipeline's newest runs against those before them, by median and MAD.
//!
//! ```
//! use tracing_budget::{RunSummary, Status};
//! use tracing_budget_history::health::{FindingKind, HealthQuery, Severity};
//! use tracing_budget_history::{Sqlite, Store};
//!
//! # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-health-{}", std::process::id()));
//! let store = Sqlite::open(directory.join("runs.db"))?;
//! let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
//! run.status = Status::Completed;
//! store.put(&run)?;
//!
//! let health = store.health(&HealthQuery::default())?;
//! assert_eq!(health.severity, Severity::Ok);
//! assert_eq!(health.findings[0].kind, FindingKind::LittleHistory); // one run is no baseline
//! # drop(store);
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - Each pipeline is compared with its own earlier runs only.
//! - Thresholds are distances from a median in units of the MAD: a single outlier moves neither.
//! - Absent: a store. The rules take runs in memory, so that every store has the same findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::filter::Scope;
use super::statistics::{mad, median, median_whole};
use super::stats::ratio;
use tracing_budget::present::numbers::{self, Money, duration, share};
use tracing_budget::summary::Status;
use tracing_budget::{Usd, Verdict};

/// Which runs are judged, and by how many before them. Each pipeline is judged by its own history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthQuery {
    /// Which runs; each pipeline is judged by itself.
    pub scope: Scope,
    /// Number of newest runs that are judged; 20 by default.
    pub recent: usize,
    /// Number of runs before them that are the baseline; 200 by default.
    pub history: usize,
}

impl HealthQuery {
    /// The newest 20 runs of each pipeline against the 200 before them.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self { scope, recent: 20, history: 200 }
    }

    /// Sets the number of newest runs that are judged; at least 1.
    #[must_use]
    pub fn recent(mut self, runs: usize) -> Self {
        self.recent = runs.max(1);
        self
    }

    /// Sets the number of runs before them that are the baseline.
    #[must_use]
    pub const fn history(mut self, runs: usize) -> Self {
        self.history = runs;
        self
    }
}

impl Default for HealthQuery {
    fn default() -> Self {
        Self::new(Scope::default())
    }
}

/// The severity of a finding.
// Exhaustive: a caller that maps severities to exit codes or colours must decide on every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Ok,
    /// Worth knowing.
    Notice,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The word in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Too few runs to compare with.
    LittleHistory,
    /// More runs fail than usual.
    FailureRate,
    /// Runs cost more or less than usual.
    Cost,
    /// One run cost far more than is usual.
    CostlyRun,
    /// Runs take longer or shorter than usual.
    Duration,
    /// A gate fails that used to pass.
    GateFailing,
    /// A gate does not run that used to.
    GateSilent,
    /// A stage takes a much larger part of the cost than before.
    StageDominates,
    /// Model calls without a known price.
    Unpriced,
    /// A run is `running` and its heartbeat is overdue.
    Stale,
}

/// One deviation from the usual.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// Its kind.
    pub kind: FindingKind,
    /// The project of the pipeline.
    pub project: String,
    /// The pipeline.
    pub pipeline: String,
    /// The gate, stage or run that it is about.
    pub subject: Option<String>,
    /// The deviation, as a sentence.
    pub text: String,
    /// The figure now: USD, seconds or a part of a whole, as the kind has it.
    pub recent: Option<f64>,
    /// The usual figure.
    pub usual: Option<f64>,
}

/// A pipeline's figures, now and usually.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PipelineHealth {
    /// The project of the pipeline.
    pub project: String,
    /// The pipeline.
    pub pipeline: String,
    /// The highest severity of its findings.
    pub severity: Severity,
    /// Number of runs that are judged.
    pub recent_runs: u64,
    /// Number of runs in the baseline.
    pub history_runs: u64,
    /// The fraction of the new runs that did not complete, 0 to 1, without those cancelled.
    pub failure_rate: Option<f64>,
    /// The same of the history.
    pub usual_failure_rate: Option<f64>,
    /// The median cost of the new runs that completed.
    pub cost_usd: Option<Usd>,
    /// The same of the history.
    pub usual_cost_usd: Option<Usd>,
    /// The median distance of the history's costs from their median.
    pub cost_mad_usd: Option<Usd>,
    /// The median duration of the new runs that completed, in seconds.
    pub duration_seconds: Option<f64>,
    /// The same of the history.
    pub usual_duration_seconds: Option<f64>,
    /// The median distance of the history's durations from their median, in seconds.
    pub duration_mad_seconds: Option<f64>,
    /// The fraction of the new runs' calls with known usage and unknown cost, 0 to 1.
    pub unpriced_share: Option<f64>,
    /// The same of the history.
    pub usual_unpriced_share: Option<f64>,
}

/// How the newest runs compare with those before them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The highest severity of its findings.
    pub severity: Severity,
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// The figures behind it, by project and pipeline.
    pub pipelines: Vec<PipelineHealth>,
}

impl Health {
    /// From the pipelines' findings.
    pub(super) fn of(judged: impl IntoIterator<Item = (PipelineHealth, Vec<Finding>)>) -> Self {
        let mut health = Self::default();
        for (pipeline, findings) in judged {
            health.pipelines.push(pipeline);
            health.findings.extend(findings);
        }
        // Stable: within a severity they stay in the order of the rules.
        health.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        health.severity = health.findings.first().map_or(Severity::Ok, |finding| finding.severity);
        health
    }
}

/// The figures of an ended run that the rules use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EndedRun {
    pub(super) run_id: String,
    pub(super) status: Status,
    pub(super) cost: Option<Usd>,
    pub(super) seconds: f64,
    pub(super) llm_calls: u64,
    pub(super) unpriced_calls: u64,
    /// Name and known cost of each stage.
    pub(super) stages: Vec<(String, Usd)>,
    /// Name and verdict of each gate.
    pub(super) gates: Vec<(String, Verdict)>,
}

/// Minimum number of runs in a baseline: the MAD of fewer is chance.
const ENOUGH: usize = 8;

/// Distances from the median at which a median is reported, and at which it is critical. The unit is 1.4826 MAD, which
/// is the standard deviation of a normal distribution. Iglewicz and Hoaglin propose 3.5.
const FAR: f64 = 3.5;
const VERY_FAR: f64 = 10.0;

/// The smallest unit, as a fraction of the median. Without it, a pipeline of nearly equal runs would alarm about a
/// cent.
const LEAST_UNIT: f64 = 0.05;

struct Judge<'a> {
    project: &'a str,
    pipeline: &'a str,
    recent: &'a [EndedRun],
    before: &'a [EndedRun],
    findings: Vec<Finding>,
}

/// Judges one pipeline. Both lists are newest first.
pub(super) fn judge(
    project: &str,
    pipeline: &str,
    recent: &[EndedRun],
    before: &[EndedRun],
) -> (PipelineHealth, Vec<Finding>) {
    let mut judge = Judge { project, pipeline, recent, before, findings: Vec::new() };
    if before.len() < ENOUGH {
        judge.little_history();
        judge.failures_without_history();
    } else {
        judge.failures();
        judge.cost();
        judge.costly_run();
        judge.duration();
        judge.gates();
        judge.stages();
    }
    judge.unpriced();
    let severity = judge.findings.iter().map(|finding| finding.severity).max().unwrap_or_default();
    (judge.figures(severity), judge.findings)
}

impl Judge<'_> {
    fn find(
        &mut self,
        severity: Severity,
        kind: FindingKind,
        subject: Option<&str>,
        text: String,
        (recent, usual): (Option<f64>, Option<f64>),
    ) {
        self.findings.push(Finding {
            severity,
            kind,
            project: self.project.to_owned(),
            pipeline: self.pipeline.to_owned(),
            subject: subject.map(str::to_owned),
            text,
            recent,
            usual,
        });
    }

    fn figures(&self, severity: Severity) -> PipelineHealth {
        let usd = |runs: &[EndedRun]| median_whole(costs(runs).map(Usd::pico)).map(Usd::from_pico);
        let before: Vec<f64> = costs(self.before).map(Usd::to_f64).collect();
        let seconds: Vec<f64> = durations(self.before).collect();
        PipelineHealth {
            project: self.project.to_owned(),
            pipeline: self.pipeline.to_owned(),
            severity,
            recent_runs: self.recent.len() as u64,
            history_runs: self.before.len() as u64,
            failure_rate: failure_rate(self.recent),
            usual_failure_rate: failure_rate(self.before),
            cost_usd: usd(self.recent),
            usual_cost_usd: usd(self.before),
            cost_mad_usd: mad(&before).and_then(Usd::from_f64),
            duration_seconds: median(durations(self.recent)),
            usual_duration_seconds: median(seconds.iter().copied()),
            duration_mad_seconds: mad(&seconds),
            unpriced_share: unpriced_share(self.recent),
            usual_unpriced_share: unpriced_share(self.before),
        }
    }

    fn little_history(&mut self) {
        let text = format!(
            "{} ended before the newest {}: too few for a baseline (expected at least {ENOUGH})",
            runs(self.before.len()),
            self.recent.len()
        );
        self.find(Severity::Ok, FindingKind::LittleHistory, None, text, (None, None));
    }

    fn failures_without_history(&mut self) {
        let failed = self.recent.iter().filter(|run| has_failed(run)).count();
        if failed > 0 {
            let severity = if failed == self.recent.len() { Severity::Critical } else { Severity::Warning };
            let text = format!("{failed} of the newest {} did not complete", runs(self.recent.len()));
            self.find(severity, FindingKind::FailureRate, None, text, (failure_rate(self.recent), None));
        }
    }

    fn failures(&mut self) {
        let failed = self.recent.iter().filter(|run| has_failed(run)).count();
        let (Some(now), Some(usual)) = (failure_rate(self.recent), failure_rate(self.before)) else { return };
        let in_a_row = self.recent.iter().take_while(|run| has_failed(run)).count();
        if in_a_row >= 3 {
            let text = format!(
                "the last {in_a_row} runs in a row did not complete; usually {} of runs do not",
                share(usual)
            );
            self.find(Severity::Critical, FindingKind::FailureRate, None, text, (Some(now), Some(usual)));
            return;
        }
        // Two more than would be usual, and twice as many: one failure more is chance.
        let expected = usual * self.recent.len() as f64;
        if failed as f64 >= expected + 2.0 && now >= 2.0 * usual {
            let severity = if now >= 0.5 { Severity::Critical } else { Severity::Warning };
            let text = format!(
                "{failed} of the last {} did not complete ({}); usually {} do not",
                runs(self.recent.len()),
                share(now),
                share(usual)
            );
            self.find(severity, FindingKind::FailureRate, None, text, (Some(now), Some(usual)));
        }
    }

    fn cost(&mut self) {
        let now: Vec<f64> = costs(self.recent).map(Usd::to_f64).collect();
        let before: Vec<f64> = costs(self.before).map(Usd::to_f64).collect();
        let Some(shift) = Shift::of(&now, &before) else { return };
        let [now, usual] = dollars(shift.now, shift.usual);
        let text = format!("a run costs {now} where {usual} is usual ({})", shift.times());
        self.find(shift.severity(), FindingKind::Cost, None, text, (Some(shift.now), Some(shift.usual)));
    }

    fn costly_run(&mut self) {
        let before: Vec<f64> = costs(self.before).map(Usd::to_f64).collect();
        let Some((usual, unit)) = usual_and_unit(&before) else { return };
        let recent = self.recent;
        let most_expensive = recent
            .iter()
            .filter_map(|run| Some((run, run.cost?.to_f64())))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((run, cost)) = most_expensive else { return };
        if cost > usual + VERY_FAR * unit && cost > 3.0 * usual {
            let [spent, usually] = dollars(cost, usual);
            let times = if usual > 0.0 {
                format!(", {:.0} times the usual {usually}", cost / usual)
            } else {
                String::new()
            };
            let text = format!("run {} cost {spent}{times}", run.run_id);
            self.find(
                Severity::Warning,
                FindingKind::CostlyRun,
                Some(&run.run_id),
                text,
                (Some(cost), Some(usual)),
            );
        }
    }

    fn duration(&mut self) {
        let now: Vec<f64> = durations(self.recent).collect();
        let before: Vec<f64> = durations(self.before).collect();
        let Some(shift) = Shift::of(&now, &before) else { return };
        let text = format!(
            "a run takes {} where {} is usual ({})",
            duration(shift.now),
            duration(shift.usual),
            shift.times()
        );
        // A slow run is at most a warning: it costs time, not money.
        let severity = shift.severity().min(Severity::Warning);
        self.find(severity, FindingKind::Duration, None, text, (Some(shift.now), Some(shift.usual)));
    }

    fn gates(&mut self) {
        let (now, before) = (Checks::by_gate(self.recent), Checks::by_gate(self.before));
        for (gate, was) in &before {
            let is = now.get(gate).cloned().unwrap_or_default();
            let (Some(usual), made) = (ratio(was.failed, was.made), is.made) else { continue };
            let in_most = was.made * 10 >= self.before.len() as u64 * 9;
            if made == 0 && in_most && self.recent.len() >= 3 {
                let text = format!(
                    "gate {gate} did not run in any of the last {}; it used to run in {} of them",
                    runs(self.recent.len()),
                    share(was.made.min(self.before.len() as u64) as f64 / self.before.len() as f64)
                );
                self.find(Severity::Warning, FindingKind::GateSilent, Some(gate), text, (None, None));
            }
            let Some(rate) = ratio(is.failed, made) else { continue };
            if is.failed >= 2 && rate >= usual + 0.1 && rate >= 2.0 * usual {
                let severity =
                    if is.last_failed && rate >= 0.5 { Severity::Critical } else { Severity::Warning };
                let text = format!(
                    "gate {gate} failed {} of its last {} checks ({}); before, {} failed",
                    is.failed,
                    made,
                    share(rate),
                    share(usual)
                );
                self.find(severity, FindingKind::GateFailing, Some(gate), text, (Some(rate), Some(usual)));
            }
        }
    }

    fn stages(&mut self) {
        let (now, before) = (shares(self.recent), shares(self.before));
        let names: BTreeSet<&String> = now.keys().collect();
        for stage in names {
            let (part, usual) = (now[stage], before.get(stage).copied().unwrap_or(0.0));
            if part >= 0.5 && part >= usual + 0.2 {
                let text = format!(
                    "stage {stage} takes {} of the cost; it used to take {}",
                    share(part),
                    share(usual)
                );
                self.find(
                    Severity::Warning,
                    FindingKind::StageDominates,
                    Some(stage),
                    text,
                    (Some(part), Some(usual)),
                );
            }
        }
    }

    fn unpriced(&mut self) {
        let Some(now) = unpriced_share(self.recent).filter(|share| *share > 0.0) else { return };
        let usual = unpriced_share(self.before);
        let severity = if now >= usual.unwrap_or(0.0) + 0.05 { Severity::Warning } else { Severity::Notice };
        let text = format!(
            "{} of the model calls have no known price: the true cost is higher than what is shown",
            share(now)
        );
        self.find(severity, FindingKind::Unpriced, None, text, (Some(now), usual));
    }
}

/// A median that has moved further than the values usually lie apart.
struct Shift {
    now: f64,
    usual: f64,
    far: f64,
}

impl Shift {
    fn of(now: &[f64], before: &[f64]) -> Option<Self> {
        // The median of one or two runs is those runs.
        if now.len() < 3 || before.len() < ENOUGH {
            return None;
        }
        let (usual, unit) = usual_and_unit(before)?;
        let now = median(now.iter().copied())?;
        let far = if unit > 0.0 { (now - usual) / unit } else { 0.0 };
        // Of values that lie close together, a tenth is far; it is still only a tenth.
        ((far.abs() > FAR) && (now - usual).abs() > usual.abs() * 0.2).then_some(Self { now, usual, far })
    }

    fn severity(&self) -> Severity {
        match self.far {
            far if far < 0.0 => Severity::Notice,
            far if far > VERY_FAR && self.now >= 2.0 * self.usual => Severity::Critical,
            _ => Severity::Warning,
        }
    }

    fn times(&self) -> String {
        match self.now / self.usual {
            times if times >= 2.0 => format!("{times:.1} times as much"),
            times => format!("{:+.0}%", (times - 1.0) * 100.0),
        }
    }
}

fn usual_and_unit(values: &[f64]) -> Option<(f64, f64)> {
    let usual = median(values.iter().copied())?;
    let unit = (1.4826 * mad(values)?).max(LEAST_UNIT * usual.abs());
    Some((usual, unit))
}

#[derive(Clone, Default)]
struct Checks {
    made: u64,
    failed: u64,
    /// Whether the newest check that was made failed.
    last_failed: bool,
}

impl Checks {
    fn by_gate(runs: &[EndedRun]) -> BTreeMap<String, Self> {
        let mut gates: BTreeMap<String, Self> = BTreeMap::new();
        for (name, verdict) in runs.iter().flat_map(|run| run.gates.iter()) {
            let checks = gates.entry(name.clone()).or_default();
            if *verdict == Verdict::Skipped {
                continue;
            }
            let failed = matches!(verdict, Verdict::Fail | Verdict::Error);
            if checks.made == 0 {
                checks.last_failed = failed;
            }
            checks.made += 1;
            checks.failed += u64::from(failed);
        }
        gates
    }
}

fn has_failed(run: &EndedRun) -> bool {
    matches!(run.status, Status::Failed | Status::Incomplete | Status::Interrupted)
}

fn failure_rate(runs: &[EndedRun]) -> Option<f64> {
    let meant = runs.iter().filter(|run| run.status != Status::Cancelled).count();
    ratio(runs.iter().filter(|run| has_failed(run)).count() as u64, meant as u64)
}

/// Only of runs that completed: a run that broke off early cost little, and would lower the median.
fn costs(runs: &[EndedRun]) -> impl Iterator<Item = Usd> {
    runs.iter().filter(|run| run.status == Status::Completed).filter_map(|run| run.cost)
}

fn durations(runs: &[EndedRun]) -> impl Iterator<Item = f64> {
    runs.iter().filter(|run| run.status == Status::Completed).map(|run| run.seconds)
}

fn unpriced_share(runs: &[EndedRun]) -> Option<f64> {
    ratio(runs.iter().map(|run| run.unpriced_calls).sum(), runs.iter().map(|run| run.llm_calls).sum())
}

/// Each stage's part of the known cost.
fn shares(runs: &[EndedRun]) -> BTreeMap<String, f64> {
    let mut costs: BTreeMap<String, Usd> = BTreeMap::new();
    for (name, cost) in runs.iter().flat_map(|run| run.stages.iter()) {
        *costs.entry(name.clone()).or_default() += *cost;
    }
    let whole: Usd = costs.values().copied().sum();
    if whole <= Usd::ZERO {
        return BTreeMap::new();
    }
    costs.into_iter().map(|(name, cost)| (name, cost.to_f64() / whole.to_f64())).collect()
}

fn runs(count: usize) -> String {
    numbers::counted(count as u64, "run")
}

/// Two amounts with the same number of digits, so that they compare at a glance.
fn dollars(one: f64, other: f64) -> [String; 2] {
    let amounts = [one, other].map(Usd::from_f64);
    let money = Money::for_amounts(amounts.into_iter().flatten());
    amounts.map(|amount| amount.map_or_else(|| numbers::UNKNOWN.to_owned(), |amount| money.write(amount)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that completed, cost this many cents and took as many seconds.
    fn run(cents: i64) -> EndedRun {
        EndedRun {
            run_id: format!("run-{cents}"),
            status: Status::Completed,
            cost: Some(Usd::from_pico(i128::from(cents) * 10_000_000_000)),
            seconds: cents as f64,
            llm_calls: 4,
            unpriced_calls: 0,
            stages: vec![("review".into(), Usd::from_pico(1)), ("discovery".into(), Usd::from_pico(1))],
            gates: vec![("lint".into(), Verdict::Pass)],
        }
    }

    /// Median 100 cents, MAD 5 cents.
    fn usual() -> Vec<EndedRun> {
        (0..40).map(|n| run([90, 95, 100, 105, 110][n % 5])).collect()
    }

    fn texts(recent: &[EndedRun]) -> Vec<(Severity, String)> {
        let (_, findings) = judge("apprentice", "nightly", recent, &usual());
        findings.into_iter().map(|finding| (finding.severity, finding.text)).collect()
    }

    #[test]
    fn a_usual_run_has_no_finding() {
        assert_eq!(texts(&usual()[..10]), []);
        // One failure among ten is chance, and a tenth more is within what varies.
        let mut recent = vec![run(110); 10];
        recent[3].status = Status::Failed;
        assert_eq!(texts(&recent), []);
    }

    #[test]
    fn the_figures_are_medians() {
        let (figures, _) = judge("apprentice", "nightly", &[run(120), run(100), run(130)], &usual());
        assert_eq!(figures.cost_usd, "1.20".parse().ok());
        assert_eq!((figures.usual_cost_usd, figures.cost_mad_usd), ("1".parse().ok(), "0.05".parse().ok()));
        assert_eq!((figures.usual_duration_seconds, figures.duration_mad_seconds), (Some(100.0), Some(5.0)));
        assert_eq!((figures.failure_rate, figures.unpriced_share), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_cost_that_jumped_is_reported_with_both_figures() {
        // 40 cents are 5.4 units of 1.4826 * 5 cents; 300 are 40.
        assert_eq!(
            texts(&vec![run(140); 5]),
            [
                (Severity::Warning, "a run costs $1.4000 where $1.0000 is usual (+40%)".to_owned()),
                (Severity::Warning, "a run takes 2m 20s where 1m 40s is usual (+40%)".to_owned()),
            ]
        );
        assert_eq!(
            texts(&vec![run(300); 5])[0],
            (Severity::Critical, "a run costs $3.0000 where $1.0000 is usual (3.0 times as much)".to_owned())
        );
        assert_eq!(texts(&vec![run(50); 5])[0].0, Severity::Notice, "cheaper is worth knowing");
    }

    #[test]
    fn one_costly_run_is_named() {
        let mut recent = vec![run(100); 10];
        recent[4] = run(40_000);
        assert_eq!(
            texts(&recent),
            [(Severity::Warning, "run run-40000 cost $400.00, 400 times the usual $1.00".to_owned())]
        );
    }

    #[test]
    fn failures_are_reported_when_they_are_more_than_chance() {
        let mut recent = vec![run(100); 10];
        for at in [1, 4, 6] {
            recent[at].status = Status::Failed;
        }
        assert_eq!(
            texts(&recent),
            [(
                Severity::Warning,
                "3 of the last 10 runs did not complete (30%); usually 0% do not".to_owned()
            )]
        );
        recent[0].status = Status::Interrupted;
        recent[2].status = Status::Incomplete;
        assert_eq!(texts(&recent)[0].0, Severity::Critical);
        assert!(texts(&recent)[0].1.starts_with("the last 3 runs in a row"));
        // A cancelled run is no failure.
        recent.iter_mut().for_each(|run| run.status = Status::Cancelled);
        assert_eq!(texts(&recent), []);
    }

    #[test]
    fn gates_are_reported_when_they_begin_to_fail_or_stop_running() {
        let mut recent = vec![run(100); 6];
        for at in [0, 1, 3] {
            recent[at].gates[0].1 = Verdict::Fail;
        }
        assert_eq!(
            texts(&recent),
            [(
                Severity::Critical,
                "gate lint failed 3 of its last 6 checks (50%); before, 0% failed".to_owned()
            )]
        );
        recent.iter_mut().for_each(|run| run.gates[0].1 = Verdict::Skipped);
        assert_eq!(
            texts(&recent),
            [(
                Severity::Warning,
                "gate lint did not run in any of the last 6 runs; it used to run in 100% of them".to_owned()
            )]
        );
    }

    #[test]
    fn a_stage_that_takes_over_is_reported() {
        let mut recent = vec![run(100); 5];
        recent.iter_mut().for_each(|run| run.stages[0].1 = Usd::from_pico(9));
        assert_eq!(
            texts(&recent),
            [(Severity::Warning, "stage review takes 90% of the cost; it used to take 50%".to_owned())]
        );
    }

    #[test]
    fn calls_without_a_price_are_reported() {
        let mut recent = vec![run(100); 5];
        recent[0].unpriced_calls = 2;
        assert_eq!(
            texts(&recent),
            [(
                Severity::Warning,
                "10% of the model calls have no known price: the true cost is higher than what is shown"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn with_little_history_only_failures_are_reported() {
        let mut recent = vec![run(100), run(9_000)];
        let (_, findings) = judge("apprentice", "nightly", &recent, &usual()[..3]);
        let texts: Vec<_> = findings.iter().map(|finding| finding.text.as_str()).collect();
        assert_eq!(texts, ["3 runs ended before the newest 2: too few for a baseline (expected at least 8)"]);
        recent.iter_mut().for_each(|run| run.status = Status::Failed);
        let (figures, findings) = judge("apprentice", "nightly", &recent, &[]);
        assert_eq!((figures.severity, findings.len()), (Severity::Critical, 2));
    }
}
