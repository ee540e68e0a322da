//! How a journal stands.

use std::path::PathBuf;

/// How a layer's journal stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStats {
    /// The file that is written.
    pub path: PathBuf,
    /// Records that runs gave to the journal.
    pub records: u64,
    /// Records that are in the file, where a killed process cannot take them along.
    pub written: u64,
    /// Records that never came to the file: it could not be written for too long, or was closed already.
    pub lost: u64,
    /// Runs whose records the file has to keep: in flight, or with no sink yet.
    pub open_runs: u64,
    /// Runs of processes that had died, found when the layer was built.
    pub recovered: u64,
    /// The last attempt to write the file failed.
    pub is_failing: bool,
    /// Why the file could not be written the last time that it could not.
    pub last_error: Option<String>,
}

impl JournalStats {
    /// Records on their way to the file.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.records.saturating_sub(self.written).saturating_sub(self.lost)
    }
}
