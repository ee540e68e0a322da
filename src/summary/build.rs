//! Building the summary of a run from its ledger.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::UNATTRIBUTED;
use super::call::CallRecord;
use super::document::{
    AgentRow, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, StageAttempt, StageLimits,
    StageRow,
};
use super::fold;
use super::keys::Stages;
use super::part::Part;
use super::record::{Records, measured, seconds};
use super::rows::Rows;
use super::status::Status;
use super::timestamp::Timestamp;
use super::units::Units;
use crate::ledger::{
    AgentTotals, Call, CellKey, CellTotals, Kind, Ledger, Outcome, Sources, StageId, StageTotals, Symbol,
    Usd, Verdict, multiplied, total,
};

/// Maximum length of an error summary, in characters: a panic message can have a page, and lists show one line.
const MAX_ERROR: usize = 512;

/// The state of a run from which its summary is built.
pub(crate) struct SummaryInput<'a> {
    pub(crate) run_id: String,
    /// The id that the run was given in the process where it began, whatever id its summary has.
    pub(crate) part: Option<Uuid>,
    pub(crate) project: String,
    pub(crate) pipeline: String,
    pub(crate) started: SystemTime,
    /// The wall time that the ledger's nanoseconds are counted from.
    pub(crate) origin: SystemTime,
    pub(crate) elapsed: Duration,
    /// The outcome of the root, and why the run ended; `None` while it runs.
    pub(crate) end: Option<(Outcome, EndReason)>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) declared_stages: &'a [String],
    pub(crate) expected_gates: &'a [String],
    pub(crate) gates: Vec<GateVerdict>,
    /// Verdicts that are not among these any more.
    pub(crate) gates_left_out: u64,
    pub(crate) records: &'a Records,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) value_usd: Option<Usd>,
    pub(crate) iterations: Option<u64>,
    pub(crate) warnings: Vec<String>,
    /// Whether the ledger has the calls one by one. A journal of an earlier version has not.
    pub(crate) has_calls: bool,
    pub(crate) limits: Limits,
    /// The stages that have limits.
    pub(crate) stage_limits: Vec<(Symbol, StageLimits)>,
    /// The price books that were in force, oldest first.
    pub(crate) books: Vec<BookPeriod>,
    /// The name of the corrections to it.
    pub(crate) corrections: &'a str,
}

/// A price book that was in force.
#[derive(Clone, Debug)]
pub(crate) struct BookPeriod {
    pub(crate) name: String,
    /// From when on, in nanoseconds after the origin of the run's times.
    pub(crate) from: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// Its root span closed.
    Closed,
    /// The layer ended it while spans were still open.
    Incomplete,
    /// Its process died.
    Interrupted,
}

