//! Merging the parts of one run, which several processes recorded.
//!
//! Every rule is associative and commutative. Each reads only what a merged document still contains.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::document::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, StageLimits, StageRow,
    Status,
};
use super::efficiency::Efficiency;
use super::record::{MOST_RECORDS, OperationRecord};
use super::rows::Rows;
use super::timestamp::Timestamp;
use crate::ledger::{Usd, Verdict};

/// The row of amounts outside of any stage.
const UNATTRIBUTED: &str = "unattributed";

impl RunSummary {
    /// Returns this part of a run merged with another part of it, such as that of a second process.
    ///
    /// Figures and counts add up, times are summed to the microsecond, and the graver status wins. The part
    /// that began first gives the names, and the part that failed first gives the cause. The run has ended when every part
    /// has. Gates are ordered by time, then by name. A gate that one part reached is not listed as not reached. If parts
    /// disagree on a label, the value that sorts first wins, with a warning.
    ///
    /// Merging is associative and commutative, as long as no counter of `counts` passes the range of an `i64`.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let part = |used| {
    ///     let mut part = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse().expect("a time"));
    ///     part.budget_summary.total.tokens_used = Some(used);
    ///     part
    /// };
    /// let run = part(3_000).merge(&part(987));
    /// assert_eq!(run.budget_summary.total.tokens_used, Some(3_987));
    /// ```
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let head = |part: &'_ Self| {
            (part.started_at, part.run_id.clone(), part.project.clone(), part.pipeline.clone())
        };
        let (started_at, run_id, project, pipeline) = head(self).min(head(other));
        let completed_at = self.completed_at.zip(other.completed_at).map(|(one, two)| one.max(two));
        let duration = self.end_us().max(other.end_us()).saturating_sub(start_us(started_at));
        let cause = [self, other].into_iter().filter(|part| part.has_cause()).min_by_key(|part| part.cause());
        let mut merged = Self {
            schema_version: self.schema_version.max(other.schema_version),
            run_id,
            project,
            pipeline,
            status: graver(self.status, other.status),
            started_at,
            completed_at,
            duration_seconds: seconds(duration),
            failed_stage: cause.and_then(|part| part.failed_stage.clone()),
            error_summary: cause.and_then(|part| part.error_summary.clone()),
            failed_at: cause.and_then(|part| part.failed_at),
            tags: first_of(&self.tags, &other.tags),
            counts: added(&self.counts, &other.counts),
            value_usd: added_where_known(self.value_usd, other.value_usd, |one, two| one + two),
            iterations: self.iterations.max(other.iterations),
            efficiency: Efficiency::default(),
            warnings: self.warnings_with(other),
            budget_summary: self.budget_summary.merge(&other.budget_summary),
        };
        merged.efficiency = merged.computed_efficiency();
        merged
    }

    /// When this part ended, or was last seen, in microseconds after the Unix epoch.
    fn end_us(&self) -> i64 {
        match self.completed_at {
            Some(end) => start_us(end),
            None => start_us(self.started_at).saturating_add(micros(self.duration_seconds)),
        }
    }

    fn has_cause(&self) -> bool {
        self.failed_stage.is_some() || self.error_summary.is_some() || self.failed_at.is_some()
    }

    /// What failed, in the order in which causes are believed: the earliest known, then the best named.
    fn cause(&self) -> impl Ord + use<'_> {
        let stage = self.failed_stage.as_deref();
        let error = self.error_summary.as_deref();
        (self.failed_at.is_none(), self.failed_at, stage.is_none(), stage, error.is_none(), error)
    }

    fn warnings_with(&self, other: &Self) -> Vec<String> {
        let mut warnings: BTreeSet<String> = self.warnings.iter().chain(&other.warnings).cloned().collect();
        if self.run_id != other.run_id {
            warnings.insert("parts of runs with different ids were merged".to_owned());
        }
        // Naming the values here would make the text depend on which parts met first.
        for (name, value) in &self.tags {
            if other.tags.get(name).is_some_and(|theirs| theirs != value) {
                warnings.insert(format!("the parts of this run disagree on the tag {name:?}"));
            }
        }
        warnings.into_iter().collect()
    }
}

