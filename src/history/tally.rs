//! Sums over runs, or over one stage, model or gate of many runs.
//!
//! A tally of a run can be added and taken away again, so that sums over many runs follow every change of one.

use std::collections::BTreeMap;

use super::answers::{StatusCounts, ratio};
use super::statistics::quantile;
use crate::ledger::{Usd, Verdict};
use crate::summary::{Figures, RunSummary, Status};

/// What a tally is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Run,
    Stage,
    Model,
    Gate,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) runs: i64,
    pub(super) completed: i64,
    pub(super) failed: i64,
    pub(super) cancelled: i64,
    pub(super) incomplete: i64,
    pub(super) interrupted: i64,
    pub(super) errors: i64,
    pub(super) llm_calls: i64,
    pub(super) unpriced_calls: i64,
    pub(super) calls_without_usage: i64,
    pub(super) tokens: i64,
    pub(super) without_tokens: i64,
    pub(super) input: i64,
    pub(super) output: i64,
    pub(super) cache_read: i64,
    pub(super) cache_write: i64,
    pub(super) cost: Usd,
    pub(super) without_cost: i64,
    pub(super) passed: i64,
    pub(super) gate_failed: i64,
    pub(super) warned: i64,
    pub(super) skipped: i64,
    pub(super) gate_errors: i64,
    pub(super) other: i64,
    pub(super) seconds: f64,
    pub(super) durations: Vec<f64>,
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Tally {
    /// What one run that has ended adds: a tally for it, and one for each of its stages, models and gates.
    pub(super) fn of(run: &RunSummary) -> BTreeMap<(Kind, &str), Self> {
        let mut tallies = BTreeMap::new();
        let figures = &run.budget_summary;
        tallies.insert((Kind::Run, ""), Self::one(&figures.total, run.status, run.duration_seconds));
        for (name, row) in
            figures.per_agent.iter().filter(|(_, row)| row.calls > 0 || row.figures.llm_calls > 0)
        {
            let mut tally = Self::one(&row.figures, row.status, row.duration_seconds);
            tally.errors = whole(row.errors);
            tallies.insert((Kind::Stage, name), tally);
        }
        for (name, row) in figures.per_model.iter() {
            tallies
                .insert((Kind::Model, name), Self::one(&row.figures, Status::NotRun, row.duration_seconds));
        }
        for gate in &figures.gate_verdicts {
            let of_gate = tallies.entry((Kind::Gate, gate.gate_name.as_str())).or_default();
            of_gate.runs = 1;
            of_gate.add_verdict(&gate.verdict);
            match gate.cost_usd {
                Some(cost) => of_gate.cost += cost,
                None => of_gate.without_cost += 1,
            }
            if let Some(seconds) = gate.duration_seconds {
                of_gate.seconds += seconds;
                of_gate.durations.push(seconds);
            }
            if let Some(of_run) = tallies.get_mut(&(Kind::Run, "")) {
                of_run.add_verdict(&gate.verdict);
            }
            let after = gate.after_stage.as_deref().and_then(|stage| tallies.get_mut(&(Kind::Stage, stage)));
            if let Some(of_stage) = after {
                of_stage.add_verdict(&gate.verdict);
            }
        }
        tallies
    }

    fn one(figures: &Figures, status: Status, seconds: f64) -> Self {
        let mut tally = Self {
            runs: 1,
            llm_calls: whole(figures.llm_calls),
            unpriced_calls: whole(figures.unpriced_calls),
            calls_without_usage: whole(figures.calls_without_usage),
            tokens: whole(figures.tokens_used.unwrap_or(0)),
            without_tokens: i64::from(figures.tokens_used.is_none()),
            input: whole(figures.input_tokens),
            output: whole(figures.output_tokens),
            cache_read: whole(figures.cache_read_tokens),
            cache_write: whole(figures.cache_write_tokens),
            cost: figures.cost_usd.unwrap_or(Usd::ZERO),
            without_cost: i64::from(figures.cost_usd.is_none()),
            seconds,
            durations: vec![seconds],
            ..Self::default()
        };
        match status {
            Status::Completed => tally.completed = 1,
            Status::Failed => tally.failed = 1,
            Status::Cancelled => tally.cancelled = 1,
            Status::Incomplete => tally.incomplete = 1,
            Status::Interrupted => tally.interrupted = 1,
            Status::Running | Status::NotRun => {}
        }
        tally
    }

    fn add_verdict(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Fail => &mut self.gate_failed,
            Verdict::Warn => &mut self.warned,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Error => &mut self.gate_errors,
            Verdict::Other(_) => &mut self.other,
        } += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.incomplete += other.incomplete;
        self.interrupted += other.interrupted;
        self.errors += other.errors;
        self.llm_calls += other.llm_calls;
        self.unpriced_calls += other.unpriced_calls;
        self.calls_without_usage += other.calls_without_usage;
        self.tokens += other.tokens;
        self.without_tokens += other.without_tokens;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
        self.cost += other.cost;
        self.without_cost += other.without_cost;
        self.passed += other.passed;
        self.gate_failed += other.gate_failed;
        self.warned += other.warned;
        self.skipped += other.skipped;
        self.gate_errors += other.gate_errors;
        self.other += other.other;
        self.seconds += other.seconds;
        self.durations.extend(&other.durations);
    }

    pub(super) fn statuses(&self) -> StatusCounts {
        StatusCounts {
            running: 0,
            completed: count(self.completed),
            failed: count(self.failed),
            cancelled: count(self.cancelled),
            incomplete: count(self.incomplete),
            interrupted: count(self.interrupted),
        }
    }

    /// Known cost; `None` where there were runs and the cost of none is known.
    pub(super) fn cost(&self) -> Option<Usd> {
        (self.without_cost == 0 || self.without_cost < self.runs).then_some(self.cost)
    }

    /// Known tokens; `None` where there were runs and the tokens of none are known.
    pub(super) fn tokens(&self) -> Option<u64> {
        (self.without_tokens == 0 || self.without_tokens < self.runs).then(|| count(self.tokens))
    }

    pub(super) fn verdicts(&self) -> u64 {
        count(self.passed + self.gate_failed + self.warned + self.skipped + self.gate_errors + self.other)
    }

    pub(super) fn pass_rate(&self) -> Option<f64> {
        ratio(count(self.passed), self.verdicts() - count(self.skipped))
    }

    pub(super) fn unpriced_share(&self) -> Option<f64> {
        ratio(count(self.unpriced_calls), count(self.llm_calls))
    }

    pub(super) fn duration(&self, part: f64) -> Option<f64> {
        quantile(&super::statistics::sorted(self.durations.iter().copied()), part)
    }
}
