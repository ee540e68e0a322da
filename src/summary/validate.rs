//! Validation: the rows of a summary add up to its totals.

use std::collections::{HashMap, HashSet};

use super::document::{BudgetSummary, Figures, RunSummary, StageRow};
use super::rows::Rows;
use super::status::Status;
use crate::ledger::{Kind, Usd};

/// The error of a summary with rows, derived figures or gates that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the summary of run {run_id:?} does not add up: {}", findings.join("; "))]
pub struct Unbalanced {
    run_id: String,
    findings: Vec<String>,
}

impl Unbalanced {
    /// Returns the contradictions, one sentence each.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// run.budget_summary.total.llm_calls = 1;
    /// assert!(run.check().is_err_and(|error| error.findings()[0].contains("llm_calls")));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl RunSummary {
    /// Compares the rows by stage, by model, by agent and by operation with the totals, figure by figure. Then it compares each
    /// derived figure with its sources, and checks the parents and attempts of stages, the number of calls in `calls` and the
    /// numbering of the gates.
    /// Unknown counts as 0 in a sum.
    ///
    /// ```
    /// use tracing_budget::{RunSummary, summary::{Figures, StageRow}};
    ///
    /// let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert!(run.check().is_ok());
    /// run.budget_summary.total.input_tokens = 7;
    /// let error = run.check().expect_err("no row has these tokens");
    /// assert!(error.to_string().contains("input_tokens"), "{error}");
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unbalanced`] with every contradiction.
    pub fn check(&self) -> Result<(), Unbalanced> {
        let budget = &self.budget_summary;
        let mut findings = Vec::new();
        compare(
            &mut findings,
            "per_agent",
            budget.per_agent.iter().map(|(_, row)| &row.figures),
            &budget.total,
        );
        compare(
            &mut findings,
            "per_model",
            budget.per_model.iter().map(|(_, row)| &row.figures),
            &budget.total,
        );
        let operations = budget.by_operation.iter().map(|(_, row)| &row.figures);
        compare(&mut findings, "by_operation", operations, &budget.total);
        // A run without agents has no such rows, nor has a document of an earlier version.
        if !budget.by_agent.is_empty() {
            let agents = budget.by_agent.iter().map(|(_, row)| &row.figures);
            compare(&mut findings, "by_agent", agents, &budget.total);
        }
        let error_events = budget.per_agent.iter().map(|(_, row)| row.error_events);
        let error_events = error_events.fold(0, u64::saturating_add);
        if error_events != budget.error_events {
            let total = budget.error_events;
            findings.push(format!("error_events of per_agent sum to {error_events}, expected {total}"));
        }
        nested(&mut findings, &budget.per_agent);
        attempted(&mut findings, &budget.per_agent);
        // A document may omit the models of a stage. If it lists any, it must list all, or their sum would be wrong.
        for (name, stage) in budget.per_agent.iter().filter(|(_, stage)| !stage.per_model.is_empty()) {
            let models = stage.per_model.iter().map(|(_, row)| &row.figures);
            compare(&mut findings, &format!("per_agent.{name}.per_model"), models, &stage.figures);
        }
        called(&mut findings, budget);
        derived(&mut findings, budget);
        self.efficient(&mut findings);
        if !budget.gate_verdicts.iter().map(|gate| gate.seq).eq(1..=budget.gate_verdicts.len() as u64) {
            findings.push("gate_verdicts are not numbered 1, 2, 3, …".to_owned());
        }
        if findings.is_empty() { Ok(()) } else { Err(Unbalanced { run_id: self.run_id.clone(), findings }) }
    }
}

impl RunSummary {
    /// Reports every figure of the efficiency that differs from the one computed. An absent figure is accepted: documents of
    /// earlier versions have none.
    fn efficient(&self, findings: &mut Vec<String>) {
        let (given, computed) = (&self.efficiency, &self.computed_efficiency());
        let mut note = |figure: &str, given: Option<f64>, computed: Option<f64>| {
            // 1e-9 relative: a double that went through JSON text and one that was computed differ in their last bits.
            let near = |computed: f64, given: f64| (given - computed).abs() <= 1e-9 * computed.abs().max(1.0);
            if given.is_some_and(|given| !computed.is_some_and(|computed| near(computed, given))) {
                findings.push(format!("efficiency.{figure} differs from the other figures"));
            }
        };
        let usd = |amount: Option<Usd>| amount.map(Usd::to_f64);
        note(
            "cost_per_iteration_usd",
            usd(given.cost_per_iteration_usd),
            usd(computed.cost_per_iteration_usd),
        );
        note("roi", given.roi, computed.roi);
        note("cost_to_value", given.cost_to_value, computed.cost_to_value);
        note("usd_per_minute", given.usd_per_minute, computed.usd_per_minute);
        note("tokens_per_minute", given.tokens_per_minute, computed.tokens_per_minute);
    }
}

/// Reports every figure with a sum of rows that differs from the total.
fn compare<'a>(
    findings: &mut Vec<String>,
    rows: &str,
    figures: impl Iterator<Item = &'a Figures>,
    total: &Figures,
) {
    let sum: Figures = figures.sum();
    for ((figure, sum), (_, total)) in counted(&sum).into_iter().zip(counted(total)) {
        if sum != total {
            findings.push(format!("{figure} of {rows} sum to {sum}, expected {total}"));
        }
    }
    for &unit in Kind::ALL {
        let [sum, total] = [&sum, total].map(|figures| figures.units.count(unit));
        if sum != total {
            findings.push(format!("units.{} of {rows} sum to {sum}, expected {total}", unit.key()));
        }
    }
    let cost = |figures: &Figures| figures.cost_usd.unwrap_or(Usd::ZERO);
    if !same_money(cost(&sum), cost(total)) {
        findings.push(format!("cost_usd of {rows} sums to {} USD, expected {} USD", cost(&sum), cost(total)));
    }
}

/// Reports every stage with a parent that is no row or that is around itself, and stages with two rows.
fn nested(findings: &mut Vec<String>, rows: &Rows<StageRow>) {
    let places: HashMap<&str, usize> = rows.iter().map(|(key, _)| key).zip(0..).collect();
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(rows.len());
    let mut stages = HashSet::new();
    for (key, row) in rows.iter() {
        let parent = row.parent.as_deref();
        parents.push(parent.and_then(|parent| places.get(parent).copied()));
        if let Some(parent) = parent.filter(|parent| !places.contains_key(parent)) {
            findings.push(format!("parent of per_agent.{key} is {parent:?}, which has no row"));
        }
        if !stages.insert((row.name_or(key), parent)) {
            findings.push(format!("per_agent.{key} is the second row of its stage"));
        }
    }
    let mut is_sound = vec![false; parents.len()];
    for (start, (key, _)) in rows.iter().enumerate() {
        let mut way = Vec::new();
        let mut next = Some(start);
        // Each row is walked once: rows that are known to be sound end the walk.
        while let Some(at) = next.filter(|at| !is_sound[*at] && way.len() <= parents.len()) {
            way.push(at);
            next = parents[at];
        }
        if way.len() > parents.len() {
            findings.push(format!("per_agent.{key} is inside of stages that are around each other"));
            return;
        }
        way.into_iter().for_each(|at| is_sound[at] = true);
    }
}

/// Reports every stage that lists more or fewer attempts than it had.
fn attempted(findings: &mut Vec<String>, rows: &Rows<StageRow>) {
    // Documents of earlier versions list none.
    let listing = rows.iter().filter(|(_, row)| !row.attempts.is_empty() || row.attempts_left_out > 0);
    for (key, row) in listing {
        let ended = row.attempts_left_out.saturating_add(row.attempts.len() as u64);
        // Attempts that are still open are in `calls` only. A completed stage has none.
        if ended > row.calls || row.status == Status::Completed && ended < row.calls {
            findings.push(format!("attempts of per_agent.{key} come to {ended}, expected {}", row.calls));
        }
    }
}

/// Reports a list of calls that lists more or fewer than the run made, and calls of stages without a row.
fn called(findings: &mut Vec<String>, budget: &BudgetSummary) {
    // Documents of earlier versions list none.
    let Some(calls) = &budget.calls else { return };
    let made = budget.calls_left_out.saturating_add(calls.len() as u64);
    let expected = budget.total.llm_calls;
    if made != expected {
        findings.push(format!("calls and calls_left_out come to {made}, expected {expected}"));
    }
    let stages: HashSet<&str> = calls.iter().filter_map(|call| call.stage.as_deref()).collect();
    let mut unknown: Vec<&str> =
        stages.into_iter().filter(|stage| budget.per_agent.get(stage).is_none()).collect();
    unknown.sort_unstable();
    for stage in unknown {
        findings.push(format!("calls has calls of stage {stage:?}, which has no row"));
    }
}

fn counted(figures: &Figures) -> [(&'static str, u64); 10] {
    [
        ("tokens_used", figures.tokens_used.unwrap_or(0)),
        ("llm_calls", figures.llm_calls),
        ("input_tokens", figures.input_tokens),
        ("output_tokens", figures.output_tokens),
        ("cache_read_tokens", figures.cache_read_tokens),
        ("cache_write_tokens", figures.cache_write_tokens),
        ("reasoning_tokens", figures.reasoning_tokens),
        ("unpriced_calls", figures.unpriced_calls),
        ("calls_without_usage", figures.calls_without_usage),
        ("partial_calls", figures.partial_calls),
    ]
}

/// Amounts below 8,192 USD (2¹³) keep every pico-dollar in JSON and must be equal: 2¹³ · 10¹² is below 2⁵³. Above, a
/// document that was read back has the nearest doubles only.
fn same_money(one: Usd, two: Usd) -> bool {
    let exact_below = 8_192 * 1_000_000_000_000_i128;
    let larger = one.pico().abs().max(two.pico().abs());
    let allowed = if larger < exact_below { 0 } else { larger / 1_000_000_000_000 };
    (one - two).pico().abs() <= allowed
}

/// Reports every derived figure that differs from the figures it derives from.
fn derived(findings: &mut Vec<String>, given: &BudgetSummary) {
    let mut settled = given.clone();
    settled.settle();
    let mut note = |right: bool, what: &str| {
        if !right {
            findings.push(format!("{what} differs from the other figures"));
        }
    };
    note(given.total == settled.total, "tokens_used or cost_usd, null or not,");
    for ((name, row), (_, right)) in given.per_agent.iter().zip(settled.per_agent.iter()) {
        note(row.figures == right.figures, &format!("an unknown figure of per_agent.{name}"));
        let near = match (row.share_of_cost, right.share_of_cost) {
            (Some(given), Some(right)) => (given - right).abs() < 1e-9,
            (given, right) => given == right,
        };
        note(near, &format!("share_of_cost of per_agent.{name}"));
        note(row.limits == right.limits, &format!("limits.exhausted of per_agent.{name}"));
    }
    note(given.per_model == settled.per_model, "an unknown figure of per_model");
    note(given.by_agent == settled.by_agent, "an unknown figure of by_agent");
    note(given.by_operation == settled.by_operation, "an unknown figure of by_operation");
    let left = match (given.usd_remaining, settled.usd_remaining) {
        (Some(given), Some(right)) => same_money(given, right),
        (given, right) => given == right,
    };
    note(left, "usd_remaining");
    note(given.tokens_remaining == settled.tokens_remaining, "tokens_remaining");
    note(given.exhausted == settled.exhausted, "exhausted");
}