impl BudgetSummary {
    fn merge(&self, other: &Self) -> Self {
        let mut merged = Self {
            total: together(&self.total, &other.total),
            limits: Limits {
                usd: stricter(self.limits.usd, other.limits.usd),
                tokens: stricter(self.limits.tokens, other.limits.tokens),
            },
            usd_remaining: None,
            tokens_remaining: None,
            exhausted: false,
            per_agent: self.per_agent.unite(&other.per_agent, StageRow::merge),
            per_model: self.per_model.unite(&other.per_model, ModelRow::merge),
            by_operation: self.by_operation.unite(&other.by_operation, OperationRow::merge),
            gate_verdicts: in_order(self.gate_verdicts.iter().chain(&other.gate_verdicts)),
            records: self.records.iter().chain(&other.records).cloned().collect(),
            records_dropped: self.records_dropped.saturating_add(other.records_dropped),
        };
        merged.trim_records();
        merged.settle();
        merged.canonicalise();
        merged
    }

    /// Puts the records in the order in which they were made, and lists no more of them than one run would. The newest of
    /// all parts are the newest of the newest of each.
    fn trim_records(&mut self) {
        self.records.sort_by(OperationRecord::order);
        let surplus = self.records.len().saturating_sub(MOST_RECORDS);
        self.records.drain(..surplus);
        self.records_dropped = self.records_dropped.saturating_add(surplus as u64);
    }

    /// Puts every row in the one place that the rows themselves decide, and every time on the microsecond.
    fn canonicalise(&mut self) {
        for stage in self.per_agent.values_mut() {
            stage.duration_seconds = seconds(micros(stage.duration_seconds));
            settle_models(&mut stage.per_model);
        }
        settle_models(&mut self.per_model);
        for operation in self.by_operation.values_mut() {
            operation.duration_seconds = seconds(micros(operation.duration_seconds));
        }
        self.per_agent.sort_by_key(|name, row| {
            (name == UNATTRIBUTED, row.started_at.is_none(), row.started_at, name.to_owned())
        });
        self.by_operation.sort_by_key(|name, row| dearest_first(name, &row.figures));
    }
}

fn settle_models(models: &mut Rows<ModelRow>) {
    for model in models.values_mut() {
        model.duration_seconds = seconds(micros(model.duration_seconds));
        model.price_sources.sort();
        model.price_sources.dedup();
    }
    models.sort_by_key(|name, row| dearest_first(name, &row.figures));
}

fn dearest_first(name: &str, figures: &Figures) -> impl Ord + use<> {
    let cost = std::cmp::Reverse(figures.cost_usd);
    (cost, std::cmp::Reverse(figures.tokens_used), name.to_owned())
}

impl StageRow {
    fn merge(&self, other: &Self) -> Self {
        Self {
            figures: together(&self.figures, &other.figures),
            calls: self.calls.saturating_add(other.calls),
            duration_seconds: added_seconds(self.duration_seconds, other.duration_seconds),
            errors: self.errors.saturating_add(other.errors),
            status: graver(self.status, other.status),
            parent: stricter(self.parent.as_ref(), other.parent.as_ref()).cloned(),
            started_at: stricter(self.started_at, other.started_at),
            share_of_cost: None,
            limits: match (&self.limits, &other.limits) {
                (Some(one), Some(two)) => Some(one.merge(two)),
                (one, two) => one.or(*two),
            },
            per_model: self.per_model.unite(&other.per_model, ModelRow::merge),
        }
    }
}

impl StageLimits {
    /// The stricter limits over what both parts used.
    fn merge(&self, other: &Self) -> Self {
        let ((cost, tokens), (more_cost, more_tokens)) = (self.used(), other.used());
        let limits =
            Limits { usd: stricter(self.usd, other.usd), tokens: stricter(self.tokens, other.tokens) };
        let sum = |one: u64, two: u64| one.saturating_add(two);
        Self::after(
            limits,
            added_where_known(cost, more_cost, |one, two| one + two),
            added_where_known(tokens, more_tokens, sum),
        )
    }
}

impl ModelRow {
    fn merge(&self, other: &Self) -> Self {
        let price_sources = self.price_sources.iter().chain(&other.price_sources).cloned().collect();
        Self {
            figures: together(&self.figures, &other.figures),
            duration_seconds: added_seconds(self.duration_seconds, other.duration_seconds),
            price_sources,
        }
    }
}

impl OperationRow {
    fn merge(&self, other: &Self) -> Self {
        Self {
            figures: together(&self.figures, &other.figures),
            calls: self.calls.saturating_add(other.calls),
            duration_seconds: added_seconds(self.duration_seconds, other.duration_seconds),
        }
    }
}

fn together(one: &Figures, two: &Figures) -> Figures {
    [one, two].into_iter().sum()
}

