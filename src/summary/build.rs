//! Building the summary of a run from its ledger.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::document::{
    Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, StageLimits, StageRow, Status,
};
use super::record::{Records, seconds};
use super::rows::Rows;
use super::timestamp::Timestamp;
use crate::ledger::{CellKey, CellTotals, Kind, Ledger, Outcome, Sources, StageTotals, Symbol, Usd, Verdict};

/// The row of amounts outside of any stage, and of amounts without a known model.
const UNATTRIBUTED: &str = "unattributed";

/// Maximum length of an error summary, in characters: a panic message can have a page, and lists show one line.
const MAX_ERROR: usize = 512;

/// The state of a run from which its summary is built.
pub(crate) struct SummaryInput<'a> {
    pub(crate) run_id: String,
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
    pub(crate) records: &'a Records,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) value_usd: Option<Usd>,
    pub(crate) iterations: Option<u64>,
    pub(crate) warnings: Vec<String>,
    pub(crate) limits: Limits,
    /// The stages that have limits.
    pub(crate) stage_limits: Vec<(Symbol, StageLimits)>,
    /// The name of the price book.
    pub(crate) book: &'a str,
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
        let ending = account.end.as_ref().map(|(_, ending)| *ending);
        let is_over = ending.is_some();
        let failed_at = |nanos: u64| Timestamp::from(account.origin + Duration::from_nanos(nanos));

        let budget = &mut summary.budget_summary;
        let mut cells: Vec<Cell<'_>> = account.ledger.cells().collect();
        cells.sort_unstable_by_key(|(key, _)| (named(key.stage), named(key.model)));
        budget.total = Figures::of(&sum(&cells));
        budget.per_agent = account.stage_rows(&cells, ending);
        cells.sort_unstable_by_key(|(key, _)| named(key.model));
        budget.per_model = account.model_rows(&cells);
        cells.sort_unstable_by_key(|(key, _)| key.operation);
        budget.by_operation = operation_rows(&cells);
        budget.limits = account.limits;
        budget.gate_verdicts = account.gates.clone();
        budget.records = account.records.to_vec();
        budget.records_dropped = account.records.dropped();
        if is_over {
            account.add_missing_gates(&mut budget.gate_verdicts);
        }

        if let Some((outcome, ending)) = &account.end {
            let cause = account.cause(outcome, &budget.gate_verdicts);
            summary.status = match (ending, &cause) {
                (EndReason::Incomplete, _) => Status::Incomplete,
                (EndReason::Interrupted, _) => Status::Interrupted,
                (EndReason::Closed, Some(_)) => Status::Failed,
                (EndReason::Closed, None) => Status::Completed,
            };
            if let Some(cause) = cause {
                summary.failed_stage = cause.stage.map(|stage| stage.as_str().to_owned());
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
        summary.settle();
        summary
    }
}

