//! The rules: limits, gates, and growth over a baseline, applied to one run.
//!
//! An unknown figure fails its limit: nothing proves that the run kept it.

use std::str::FromStr;

use clap::ValueEnum;

use super::report::Check;
use crate::cell::percent_change;
use tracing_budget::present::numbers::{Money, count, counted, duration, limit};
use tracing_budget::summary::{Figures, RunSummary, Status};
use tracing_budget::{Usd, Verdict};

/// A figure that is compared with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Figure {
    /// USD.
    Cost,
    /// Tokens.
    Tokens,
    /// Seconds.
    Duration,
}

/// A percentage: `10%`, or `10`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches('%').trim_end();
        match number.parse::<f64>() {
            Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(Self(percent)),
            _ => Err("expected a percentage of 0 or more, such as 10%".to_owned()),
        }
    }
}

/// The rules of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) any_status: bool,
    pub(super) max_cost: Option<Usd>,
    pub(super) max_tokens: Option<u64>,
    pub(super) max_seconds: Option<f64>,
    pub(super) gates: Vec<String>,
}

impl Rules {
    /// Applies every rule to a run.
    pub(super) fn apply(&self, run: &RunSummary) -> Vec<Check> {
        let status = (!self.any_status).then(|| status(run));
        let limits = [
            self.max_cost.map(|most| cost(run, most)),
            self.max_tokens.map(|most| tokens(run, most)),
            self.max_seconds.map(|most| seconds(run, most)),
        ];
        let gates = self.gates.iter().map(|name| gate(run, name));
        status.into_iter().chain(limits.into_iter().flatten()).chain(gates).collect()
    }
}

fn status(run: &RunSummary) -> Check {
    let why = match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!(" in {stage}: {error}"),
        (Some(stage), None) => format!(" in {stage}"),
        (None, Some(error)) => format!(": {error}"),
        (None, None) => String::new(),
    };
    match run.status {
        Status::Completed => Check::passed("status", "completed"),
        Status::Running => Check::failed("status", "still running; check the run after its end"),
        status => Check::failed("status", format!("{status}{why}")),
    }
}

fn cost(run: &RunSummary, most: Usd) -> Check {
    let total = &run.budget_summary.total;
    let known = total.cost_usd.unwrap_or(Usd::ZERO);
    let bound = limit(most);
    if known > most {
        return Check::failed("cost", format!("{}, more than {bound}", usd(known, &[most])));
    }
    match cost_unknown(total) {
        Some(why) => {
            Check::failed("cost", format!("unknown, with {why}: the limit {bound} cannot be verified"))
        }
        None => Check::passed("cost", format!("{} of {bound}", usd(known, &[most]))),
    }
}

fn tokens(run: &RunSummary, most: u64) -> Check {
    let total = &run.budget_summary.total;
    let known = total.tokens_used.unwrap_or(0);
    let bound = counted(most, "token");
    if known > most {
        return Check::failed("tokens", format!("{}, more than {bound}", count(known)));
    }
    match tokens_unknown(total) {
        Some(why) => {
            Check::failed("tokens", format!("unknown, with {why}: the limit {bound} cannot be verified"))
        }
        None => Check::passed("tokens", format!("{} of {bound}", count(known))),
    }
}

fn seconds(run: &RunSummary, most: f64) -> Check {
    let (took, bound) = (duration(run.duration_seconds), duration(most));
    if run.duration_seconds > most {
        Check::failed("time", format!("{took}, more than {bound}"))
    } else {
        Check::passed("time", format!("{took} of {bound}"))
    }
}

/// The last verdict of a gate decides.
fn gate(run: &RunSummary, name: &str) -> Check {
    let check = format!("gate {name}");
    let verdicts = &run.budget_summary.gate_verdicts;
    let Some(gate) = verdicts.iter().rev().find(|gate| gate.gate_name == name) else {
        let mut others: Vec<&str> = verdicts.iter().map(|gate| gate.gate_name.as_str()).collect();
        others.dedup();
        let others = if others.is_empty() {
            "no gate ran".to_owned()
        } else {
            format!("gates that ran: {}", others.join(", "))
        };
        return Check::failed(check, format!("did not run; {others}"));
    };
    let reason = gate.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match &gate.verdict {
        Verdict::Pass => Check::passed(check, format!("pass{reason}")),
        Verdict::Skipped => Check::failed(check, format!("did not run{reason}")),
        verdict => Check::failed(check, format!("{verdict}{reason}")),
    }
}