/// The sum of what is known.
fn added_where_known<T>(one: Option<T>, two: Option<T>, add: impl FnOnce(T, T) -> T) -> Option<T> {
    match (one, two) {
        (Some(one), Some(two)) => Some(add(one, two)),
        (one, two) => one.or(two),
    }
}

/// Returns the smaller of the known values: the stricter limit, the earlier time, the name that sorts first.
fn stricter<T: Ord>(one: Option<T>, two: Option<T>) -> Option<T> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// Returns the graver of two statuses. A failed run stays failed while other parts still run: their success cannot undo the
/// failure.
fn graver(one: Status, two: Status) -> Status {
    const fn gravity(status: Status) -> u8 {
        match status {
            Status::NotRun => 0,
            Status::Completed => 1,
            Status::Running => 2,
            Status::Incomplete => 3,
            Status::Cancelled => 4,
            Status::Interrupted => 5,
            Status::Failed => 6,
        }
    }
    if gravity(two) > gravity(one) { two } else { one }
}

fn first_of(one: &BTreeMap<String, String>, two: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut tags = one.clone();
    for (name, value) in two {
        let tag = tags.entry(name.clone()).or_insert_with(|| value.clone());
        if value < tag {
            tag.clone_from(value);
        }
    }
    tags
}

fn added(one: &BTreeMap<String, i64>, two: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let mut counts = one.clone();
    for (name, more) in two {
        let count = counts.entry(name.clone()).or_insert(0);
        *count = count.saturating_add(*more);
    }
    counts
}

/// Returns every verdict once, in the order of time, numbered from 1. A gate that one part reached is not also listed as not
/// reached.
fn in_order<'a>(verdicts: impl Iterator<Item = &'a GateVerdict>) -> Vec<GateVerdict> {
    let (unreached, mut given): (Vec<_>, Vec<_>) = verdicts.cloned().partition(GateVerdict::is_unreached);
    let reached: BTreeSet<String> = given.iter().map(|gate| gate.gate_name.clone()).collect();
    given.sort_by(GateVerdict::order);
    let mut unreached: Vec<_> =
        unreached.into_iter().filter(|gate| !reached.contains(&gate.gate_name)).collect();
    unreached.sort_by(|one, two| one.gate_name.cmp(&two.gate_name).then_with(|| one.order(two)));
    unreached.dedup_by(|later, first| later.gate_name == first.gate_name);
    given.append(&mut unreached);
    for (seq, gate) in (1..).zip(&mut given) {
        gate.seq = seq;
    }
    given
}

impl GateVerdict {
    /// Returns whether the verdict is listed only because the gate was expected.
    fn is_unreached(&self) -> bool {
        self.verdict == Verdict::Skipped && self.at.is_none()
    }

    /// Orders verdicts by time, then by every field but `seq`, which every merge assigns again.
    fn order(&self, other: &Self) -> Ordering {
        fn double(value: Option<f64>) -> (bool, u64) {
            // `f64` has no total order in Rust's `Ord`. Any total order serves here, and that of the bits is one.
            (value.is_none(), value.unwrap_or(0.0).to_bits())
        }
        let known = |gate: &Self| (gate.at.is_none(), gate.at);
        let text =
            |gate: &Self| gate.diagnostics.iter().map(|(k, v)| format!("{k}={v};")).collect::<String>();
        known(self)
            .cmp(&known(other))
            .then_with(|| self.gate_name.cmp(&other.gate_name))
            .then_with(|| self.after_stage.cmp(&other.after_stage))
            .then_with(|| self.verdict.as_str().cmp(other.verdict.as_str()))
            .then_with(|| self.blocking.cmp(&other.blocking))
            .then_with(|| self.reason.cmp(&other.reason))
            .then_with(|| double(self.score).cmp(&double(other.score)))
            .then_with(|| double(self.duration_seconds).cmp(&double(other.duration_seconds)))
            .then_with(|| self.cost_usd.map(Usd::pico).cmp(&other.cost_usd.map(Usd::pico)))
            .then_with(|| text(self).cmp(&text(other)))
    }
}

/// The longest duration that a double of seconds holds to the microsecond, 2⁵¹ µs or 71 years.
const LONGEST_US: i64 = 1 << 51;

/// Seconds in whole microseconds. Sums of doubles depend on their order, sums of whole numbers do not.
fn micros(seconds: f64) -> i64 {
    // The cast saturates, and converts NaN to 0.
    ((seconds * 1e6).round() as i64).clamp(0, LONGEST_US)
}

