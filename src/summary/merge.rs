//! Merging the parts of one run, which several processes recorded.
//!
//! Every rule is associative and commutative. Each reads only what a merged document still contains.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::UNATTRIBUTED;
use super::call::trim;
use super::document::{
    AgentRow, BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, StageAttempt,
    StageLimits, StageRow,
};
use super::efficiency::Efficiency;
use super::keys::Stages;
use super::part::Part;
use super::record::{MOST_RECORDS, OperationRecord};
use super::rows::Rows;
use super::status::Status;
use super::timestamp::Timestamp;
use crate::ledger::{MAX_ATTEMPTS, Usd, Verdict};

impl RunSummary {
    /// Returns this part of a run merged with another part of it, such as that of a second process.
    ///
    /// Figures and counts add up, times are summed to the microsecond, and the graver status wins. The part
    /// that began first gives the names, and the part that failed first gives the cause. The run has ended when every part
    /// has. Gates are ordered by time, then by name. A gate that one part reached is not listed as not reached. If parts
    /// disagree on a label, the value that sorts first wins, with a warning.
    ///
    /// Rows of a stage are one row if the stages have one name and the same stages around them. Keys are given anew: the
    /// first of a name, by start, has the plain name.
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
        let budget_summary = self.budget_summary.merge(&other.budget_summary);
        let failed_stage = cause.and_then(|part| part.failed_path()).map(|path| {
            // A row's key is of its document. The merged one may have another for the same stage.
            let key = budget_summary.per_agent.key_of(&path).map(str::to_owned);
            key.unwrap_or_else(|| path.last().copied().unwrap_or_default().to_owned())
        });
        let mut merged = Self {
            schema_version: self.schema_version.max(other.schema_version),
            run_id,
            project,
            pipeline,
            status: graver(self.status, other.status),
            started_at,
            completed_at,
            duration_seconds: seconds(duration),
            failed_stage,
            error_summary: cause.and_then(|part| part.error_summary.clone()),
            failed_at: cause.and_then(|part| part.failed_at),
            tags: first_of(&self.tags, &other.tags),
            counts: added(&self.counts, &other.counts),
            value_usd: added_where_known(self.value_usd, other.value_usd, |one, two| one + two),
            iterations: self.iterations.max(other.iterations),
            efficiency: Efficiency::default(),
            warnings: self.warnings_with(other),
            budget_summary,
            // The whole of both is a part of nothing.
            part: Part::default(),
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
        let stage = self.failed_path();
        let error = self.error_summary.as_deref();
        (self.failed_at.is_none(), self.failed_at, stage.is_none(), stage, error.is_none(), error)
    }

    /// The names of the stages around the one that failed, and its own.
    fn failed_path(&self) -> Option<Vec<&str>> {
        let key = self.failed_stage.as_deref()?;
        Some(self.budget_summary.per_agent.path_of(key))
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
            error_events: self.error_events.saturating_add(other.error_events),
            per_agent: merge_stages(&self.per_agent, &other.per_agent),
            by_agent: self.merge_agents(other),
            per_model: self.per_model.unite(&other.per_model, ModelRow::merge),
            by_operation: self.by_operation.unite(&other.by_operation, OperationRow::merge),
            gate_verdicts: in_order(self.gate_verdicts.iter().chain(&other.gate_verdicts)),
            records: self.records.iter().chain(&other.records).cloned().collect(),
            records_dropped: self.records_dropped.saturating_add(other.records_dropped),
            calls: None,
            calls_left_out: self.calls_left_out.saturating_add(other.calls_left_out),
        };
        if self.calls.is_some() || other.calls.is_some() {
            merged.take_calls([self, other]);
        }
        merged.trim_records();
        merged.settle();
        merged.canonicalise();
        merged
    }

    /// Parts without agents made their calls outside of any, if the run has agents.
    fn merge_agents(&self, other: &Self) -> Rows<AgentRow> {
        if self.by_agent.is_empty() && other.by_agent.is_empty() {
            return Rows::new();
        }
        let rows = |part: &Self| {
            let mut rows = part.by_agent.clone();
            if rows.is_empty() && part.total != Figures::default() {
                rows.insert(UNATTRIBUTED, AgentRow { figures: part.total.clone(), ..AgentRow::default() });
            }
            rows
        };
        rows(self).unite(&rows(other), AgentRow::merge)
    }

    /// Lists the calls of all parts, no more of them than one run would. The first of all parts are the first of the first of each. A part
    /// that lists none, of an earlier version, has left out all of its calls.
    fn take_calls(&mut self, parts: [&Self; 2]) {
        let mut calls = Vec::new();
        for part in parts {
            let Some(listed) = &part.calls else {
                self.calls_left_out = self.calls_left_out.saturating_add(part.total.llm_calls);
                continue;
            };
            // A row's key is of its document. The merged one may have another for the same stage.
            calls.extend(listed.iter().map(|call| {
                let path = call.stage.as_deref().map(|key| part.per_agent.path_of(key));
                (path, call.clone())
            }));
        }
        self.calls_left_out = self.calls_left_out.saturating_add(trim(&mut calls));
        let mut keys: HashMap<Vec<&str>, String> = HashMap::new();
        let mut listed = Vec::with_capacity(calls.len());
        for (path, mut call) in calls {
            call.stage = path.map(|path| {
                let key =
                    || self.per_agent.key_of(&path).or(path.last().copied()).unwrap_or_default().to_owned();
                keys.entry(path.clone()).or_insert_with(key).clone()
            });
            listed.push(call);
        }
        self.calls = Some(listed);
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
        settle_models(&mut self.per_model);
        for operation in self.by_operation.values_mut() {
            operation.duration_seconds = operation.duration_seconds.map(micros).map(seconds);
        }
        for agent in self.by_agent.values_mut() {
            agent.duration_seconds = agent.duration_seconds.map(micros).map(seconds);
            agent.called_by.sort();
            agent.called_by.dedup();
        }
        self.by_agent.sort_by_key(|name, row| (name == UNATTRIBUTED, dearest_first(name, &row.figures)));
        self.by_operation.sort_by_key(|name, row| dearest_first(name, &row.figures));
    }
}

