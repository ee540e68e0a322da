//! The builder's settings of the journal, and the delivery of journals of dead processes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::builder::{BuildError, Builder};
use super::clock::Clock;
use super::core::{Core, Options};
use crate::journal::{Claims, Header, Journal, JournalBound, JournalFile, RecoveredJournal, claim_all};
use crate::sink::print_diagnostic;
use crate::summary::{Limits, RunSummary};

/// Where to keep a journal, and how.
#[derive(Default)]
pub(super) struct JournalPlan {
    directory: Option<PathBuf>,
    bound: JournalBound,
    leaves_dead: bool,
}

impl<F> Builder<F> {
    /// Keeps a journal of what each run has spent in a directory, which is made where it is missing, so that a process that
    /// is killed loses no more of it than [`journal_bound`](Self::journal_bound) allows.
    ///
    /// The next layer with the same directory gives the runs of dead processes to its sinks, with status `interrupted`;
    /// [`recover`](crate::journal::recover) does the same by hand. Processes may share a directory: each has a file of its own, and
    /// leaves those of living processes alone. A run that a sink has is struck off, so a process that ends well leaves no
    /// file. Delivery is at least once: a process that is killed right between a sink and the journal leaves a run that
    /// comes again, with the same id.
    ///
    /// ```
    /// use tracing_budget::journal::JournalBound;
    /// use tracing_subscriber::Registry;
    ///
    /// # let directory = std::env::temp_dir().join("tracing-budget-doc-journal");
    /// let builder = tracing_budget::layer().journal(&directory).journal_bound(JournalBound::EveryRecord);
    /// let (budget, guard) = builder.build::<Registry>()?;
    /// # drop((budget, guard));
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn journal(mut self, directory: impl Into<PathBuf>) -> Self {
        self.plan.journal.directory = Some(directory.into());
        self
    }

    /// Sets how much a kill may lose. Default: the last 100 milliseconds.
    pub fn journal_bound(mut self, bound: JournalBound) -> Self {
        self.plan.journal.bound = bound;
        self
    }

    /// Sets whether the runs of dead processes in the journal's directory are delivered. Default: they are. Without it
    /// they stay there for [`recover`](crate::journal::recover).
    pub fn recover(mut self, recovers: bool) -> Self {
        self.plan.journal.leaves_dead = !recovers;
        self
    }
}

impl JournalPlan {
    /// Makes the journal, if there is to be one, and locks those of dead processes if there are sinks to give their runs
    /// to.
    pub(super) fn open(
        self,
        options: &Options,
        clock: &Clock,
        has_sinks: bool,
    ) -> Result<(Option<Journal>, Claims), BuildError> {
        let Some(directory) = self.directory else { return Ok(Default::default()) };
        let Limits { usd: limit_usd, tokens: limit_tokens } = options.limits.run;
        let header = Header {
            project: options.project.clone(),
            stages: options.stages.clone(),
            gates: options.gates.clone(),
            tags: options.tags.iter().cloned().collect(),
            limit_usd,
            limit_tokens,
            book: options.books.name(),
            corrections: crate::price::CORRECTIONS.to_owned(),
            keep_calls: Some(options.kept_calls()),
            ..Header::new(clock.origin())
        };
        let journal = Journal::open(&directory, self.bound, &header, clock.instant())?;
        let recovers = has_sinks && !self.leaves_dead;
        let dead =
            if recovers { claim_all(&directory).map_err(BuildError::Recover)? } else { Claims::default() };
        Ok((Some(journal), dead))
    }
}

impl Core {
    /// Gives the runs of dead processes to the sinks. What they are is read on the worker's thread.
    pub(super) fn recover(&self, dead: Claims) {
        let Some(journal) = &self.delivery.journal else { return };
        let (files, unreadable) = dead.into_parts();
        for (path, reason) in unreadable {
            print_diagnostic(&format!("the journal {} cannot be read: {reason}", path.display()));
        }
        for file in files {
            let journal = Arc::clone(journal);
            let read = Arc::new(Mutex::new(None));
            let to_discard = Arc::clone(&read);
            // Read on the worker's thread: the journals of a crashed server may be long, and the program's start must not wait.
            let find = move || {
                let (runs, rest) = found(file);
                journal.recovered(runs.len() as u64);
                // A poisoned lock is taken, here and below: the value is replaced whole, so it cannot be half written.
                *read.lock().unwrap_or_else(PoisonError::into_inner) = rest;
                runs
            };
            let taken = move || {
                let journal = to_discard.lock().unwrap_or_else(PoisonError::into_inner).take();
                journal.into_iter().for_each(discard);
            };
            self.delivery.worker.deliver_recovered(find, taken);
        }
    }
}

/// The runs in a journal, and the journal itself if it was ours.
fn found(file: JournalFile) -> (Vec<RunSummary>, Option<RecoveredJournal>) {
    let path = file.path().to_owned();
    match RecoveredJournal::read(file) {
        Ok(Some(journal)) => {
            let damaged = journal.damaged();
            if let Some(first) = damaged.first() {
                print_diagnostic(&format!(
                    "the journal {} has {} lines that cannot be read, which are in no run: {first}",
                    path.display(),
                    damaged.len(),
                ));
            }
            let (runs, journal) = journal.into_parts();
            (runs, Some(journal))
        }
        Ok(None) => (Vec::new(), None),
        Err(reason) => {
            print_diagnostic(&format!(
                "the journal {} cannot be read, and is left as it is: {reason}",
                path.display()
            ));
            (Vec::new(), None)
        }
    }
}

fn discard(journal: RecoveredJournal) {
    let path = journal.path().to_owned();
    if let Err(error) = journal.discard() {
        print_diagnostic(&format!(
            "the journal {} cannot be removed, so its runs will come again: {error}",
            path.display()
        ));
    }
}