fn seconds(micros: i64) -> f64 {
    micros.clamp(0, LONGEST_US) as f64 / 1e6
}

fn added_seconds(one: f64, two: f64) -> f64 {
    seconds(micros(one).saturating_add(micros(two)))
}

fn start_us(at: Timestamp) -> i64 {
    at.unix_ms().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-04-19T09:{time}Z").parse().expect("a time")
    }

    fn part(started: &str, ended: Option<&str>) -> RunSummary {
        let mut part = RunSummary::new("0193", at(started));
        part.completed_at = ended.map(at);
        part.status = if ended.is_some() { Status::Completed } else { Status::Running };
        part
    }

    #[test]
    fn a_run_lasts_from_its_first_start_to_its_last_end() {
        let run = part("00:00", Some("00:10")).merge(&part("00:05", Some("01:30.500")));
        assert_eq!((run.started_at, run.completed_at), (at("00:00"), Some(at("01:30.500"))));
        assert!((run.duration_seconds - 90.5).abs() < 1e-9);
        assert_eq!(run.status, Status::Completed);
    }

    #[test]
    fn a_run_with_a_part_still_open_is_running() {
        let mut open = part("00:05", None);
        open.duration_seconds = 7.25;
        let run = part("00:00", Some("00:10")).merge(&open);
        assert_eq!((run.status, run.completed_at), (Status::Running, None));
        assert!((run.duration_seconds - 12.25).abs() < 1e-9);
    }

    #[test]
    fn the_part_that_failed_first_gives_the_cause() {
        let failed = |stage: &str, when: Option<&str>| {
            let mut part = part("00:00", Some("00:30"));
            part.status = Status::Failed;
            part.failed_stage = Some(stage.to_owned());
            part.error_summary = Some(format!("{stage} broke"));
            part.failed_at = when.map(at);
            part
        };
        let run = failed("a", Some("00:20")).merge(&failed("b", Some("00:10"))).merge(&failed("0", None));
        assert_eq!(run.failed_stage.as_deref(), Some("b"));
        assert_eq!(run.error_summary.as_deref(), Some("b broke"));
        let run = part("00:00", Some("00:01")).merge(&failed("a", None));
        assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Failed, Some("a")));
    }

    #[test]
    fn a_gate_that_one_part_reached_was_reached() {
        let gates = |gates: &[(&str, Verdict, Option<&str>)]| {
            let mut part = part("00:00", Some("00:30"));
            part.budget_summary.gate_verdicts = gates
                .iter()
                .map(|(name, verdict, when)| GateVerdict {
                    at: when.map(at),
                    ..GateVerdict::new(9, *name, verdict.clone())
                })
                .collect();
            part
        };
        let one = gates(&[("lint", Verdict::Pass, Some("00:07")), ("review", Verdict::Skipped, None)]);
        let two = gates(&[
            ("tests", Verdict::Fail, Some("00:03")),
            ("lint", Verdict::Skipped, None),
            ("review", Verdict::Skipped, None),
        ]);
        let merged = one.merge(&two);
        let order: Vec<_> = merged
            .budget_summary
            .gate_verdicts
            .iter()
            .map(|gate| (gate.seq, gate.gate_name.as_str(), gate.verdict.as_str()))
            .collect();
        assert_eq!(order, [(1, "tests", "fail"), (2, "lint", "pass"), (3, "review", "skipped")]);
    }

    #[test]
    fn disagreeing_labels_have_one_value_and_a_warning() {
        let tagged = |tier: &str| {
            let mut part = part("00:00", None);
            part.tags.insert("tier".into(), tier.into());
            part.counts.insert("candidates".into(), 5);
            part
        };
        let run = tagged("2").merge(&tagged("1"));
        assert_eq!(run.tags["tier"], "1");
        assert_eq!(run.counts["candidates"], 10);
        assert_eq!(run.warnings, [r#"the parts of this run disagree on the tag "tier""#]);
        assert!(tagged("1").merge(&tagged("1")).warnings.is_empty());
    }

    #[test]
    fn seconds_survive_the_way_through_microseconds() {
        for us in [0, 1, 47_270_000, 1_234_567_890_123, LONGEST_US] {
            assert_eq!(micros(seconds(us)), us);
        }
        assert_eq!((micros(f64::NAN), micros(-1.0), micros(f64::INFINITY)), (0, 0, LONGEST_US));
    }
}