fn settle_models(models: &mut Rows<ModelRow>) {
    for model in models.values_mut() {
        model.duration_seconds = model.duration_seconds.map(micros).map(seconds);
        model.price_sources.sort();
        model.price_sources.dedup();
    }
    models.sort_by_key(|name, row| dearest_first(name, &row.figures));
}

fn dearest_first(name: &str, figures: &Figures) -> impl Ord + use<> {
    let cost = Reverse(figures.cost_usd);
    (cost, Reverse(figures.tokens_used), name.to_owned())
}

/// Returns the stages of both parts, `unattributed` last and the others by start.
fn merge_stages(one: &Rows<StageRow>, two: &Rows<StageRow>) -> Rows<StageRow> {
    let mut stages = Stages::default();
    let mut united: Vec<(usize, StageRow)> = Vec::with_capacity(one.len() + two.len());
    let mut places: HashMap<usize, usize> = HashMap::new();
    for part in [one, two] {
        for (number, (_, row)) in stages.of_rows(part).into_iter().zip(part.iter()) {
            match places.get(&number) {
                Some(&place) => united[place].1 = united[place].1.merge(row),
                None => {
                    places.insert(number, united.len());
                    united.push((number, row.clone()));
                }
            }
        }
    }
    // A declared stage that one part did not run has a row without a place in it. Where another part ran it inside of another
    // stage, that is its row.
    let around: HashSet<usize> = united.iter().filter_map(|(number, _)| stages.parent(*number)).collect();
    let is_mere_name = |(number, row): &(usize, StageRow)| {
        row.is_absent() && stages.parent(*number).is_none() && !around.contains(number)
    };
    let rows_of_names = united.iter().filter(|row| !is_mere_name(row));
    let names: HashSet<&str> = rows_of_names.map(|(number, _)| stages.name(*number)).collect();
    let is_doubled: Vec<bool> =
        united.iter().map(|row| is_mere_name(row) && names.contains(stages.name(row.0))).collect();
    let mut is_doubled = is_doubled.into_iter();
    united.retain(|_| !is_doubled.next().unwrap_or_default());

    let limits = merge_limits(limits_by_name(one), limits_by_name(two));
    let starts: Vec<_> = united.iter().map(|(number, row)| (*number, row.started_at)).collect();
    let (keys, ranks) = (stages.keys(&starts), stages.ranks());
    united.sort_by_key(|(number, row)| {
        let is_outside = keys[number] == UNATTRIBUTED;
        (is_outside, row.started_at.is_none(), row.started_at, ranks[*number])
    });
    let rows = united.into_iter().map(|(number, mut row)| {
        let (key, name) = (keys[&number].clone(), stages.name(number));
        row.name = (name != key).then(|| name.to_owned());
        row.parent = stages.parent(number).map(|parent| {
            let key = keys.get(&parent).map(String::as_str);
            key.unwrap_or_else(|| stages.name(parent)).to_owned()
        });
        row.limits = limits.get(name).copied();
        row.duration_seconds = seconds(micros(row.duration_seconds));
        row.trim_attempts();
        settle_models(&mut row.per_model);
        (key, row)
    });
    Rows::of_unique(rows.collect())
}

/// The limits of stages by their names: all stages of a name have one limit, and spend from it together.
fn limits_by_name(rows: &Rows<StageRow>) -> BTreeMap<&str, StageLimits> {
    let mut limits: BTreeMap<&str, StageLimits> = BTreeMap::new();
    for (key, row) in rows.iter() {
        let Some(own) = row.limits else { continue };
        let known = limits.entry(row.name_or(key)).or_insert(own);
        let order = |limits: &StageLimits| {
            (limits.usd, limits.tokens, limits.usd_remaining, limits.tokens_remaining, limits.exhausted)
        };
        // They differ only in a document that contradicts itself.
        if order(&own) < order(known) {
            *known = own;
        }
    }
    limits
}

