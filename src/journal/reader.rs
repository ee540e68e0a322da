//! Reads a journal's lines and puts its runs together again.
//!
//! A line that cannot be read is skipped, counted and described; the other lines still count.
//!
//! No number of a line is trusted: a file may be damaged, or made by hand. A line is skipped if its counts cannot be added without
//! an overflow, or if it repeats what identifies an earlier one. What is left builds a summary that adds up, whichever lines are missing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::mem;
use std::time::Duration;

use uuid::Uuid;

use super::header::{FORMAT, Header};
use super::record::{OpenStage, Record, RunStart};
use super::wire::{MAX_DEPTH, Size};
use crate::ledger::{
    Call, CellKey, CellTotals, FastHash, Ledger, Outcome, StageId, StageTotals, Symbol, total,
};
use crate::summary::{BookPeriod, EndReason, GateVerdict, Records, RunSummary, SummaryInput};

/// Most skipped lines that are described; further ones are only counted. A large file of another program would otherwise
/// fill the memory with descriptions.
const MAX_DESCRIBED: usize = 100;

/// The contents of one journal.
pub(super) struct JournalReader {
    header: Header,
    /// The runs that were not delivered, by their numbers.
    runs: BTreeMap<u64, RunReplay>,
    /// Delivered and forgotten runs. Later records of them are ignored: a thread may write one late.
    done: HashSet<u64>,
    /// The parts' names of all runs. A second run of one name would take the place of the first one in a history.
    ids: HashSet<String>,
    /// Records that the file could not take, and why.
    lost: u64,
    lost_because: String,
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) skipped_in_all: u64,
    /// Skipped lines but the last one, if that was cut short: damage to the file.
    unreadable: u64,
}

/// Why a file is not a journal that this version reads.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAJournal {
    #[error("its first line is not the head of a journal: {0}")]
    Header(String),
    #[error("its format is {0}, and this version reads format {FORMAT}")]
    Format(u32),
}

impl JournalReader {
    /// Reads a file; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If the first line is not the header of a journal in format 1.
    pub(super) fn read(text: &[u8]) -> Result<Option<Self>, NotAJournal> {
        // With their ends: the last line has none if its process was killed while it wrote.
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
        let Some((first, _)) = lines.next() else { return Ok(None) };
        let header = match Record::read(first) {
            Ok(Record::Header(header)) if header.format == FORMAT => *header,
            Ok(Record::Header(header)) => return Err(NotAJournal::Format(header.format)),
            Ok(_) => return Err(NotAJournal::Header("it is a record of a run".to_owned())),
            Err(error) => return Err(NotAJournal::Header(error.to_string())),
        };
        let mut reader = Self {
            header,
            runs: BTreeMap::new(),
            done: HashSet::new(),
            ids: HashSet::new(),
            lost: 0,
            lost_because: String::new(),
            skipped: Vec::new(),
            skipped_in_all: 0,
            unreadable: 0,
        };
        for (line, number) in lines {
            // A line that could not be cut off after a failed write is ended by a line break of its own.
            if !line.trim_ascii().is_empty() {
                reader.read_line(line, number);
            }
        }
        Ok(Some(reader))
    }

    /// The id of the process that wrote the journal.
    pub(super) fn process(&self) -> u32 {
        self.header.process
    }

    fn read_line(&mut self, line: &[u8], number: u64) {
        let record = match Record::read(line) {
            Ok(record) => record,
            Err(error) => return self.skip(number, error.to_string(), !line.ends_with(b"\n")),
        };
        match record {
            Record::Header(_) => self.skip(number, "a second head".to_owned(), false),
            Record::Lost { records, reason } => {
                self.lost = self.lost.saturating_add(records);
                self.lost_because = reason;
            }
            Record::Started { run, at, start } => {
                // Inserting it would drop what the lines of the first one hold.
                if self.runs.contains_key(&run) {
                    self.skip(number, format!("a second beginning of run {run}"), false);
                } else if !self.done.contains(&run) {
                    if !self.ids.insert(start.id.clone()) {
                        return self.skip(number, format!("a second run with the id {}", start.id), false);
                    }
                    let mut start = start;
                    // As many as in the run itself: what gives way there is not completed here.
                    start.ledger.keep_calls(self.header.keep_calls.unwrap_or_default());
                    self.runs.insert(run, RunReplay::new(*start, at));
                }
            }
            Record::Delivered { run } | Record::Forgotten { run } => {
                self.runs.remove(&run);
                // Remembered, or a late record of the run would be reported as damage to the file.
                self.done.insert(run);
            }
            Record::Opened { run, .. }
            | Record::Booked { run, .. }
            | Record::Attributes { run, .. }
            | Record::Operation { run, .. }
            | Record::Gate { run, .. }
            | Record::Warning { run, .. }
            | Record::Ended { run, .. } => match self.runs.get_mut(&run) {
                Some(replay) => {
                    if let Err(reason) = replay.add(record) {
                        self.skip(number, reason, false);
                    }
                }
                None if self.done.contains(&run) => {}
                None => self.skip(number, format!("the beginning of its run {run} is missing"), false),
            },
        }
    }

