//! What goes to the journal beside what a run's ledger and details write there: the stages that are open.

use super::core::Core;
use crate::journal::OpenStage;

impl Core {
    /// Writes which stages of a run were open when it became accountable.
    pub(crate) fn journal_open_stages(&self, run: u64) {
        let Some(journal) = self.runs.with_details(run, |details| details.journal.clone()).flatten() else {
            return;
        };
        // Collected first: a line written under a slot's lock would make the span wait for the journal.
        let mut open = Vec::new();
        self.spans.for_each(|_, state| {
            if state.position.run == run {
                open.extend(state.as_open_stage(&self.clock));
            }
        });
        open.into_iter().for_each(|stage| journal.stage_opened(stage));
    }

    /// Writes that a stage was opened. If its run is not accountable yet, that is written when it becomes so.
    pub(crate) fn journal_opened(&self, run: u64, opened: OpenStage) {
        let journal = self.runs.with_details(run, |details| details.journal.clone()).flatten();
        if let Some(journal) = journal {
            journal.stage_opened(opened);
        }
    }
}