fn merge_limits<'a>(
    mut one: BTreeMap<&'a str, StageLimits>,
    two: BTreeMap<&'a str, StageLimits>,
) -> BTreeMap<&'a str, StageLimits> {
    for (name, limits) in two {
        one.entry(name).and_modify(|known| *known = known.merge(&limits)).or_insert(limits);
    }
    one
}

impl Rows<StageRow> {
    /// The names of the stages around the stage of a row, and its own.
    fn path_of<'a>(&'a self, key: &'a str) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut next = Some(key);
        while let Some(key) = next {
            let row = self.get(key);
            names.push(row.map_or(key, |row| row.name_or(key)));
            // Rows in a circle, which `check` reports, would never end.
            next = row.and_then(|row| row.parent.as_deref()).filter(|_| names.len() <= self.len());
        }
        names.reverse();
        names
    }

    /// The key of the row of a stage.
    fn key_of(&self, path: &[&str]) -> Option<&str> {
        let name = path.last()?;
        let mut rows = self.named(name).map(|(key, _)| key);
        rows.find(|key| self.path_of(key) == path)
    }
}

impl StageRow {
    /// Whether the row is only there because its stage was declared.
    fn is_absent(&self) -> bool {
        let Self { figures, calls, duration_seconds, errors, error_events, status, .. } = self;
        *status == Status::NotRun
            && *figures == Figures::default()
            && (*calls, *errors, *error_events) == (0, 0, 0)
            && micros(*duration_seconds) == 0
            && self.started_at.is_none()
            && self.per_model.is_empty()
            && self.attempts.is_empty()
    }

    /// Whether the row lists attempts. Rows of earlier versions do not.
    fn has_attempts(&self) -> bool {
        !self.attempts.is_empty() || self.attempts_left_out > 0
    }

    /// Attempts of this row that a merged row does not list because this one does not.
    fn not_listed(&self) -> u64 {
        if self.has_attempts() { self.attempts_left_out } else { self.calls }
    }

    /// Lists no more attempts than one run would: failed ones first, then the newest.
    fn trim_attempts(&mut self) {
        for attempt in &mut self.attempts {
            attempt.duration_seconds = seconds(micros(attempt.duration_seconds));
        }
        self.attempts.sort_by(StageAttempt::order);
        let has_failed = |attempt: &StageAttempt| attempt.status == Status::Failed;
        let failed = self.attempts.iter().filter(|attempt| has_failed(attempt)).count();
        let others = self.attempts.len() - failed;
        let mut surplus_failed = failed.saturating_sub(MAX_ATTEMPTS);
        let mut surplus = others.saturating_sub(MAX_ATTEMPTS.saturating_sub(failed));
        self.attempts_left_out = self.attempts_left_out.saturating_add((surplus + surplus_failed) as u64);
        // The oldest come first, so they are the ones to go.
        self.attempts.retain(|attempt| {
            let left = if has_failed(attempt) { &mut surplus_failed } else { &mut surplus };
            let is_kept = *left == 0;
            *left = left.saturating_sub(1);
            is_kept
        });
    }

    /// Merges rows of one stage. Its name, parent and limits follow from all rows together.
    fn merge(&self, other: &Self) -> Self {
        let has_attempts = self.has_attempts() || other.has_attempts();
        let left_out = self.not_listed().saturating_add(other.not_listed());
        Self {
            figures: together(&self.figures, &other.figures),
            calls: self.calls.saturating_add(other.calls),
            duration_seconds: added_seconds(self.duration_seconds, other.duration_seconds),
            errors: self.errors.saturating_add(other.errors),
            status: graver(self.status, other.status),
            error_events: self.error_events.saturating_add(other.error_events),
            name: None,
            parent: None,
            started_at: stricter(self.started_at, other.started_at),
            share_of_cost: None,
            limits: None,
            attempts: self.attempts.iter().chain(&other.attempts).cloned().collect(),
            attempts_left_out: if has_attempts { left_out } else { 0 },
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
            duration_seconds: added_where_known(self.duration_seconds, other.duration_seconds, added_seconds),
            price_sources,
        }
    }
}

impl AgentRow {
    fn merge(&self, other: &Self) -> Self {
        Self {
            figures: together(&self.figures, &other.figures),
            calls: self.calls.saturating_add(other.calls),
            duration_seconds: added_where_known(self.duration_seconds, other.duration_seconds, added_seconds),
            errors: self.errors.saturating_add(other.errors),
            called_by: self.called_by.iter().chain(&other.called_by).cloned().collect(),
        }
    }
}

impl StageAttempt {
    /// Orders attempts by start, then by every other field, so that merging gives one order.
    fn order(&self, other: &Self) -> Ordering {
        let key =
            |attempt: &Self| (attempt.started_at, micros(attempt.duration_seconds), attempt.status.as_str());
        key(self).cmp(&key(other)).then_with(|| self.error.cmp(&other.error))
    }
}

impl OperationRow {
    fn merge(&self, other: &Self) -> Self {
        Self {
            figures: together(&self.figures, &other.figures),
            calls: self.calls.saturating_add(other.calls),
            duration_seconds: added_where_known(self.duration_seconds, other.duration_seconds, added_seconds),
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