    fn skip(&mut self, line: u64, reason: String, is_cut_short: bool) {
        self.skipped_in_all += 1;
        self.unreadable += u64::from(!is_cut_short);
        if self.skipped.len() < MAX_DESCRIBED {
            self.skipped.push(SkippedLine { line, reason, is_cut_short });
        }
    }

    /// The summaries of the runs that were not delivered, oldest first.
    pub(super) fn summaries(&mut self) -> Vec<RunSummary> {
        let warnings = self.warnings();
        mem::take(&mut self.runs).into_values().map(|run| run.summary(&self.header, &warnings)).collect()
    }

    /// Whether the journal has the beginning of a run, or its end with a delivery.
    pub(super) fn knows(&self, run: u64) -> bool {
        self.runs.contains_key(&run) || self.done.contains(&run)
    }

    /// Counts records that were in the file and are gone.
    pub(super) fn lose(&mut self, records: u64, reason: &str) {
        self.lost = self.lost.saturating_add(records);
        reason.clone_into(&mut self.lost_because);
    }

    /// Records that are in no run: those that its lines count as lost, and its unreadable lines.
    pub(super) fn missing(&self) -> u64 {
        self.lost.saturating_add(self.unreadable)
    }

    /// Warnings for each run of the file: its figures may lack something.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.lost > 0 {
            warnings.push(format!(
                "{} records of this run's process are in no figure, as its journal could not be written: {}",
                self.lost, self.lost_because
            ));
        }
        if self.unreadable > 0 {
            warnings.push(format!(
                "{} lines of the journal could not be read and are in no figure",
                self.unreadable
            ));
        }
        warnings
    }

    /// The fewest lines that give the same runs, without the header.
    pub(super) fn compact(self) -> Vec<u8> {
        let mut text = Vec::new();
        // Unreadable lines are not copied, so they are counted as lost from here on.
        let records = self.missing();
        if records > 0 {
            Record::Lost { records, reason: self.lost_because }.write(&mut text);
        }
        for (number, run) in self.runs {
            run.records(number).for_each(|record| record.write(&mut text));
        }
        text
    }
}

/// A line of a journal that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why it could not be read.
    pub reason: String,
    /// It is the last line, and its process was killed while it wrote it. The write had not returned, so
    /// [`JournalStats::written`](super::JournalStats::written) did not count it.
    pub is_cut_short: bool,
}

impl fmt::Display for SkippedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// One run, put together from its records.
#[derive(Debug)]
struct RunReplay {
    start: RunStart,
    /// What all counts and costs of its ledger's lines come to.
    size: Size,
    /// The time of the newest record.
    last: u64,
    /// Opened stages by time and parent, not by name: a span may record its stage's name after it was opened.
    open: HashMap<StageKey, StageId, FastHash>,
    /// Stages that ended. A record that a stage was opened may come after the record that it ended: two threads write them.
    closed: HashSet<StageKey, FastHash>,
    gates: BTreeMap<u64, GateVerdict>,
    records: Records,
    end: Option<RunEnd>,
}

/// How a run ended.
#[derive(Debug)]
struct RunEnd {
    at: u64,
    outcome: Outcome,
    incomplete: bool,
}

impl RunReplay {
    fn new(mut start: RunStart, at: u64) -> Self {
        let open = mem::take(&mut start.open);
        let mut records = Records::default();
        records.drop_more(start.records_dropped);
        Self {
            size: Size::of(&start.ledger),
            start,
            last: at,
            open: open.into_iter().map(|open| (open.key(), open.stage)).collect(),
            closed: HashSet::with_hasher(FastHash),
            gates: BTreeMap::new(),
            records,
            end: None,
        }
    }

