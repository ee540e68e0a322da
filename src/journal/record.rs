//! A record: one line of a journal, in memory and as JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::header::Header;
use super::wire;
use crate::ledger::{Ledger, Outcome, RunAttributes, StageId};
use crate::summary::{GateVerdict, OperationRecord};

/// One line of a journal. Field names and the tag `kind` are format 1 and do not change; Rust names may.
///
/// `run` is the run's number in its process. `at` is in nanoseconds after [`Header::origin`](Header).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first line of a file.
    #[serde(rename = "journal")]
    Header(Box<Header>),
    /// A run started to record something.
    #[serde(rename = "run")]
    Started {
        run: u64,
        at: u64,
        // Boxed, as all large payloads: a queue of `Booked` records, nearly all, must not have room for the largest kind.
        #[serde(flatten)]
        start: Box<RunStart>,
    },
    /// A stage was opened.
    Opened {
        run: u64,
        // Its `at` is the record's: when the stage was opened.
        #[serde(flatten)]
        stage: OpenStage,
    },
    /// Amounts were booked or stages ended: what was added to the run's ledger.
    Booked {
        run: u64,
        at: u64,
        #[serde(flatten, with = "wire::boxed_ledger")]
        amount: Box<Ledger>,
    },
    /// A span recorded attributes of its whole run.
    #[serde(rename = "told")]
    Attributes {
        run: u64,
        at: u64,
        #[serde(flatten, with = "wire::attributes")]
        attributes: Box<RunAttributes>,
    },
    /// An operation was recorded directly; its amount is in a `Booked` record.
    #[serde(rename = "recorded")]
    Operation {
        run: u64,
        at: u64,
        #[serde(flatten, with = "wire::operation")]
        operation: Box<OperationRecord>,
    },
    /// A gate reported its verdict.
    Gate {
        run: u64,
        at: u64,
        #[serde(flatten, with = "wire::gate")]
        verdict: Box<GateVerdict>,
    },
    /// A warning of the run; without a text, one more than the run keeps.
    #[serde(rename = "warned")]
    Warning {
        run: u64,
        at: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Cow<'static, str>>,
    },
    /// The run ended, and its summary is queued for the sinks.
    Ended {
        run: u64,
        at: u64,
        #[serde(flatten, with = "wire::outcome")]
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        incomplete: bool,
    },
    /// A sink took the summary, or there are no sinks.
    Delivered { run: u64 },
    /// The run was discarded without a summary.
    Forgotten { run: u64 },
    /// Records that the file could not take.
    Lost {
        #[serde(deserialize_with = "wire::count::deserialize")]
        records: u64,
        reason: String,
    },
}

/// The state of a run at the moment when its journal starts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunStart {
    pub(crate) id: String,
    pub(crate) pipeline: String,
    /// The root span's crate.
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    /// When the root was opened, in nanoseconds after the header's origin.
    pub(crate) started: u64,
    #[serde(flatten, with = "wire::RunAttributesWire")]
    pub(crate) attributes: RunAttributes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// Warnings beyond those that are kept.
    #[serde(default, skip_serializing_if = "wire::is_zero", deserialize_with = "wire::count::deserialize")]
    pub(crate) more_warnings: u64,
    /// What was booked before.
    #[serde(flatten, with = "wire::ledger")]
    pub(crate) ledger: Ledger,
    /// Directly recorded operations beyond those that are kept.
    #[serde(default, skip_serializing_if = "wire::is_zero", deserialize_with = "wire::count::deserialize")]
    pub(crate) records_dropped: u64,
    /// Stages that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) open: Vec<OpenStage>,
    /// The name of the price book, where it is another than that of the header: the prices were renewed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) book: Option<String>,
}

impl RunStart {
    /// What names the run, without what it had recorded.
    pub(super) fn name(&self) -> Self {
        Self {
            id: self.id.clone(),
            pipeline: self.pipeline.clone(),
            krate: self.krate.clone(),
            started: self.started,
            book: self.book.clone(),
            ..Self::default()
        }
    }
}

/// A stage that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "wire::OpenStageWire", into = "wire::OpenStageWire")]
pub(crate) struct OpenStage {
    pub(crate) stage: StageId,
    pub(crate) at: u64,
}

impl Record {
    /// Appends the record to `text` as one line.
    pub(super) fn write(&self, text: &mut Vec<u8>) {
        let start = text.len();
        // A vector takes every byte and all map keys are strings, so this does not fail. If it ever does, half a line
        // must not stay: the next record would continue it, and both would be unreadable.
        match serde_json::to_writer(&mut *text, self) {
            Ok(()) => text.push(b'\n'),
            Err(_) => text.truncate(start),
        }
    }

    /// Reads one line.
    pub(super) fn read(line: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }
}