/// Why a run failed.
struct Cause {
    stage: Option<Symbol>,
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

impl SummaryInput<'_> {
    /// Returns one row per stage: declared stages in their order, then the others by start, then `unattributed`. The cells must
    /// be sorted by stage and model.
    fn stage_rows(&self, cells: &[Cell<'_>], ending: Option<EndReason>) -> Rows<StageRow> {
        let mut begun: Vec<(Symbol, &StageTotals)> = self.ledger.stages().collect();
        let place = |name: &str| self.declared_stages.iter().position(|stage| stage == name);
        begun.sort_unstable_by_key(|(name, tally)| {
            (place(name.as_str()).unwrap_or(usize::MAX), tally.first, *name)
        });
        let of = |stage: Symbol| {
            let stage = named(Some(stage));
            let from = cells.partition_point(|(key, _)| named(key.stage) < stage);
            let count = cells[from..].partition_point(|(key, _)| named(key.stage) == stage);
            &cells[from..from + count]
        };

        let mut rows: Vec<(String, StageRow)> = Vec::with_capacity(begun.len() + 1);
        let mut not_run = self
            .declared_stages
            .iter()
            .filter(|stage| !begun.iter().any(|(name, _)| name.as_str() == *stage));
        let mut next_not_run = not_run.next();
        for (name, tally) in &begun {
            let at = place(name.as_str());
            while let Some(stage) = next_not_run.filter(|stage| place(stage) < at || at.is_none()) {
                rows.push((stage.clone(), StageRow::default()));
                next_not_run = not_run.next();
            }
            rows.push((name.as_str().to_owned(), self.stage_row(of(*name), tally, ending)));
        }
        rows.extend(
            next_not_run.into_iter().chain(not_run).map(|stage| (stage.clone(), StageRow::default())),
        );
        let has_cells = |stage: Symbol| cells.iter().any(|(key, _)| key.stage == Some(stage));
        // A limit for a stage that never ran gets a row, because a misspelt stage name would be invisible otherwise.
        let limited = self.stage_limits.iter().map(|(name, _)| *name);
        let missing =
            limited.filter(|name| !rows.iter().any(|(row, _)| row == name.as_str()) && !has_cells(*name));
        let missing: Vec<_> = missing.map(|name| (name.as_str().to_owned(), StageRow::default())).collect();
        rows.extend(missing);
        for cells in cells.chunk_by(|(one, _), (two, _)| named(one.stage) == named(two.stage)) {
            // A stage can have usage without an attempt, if the usage arrived after the stage closed elsewhere. It needs a row,
            // or the rows would not add up to the total.
            let stage = named(cells[0].0.stage).unwrap_or_else(|| Symbol::intern(UNATTRIBUTED));
            if !self.ledger.has_stage(stage) {
                let row = self.stage_row(cells, &StageTotals::default(), ending);
                rows.push((stage.as_str().to_owned(), row));
            }
        }
        for (name, row) in &mut rows {
            row.limits =
                self.stage_limits.iter().find(|(stage, _)| stage.as_str() == name).map(|(_, limits)| *limits);
        }
        Rows::of_unique(rows)
    }

    fn stage_row(&self, cells: &[Cell<'_>], tally: &StageTotals, ending: Option<EndReason>) -> StageRow {
        let sum = sum(cells);
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
            errors: tally.errors + sum.errors,
            status,
            parent: tally.first.and_then(|first| first.parent).map(|parent| parent.as_str().to_owned()),
            started_at: tally
                .first
                .map(|first| Timestamp::from(self.origin + Duration::from_nanos(first.at))),
            share_of_cost: None,
            limits: None,
            per_model: self.model_rows(cells),
        }
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
                duration_seconds: seconds(Duration::from_nanos(tally.nanos)),
                price_sources: self.sources(tally.sources),
            };
            rows.push((row_name(named(cells[0].0.model)), row));
        }
        rows.sort_by_key(|(_, row)| Reverse(row.figures.cost_usd.unwrap_or_default()));
        Rows::of_unique(rows)
    }

    fn sources(&self, sources: Sources) -> Vec<String> {
        [(Sources::REPORTED, "reported"), (Sources::OVERRIDE, "override"), (Sources::BOOK, self.book)]
            .into_iter()
            .filter(|(source, _)| sources.contains(*source))
            .map(|(_, name)| name.to_owned())
            .collect()
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
        let message = |outcome: &Outcome| match outcome {
            Outcome::Failed(text) => text.as_deref().map(str::to_owned),
            Outcome::Completed => None,
        };
        let failed = self.ledger.stages().filter_map(|(name, tally)| {
            tally
                .last
                .as_ref()
                .filter(|last| last.outcome.is_failed())
                .map(|last| (last.at, name, &last.outcome))
        });
        if let Some((at, stage, outcome)) = failed.min_by_key(|(at, name, _)| (*at, *name)) {
            let text = message(outcome).or_else(|| message(root));
            let text = text.unwrap_or_else(|| format!("stage {} failed", stage.as_str()));
            return Some(Cause { stage: Some(stage), text, at: Some(at) });
        }
        if root.is_failed() {
            let text = message(root).unwrap_or_else(|| format!("{} failed", self.pipeline));
            return Some(Cause { stage: None, text, at: None });
        }
        let gate = gates.iter().find(|gate| gate.blocking && gate.verdict == Verdict::Fail)?;
        let reason = gate.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(Cause { stage: None, text: format!("gate {} failed{reason}", gate.gate_name), at: None })
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
            calls: tally.count,
            duration_seconds: seconds(Duration::from_nanos(tally.nanos)),
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
            llm_calls: tally.llm_calls,
            input_tokens: usage.count(Kind::Input),
            output_tokens: usage.count(Kind::Output),
            cache_read_tokens: usage.count(Kind::CacheRead),
            cache_write_tokens: usage.count(Kind::CacheWrite),
            reasoning_tokens: usage.count(Kind::Reasoning),
            unpriced_calls: tally.unpriced,
            calls_without_usage: tally.without_usage,
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