    /// Adds a record of this run, or returns why it cannot be one.
    fn add(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Opened { stage: open, .. } => {
                self.last = self.last.max(open.at);
                self.open.insert(open.key(), open.stage);
            }
            Record::Booked { at, amount, .. } => {
                let size = self.size.plus(Size::of(&amount));
                size.check()?;
                self.size = size;
                self.last = self.last.max(at);
                self.book(&amount);
            }
            Record::Attributes { at, attributes, .. } => {
                self.last = self.last.max(at);
                self.start.attributes.merge(*attributes);
            }
            Record::Operation { at, operation, .. } => {
                self.last = self.last.max(at);
                let attributes = &mut self.start.attributes;
                attributes.iteration = attributes.iteration.max(operation.iteration);
                self.records.push(*operation);
            }
            Record::Gate { at, verdict, .. } => {
                // The first one counts: a later one would replace a verdict that was recorded, and nothing would count it.
                if self.gates.contains_key(&verdict.seq) {
                    return Err(format!("a second verdict with the number {}", verdict.seq));
                }
                self.last = self.last.max(at);
                self.gates.insert(verdict.seq, *verdict);
            }
            Record::Warning { at, text, .. } => {
                self.last = self.last.max(at);
                match text {
                    Some(text) => self.start.warnings.push(text.into_owned()),
                    None => self.start.more_warnings = self.start.more_warnings.saturating_add(1),
                }
            }
            Record::Ended { at, outcome, incomplete, .. } => {
                // The time of a damaged second one would become the run's, since the sinks get the run as it ended.
                if self.end.is_some() {
                    return Err("a second end of its run".to_owned());
                }
                self.last = self.last.max(at);
                self.end = Some(RunEnd { at, outcome, incomplete });
            }
            // The reader handles these itself.
            Record::Header(_)
            | Record::Started { .. }
            | Record::Delivered { .. }
            | Record::Forgotten { .. }
            | Record::Lost { .. } => {}
        }
        Ok(())
    }

    fn book(&mut self, amount: &Ledger) {
        for (stage, tally) in amount.stages() {
            // One attempt that has ended. Sums of several, from a rewritten file, were taken off `open` there.
            if let (1, 0, Some(at)) = (tally.attempts, tally.open, tally.first) {
                self.closed.insert(OpenStage { stage, at }.key());
            }
        }
        self.start.ledger.merge(amount);
    }

    /// Stages that have not ended, in the order in which they were opened.
    fn still_open(&self) -> Vec<OpenStage> {
        let open = self.open.iter().filter(|(key, _)| !self.closed.contains(key));
        let mut open: Vec<OpenStage> =
            open.map(|((at, _), stage)| OpenStage { stage: *stage, at: *at }).collect();
        // A hash map has no order, and a rewritten file must not depend on it.
        open.sort_by_key(|open| (open.at, open.stage));
        open
    }

    /// The fewest records that give the same run.
    fn records(self, run: u64) -> impl Iterator<Item = Record> {
        let at = self.last;
        let open = self.still_open();
        let start = RunStart { open, records_dropped: self.records.dropped(), ..self.start };
        let operations = self.records.to_vec().into_iter().map(move |operation| {
            let operation = Box::new(operation);
            Record::Operation { run, at, operation }
        });
        let gates = self.gates.into_values().map(move |verdict| {
            let verdict = Box::new(verdict);
            Record::Gate { run, at, verdict }
        });
        // The end comes last: what follows it would belong to a run that is over.
        let end =
            self.end.map(|RunEnd { at, outcome, incomplete }| Record::Ended { run, at, outcome, incomplete });
        let start = Record::Started { run, at, start: Box::new(start) };
        std::iter::once(start).chain(operations).chain(gates).chain(end)
    }

    /// The run's summary: as it ended, or with status `interrupted` if it had not.
    fn summary(self, header: &Header, file_warnings: &[String]) -> RunSummary {
        let open = self.still_open();
        let RunStart {
            id,
            pipeline,
            krate,
            started,
            attributes,
            mut warnings,
            more_warnings,
            mut ledger,
            records_dropped: _,
            open: _,
            book,
        } = self.start;
        let (end, ending, outcome) = match self.end {
            Some(RunEnd { at, outcome, incomplete: true }) => (at, EndReason::Incomplete, outcome),
            Some(RunEnd { at, outcome, incomplete: false }) => (at, EndReason::Closed, outcome),
            None => (self.last, EndReason::Interrupted, Outcome::Completed),
        };
        if ending == EndReason::Interrupted {
            // Their time until the last record is all that is known: no record has the moment of the kill.
            for OpenStage { stage, at } in open {
                let nanos = end.saturating_sub(at);
                ledger.add_stage(stage, &StageTotals { nanos, ..StageTotals::opened(at) });
            }
        }
        if !header.paths {
            // Without paths nothing decides which of several stages with one name an amount belongs to.
            ledger = one_row_per_name(&ledger);
        }
        if more_warnings > 0 {
            warnings.push(format!("{more_warnings} more warnings were not kept"));
        }
        if let Some(sound) = sound(&ledger) {
            ledger = sound;
            warnings.push("lines of this run are missing: what others take from them is left out".to_owned());
        }
        let mut gates: Vec<GateVerdict> = self.gates.into_values().collect();
        // Numbers are 1, 2, 3 … in a whole journal, so the last one is their count. How many are missing is not claimed: the
        // number may be damaged.
        if let Some(last) = gates.last().filter(|last| last.seq != gates.len() as u64) {
            warnings.push(format!(
                "the last verdict has the number {}, and verdicts before it are missing",
                last.seq
            ));
            // A summary with a gap in its numbers would not pass its own check.
            gates.iter_mut().zip(1..).for_each(|(gate, seq)| gate.seq = seq);
        }
        warnings.extend_from_slice(file_warnings);
        let mut tags = header.tags.clone();
        tags.extend(attributes.tags);
        let wall = |nanos| header.origin + Duration::from_nanos(nanos);
        RunSummary::build(SummaryInput {
            // A damaged id names no part: its document distinguishes the run from others, as one that was read from a file.
            part: Uuid::parse_str(&id).ok(),
            run_id: attributes.run_id.map_or(id, Into::into),
            project: attributes.project.as_deref().or(header.project.as_deref()).unwrap_or(&krate).to_owned(),
            pipeline,
            started: wall(started),
            origin: header.origin,
            elapsed: Duration::from_nanos(end.saturating_sub(started)),
            end: Some((outcome, ending)),
            ledger: &ledger,
            declared_stages: &header.stages,
            expected_gates: &header.gates,
            gates,
            gates_left_out: 0,
            tags,
            counts: attributes.counts,
            value_usd: attributes.value,
            iterations: attributes.iteration,
            warnings,
            records: &self.records,
            limits: header.limits(),
            has_calls: header.keep_calls.is_some(),
            // A stage's limit also counts the stages inside it. The journal's rows do not have those.
            stage_limits: Vec::new(),
            books: vec![BookPeriod { name: book.unwrap_or_else(|| header.book.clone()), from: 0 }],
            corrections: &header.corrections,
        })
    }
}