/// Compares a run with its baseline.
pub(super) fn regressions(
    run: &RunSummary,
    baseline: &RunSummary,
    figures: &[Figure],
    most: Percent,
) -> Vec<Check> {
    figures.iter().map(|figure| regression(run, baseline, *figure, most)).collect()
}

fn regression(run: &RunSummary, baseline: &RunSummary, figure: Figure, most: Percent) -> Check {
    let (now, then) = (&run.budget_summary.total, &baseline.budget_summary.total);
    let (name, unknown, is, was, is_text, was_text) = match figure {
        Figure::Cost => {
            let (is, was) = (now.cost_usd.unwrap_or(Usd::ZERO), then.cost_usd.unwrap_or(Usd::ZERO));
            let unknown = [cost_unknown(now), cost_unknown(then)];
            ("cost", unknown, is.to_f64(), was.to_f64(), usd(is, &[was]), usd(was, &[is]))
        }
        Figure::Tokens => {
            let (is, was) = (now.tokens_used.unwrap_or(0), then.tokens_used.unwrap_or(0));
            let unknown = [tokens_unknown(now), tokens_unknown(then)];
            ("tokens", unknown, is as f64, was as f64, count(is), counted(was, "token"))
        }
        Figure::Duration => {
            let (is, was) = (run.duration_seconds, baseline.duration_seconds);
            ("time", [None, None], is, was, duration(is), duration(was))
        }
    };
    let check = format!("{name} against baseline");
    match unknown {
        [Some(why), _] => return Check::failed(check, format!("unknown, with {why}")),
        [_, Some(why)] => return Check::failed(check, format!("the baseline is unknown, with {why}")),
        [None, None] => {}
    }
    let grown = if was > 0.0 { Some((is - was) / was) } else { (is == 0.0).then_some(0.0) };
    let change = grown.map_or_else(|| "the baseline is 0".to_owned(), percent_change);
    let text = format!("{is_text} against {was_text}, {change} ({}% accepted)", most.0);
    // 1e-9 absorbs the rounding of doubles: growth of exactly the bound must pass.
    if grown.is_some_and(|grown| grown * 100.0 <= most.0 + 1e-9) {
        Check::passed(check, text)
    } else {
        Check::failed(check, text)
    }
}

/// Returns an amount with as many digits as the amounts beside it need.
pub(super) fn usd(amount: Usd, beside: &[Usd]) -> String {
    Money::for_amounts(beside.iter().copied().chain([amount])).write(amount)
}

