//! What goes to the journal, where there is one, beside what the ledger and its neighbours write there themselves: the
//! beginning of a run and of its stages.

use super::core::Core;
use super::root::Early;
use super::run::Run;
use super::table::{Open, Place};
use crate::journal::{OpenStage, RunJournal, RunStart};

impl Open {
    fn as_open_stage(&self) -> Option<OpenStage> {
        let stage = self.place.stage.filter(|_| self.is_stage)?;
        Some(OpenStage { stage, at: self.started.nanos() })
    }
}

impl Core {
    /// Has a run journaled that is about to begin. What there is of it already is in its beginning, so that no thread
    /// that comes later can be in the journal before it.
    pub(crate) fn journal_from_here(&self, run: &mut Run, early: Option<&Early>) {
        let Some(journal) = &self.journal else { return };
        let rest = run.rest();
        let start = RunStart {
            id: run.id.to_string(),
            pipeline: run.pipeline.as_str().to_owned(),
            krate: run.krate.to_owned(),
            started: run.started.nanos(),
            attributes: rest.attributes.clone(),
            warnings: rest.warnings.iter().map(ToString::to_string).collect(),
            more_warnings: rest.more_warnings,
            ledger: early.map(|early| early.ledger.clone()).unwrap_or_default(),
            records_dropped: 0,
            open: Vec::new(),
        };
        drop(rest);
        run.journal_to(RunJournal::new(journal, run.serial, start));
    }

    /// Writes that a run has begun, and which stages were open by then.
    pub(crate) fn journal_begun(&self, run: &Run) {
        let Some(journal) = run.journal() else { return };
        journal.begin();
        // Collected first: a line written under a slot's lock would make the span wait for the journal.
        let mut open = Vec::new();
        self.table.for_each(|_, span| {
            if span.place.run == run.serial {
                open.extend(span.as_open_stage());
            }
        });
        open.into_iter().for_each(|stage| journal.stage_opened(stage));
    }

    /// The stage that a new span is; `None` without a journal.
    // Inlined: without a journal it is one test of a pointer.
    #[inline]
    pub(crate) fn stage_to_journal(&self, open: &Open) -> Option<OpenStage> {
        self.journal.as_ref().and_then(|_| open.as_open_stage())
    }

    /// Writes that a stage was opened. If its run has not begun, the run's first line has it.
    #[cold]
    pub(crate) fn journal_opened(&self, place: Place, opened: OpenStage) {
        let run = self.live_run(place.run);
        if let Some(journal) = run.as_ref().and_then(|run| run.journal()) {
            journal.stage_opened(opened);
        }
    }
}
