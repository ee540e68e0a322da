//! Whether a summary's rows add up to its totals.

use super::document::{BudgetSummary, Figures, RunSummary};
use crate::ledger::Usd;

/// A summary whose rows, derived figures or gates contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the summary of run {run_id:?} does not add up: {}", findings.join("; "))]
pub struct Unbalanced {
    run_id: String,
    findings: Vec<String>,
}

impl Unbalanced {
    /// What contradicts what, one sentence each.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl RunSummary {
    /// Holds the rows by stage, by model and by operation against the totals, figure by figure; then what is
    /// derived against what it derives from, and the order of the gates. Unknown counts as nothing in a sum.
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
    /// [`Unbalanced`] with everything that was found.
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
        // A stage may be told without its models; if it has any, they are all of it.
        for (name, stage) in budget.per_agent.iter().filter(|(_, stage)| !stage.per_model.is_empty()) {
            let models = stage.per_model.iter().map(|(_, row)| &row.figures);
            compare(&mut findings, &format!("per_agent.{name}.per_model"), models, &stage.figures);
        }
        derived(&mut findings, budget);
        self.efficient(&mut findings);
        if !budget.gate_verdicts.iter().map(|gate| gate.seq).eq(1..=budget.gate_verdicts.len() as u64) {
            findings.push("gate_verdicts are not numbered 1, 2, 3, …".to_owned());
        }
        if findings.is_empty() { Ok(()) } else { Err(Unbalanced { run_id: self.run_id.clone(), findings }) }
    }
}

impl RunSummary {
    /// Notes every figure of the efficiency that is told and is another than the other figures make. A document of an
    /// earlier version does not tell them.
    fn efficient(&self, findings: &mut Vec<String>) {
        let (told, right) = (&self.efficiency, &self.worked_out());
        let mut note = |figure: &str, told: Option<f64>, right: Option<f64>| {
            let near = |right: f64, told: f64| (told - right).abs() <= 1e-9 * right.abs().max(1.0);
            if told.is_some_and(|told| !right.is_some_and(|right| near(right, told))) {
                findings.push(format!("efficiency.{figure} is not what the other figures make it"));
            }
        };
        let usd = |amount: Option<Usd>| amount.map(Usd::to_f64);
        note("cost_per_iteration_usd", usd(told.cost_per_iteration_usd), usd(right.cost_per_iteration_usd));
        note("roi", told.roi, right.roi);
        note("cost_to_value", told.cost_to_value, right.cost_to_value);
        note("usd_per_minute", told.usd_per_minute, right.usd_per_minute);
        note("tokens_per_minute", told.tokens_per_minute, right.tokens_per_minute);
    }
}

/// Notes every figure of which the rows have another sum than the total.
fn compare<'a>(
    findings: &mut Vec<String>,
    rows: &str,
    figures: impl Iterator<Item = &'a Figures>,
    total: &Figures,
) {
    let sum: Figures = figures.sum();
    for ((figure, sum), (_, total)) in counted(&sum).into_iter().zip(counted(total)) {
        if sum != total {
            findings.push(format!("{figure} of {rows} sum to {sum}, where {total} are told"));
        }
    }
    let cost = |figures: &Figures| figures.cost_usd.unwrap_or(Usd::ZERO);
    if !same_money(cost(&sum), cost(total)) {
        findings.push(format!(
            "cost_usd of {rows} sums to {} USD, where {} USD are told",
            cost(&sum),
            cost(total)
        ));
    }
}

fn counted(figures: &Figures) -> [(&'static str, u64); 9] {
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
    ]
}

/// Amounts below 8,192 USD keep every pico-dollar in JSON and must be equal; above, a document that was read
/// back has the nearest doubles only.
fn same_money(one: Usd, two: Usd) -> bool {
    let exact_below = 8_192 * 1_000_000_000_000_i128;
    let larger = one.pico().abs().max(two.pico().abs());
    let allowed = if larger < exact_below { 0 } else { larger / 1_000_000_000_000 };
    (one - two).pico().abs() <= allowed
}

/// Notes every derived figure that is not what it derives from says.
fn derived(findings: &mut Vec<String>, told: &BudgetSummary) {
    let mut settled = told.clone();
    settled.settle();
    let mut note = |right: bool, what: &str| {
        if !right {
            findings.push(format!("{what} is not what the other figures make it"));
        }
    };
    note(told.total == settled.total, "tokens_used or cost_usd, null or not,");
    for ((name, row), (_, right)) in told.per_agent.iter().zip(settled.per_agent.iter()) {
        note(row.figures == right.figures, &format!("an unknown figure of per_agent.{name}"));
        let near = match (row.share_of_cost, right.share_of_cost) {
            (Some(told), Some(right)) => (told - right).abs() < 1e-9,
            (told, right) => told == right,
        };
        note(near, &format!("share_of_cost of per_agent.{name}"));
        note(row.limits == right.limits, &format!("limits.exhausted of per_agent.{name}"));
    }
    note(told.per_model == settled.per_model, "an unknown figure of per_model");
    note(told.by_operation == settled.by_operation, "an unknown figure of by_operation");
    let left = match (told.usd_remaining, settled.usd_remaining) {
        (Some(told), Some(right)) => same_money(told, right),
        (told, right) => told == right,
    };
    note(left, "usd_remaining");
    note(told.tokens_remaining == settled.tokens_remaining, "tokens_remaining");
    note(told.exhausted == settled.exhausted, "exhausted");
}
