//! One line of a journal: from a record to JSON and back.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::beginning::{Beginning, OpenStage};
use super::exact;
use super::frame::Frame;
use super::record::{Entry, Record};
use super::shapes::{GateShape, LedgerShape, OpenShape, OutcomeShape, RecordShape, ToldShape};
use crate::ledger::Usd;
use crate::summary::{Limits, Timestamp};

/// The version of the lines that are written, and the only one that is read.
pub(super) const FORMAT: u32 = 1;

/// A line. Times are nanoseconds after the head's `origin_ns`; `run` is the run's number in its process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    /// The first line of a file.
    Journal(Box<Head>),
    /// A run began to count.
    Run {
        run: u64,
        at: u64,
        id: String,
        pipeline: String,
        #[serde(rename = "crate")]
        krate: String,
        started: u64,
        #[serde(flatten)]
        told: Box<ToldShape>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        #[serde(default, skip_serializing_if = "is_zero")]
        more_warnings: u64,
        #[serde(flatten)]
        ledger: LedgerShape,
        #[serde(default, skip_serializing_if = "is_zero")]
        records_dropped: u64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open: Vec<OpenShape>,
    },
    /// A stage was opened.
    Opened {
        run: u64,
        #[serde(flatten)]
        open: OpenShape,
    },
    /// Amounts were settled, and stages ended.
    Booked {
        run: u64,
        at: u64,
        #[serde(flatten)]
        ledger: LedgerShape,
    },
    /// A span told something of its whole run.
    Told {
        run: u64,
        at: u64,
        #[serde(flatten)]
        told: Box<ToldShape>,
    },
    /// An operation was recorded directly.
    Recorded {
        run: u64,
        at: u64,
        #[serde(flatten)]
        record: Box<RecordShape>,
    },
    /// A gate spoke.
    Gate {
        run: u64,
        at: u64,
        #[serde(flatten)]
        gate: Box<GateShape>,
    },
    /// The reader has something to know.
    Warned {
        run: u64,
        at: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The run ended.
    Ended {
        run: u64,
        at: u64,
        #[serde(flatten)]
        outcome: OutcomeShape,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        incomplete: bool,
    },
    /// A sink has its summary.
    Delivered { run: u64 },
    /// It was given up without a summary.
    Forgotten { run: u64 },
    /// Records that the file could not take.
    Lost { records: u64, reason: String },
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The first line of a file: whose it is, and what all its runs have in common.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    /// The version of the crate that wrote it.
    pub(super) version: String,
    /// The process's id.
    pub(super) process: u32,
    /// When the layer was built, for people; `origin_ns` has it exactly.
    pub(super) built_at: Timestamp,
    /// The wall time that all times are counted from, in nanoseconds after the Unix epoch.
    pub(super) origin_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) stages: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gates: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(with = "exact", default, skip_serializing_if = "Option::is_none")]
    pub(super) limit_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit_tokens: Option<u64>,
    /// What the price book calls itself.
    pub(super) book: String,
}

impl Head {
    pub(super) fn of(frame: &Frame) -> Self {
        let since = frame.origin.duration_since(UNIX_EPOCH).unwrap_or_default();
        let Limits { usd, tokens } = frame.limits;
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            built_at: frame.origin.into(),
            origin_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            project: frame.project.clone(),
            stages: frame.stages.clone(),
            gates: frame.gates.clone(),
            tags: frame.tags.iter().cloned().collect(),
            limit_usd: usd,
            limit_tokens: tokens,
            book: frame.book.clone(),
        }
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            origin: UNIX_EPOCH + Duration::from_nanos(self.origin_ns),
            project: self.project.clone(),
            stages: self.stages.clone(),
            gates: self.gates.clone(),
            tags: self.tags.clone().into_iter().collect(),
            limits: Limits { usd: self.limit_usd, tokens: self.limit_tokens },
            book: self.book.clone(),
        }
    }
}

