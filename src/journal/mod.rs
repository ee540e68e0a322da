//! The journal: a file of what runs have spent so far, so that a killed process loses none of it, and its recovery.
//!
//! ```text
//! RunJournal (one run) -> Journal (one layer, its thread) -> Output (lines) -> JournalFile
//! JournalFile -> JournalReader -> RunReplay (one run) -> RunSummary
//! ```
//!
//! A `Record` is one line. A recovered run goes through the same ledger and the same summary code as a
//! living one. The lines and what the journal promises are in `docs/journal.md`.
//!
//! # Invariants
//!
//! - Format 1 is read and written; `tests/golden/journal-v1.jsonl` holds it. Field names in a line never change.
//! - A run's `Started` record precedes all its other records, whichever thread comes first.
//! - A file has its name only once it is locked and has its header. A file without a lock belongs to a dead process.
//! - No sink gets a run before the file has its end, as long as the file can be written.
//! - A journal is removed only after each of its runs was delivered, or after [`Recovery::discard`].
//! - A record counts as written only in a file that has its name. Another program's damage to it is noticed within a second of
//!   writing.
//! - No thread but the writer's own waits for the file without a time limit, and no fork of the process writes to it.
//! - A record that is lost is counted, reported on stderr once, and named in each run that is recovered from its file.
//! - The pipeline never fails because of the journal, and waits for I/O only under [`JournalBound::EveryRecord`].
//!
//! Absent: spans, callsites and prices (a record holds costs, not rates), calls to sinks, and the text of prompts or replies.
//! Only `file` opens, locks or removes files.

mod file;
mod header;
mod output;
mod reader;
mod record;
mod recovery;
mod run_journal;
mod wire;
mod writer;

pub(crate) use file::JournalFile;
pub(crate) use header::Header;
pub use output::JournalStats;
pub use reader::SkippedLine;
pub(crate) use record::{OpenStage, RunStart};
pub(crate) use recovery::{Claims, claim_all};
pub use recovery::{RecoverError, RecoveredJournal, Recovery, recover};
pub(crate) use run_journal::RunJournal;
pub(crate) use writer::Journal;
pub use writer::JournalBound;
