//! What is asked of a run, and what it answers.
//!
//! A figure that is unknown passes no limit: nothing shows that the run kept to it.

use super::outcome::Outcome;
use super::words::{cost_unknown, tokens_unknown, usd};
use crate::args::{Figure, Percent};
use crate::cell::percent_change;
use tracing_budget::present::numbers::{count, counted, duration, limit};
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget::{Usd, Verdict};

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) any_status: bool,
    pub(super) max_cost: Option<Usd>,
    pub(super) max_tokens: Option<u64>,
    pub(super) max_seconds: Option<f64>,
    pub(super) gates: Vec<String>,
}

impl Rules {
    /// What every rule says of a run.
    pub(super) fn judge(&self, run: &RunSummary) -> Vec<Outcome> {
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

fn status(run: &RunSummary) -> Outcome {
    let why = match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!(" in {stage}: {error}"),
        (Some(stage), None) => format!(" in {stage}"),
        (None, Some(error)) => format!(": {error}"),
        (None, None) => String::new(),
    };
    match run.status {
        Status::Completed => Outcome::passed("status", "completed"),
        Status::Running => Outcome::failed("status", "still running: check it when it has ended"),
        status => Outcome::failed("status", format!("{status}{why}")),
    }
}

fn cost(run: &RunSummary, most: Usd) -> Outcome {
    let total = &run.budget_summary.total;
    let known = total.cost_usd.unwrap_or(Usd::ZERO);
    let bound = limit(most);
    if known > most {
        return Outcome::failed("cost", format!("{}, more than {bound}", usd(known, &[most])));
    }
    match cost_unknown(total) {
        Some(why) => {
            Outcome::failed("cost", format!("unknown, with {why}: nothing shows that it kept to {bound}"))
        }
        None => Outcome::passed("cost", format!("{} of {bound}", usd(known, &[most]))),
    }
}

fn tokens(run: &RunSummary, most: u64) -> Outcome {
    let total = &run.budget_summary.total;
    let known = total.tokens_used.unwrap_or(0);
    let bound = counted(most, "token");
    if known > most {
        return Outcome::failed("tokens", format!("{}, more than {bound}", count(known)));
    }
    match tokens_unknown(total) {
        Some(why) => {
            Outcome::failed("tokens", format!("unknown, with {why}: nothing shows that it kept to {bound}"))
        }
        None => Outcome::passed("tokens", format!("{} of {bound}", count(known))),
    }
}

fn seconds(run: &RunSummary, most: f64) -> Outcome {
    let (took, bound) = (duration(run.duration_seconds), duration(most));
    if run.duration_seconds > most {
        Outcome::failed("time", format!("{took}, more than {bound}"))
    } else {
        Outcome::passed("time", format!("{took} of {bound}"))
    }
}

/// A gate that spoke more than once is taken at its last word.
fn gate(run: &RunSummary, name: &str) -> Outcome {
    let check = format!("gate {name}");
    let verdicts = &run.budget_summary.gate_verdicts;
    let Some(gate) = verdicts.iter().rev().find(|gate| gate.gate_name == name) else {
        let mut others: Vec<&str> = verdicts.iter().map(|gate| gate.gate_name.as_str()).collect();
        others.dedup();
        let others = if others.is_empty() {
            "no gate did".to_owned()
        } else {
            format!("these did: {}", others.join(", "))
        };
        return Outcome::failed(check, format!("did not run; {others}"));
    };
    let reason = gate.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match &gate.verdict {
        Verdict::Pass => Outcome::passed(check, format!("pass{reason}")),
        Verdict::Skipped => Outcome::failed(check, format!("did not run{reason}")),
        verdict => Outcome::failed(check, format!("{verdict}{reason}")),
    }
}

/// Whether a run has grown beyond what it is held against.
pub(super) fn regressions(
    run: &RunSummary,
    baseline: &RunSummary,
    figures: &[Figure],
    most: Percent,
) -> Vec<Outcome> {
    figures.iter().map(|figure| regression(run, baseline, *figure, most)).collect()
}

fn regression(run: &RunSummary, baseline: &RunSummary, figure: Figure, most: Percent) -> Outcome {
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
        [Some(why), _] => return Outcome::failed(check, format!("unknown, with {why}")),
        [_, Some(why)] => return Outcome::failed(check, format!("the baseline's is unknown, with {why}")),
        [None, None] => {}
    }
    let grown = if was > 0.0 { Some((is - was) / was) } else { (is == 0.0).then_some(0.0) };
    let change = grown.map_or_else(|| "the baseline's is nothing".to_owned(), percent_change);
    let text = format!("{is_text} against {was_text}, {change} ({}% accepted)", most.0);
    // A bound that is met to the last digit is kept, whatever doubles make of it.
    if grown.is_some_and(|grown| grown * 100.0 <= most.0 + 1e-9) {
        Outcome::passed(check, text)
    } else {
        Outcome::failed(check, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Verdict as Result;
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

    fn result(outcome: &Outcome) -> (Result, &str) {
        (outcome.result, &outcome.text)
    }

    #[test]
    fn a_limit_is_kept_when_it_is_just_met() {
        let five = "5".parse().expect("an amount");
        assert_eq!(result(&cost(&run("5", 1), five)), (Result::Passed, "$5.0000 of $5.00"));
        assert_eq!(cost(&run("5.000000000001", 1), five).result, Result::Failed);
        assert_eq!(tokens(&run("0", 1_000), 1_000).result, Result::Passed);
        assert_eq!(tokens(&run("0", 1_001), 1_000).result, Result::Failed);
        assert_eq!(seconds(&run("0", 0), 10.0).result, Result::Passed);
        assert_eq!(seconds(&run("0", 0), 9.9).result, Result::Failed);
    }

    #[test]
    fn what_is_unknown_passes_no_limit() {
        let mut dark = run("0.01", 10);
        dark.budget_summary.total.unpriced_calls = 1;
        let five = "5".parse().expect("an amount");
        let said = cost(&dark, five);
        assert_eq!(
            result(&said),
            (Result::Failed, "unknown, with 1 call of unknown price: nothing shows that it kept to $5.00")
        );
        assert_eq!(tokens(&dark, 10).result, Result::Passed, "its tokens are known");
        dark.budget_summary.total.calls_without_usage = 1;
        assert_eq!(tokens(&dark, 10).result, Result::Failed);
    }

    #[test]
    fn a_gate_is_taken_at_its_last_word_and_must_have_run() {
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
        assert_eq!(result(&missing), (Result::Failed, "did not run; these did: lint, tests, review"));
    }

    #[test]
    fn growth_up_to_the_bound_is_accepted() {
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
    fn an_unknown_baseline_shows_nothing() {
        let mut dark = run("1", 1);
        dark.budget_summary.total.cost_usd = None;
        let said = regression(&run("1", 1), &dark, Figure::Cost, Percent(10.0));
        assert_eq!(result(&said), (Result::Failed, "the baseline's is unknown, with no call has a cost"));
    }
}