/// When a stage was opened, and how many stages were around it.
type StageKey = (u64, usize);

impl OpenStage {
    /// What identifies it among the stages of a run, whatever names its span and the stages around it record later.
    fn key(self) -> StageKey {
        (self.at, std::iter::successors(self.stage.parent(), |stage| stage.parent()).count())
    }
}

/// Returns the ledger without what lacks its other half because a line is missing; `None` if nothing does.
///
/// A second record of a call takes counts away that its first record has, and may name a call or a stage that only the first has.
fn sound(ledger: &Ledger) -> Option<Ledger> {
    let counts = |cell: &CellTotals| {
        [cell.count, cell.llm_calls, cell.unpriced, cell.without_usage, cell.partial, cell.errors]
    };
    let mut rows: HashSet<Option<StageId>, FastHash> = HashSet::with_hasher(FastHash);
    rows.extend(ledger.cells().map(|(key, _)| key.stage));
    rows.extend(ledger.stages().map(|(stage, _)| Some(stage)));
    let has_row = |call: &Call<'_>| call.key.stage.is_none() || rows.contains(&call.key.stage);
    let calls = ledger.cells().fold(0_u64, |sum, (_, cell)| sum.saturating_add(total(cell.llm_calls)));
    let is_sound = ledger.cells().all(|(_, cell)| counts(cell).into_iter().all(|count| count >= 0))
        && ledger.calls().iter().all(|call| has_row(&call))
        && ledger.calls().iter().count() as u64 <= calls;
    if is_sound {
        return None;
    }
    let mut sound = Ledger::default();
    // No more calls than the rows count, or the list would not add up to them.
    sound.keep_calls(usize::try_from(calls).unwrap_or(usize::MAX).min(ledger.calls().most()));
    for (key, cell) in ledger.cells() {
        let mut cell = cell.clone();
        for count in [
            &mut cell.count,
            &mut cell.llm_calls,
            &mut cell.unpriced,
            &mut cell.without_usage,
            &mut cell.partial,
            &mut cell.errors,
        ] {
            *count = (*count).max(0);
        }
        sound.add(*key, &cell);
    }
    ledger.stages().for_each(|(stage, attempts)| sound.add_stage(stage, attempts));
    ledger.agents().for_each(|(agent, caller, totals)| sound.add_agent(agent, caller, totals));
    ledger.error_events().for_each(|(stage, events)| sound.add_error_events(stage, events));
    ledger.calls().iter().filter(has_row).for_each(|call| sound.add_call(&call));
    Some(sound)
}