impl RunSummary {
    /// Builds the summary of a run.
    pub(crate) fn build(account: SummaryInput<'_>) -> Self {
        let started_at = Timestamp::from(account.started);
        let mut summary = Self::new(account.run_id.as_str(), started_at);
        let folded = fold::folded(account.ledger);
        let (ledger, mut warnings) = match &folded {
            Some((ledger, warnings)) => (ledger, warnings.clone()),
            None => (account.ledger, vec![]),
        };
        let account = SummaryInput { ledger, ..account };
        summary.part = Part(account.part);
        let ending = account.end.as_ref().map(|(_, ending)| *ending);
        let is_over = ending.is_some();
        let failed_at = |nanos: u64| Timestamp::from(account.origin + Duration::from_nanos(nanos));

        let budget = &mut summary.budget_summary;
        let mut cells: Vec<Cell<'_>> = account.ledger.cells().collect();
        let stages = StageTable::new(&account);
        cells.sort_unstable_by_key(|(key, _)| (stages.place(key.stage), named(key.model)));
        budget.total = Figures::of(&sum(&cells));
        budget.per_agent = account.stage_rows(&stages, &cells, ending);
        budget.error_events = account.ledger.error_events().map(|(_, events)| events).sum();
        cells.sort_unstable_by_key(|(key, _)| named(key.agent));
        budget.by_agent = account.agent_rows(&cells);
        cells.sort_unstable_by_key(|(key, _)| named(key.model));
        budget.per_model = account.model_rows(&cells);
        cells.sort_unstable_by_key(|(key, _)| key.operation);
        budget.by_operation = operation_rows(&cells);
        budget.limits = account.limits;
        budget.gate_verdicts = account.gates.clone();
        budget.records = account.records.to_vec();
        budget.records_dropped = account.records.dropped();
        if account.has_calls {
            let calls = account.call_records(&stages);
            budget.calls_left_out = budget.total.llm_calls.saturating_sub(calls.len() as u64);
            budget.calls = Some(calls);
        }
        if is_over {
            account.add_missing_gates(&mut budget.gate_verdicts);
        }
        warnings.extend(fold::bound_listed(&mut budget.gate_verdicts, account.gates_left_out));

        if let Some((outcome, ending)) = &account.end {
            let cause = account.cause(outcome, &budget.gate_verdicts);
            summary.status = match (ending, &cause) {
                (EndReason::Incomplete, _) => Status::Incomplete,
                (EndReason::Interrupted, _) => Status::Interrupted,
                (EndReason::Closed, Some(_)) => Status::Failed,
                (EndReason::Closed, None) => Status::Completed,
            };
            if let Some(cause) = cause {
                summary.failed_stage = cause.stage.map(|stage| stages.key(Some(stage)).to_owned());
                summary.error_summary = Some(one_line(&cause.text));
                summary.failed_at = cause.at.map(failed_at);
            }
            summary.completed_at = Some(Timestamp::from(account.started + account.elapsed));
        }
        summary.duration_seconds = seconds(account.elapsed);
        summary.project = account.project;
        summary.pipeline = account.pipeline;
        summary.tags = account.tags;
        summary.counts = account.counts;
        summary.value_usd = account.value_usd;
        summary.iterations = account.iterations;
        summary.warnings = account.warnings;
        summary.warnings.extend(warnings);
        summary.settle();
        summary
    }
}

/// Why a run failed.
struct Cause {
    stage: Option<StageId>,
    text: String,
    /// When, in the ledger's nanoseconds, if known.
    at: Option<u64>,
}

/// A cell of the ledger. Rows are sums of neighbours among sorted references: building a snapshot copies no cell.
type Cell<'a> = (&'a CellKey, &'a CellTotals);

fn sum<'a>(cells: impl IntoIterator<Item = &'a Cell<'a>>) -> CellTotals {
    let mut sum = CellTotals::default();
    cells.into_iter().for_each(|(_, tally)| sum.merge(tally));
    sum
}

/// Returns a name, unless it is the name of the row for amounts without one.
fn named(name: Option<Symbol>) -> Option<Symbol> {
    name.filter(|name| name.as_str() != UNATTRIBUTED)
}

fn row_name(name: Option<Symbol>) -> String {
    name.map_or(UNATTRIBUTED, Symbol::as_str).to_owned()
}

/// Returns a stage, unless it has the name of the row for amounts outside of any stage.
fn inside(stage: Option<StageId>) -> Option<StageId> {
    stage.filter(|stage| stage.parent().is_some() || stage.name().as_str() != UNATTRIBUTED)
}

/// The stages that have rows: declared stages in their order, then the others by start, then `unattributed`.
struct StageTable<'a> {
    rows: Vec<StageEntry<'a>>,
    places: HashMap<Option<StageId>, usize>,
}

struct StageEntry<'a> {
    stage: Option<StageId>,
    key: String,
    /// Its attempts; `None` if it was never begun.
    attempts: Option<&'a StageTotals>,
    /// The stage was declared or has a limit, and the run has nothing of it.
    is_absent: bool,
    error_events: u64,
}

