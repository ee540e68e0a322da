//! One run, put together again from its records.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::beginning::{Beginning, OpenStage};
use super::frame::Frame;
use super::record::{Entry, Record};
use crate::ledger::{FastHash, Ledger, Outcome, StageTotals, Symbol};
use crate::summary::{EndReason, GateVerdict, Records, RunSummary, SummaryInput};

/// A run as far as its records tell.
#[derive(Debug)]
pub(super) struct Replay {
    beginning: Beginning,
    /// The time of the newest record.
    last: u64,
    /// Stages that were opened, by when and inside which: a stage may be given its name late.
    open: HashMap<(u64, Option<Symbol>), Symbol, FastHash>,
    /// Stages that have ended. A thread that finds a stage open may come to say so after another has said that it ended.
    closed: HashSet<(u64, Option<Symbol>), FastHash>,
    gates: BTreeMap<u64, GateVerdict>,
    records: Records,
    end: Option<(u64, Outcome, bool)>,
}

impl Replay {
    pub(super) fn new(mut beginning: Beginning, at: u64) -> Self {
        let open = std::mem::take(&mut beginning.open);
        let mut records = Records::default();
        records.drop_more(beginning.records_dropped);
        Self {
            beginning,
            last: at,
            open: open.into_iter().map(|open| ((open.at, open.parent), open.stage)).collect(),
            closed: HashSet::with_hasher(FastHash),
            gates: BTreeMap::new(),
            records,
            end: None,
        }
    }

    /// Adds a record.
    pub(super) fn add(&mut self, at: u64, what: Record) {
        self.last = self.last.max(at);
        match what {
            Record::Booked(amount) => self.book(&amount),
            Record::Opened { stage, parent } => drop(self.open.insert((at, parent), stage)),
            Record::Told(told) => self.beginning.told.merge(*told),
            Record::Recorded(record) => {
                self.beginning.told.iteration = self.beginning.told.iteration.max(record.iteration);
                self.records.push(*record);
            }
            Record::Gate(gate) => drop(self.gates.insert(gate.seq, *gate)),
            Record::Warned(Some(text)) => self.beginning.warnings.push(text.into_owned()),
            Record::Warned(None) => self.beginning.more_warnings += 1,
            Record::Ended { outcome, is_incomplete } => self.end = Some((at, outcome, is_incomplete)),
            // Not of a run that is being put together: the reader knows.
            Record::Began(_) | Record::Delivered | Record::Forgotten => {}
        }
    }

    fn book(&mut self, amount: &Ledger) {
        for (_, tally) in amount.stages() {
            if let (1, 0, Some(began)) = (tally.attempts, tally.open, tally.first) {
                self.closed.insert((began.at, began.parent));
            }
        }
        self.beginning.ledger.merge(amount);
    }

    /// Stages that have not ended, in the order in which they were opened.
    fn still_open(&self) -> Vec<OpenStage> {
        let open = self.open.iter().filter(|(key, _)| !self.closed.contains(key));
        let mut open: Vec<OpenStage> =
            open.map(|((at, parent), stage)| OpenStage { stage: *stage, parent: *parent, at: *at }).collect();
        open.sort_by_key(|open| (open.at, open.stage));
        open
    }

    /// Everything in as few records as can be.
    pub(super) fn entries(self, run: u64) -> impl Iterator<Item = Entry> {
        let at = self.last;
        let open = self.still_open();
        let beginning = Beginning { open, records_dropped: self.records.dropped(), ..self.beginning };
        let records = self.records.to_vec().into_iter().map(|record| Record::Recorded(Box::new(record)));
        let gates = self.gates.into_values().map(|gate| Record::Gate(Box::new(gate)));
        let began = Entry { run, at, what: Record::Began(Box::new(beginning)) };
        let gates = records.chain(gates).map(move |what| Entry { run, at, what });
        let end = self.end.map(|(at, outcome, is_incomplete)| {
            let what = Record::Ended { outcome, is_incomplete };
            Entry { run, at, what }
        });
        std::iter::once(began).chain(gates).chain(end)
    }

    /// Its summary: as it ended, or `interrupted` where it had not.
    pub(super) fn summary(self, frame: &Frame, doubts: &[String]) -> RunSummary {
        let open = self.still_open();
        let Beginning {
            id,
            pipeline,
            krate,
            started,
            told,
            mut warnings,
            more_warnings,
            mut ledger,
            records_dropped: _,
            open: _,
        } = self.beginning;
        let (end, ending, outcome) = match self.end {
            Some((at, outcome, true)) => (at, EndReason::Incomplete, outcome),
            Some((at, outcome, false)) => (at, EndReason::Closed, outcome),
            None => (self.last, EndReason::Interrupted, Outcome::Completed),
        };
        if ending == EndReason::Interrupted {
            for OpenStage { stage, parent, at } in open {
                let nanos = end.saturating_sub(at);
                ledger.add_stage(stage, &StageTotals { nanos, ..StageTotals::opened(at, parent) });
            }
        }
        if more_warnings > 0 {
            warnings.push(format!("{more_warnings} more warnings were not kept"));
        }
        let mut gates: Vec<GateVerdict> = self.gates.into_values().collect();
        let missing = gates.last().map_or(0, |last| last.seq - gates.len() as u64);
        if missing > 0 {
            warnings.push(format!("{missing} verdicts before the last one are not in the journal"));
            gates.iter_mut().zip(1..).for_each(|(gate, seq)| gate.seq = seq);
        }
        warnings.extend_from_slice(doubts);
        let mut tags: BTreeMap<_, _> = frame.tags.iter().cloned().collect();
        tags.extend(told.tags);
        let wall = |nanos| frame.origin + Duration::from_nanos(nanos);
        RunSummary::build(SummaryInput {
            run_id: told.run_id.map_or(id, Into::into),
            project: told.project.as_deref().or(frame.project.as_deref()).unwrap_or(&krate).to_owned(),
            pipeline,
            started: wall(started),
            origin: frame.origin,
            elapsed: Duration::from_nanos(end.saturating_sub(started)),
            end: Some((outcome, ending)),
            ledger: &ledger,
            declared_stages: &frame.stages,
            expected_gates: &frame.gates,
            gates,
            tags,
            counts: told.counts,
            value_usd: told.value,
            iterations: told.iteration,
            warnings,
            records: &self.records,
            limits: frame.limits,
            // What a stage's limit counted includes the stages inside it, which the journal's rows do not tell.
            stage_limits: Vec::new(),
            book: &frame.book,
        })
    }
}