/// Returns the ledger of a journal with amounts that name a stage without the stages around it: all stages of one name are one row,
/// below that of the stage around the first attempt.
fn one_row_per_name(ledger: &Ledger) -> Ledger {
    let mut first: HashMap<Symbol, (u64, Option<Symbol>)> = HashMap::new();
    for (stage, attempts) in ledger.stages() {
        let Some(at) = attempts.first else { continue };
        let attempt = (at, stage.parent().map(StageId::name));
        let known = first.entry(stage.name()).or_insert(attempt);
        *known = attempt.min(*known);
    }
    let row_of = |name: Symbol| {
        let (mut names, mut known) = (vec![name], HashSet::from([name]));
        let mut outer = name;
        while let Some((_, Some(parent))) = first.get(&outer) {
            // A damaged file may have stages that are around each other, or very many: they are no stages of one another then.
            if names.len() >= MAX_DEPTH || !known.insert(*parent) {
                return StageId::intern(name, None);
            }
            names.push(*parent);
            outer = *parent;
        }
        let around = names[1..].iter().rev().fold(None, |outer, name| Some(StageId::intern(*name, outer)));
        StageId::intern(names[0], around)
    };
    // Worked out once a name: each cell would walk its stages again, which takes the square of their number.
    let mut rows: HashMap<Symbol, StageId> = HashMap::new();
    let mut row = |stage: StageId| *rows.entry(stage.name()).or_insert_with(|| row_of(stage.name()));
    let mut folded = Ledger::default();
    for (key, tally) in ledger.cells() {
        folded.add(CellKey { stage: key.stage.map(&mut row), ..*key }, tally);
    }
    for (stage, attempts) in ledger.stages() {
        folded.add_stage(row(stage), attempts);
    }
    for (agent, caller, totals) in ledger.agents() {
        folded.add_agent(agent, caller, totals);
    }
    for (stage, events) in ledger.error_events() {
        folded.add_error_events(stage.map(&mut row), events);
    }
    for call in ledger.calls().iter() {
        folded.add_call(&Call { key: CellKey { stage: call.key.stage.map(&mut row), ..call.key }, ..call });
    }
    folded
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::ledger::{CallNames, Sources, Usage, Usd, response_hash};

    fn stage(path: &str) -> StageId {
        let id = path.split('>').fold(None, |outer, name| Some(StageId::intern(Symbol::intern(name), outer)));
        id.expect("a path has a name")
    }

    #[test]
    fn a_line_has_the_whole_ledger() {
        let mut ledger = Ledger::default();
        for path in ["search", "a>search", "b>a>search"] {
            let row = stage(path);
            let key = CellKey {
                stage: Some(row),
                agent: Some(Symbol::intern("writer")),
                model: None,
                operation: Symbol::intern("chat"),
            };
            // What completes an earlier report takes one away: the sum over all lines is right.
            let partial = CellTotals { partial: -1, llm_calls: 1, ..CellTotals::default() };
            ledger.add(key, &partial);
            let mut names = CallNames { tier: Some(Symbol::intern("flex")), ..CallNames::default() };
            names.first_token = NonZeroU64::new(5);
            let usage = Usage::new().input(7).cache_read(3);
            ledger.add_call(&Call {
                key,
                names,
                started: 3,
                nanos: 4,
                usage: std::borrow::Cow::Owned(usage),
                cost: Usd::from_pico(9),
                sources: Sources::BOOK,
                has_failed: true,
                is_partial: false,
                attempt: 2,
                completions: 1,
                response: response_hash(path),
                texts: [path, "session", "boom"],
            });
            ledger.end_stage(row, 3, 7, &Outcome::Failed(Some("boom".into())));
            ledger.add_error_events(Some(row), 2);
        }
        (0..300).for_each(|start| ledger.end_stage(stage("a"), start, start + 5, &Outcome::Completed));
        ledger.add_error_events(None, 1);
        ledger.end_agent(Symbol::intern("writer"), Some(Symbol::intern("planner")), 9, true);
        ledger.name_agent(Symbol::intern("planner"), None);
        let mut line = Vec::new();
        Record::Booked { run: 1, at: 1, amount: Box::new(ledger.clone()) }.write(&mut line);
        let Ok(Record::Booked { amount, .. }) = Record::read(&line) else { panic!("a booked line") };
        assert_eq!(*amount, ledger);
    }

    /// A file is rewritten while its runs are in flight: hostile lines must not come back in it.
    #[test]
    fn what_is_left_of_hostile_lines_is_the_same_after_a_rewrite() {
        let header = Header::new(std::time::SystemTime::now());
        let mut text = Vec::new();
        Record::Header(Box::new(header)).write(&mut text);
        let head = text.clone();
        text.extend_from_slice(
            concat!(
                r#"{"kind":"run","run":1,"at":5,"id":"a","pipeline":"p","crate":"c","started":9}"#,
                "\n",
                r#"{"kind":"gate","run":1,"at":6,"seq":18446744073709551615,"gate":"g","verdict":"pass","blocking":true}"#,
                "\n",
                r#"{"kind":"booked","run":1,"at":7,"cells":[{"operation":"chat","llm_calls":-9007199254740992}]}"#,
                "\n",
                r#"{"kind":"booked","run":1,"at":7,"cells":[{"operation":"chat","llm_calls":3,"partial":-1}]}"#,
                "\n",
                r#"{"kind":"lost","records":9007199254740992,"reason":"r"}"#,
                "\n",
                r#"{"kind":"opened","run":1,"at":18446744073709551615,"stage":"s"}"#,
                "\n",
            )
            .as_bytes(),
        );
        let read =
            |text: &[u8]| JournalReader::read(text).ok().flatten().unwrap_or_else(|| panic!("a journal"));
        let rewritten = [head, read(&text).compact()].concat();
        let (mut first, mut second) = (read(&text), read(&rewritten));
        let (first, second) = (first.summaries(), second.summaries());
        assert_eq!(first.len(), 1);
        first[0].check().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(first[0].budget_summary, second[0].budget_summary);
        assert_eq!(first[0].duration_seconds, second[0].duration_seconds);
    }

    #[test]
    fn a_journal_without_paths_has_one_row_for_all_stages_of_a_name() {
        let mut ledger = Ledger::default();
        ledger.end_stage(stage("b>a>search"), 5, 6, &Outcome::Completed);
        ledger.end_stage(stage("b>search"), 7, 8, &Outcome::Completed);
        ledger.end_stage(stage("a"), 4, 9, &Outcome::Completed);
        let folded = one_row_per_name(&ledger);
        let mut rows: Vec<_> =
            folded.stages().map(|(stage, totals)| (stage.path(), totals.attempts)).collect();
        rows.sort();
        assert_eq!(rows, [("a".to_owned(), 1), ("a/search".to_owned(), 2)]);
        let mut circle = Ledger::default();
        circle.end_stage(stage("a>b"), 1, 2, &Outcome::Completed);
        circle.end_stage(stage("b>a"), 1, 2, &Outcome::Completed);
        assert_eq!(one_row_per_name(&circle).stages().count(), 2);
    }

    /// Whatever the old version wrote, the record types keep all of it, and write it in the same form.
    #[test]
    fn golden_lines_are_written_again_byte_for_byte() {
        for name in ["journal-v1", "journal-v1-rewritten"] {
            let path = format!("{}/tests/golden/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
            // Read when the test runs, because the published package has no golden files.
            let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut again = Vec::new();
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let record = Record::read(line).unwrap_or_else(|error| panic!("{error}"));
                record.write(&mut again);
            }
            assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&text), "{name}");
        }
    }
}