impl<'a> StageTable<'a> {
    fn new(account: &SummaryInput<'a>) -> Self {
        let ledger = account.ledger;
        let mut entries: HashMap<Option<StageId>, StageEntry<'a>> = HashMap::new();
        let blank = |stage| StageEntry {
            stage,
            key: UNATTRIBUTED.to_owned(),
            attempts: None,
            is_absent: false,
            error_events: 0,
        };
        let mut enter = |stage: Option<StageId>, fill: &dyn Fn(&mut StageEntry<'a>)| {
            let stage = inside(stage);
            fill(entries.entry(stage).or_insert_with(|| blank(stage)));
            // A stage around may have nothing itself: it is still open elsewhere. It needs a row, or the row would have a parent
            // that does not exist.
            let outwards = std::iter::successors(stage.and_then(StageId::parent), |stage| stage.parent());
            for around in outwards.map(|around| inside(Some(around))) {
                entries.entry(around).or_insert_with(|| blank(around));
            }
        };
        ledger.stages().for_each(|(stage, attempts)| {
            enter(Some(stage), &|entry| entry.attempts = Some(attempts));
        });
        ledger.error_events().for_each(|(stage, events)| enter(stage, &|entry| entry.error_events += events));
        // An operation outside of any stage that used nothing needs no row: `by_operation` has it.
        let has_row = |(key, totals): &(&CellKey, &CellTotals)| {
            key.stage.is_some()
                || totals.llm_calls > 0
                || totals.cost != Usd::ZERO
                || !totals.usage.is_empty()
        };
        ledger.cells().filter(has_row).for_each(|(key, _)| enter(key.stage, &|_| {}));
        // Also those with a limit that were not declared: a misspelt name would be invisible otherwise.
        let limited = account.stage_limits.iter().map(|(name, _)| *name);
        let declared = account.declared_stages.iter().map(|name| Symbol::intern(name));
        let wanted: BTreeSet<Symbol> = declared.chain(limited).collect();
        let has_row: BTreeSet<Symbol> = entries.keys().flatten().map(|stage| stage.name()).collect();
        for name in wanted.into_iter().filter(|name| !has_row.contains(name)) {
            let stage = inside(Some(StageId::intern(name, None)));
            entries.entry(stage).or_insert_with(|| StageEntry { is_absent: true, ..blank(stage) });
        }
        let mut rows: Vec<StageEntry<'a>> = entries.into_values().collect();
        set_keys(&mut rows);
        let declared: HashMap<&str, usize> =
            account.declared_stages.iter().map(String::as_str).zip(0..).collect();
        rows.sort_by_key(|entry| {
            let place = entry.stage.and_then(|stage| declared.get(stage.name().as_str()));
            let start = entry.attempts.and_then(|attempts| attempts.first);
            let place = place.copied().unwrap_or(usize::MAX);
            (entry.stage.is_none(), place, start.is_none(), start, entry.stage)
        });
        let places = rows.iter().map(|entry| entry.stage).zip(0..).collect();
        Self { rows, places }
    }

    /// The place of a stage's row among the rows.
    fn place(&self, stage: Option<StageId>) -> usize {
        self.places.get(&inside(stage)).copied().unwrap_or(self.rows.len())
    }

    fn key(&self, stage: Option<StageId>) -> &str {
        self.rows.get(self.place(stage)).map_or(UNATTRIBUTED, |entry| &entry.key)
    }
}

