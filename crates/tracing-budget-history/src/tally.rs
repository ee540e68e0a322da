//! Sums over runs, or over one stage, model or gate of many runs.
//!
//! A tally of a run can be added and subtracted, so that sums follow every change of one run without reading the
//! others.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::stats::{StatusCounts, ratio};
use tracing_budget::summary::{Figures, RunSummary, Status};
use tracing_budget::{Usd, Verdict};

/// The subject of a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    Run,
    Stage,
    Model,
    Gate,
}

impl Subject {
    /// The word in the table of sums.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stage => "stage",
            Self::Model => "model",
            Self::Gate => "gate",
        }
    }
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
    pub(super) partial_calls: i64,
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
    /// In microseconds, so that taking away is exact.
    pub(super) duration_us: i64,
    pub(super) durations: Histogram,
}

/// A sum that 64 bits do not hold, or did not hold once: it is unknown. A number in its place would be wrong, and would stay
/// wrong when runs are taken away again. The column that SQLite has for it refuses NULL.
pub(super) const UNKNOWN: i64 = i64::MAX;

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(UNKNOWN)
}

fn is_unknown(count: i64) -> bool {
    count == UNKNOWN
}

/// The sum, or [`UNKNOWN`].
fn added(count: i64, other: i64, sign: i64) -> i64 {
    if is_unknown(count) || is_unknown(other) {
        return UNKNOWN;
    }
    other.checked_mul(sign).and_then(|other| count.checked_add(other)).unwrap_or(UNKNOWN)
}

fn micros(seconds: f64) -> i64 {
    // `as` makes NaN 0, and what is too large the largest, which is `UNKNOWN`.
    (seconds * 1e6).round() as i64
}

pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Tally {
    /// What one run that has ended adds: a tally for it, and one for each of its stages, models and gates.
    pub(super) fn of(run: &RunSummary) -> BTreeMap<(Subject, &str), Self> {
        let mut tallies = BTreeMap::new();
        let figures = &run.budget_summary;
        tallies.insert((Subject::Run, ""), Self::one(&figures.total, run.status, Some(run.duration_seconds)));
        for (name, row) in
            figures.per_agent.iter().filter(|(_, row)| row.calls > 0 || row.figures.llm_calls > 0)
        {
            let mut tally = Self::one(&row.figures, row.status, Some(row.duration_seconds));
            tally.errors = whole(row.errors);
            tallies.insert((Subject::Stage, name), tally);
        }
        for (name, row) in figures.per_model.iter() {
            tallies.insert(
                (Subject::Model, name),
                Self::one(&row.figures, Status::NotRun, row.duration_seconds),
            );
        }
        for gate in &figures.gate_verdicts {
            let of_gate = tallies.entry((Subject::Gate, gate.gate_name.as_str())).or_default();
            of_gate.runs = 1;
            of_gate.add_check(&gate.verdict, gate.duration_seconds, gate.cost_usd);
            if let Some(of_run) = tallies.get_mut(&(Subject::Run, "")) {
                of_run.add_verdict(&gate.verdict);
            }
            let after =
                gate.after_stage.as_deref().and_then(|stage| tallies.get_mut(&(Subject::Stage, stage)));
            if let Some(of_stage) = after {
                of_stage.add_verdict(&gate.verdict);
            }
        }
        tallies
    }

    /// One run, or its part in one stage or model; `None` are seconds that nothing measured.
    pub(super) fn one(figures: &Figures, status: Status, seconds: Option<f64>) -> Self {
        let mut tally = Self {
            runs: 1,
            llm_calls: whole(figures.llm_calls),
            unpriced_calls: whole(figures.unpriced_calls),
            calls_without_usage: whole(figures.calls_without_usage),
            partial_calls: whole(figures.partial_calls),
            tokens: whole(figures.tokens_used.unwrap_or(0)),
            without_tokens: i64::from(figures.tokens_used.is_none()),
            input: whole(figures.input_tokens),
            output: whole(figures.output_tokens),
            cache_read: whole(figures.cache_read_tokens),
            cache_write: whole(figures.cache_write_tokens),
            cost: figures.cost_usd.unwrap_or(Usd::ZERO),
            without_cost: i64::from(figures.cost_usd.is_none()),
            duration_us: seconds.map_or(0, micros),
            durations: seconds.map(Histogram::of).unwrap_or_default(),
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

    /// Adds a check of a gate: its verdict, its duration in seconds, its cost.
    pub(super) fn add_check(&mut self, verdict: &Verdict, seconds: Option<f64>, cost: Option<Usd>) {
        self.add_verdict(verdict);
        match cost {
            Some(cost) => self.cost += cost,
            None => self.without_cost += 1,
        }
        if let Some(seconds) = seconds {
            self.duration_us = added(self.duration_us, micros(seconds), 1);
            self.durations.add(&Histogram::of(seconds), 1);
        }
    }

    pub(super) fn add_verdict(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Fail => &mut self.gate_failed,
            Verdict::Warn => &mut self.warned,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Error => &mut self.gate_errors,
            Verdict::Other(_) => &mut self.other,
        } += 1;
    }

    /// Adds another; `sign` is -1 to take it away.
    pub(super) fn add(&mut self, other: &Self, sign: i64) {
        let mut theirs = other.clone();
        for (count, their_count) in self.counts_mut().into_iter().zip(theirs.counts_mut()) {
            *count = added(*count, *their_count, sign);
        }
        // Saturating, and never reached: a document's cost is below 1e27 pico-dollars, and 128 bits hold 1e11 of these.
        self.cost += Usd::from_pico(other.cost.pico().saturating_mul(sign.into()));
        self.durations.add(&other.durations, sign);
    }

    /// Every count, in the order of the columns of the roll-ups.
    pub(super) fn counts_mut(&mut self) -> [&mut i64; Self::COUNTS] {
        [
            &mut self.runs,
            &mut self.completed,
            &mut self.failed,
            &mut self.cancelled,
            &mut self.incomplete,
            &mut self.interrupted,
            &mut self.errors,
            &mut self.llm_calls,
            &mut self.unpriced_calls,
            &mut self.calls_without_usage,
            &mut self.tokens,
            &mut self.without_tokens,
            &mut self.input,
            &mut self.output,
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.without_cost,
            &mut self.passed,
            &mut self.gate_failed,
            &mut self.warned,
            &mut self.skipped,
            &mut self.gate_errors,
            &mut self.other,
            &mut self.duration_us,
            &mut self.partial_calls,
        ]
    }

    pub(super) const COUNTS: usize = 25;

    /// The columns of the counts, in the same order.
    pub(super) const COLUMNS: [&'static str; Self::COUNTS] = [
        "runs",
        "completed",
        "failed",
        "cancelled",
        "incomplete",
        "interrupted",
        "errors",
        "llm_calls",
        "unpriced_calls",
        "calls_without_usage",
        "tokens",
        "without_tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "without_cost",
        "gates_passed",
        "gates_failed",
        "gates_warned",
        "gates_skipped",
        "gates_broken",
        "gates_other",
        "duration_us",
        "partial_calls",
    ];

    /// Every count with its column.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let counts = self.clone().counts_mut().map(|count| *count);
        Self::COLUMNS.into_iter().zip(counts)
    }

    /// Every figure of a roll-up as text, `None` where it is unknown; to compare two. Durations are as `hex(durations)` in SQL.
    pub(super) fn texts(&self) -> Vec<(&'static str, Option<String>)> {
        let known = |count: i64| (!is_unknown(count)).then(|| count.to_string());
        let mut texts: Vec<_> = self.counts().map(|(column, count)| (column, known(count))).collect();
        texts.push(("cost_pico", Some(self.cost.pico().to_string())));
        let durations = self.durations.to_bytes();
        texts.push(("durations", Some(durations.iter().map(|byte| format!("{byte:02X}")).collect())));
        texts
    }

    /// The columns of the sums that are unknown.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &'static str> {
        self.counts().filter(|(_, count)| is_unknown(*count)).map(|(column, _)| column)
    }

    /// Whether every count is 0.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
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

    /// Known tokens; `None` where there were runs and the tokens of none are known, and where 64 bits do not hold them.
    pub(super) fn tokens(&self) -> Option<u64> {
        (!is_unknown(self.tokens)).then_some(())?;
        (self.without_tokens == 0 || self.without_tokens < self.runs).then(|| count(self.tokens))
    }

    pub(super) fn verdicts(&self) -> u64 {
        let verdicts =
            [self.passed, self.gate_failed, self.warned, self.skipped, self.gate_errors, self.other];
        verdicts.into_iter().map(count).fold(0, u64::saturating_add)
    }

    pub(super) fn pass_rate(&self) -> Option<f64> {
        ratio(count(self.passed), self.verdicts().saturating_sub(count(self.skipped)))
    }

    pub(super) fn unpriced_share(&self) -> Option<f64> {
        ratio(count(self.unpriced_calls), count(self.llm_calls))
    }

    /// The seconds, where a time of any run was measured. The durations must be loaded.
    pub(super) fn measured_seconds(&self) -> Option<f64> {
        (!self.durations.is_empty()).then(|| self.seconds())
    }

    pub(super) fn seconds(&self) -> f64 {
        self.duration_us as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_does_not_fit_is_unknown_and_stays_so() {
        let most = Tally { runs: 1, tokens: i64::MAX - 1, ..Tally::default() };
        let mut sum = most.clone();
        assert_eq!(sum.tokens(), Some(i64::MAX as u64 - 1));
        sum.add(&most, 1);
        assert_eq!((sum.tokens(), sum.runs), (None, 2));
        sum.add(&most, -1);
        assert_eq!((sum.tokens(), sum.unknown().collect::<Vec<_>>()), (None, vec!["tokens"]));
        let figures = Figures { tokens_used: Some(u64::MAX), ..Figures::default() };
        assert_eq!(Tally::one(&figures, Status::Completed, Some(f64::MAX)).tokens(), None);
    }
}
