//! The journal: what a run has spent so far, kept where a killed process cannot take it along, and its recovery.
//!
//! A run writes through its [`RunJournal`]; [`Journal`] brings the records to a file, `line` says how they look there.
//! Later `reader` puts a file's lines together again, each run in a `replay`, whose summary is taken from a ledger as that
//! of a living run is. What a line is, and what is promised of it, is in `docs/journal.md`.
//!
//! Nothing here knows spans or prices, and no sink is called.

mod beginning;
mod exact;
mod file;
mod frame;
mod line;
mod output;
mod reader;
mod record;
mod recovery;
mod replay;
mod run_journal;
mod shapes;
mod stats;
mod writer;

pub(crate) use beginning::{Beginning, OpenStage};
pub(crate) use file::JournalFile;
pub(crate) use frame::Frame;
pub(crate) use recovery::{Claims, claim_all};
pub use recovery::{RecoverError, RecoveredJournal, Recovery, SkippedLine, recover};
pub(crate) use run_journal::RunJournal;
pub use stats::JournalStats;
pub(crate) use writer::Journal;
pub use writer::JournalBound;