fn set_keys(rows: &mut [StageEntry<'_>]) {
    let mut stages = Stages::default();
    let numbered: Vec<(usize, Option<u64>)> = rows
        .iter()
        .map(|entry| {
            let outwards = std::iter::successors(entry.stage, |stage| stage.parent());
            let mut names: Vec<&str> = outwards.map(|stage| stage.name().as_str()).collect();
            let own = if names.is_empty() { UNATTRIBUTED } else { names.remove(0) };
            let around = names.into_iter().rev().fold(None, |around, name| Some(stages.number(name, around)));
            (stages.number(own, around), entry.attempts.and_then(|attempts| attempts.first))
        })
        .collect();
    let mut keys = stages.keys(&numbered);
    for (entry, (number, _)) in rows.iter_mut().zip(numbered) {
        entry.key = keys.remove(&number).unwrap_or_default();
    }
}

impl SummaryInput<'_> {
    /// Returns one row per stage of the table. The cells must be sorted by the stages' places and by model.
    fn stage_rows(
        &self,
        stages: &StageTable<'_>,
        cells: &[Cell<'_>],
        ending: Option<EndReason>,
    ) -> Rows<StageRow> {
        let mut chunks =
            cells.chunk_by(|(one, _), (two, _)| stages.place(one.stage) == stages.place(two.stage));
        let mut next = chunks.next();
        let rows = stages.rows.iter().enumerate().map(|(place, entry)| {
            let own = next.filter(|cells| stages.place(cells[0].0.stage) == place);
            if own.is_some() {
                next = chunks.next();
            }
            let row = if entry.is_absent {
                StageRow::default()
            } else {
                self.stage_row(stages, entry, own.unwrap_or_default(), ending)
            };
            let name = entry.stage.map_or(UNATTRIBUTED, |stage| stage.name().as_str());
            // By name: a limit is that of all stages of the name together.
            let limits = self.stage_limits.iter().find(|(limited, _)| limited.as_str() == name);
            (entry.key.clone(), StageRow { limits: limits.map(|(_, limits)| *limits), ..row })
        });
        Rows::of_unique(rows.collect())
    }

    fn stage_row(
        &self,
        stages: &StageTable<'_>,
        entry: &StageEntry<'_>,
        cells: &[Cell<'_>],
        ending: Option<EndReason>,
    ) -> StageRow {
        let (sum, never) = (sum(cells), StageTotals::default());
        let tally = entry.attempts.unwrap_or(&never);
        let wall = |nanos| Timestamp::from(self.origin + Duration::from_nanos(nanos));
        let status = match &tally.last {
            _ if tally.open > 0 => match ending {
                Some(EndReason::Interrupted) => Status::Interrupted,
                Some(_) => Status::Incomplete,
                None => Status::Running,
            },
            Some(last) if last.outcome.is_failed() => Status::Failed,
            None if ending.is_none() => Status::Running,
            None if ending == Some(EndReason::Interrupted) => Status::Interrupted,
            _ => Status::Completed,
        };
        StageRow {
            figures: Figures::of(&sum),
            calls: tally.attempts,
            duration_seconds: seconds(Duration::from_nanos(tally.nanos)),
            errors: tally.errors + total(sum.errors),
            error_events: entry.error_events,
            status,
            name: entry.stage.map(|stage| stage.name().as_str().to_owned()).filter(|name| *name != entry.key),
            parent: entry.stage.and_then(StageId::parent).map(|parent| stages.key(Some(parent)).to_owned()),
            started_at: tally.first.map(wall),
            share_of_cost: None,
            limits: None,
            // Attempts of a run that an earlier version wrote to its journal are counted there, and not listed.
            attempts_left_out: (tally.attempts - tally.open).saturating_sub(tally.kept.listed().len() as u64),
            attempts: tally
                .kept
                .listed()
                .into_iter()
                .map(|attempt| StageAttempt {
                    started_at: wall(attempt.started),
                    duration_seconds: seconds(Duration::from_nanos(attempt.nanos)),
                    status: if attempt.outcome.is_failed() { Status::Failed } else { Status::Completed },
                    error: message(&attempt.outcome).map(|text| one_line(&text)),
                })
                .collect(),
            per_model: self.model_rows(cells),
        }
    }

    /// Returns one row per agent, the most expensive first, and `unattributed` last; none for a run without agents. The cells
    /// must be sorted by agent.
    fn agent_rows(&self, cells: &[Cell<'_>]) -> Rows<AgentRow> {
        let mut agents: BTreeMap<Option<Symbol>, (AgentTotals, BTreeSet<&str>, CellTotals)> = BTreeMap::new();
        for (agent, caller, totals) in self.ledger.agents() {
            let (sum, callers, _) = agents.entry(named(Some(agent))).or_default();
            sum.merge(totals);
            callers.extend(caller.map(Symbol::as_str));
        }
        for cells in cells.chunk_by(|(one, _), (two, _)| named(one.agent) == named(two.agent)) {
            agents.entry(named(cells[0].0.agent)).or_default().2.merge(&sum(cells));
        }
        if agents.keys().all(Option::is_none) {
            return Rows::new();
        }
        let rows = agents.into_iter().map(|(agent, (totals, callers, sum))| {
            let row = AgentRow {
                figures: Figures::of(&sum),
                calls: totals.executions,
                duration_seconds: (totals.executions > 0)
                    .then(|| seconds(Duration::from_nanos(totals.nanos))),
                errors: totals.errors + total(sum.errors),
                called_by: callers.into_iter().map(str::to_owned).collect(),
            };
            (row_name(agent), row)
        });
        // Operations outside of agents that used nothing would make a row without figures.
        let mut rows: Vec<_> =
            rows.filter(|(name, row)| name != UNATTRIBUTED || *row != AgentRow::default()).collect();
        rows.sort_by_key(|(name, row)| {
            (name == UNATTRIBUTED, Reverse(row.figures.cost_usd.unwrap_or_default()))
        });
        Rows::of_unique(rows)
    }

    /// Returns one row per model, the most expensive first. The cells must be sorted by model.
    fn model_rows(&self, cells: &[Cell<'_>]) -> Rows<ModelRow> {
        // Operations without a model are in `by_operation`. Here they would be a row without figures.
        let has_row = |(key, tally): &&Cell<'_>| {
            key.model.is_some() || tally.llm_calls > 0 || tally.cost != Usd::ZERO || !tally.usage.is_empty()
        };
        let models = || {
            let all = cells.chunk_by(|(one, _), (two, _)| named(one.model) == named(two.model));
            all.filter(|cells| cells.iter().any(|cell| has_row(&cell)))
        };
        let mut rows = Vec::with_capacity(models().count());
        for cells in models() {
            let tally = sum(cells.iter().filter(has_row));
            let row = ModelRow {
                figures: Figures::of(&tally),
                duration_seconds: measured(tally.nanos),
                price_sources: self.sources(tally.sources, None),
            };
            rows.push((row_name(named(cells[0].0.model)), row));
        }
        rows.sort_by_key(|(_, row)| Reverse(row.figures.cost_usd.unwrap_or_default()));
        Rows::of_unique(rows)
    }

    /// The names of price sources. Of several books, the one in force when a call closed, or all that were during the run.
    fn sources(&self, sources: Sources, closed: Option<u64>) -> Vec<String> {
        let named = [
            (Sources::REPORTED, "reported", false),
            (Sources::OVERRIDE, "override", false),
            (Sources::CORRECTIONS, self.corrections, false),
            (Sources::MULTIPLIED_CORRECTIONS, self.corrections, true),
        ];
        let books: &[BookPeriod] = match closed {
            None => &self.books,
            Some(closed) => {
                let next = self.books.partition_point(|book| book.from <= closed).max(1);
                self.books.get(next - 1..next).unwrap_or_default()
            }
        };
        let books = books.iter().flat_map(|book| {
            let name = book.name.as_str();
            [(Sources::BOOK, name, false), (Sources::MULTIPLIED_BOOK, name, true)]
        });
        let used = named.into_iter().chain(books).filter(|(source, ..)| sources.contains(*source));
        used.map(|(_, name, by_factor)| if by_factor { multiplied(name) } else { name.to_owned() }).collect()
    }

    /// Returns the calls that are kept, in their order.
    fn call_records(&self, stages: &StageTable<'_>) -> Vec<CallRecord> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let name = |name: Option<Symbol>| name.map(|name| name.as_str().to_owned());
        let seconds_of = |nanos: u64| seconds(Duration::from_nanos(nanos));
        let record = |call: Call<'_>| {
            let [response_id, conversation, error] = call.texts;
            let names = call.names;
            let is_priced = call.sources != Sources::default();
            CallRecord {
                started_at: Timestamp::from(self.origin + Duration::from_nanos(call.started)),
                duration_seconds: (call.nanos > 0).then(|| seconds_of(call.nanos)),
                time_to_first_token_seconds: names.first_token.map(|nanos| seconds_of(nanos.get())),
                stage: inside(call.key.stage).map(|stage| stages.key(Some(stage)).to_owned()),
                agent: name(named(call.key.agent)),
                operation: call.key.operation.as_str().to_owned(),
                provider: name(names.provider),
                model: name(named(call.key.model)),
                model_requested: name(names.requested),
                model_answered: name(names.answered),
                tier: name(names.tier),
                response_id: text(response_id),
                conversation: text(conversation),
                prompt_name: name(names.prompt),
                prompt_version: name(names.prompt_version),
                attempt: call.attempt.into(),
                status: if call.has_failed { Status::Failed } else { Status::Completed },
                error: text(error).filter(|_| call.has_failed).map(|error| one_line(&error)),
                finish_reason: name(names.finish_reason),
                usage: call.usage.into_owned(),
                partial: call.is_partial,
                cost_usd: is_priced.then_some(call.cost),
                price_source: self
                    .sources(call.sources, Some(call.started.saturating_add(call.nanos)))
                    .into_iter()
                    .next(),
            }
        };
        self.ledger.calls().sorted().into_iter().map(record).collect()
    }

    /// Adds the expected gates that never ran.
    fn add_missing_gates(&self, verdicts: &mut Vec<GateVerdict>) {
        for gate in self.expected_gates {
            if !verdicts.iter().any(|verdict| verdict.gate_name == *gate) {
                let mut missing =
                    GateVerdict::new(verdicts.len() as u64 + 1, gate.as_str(), Verdict::Skipped);
                missing.blocking = true;
                missing.reason = Some("not reached".to_owned());
                verdicts.push(missing);
            }
        }
    }

    /// Returns why the run failed: the first stage with a failed last attempt, else its root, else a blocking gate.
    fn cause(&self, root: &Outcome, gates: &[GateVerdict]) -> Option<Cause> {
        let failed = self.ledger.stages().filter_map(|(name, tally)| {
            tally
                .last
                .as_ref()
                .filter(|last| last.outcome.is_failed())
                .map(|last| (last.at, name, &last.outcome))
        });
        if let Some((at, stage, outcome)) = failed.min_by_key(|(at, name, _)| (*at, *name)) {
            let text = message(outcome).or_else(|| message(root));
            let text = text.unwrap_or_else(|| format!("stage {} failed", stage.name().as_str()));
            return Some(Cause { stage: Some(stage), text, at: Some(at) });
        }
        if root.is_failed() {
            let text = message(root).unwrap_or_else(|| format!("{} failed", self.pipeline));
            return Some(Cause { stage: None, text, at: None });
        }
        // A gate that passes after it failed has healed the run.
        let last: HashMap<&str, u64> = gates.iter().map(|gate| (gate.gate_name.as_str(), gate.seq)).collect();
        let decides = |gate: &&GateVerdict| last.get(gate.gate_name.as_str()) == Some(&gate.seq);
        let mut failed = gates.iter().filter(|gate| gate.fails_its_run());
        let gate = failed.find(decides)?;
        let reason = gate.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(Cause { stage: None, text: format!("gate {} failed{reason}", gate.gate_name), at: None })
    }
}

fn message(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(text) => text.as_deref().map(str::to_owned),
        Outcome::Completed => None,
    }
}

/// Returns one row per operation, the most expensive first. The cells must be sorted by operation.
fn operation_rows(cells: &[Cell<'_>]) -> Rows<OperationRow> {
    let operations = || cells.chunk_by(|(one, _), (two, _)| one.operation == two.operation);
    let mut rows = Vec::with_capacity(operations().count());
    for cells in operations() {
        let tally = sum(cells);
        let row = OperationRow {
            figures: Figures::of(&tally),
            calls: total(tally.count),
            duration_seconds: measured(tally.nanos),
        };
        rows.push((cells[0].0.operation.as_str().to_owned(), row));
    }
    rows.sort_by_key(|(_, row)| Reverse(row.figures.cost_usd.unwrap_or_default()));
    Rows::of_unique(rows)
}

impl Figures {
    /// Returns the figures of sums, with unknown figures as `None`.
    fn of(tally: &CellTotals) -> Self {
        let usage = &tally.usage;
        let mut figures = Self {
            tokens_used: usage.tokens_used(),
            cost_usd: Some(tally.cost),
            llm_calls: total(tally.llm_calls),
            input_tokens: usage.count(Kind::Input),
            output_tokens: usage.count(Kind::Output),
            cache_read_tokens: usage.count(Kind::CacheRead),
            cache_write_tokens: usage.count(Kind::CacheWrite),
            reasoning_tokens: usage.count(Kind::Reasoning),
            units: Units::of(usage),
            unpriced_calls: total(tally.unpriced),
            calls_without_usage: total(tally.without_usage),
            partial_calls: total(tally.partial),
        };
        figures.settle_unknowns();
        figures
    }
}

/// Returns the text in one line of at most [`MAX_ERROR`] characters.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_ERROR) {
        None => line,
        Some(_) => line.chars().take(MAX_ERROR - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(path: &str) -> StageId {
        let id = path.split('>').fold(None, |outer, name| Some(StageId::intern(Symbol::intern(name), outer)));
        id.expect("a path has a name")
    }

    fn input<'a>(
        ledger: &'a Ledger,
        records: &'a Records,
        declared_stages: &'a [String],
    ) -> SummaryInput<'a> {
        SummaryInput {
            run_id: "0193".to_owned(),
            part: None,
            project: String::new(),
            pipeline: "pipeline".to_owned(),
            started: SystemTime::UNIX_EPOCH,
            origin: SystemTime::UNIX_EPOCH,
            elapsed: Duration::from_secs(1),
            end: Some((Outcome::Completed, EndReason::Closed)),
            ledger,
            declared_stages,
            expected_gates: &[],
            gates: Vec::new(),
            gates_left_out: 0,
            records,
            tags: BTreeMap::new(),
            counts: BTreeMap::new(),
            value_usd: None,
            iterations: None,
            warnings: Vec::new(),
            has_calls: true,
            limits: Limits::default(),
            stage_limits: Vec::new(),
            books: Vec::new(),
            corrections: "",
        }
    }

    fn call(agent: Option<&str>, path: Option<&str>) -> (CellKey, CellTotals) {
        let (agent, stage) = (agent.map(Symbol::intern), path.map(stage));
        let key =
            CellKey { stage, agent, model: Some(Symbol::intern("m")), operation: Symbol::intern("chat") };
        (key, CellTotals { count: 1, llm_calls: 1, without_usage: 1, ..CellTotals::default() })
    }

    #[test]
    fn stages_of_one_name_in_different_stages_are_different_rows() {
        let mut ledger = Ledger::default();
        let failed = Outcome::Failed(Some("boom".into()));
        ledger.end_stage(stage("review>search"), 50, 60, &failed);
        ledger.end_stage(stage("discovery>search"), 20, 30, &Outcome::Completed);
        ledger.end_stage(stage("review>search"), 40, 45, &Outcome::Completed);
        ledger.end_stage(stage("review"), 40, 70, &Outcome::Completed);
        let (key, tally) = call(None, Some("review>search"));
        ledger.add(key, &tally);
        ledger.add_error_events(Some(stage("review")), 2);
        ledger.add_error_events(None, 1);
        let declared = ["search".to_owned(), "charts".to_owned()];
        let records = Records::default();
        let limits = StageLimits { tokens: Some(9), tokens_remaining: Some(9), ..StageLimits::default() };
        let account = SummaryInput {
            stage_limits: vec![(Symbol::intern("search"), limits)],
            ..input(&ledger, &records, &declared)
        };
        let run = RunSummary::build(account);
        assert_eq!(run.check(), Ok(()));
        let keys: Vec<&str> = run.stages().iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["search", "review/search", "charts", "review", "discovery", "unattributed"]);
        let row = &run.stages()["review/search"];
        assert_eq!((row.name.as_deref(), row.parent.as_deref()), (Some("search"), Some("review")));
        assert_eq!((row.calls, row.figures.llm_calls, row.status), (2, 1, Status::Failed));
        assert_eq!(row.attempts[1].error.as_deref(), Some("boom"));
        assert_eq!(run.stages().named("search").filter(|(_, row)| row.limits == Some(limits)).count(), 2);
        assert_eq!(run.stages()["charts"].status, Status::NotRun);
        assert_eq!(run.failed_stage.as_deref(), Some("review/search"));
        assert_eq!((run.budget_summary.error_events, run.stages()["review"].error_events), (3, 2));
        assert!(run.budget_summary.by_agent.is_empty(), "a run without agents has no rows of them");
    }

    #[test]
    fn amounts_outside_of_agents_have_a_row_if_there_are_agents() {
        let (mut ledger, records) = (Ledger::default(), Records::default());
        for (agent, path) in [(Some("writer"), Some("draft")), (None, Some("draft")), (None, None)] {
            let (key, tally) = call(agent, path);
            ledger.add(key, &tally);
        }
        let [planner, writer] = ["planner", "writer"].map(Symbol::intern);
        ledger.end_agent(writer, Some(planner), 2_000, true);
        ledger.end_agent(planner, None, 5_000, false);
        let run = RunSummary::build(input(&ledger, &records, &[]));
        assert_eq!(run.check(), Ok(()));
        let agents = &run.budget_summary.by_agent;
        let rows: Vec<_> =
            agents.iter().map(|(name, row)| (name, row.figures.llm_calls, row.calls, row.errors)).collect();
        assert_eq!(rows, [("planner", 0, 1, 0), ("writer", 1, 1, 1), ("unattributed", 2, 0, 0)]);
        assert_eq!(agents["writer"].called_by, ["planner"]);
    }

    #[test]
    fn the_last_verdict_of_each_gate_decides() {
        let (ledger, records) = (Ledger::default(), Records::default());
        let status = |verdicts: &[(&str, Verdict, bool)]| {
            let gates = verdicts.iter().zip(1..).map(|((name, verdict, blocking), seq)| GateVerdict {
                blocking: *blocking,
                ..GateVerdict::new(seq, *name, verdict.clone())
            });
            let run =
                RunSummary::build(SummaryInput { gates: gates.collect(), ..input(&ledger, &records, &[]) });
            (run.status, run.error_summary)
        };
        let failed = |text: &str| (Status::Failed, Some(text.to_owned()));
        let (pass, fail) = (Verdict::Pass, Verdict::Fail);
        let healed = [("lint", fail.clone(), true), ("lint", pass.clone(), true)];
        assert_eq!(status(&healed), (Status::Completed, None));
        let broken = [("lint", pass.clone(), true), ("lint", fail.clone(), true), ("tests", pass, true)];
        assert_eq!(status(&broken), failed("gate lint failed"));
        let advisory = [("lint", fail.clone(), true), ("lint", fail.clone(), false)];
        assert_eq!(status(&advisory), (Status::Completed, None));
        assert_eq!(
            status(&[("lint", fail.clone(), false), ("tests", fail, true)]),
            failed("gate tests failed")
        );
    }

    #[test]
    fn an_error_becomes_one_line_cut_between_characters() {
        assert_eq!(one_line("lint\n  failed:\tE0308"), "lint failed: E0308");
        let long = "ü".repeat(600);
        let cut = one_line(&long);
        assert_eq!(cut.chars().count(), 512);
        assert!(cut.ends_with("ü…"));
        assert_eq!(one_line(&"ü".repeat(512)).chars().count(), 512);
        assert!(!one_line(&"ü".repeat(512)).contains('…'));
    }
}
