//! The journal: what a run has spent so far, kept where a killed process cannot take it along, and its recovery.
//!
//! A run writes through its [`RunJournal`]; [`Journal`] brings the records to a file, `line` says how they look there.
//! Later `reader` puts a file's lines together again, each run in a `replay`, whose summary is taken from a ledger as that
//! of a living run is. What a line is, and what is promised of it, is in `docs/journal.md`.
//!
//! Nothing here knows spans or prices, and no sink is called.

mod beginning;
#[cfg(feature = "journal")]
mod exact;
#[cfg(feature = "journal")]
mod file;
#[cfg(feature = "journal")]
mod frame;
#[cfg(feature = "journal")]
mod line;
#[cfg(not(feature = "journal"))]
mod off;
#[cfg(feature = "journal")]
mod output;
#[cfg(feature = "journal")]
mod reader;
#[cfg(feature = "journal")]
mod record;
#[cfg(feature = "journal")]
mod recovery;
#[cfg(feature = "journal")]
mod replay;
#[cfg(feature = "journal")]
mod run_journal;
#[cfg(feature = "journal")]
mod shapes;
mod stats;
#[cfg(feature = "journal")]
mod writer;

pub(crate) use beginning::{Beginning, OpenStage};
#[cfg(feature = "journal")]
pub(crate) use file::JournalFile;
#[cfg(feature = "journal")]
pub(crate) use frame::Frame;
#[cfg(not(feature = "journal"))]
pub(crate) use off::{Journal, RunJournal};
#[cfg(feature = "journal")]
pub(crate) use recovery::{Claims, claim_all};
#[cfg(feature = "journal")]
pub use recovery::{RecoverError, RecoveredJournal, Recovery, SkippedLine, recover};
#[cfg(feature = "journal")]
pub(crate) use run_journal::RunJournal;
pub use stats::JournalStats;
#[cfg(feature = "journal")]
pub(crate) use writer::Journal;
#[cfg(feature = "journal")]
pub use writer::JournalBound;