impl From<Entry> for Line {
    fn from(Entry { run, at, what }: Entry) -> Self {
        match what {
            Record::Began(beginning) => {
                let Beginning {
                    id,
                    pipeline,
                    krate,
                    started,
                    told,
                    warnings,
                    more_warnings,
                    ledger,
                    records_dropped,
                    open,
                } = *beginning;
                Self::Run {
                    run,
                    at,
                    id,
                    pipeline,
                    krate,
                    started,
                    told: Box::new(ToldShape::of(told)),
                    warnings,
                    more_warnings,
                    ledger: LedgerShape::of(&ledger),
                    records_dropped,
                    open: open.into_iter().map(OpenShape::of).collect(),
                }
            }
            Record::Opened { stage, parent } => {
                Self::Opened { run, open: OpenShape::of(OpenStage { stage, parent, at }) }
            }
            Record::Booked(ledger) => Self::Booked { run, at, ledger: LedgerShape::of(&ledger) },
            Record::Told(told) => Self::Told { run, at, told: Box::new(ToldShape::of(*told)) },
            Record::Recorded(record) => {
                Self::Recorded { run, at, record: Box::new(RecordShape::of(*record)) }
            }
            Record::Gate(gate) => Self::Gate { run, at, gate: Box::new(GateShape::of(*gate)) },
            Record::Warned(text) => Self::Warned { run, at, text: text.map(Into::into) },
            Record::Ended { outcome, is_incomplete } => {
                Self::Ended { run, at, outcome: OutcomeShape::of(&outcome), incomplete: is_incomplete }
            }
            Record::Delivered => Self::Delivered { run },
            Record::Forgotten => Self::Forgotten { run },
        }
    }
}

/// What a line says.
pub(super) enum Said {
    Head(Box<Head>),
    Entry(Entry),
    Lost { records: u64, reason: String },
}

impl Line {
    /// Adds it to the text, with its end.
    pub(super) fn write(&self, text: &mut Vec<u8>) {
        let start = text.len();
        // Every map's keys are texts and a vector takes all, so this does not fail; if it ever does, no half line stays.
        match serde_json::to_writer(&mut *text, self) {
            Ok(()) => text.push(b'\n'),
            Err(_) => text.truncate(start),
        }
    }

    pub(super) fn read(text: &[u8]) -> serde_json::Result<Said> {
        let entry = |run, at, what| Said::Entry(Entry { run, at, what });
        Ok(match serde_json::from_slice(text)? {
            Self::Journal(head) => Said::Head(head),
            Self::Run {
                run,
                at,
                id,
                pipeline,
                krate,
                started,
                told,
                warnings,
                more_warnings,
                ledger,
                records_dropped,
                open,
            } => {
                let beginning = Beginning {
                    id,
                    pipeline,
                    krate,
                    started,
                    told: told.told(),
                    warnings,
                    more_warnings,
                    ledger: ledger.ledger(),
                    records_dropped,
                    open: open.into_iter().map(OpenShape::open).collect(),
                };
                entry(run, at, Record::Began(Box::new(beginning)))
            }
            Self::Opened { run, open } => {
                let open = open.open();
                entry(run, open.at, Record::Opened { stage: open.stage, parent: open.parent })
            }
            Self::Booked { run, at, ledger } => entry(run, at, Record::Booked(ledger.ledger())),
            Self::Told { run, at, told } => entry(run, at, Record::Told(Box::new(told.told()))),
            Self::Recorded { run, at, record } => entry(run, at, Record::Recorded(Box::new(record.record()))),
            Self::Gate { run, at, gate } => entry(run, at, Record::Gate(Box::new(gate.gate()))),
            Self::Warned { run, at, text } => entry(run, at, Record::Warned(text.map(Into::into))),
            Self::Ended { run, at, outcome, incomplete } => {
                let ended = Record::Ended { outcome: outcome.outcome(), is_incomplete: incomplete };
                entry(run, at, ended)
            }
            Self::Delivered { run } => entry(run, 0, Record::Delivered),
            Self::Forgotten { run } => entry(run, 0, Record::Forgotten),
            Self::Lost { records, reason } => Said::Lost { records, reason },
        })
    }
}