/// Returns the reason why a cost is not fully known; `None` if it is.
pub(super) fn cost_unknown(figures: &Figures) -> Option<String> {
    let mut reasons = Vec::new();
    if figures.unpriced_calls > 0 {
        reasons.push(format!("{} of unknown price", counted(figures.unpriced_calls, "call")));
    }
    if figures.calls_without_usage > 0 {
        reasons.push(format!("{} without usage", counted(figures.calls_without_usage, "call")));
    }
    if figures.partial_calls > 0 {
        reasons.push(partial(figures));
    }
    if reasons.is_empty() && figures.cost_usd.is_none() {
        reasons.push("no call has a cost".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join(" and "))
}

/// Returns the reason why tokens are not fully known; `None` if they are.
pub(super) fn tokens_unknown(figures: &Figures) -> Option<String> {
    match (figures.calls_without_usage, figures.partial_calls, figures.tokens_used) {
        (0, 0, Some(_)) => None,
        (0, 0, None) => Some("no call reported usage".to_owned()),
        (0, ..) => Some(partial(figures)),
        (calls, 0, _) => Some(format!("{} without usage", counted(calls, "call"))),
        (calls, ..) => Some(format!("{} without usage and {}", counted(calls, "call"), partial(figures))),
    }
}

fn partial(figures: &Figures) -> String {
    format!("{} with a part of the usage", counted(figures.partial_calls, "call"))
}

#[cfg(test)]
mod tests {
    use super::super::report::CheckResult as Result;
    use super::*;
    use tracing_budget::summary::GateVerdict;

    fn run(cost: &str, tokens: u64) -> RunSummary {
        let mut run = RunSummary::new("a", "2026-04-19T09:12:03Z".parse().expect("a time"));
        run.status = Status::Completed;
        run.duration_seconds = 10.0;
        let total = &mut run.budget_summary.total;
        total.cost_usd = cost.parse().ok();
        total.tokens_used = Some(tokens);
        total.llm_calls = 2;
        run
    }

    fn result(outcome: &Check) -> (Result, &str) {
        (outcome.result, &outcome.text)
    }

    #[test]
    fn a_figure_equal_to_its_limit_passes() {
        let five = "5".parse().expect("an amount");
        assert_eq!(result(&cost(&run("5", 1), five)), (Result::Passed, "$5.0000 of $5.00"));
        assert_eq!(cost(&run("5.000000000001", 1), five).result, Result::Failed);
        assert_eq!(tokens(&run("0", 1_000), 1_000).result, Result::Passed);
        assert_eq!(tokens(&run("0", 1_001), 1_000).result, Result::Failed);
        assert_eq!(seconds(&run("0", 0), 10.0).result, Result::Passed);
        assert_eq!(seconds(&run("0", 0), 9.9).result, Result::Failed);
    }

    #[test]
    fn an_unknown_figure_fails_its_limit() {
        let mut unknown = run("0.01", 10);
        unknown.budget_summary.total.unpriced_calls = 1;
        let five = "5".parse().expect("an amount");
        let outcome = cost(&unknown, five);
        assert_eq!(
            result(&outcome),
            (Result::Failed, "unknown, with 1 call of unknown price: the limit $5.00 cannot be verified")
        );
        assert_eq!(tokens(&unknown, 10).result, Result::Passed, "its tokens are known");
        unknown.budget_summary.total.calls_without_usage = 1;
        assert_eq!(tokens(&unknown, 10).result, Result::Failed);
        let mut partial = run("0.01", 10);
        partial.budget_summary.total.partial_calls = 1;
        let why = "unknown, with 1 call with a part of the usage: the limit $5.00 cannot be verified";
        assert_eq!(result(&cost(&partial, five)), (Result::Failed, why));
        assert_eq!(tokens(&partial, 10).result, Result::Failed);
    }

    #[test]
    fn the_last_verdict_of_a_gate_decides_and_a_required_gate_must_run() {
        let mut gated = run("0", 0);
        let verdict = |seq, name: &str, verdict| GateVerdict::new(seq, name, verdict);
        gated.budget_summary.gate_verdicts = vec![
            verdict(1, "lint", Verdict::Fail),
            verdict(2, "lint", Verdict::Pass),
            verdict(3, "tests", Verdict::Warn),
            verdict(4, "review", Verdict::Skipped),
        ];
        assert_eq!(gate(&gated, "lint").result, Result::Passed);
        assert_eq!(gate(&gated, "tests").result, Result::Failed);
        assert_eq!(result(&gate(&gated, "review")), (Result::Failed, "did not run"));
        let missing = gate(&gated, "deploy");
        assert_eq!(result(&missing), (Result::Failed, "did not run; gates that ran: lint, tests, review"));
    }

    #[test]
    fn growth_up_to_the_bound_passes() {
        let cost_of = |now: &str, then: &str, most| {
            regression(&run(now, 1), &run(then, 1), Figure::Cost, Percent(most)).result
        };
        assert_eq!(cost_of("1.1", "1", 10.0), Result::Passed);
        assert_eq!(cost_of("1.11", "1", 10.0), Result::Failed);
        assert_eq!(cost_of("0.5", "1", 0.0), Result::Passed);
        assert_eq!(cost_of("0", "0", 0.0), Result::Passed);
        assert_eq!(cost_of("0.1", "0", 1_000.0), Result::Failed, "no growth from nothing is small");
    }

    #[test]
    fn an_unknown_baseline_fails() {
        let mut unknown = run("1", 1);
        unknown.budget_summary.total.cost_usd = None;
        let outcome = regression(&run("1", 1), &unknown, Figure::Cost, Percent(10.0));
        assert_eq!(result(&outcome), (Result::Failed, "the baseline is unknown, with no call has a cost"));
    }
}
