//! From a span's place to its run, which begins when something accountable happens in it.

use std::sync::{Arc, PoisonError};

use super::core::Core;
use super::desk::{at_desk, keep_run};
use super::limits::RunLimits;
use super::root::{Early, RootPart, RunState};
use super::run::Run;
use super::settle::{StageEnd, write};
use super::settlement::Amounts;
use super::stats::count;
use super::table::{Open, Place};
use super::thread_state::with_thread_state;
use crate::ledger::Ledger;

impl Core {
    /// Runs `act` on the run of a place because something accountable happens there; `None` if that run has been
    /// finished. None of the user's code may run in `act`.
    // Inlined: the closures are small, and the hit needs no shared state.
    #[inline]
    pub(crate) fn on_run<T>(&self, place: Place, act: impl FnOnce(&Run) -> T) -> Option<T> {
        let run = at_desk(|desk| desk.take_run(place.run)).or_else(|| self.live_or_begun(place))?;
        let done = act(&run);
        keep_run(run);
        Some(done)
    }

    /// Begins the run of a place if it has not begun, because something accountable happens there.
    // Inlined: nearly always one comparison with the run that this thread worked on last.
    #[inline]
    pub(crate) fn ensure_run(&self, place: Place) {
        if !with_thread_state(|thread| thread.is_at_work_on(place.run))
            && let Some(run) = self.live_or_begun(place)
        {
            keep_run(run);
        }
    }

    #[cold]
    pub(crate) fn live_or_begun(&self, place: Place) -> Option<Arc<Run>> {
        self.live_run(place.run).or_else(|| self.begin_run(place))
    }

    /// The run with this number, if it has begun and not ended.
    pub(crate) fn live_run(&self, serial: u64) -> Option<Arc<Run>> {
        self.runs.get(&serial).map(|run| Arc::clone(&run))
    }

    fn begin_run(&self, place: Place) -> Option<Arc<Run>> {
        let (run, early) = self.with_root(place, |open| self.begin_at(open))??;
        self.write_early(&run, early);
        self.journal_begun(&run);
        self.worker.run_started();
        Some(run)
    }

    /// Begins the run of a root that is just closing, as it is in no table any more.
    pub(crate) fn begin_closing(&self, root: &mut Open) {
        if let Some((run, early)) = self.begin_at(root) {
            self.write_early(&run, early);
        }
    }

    /// The run of a root, begun if it has to be, and what was kept until it was.
    fn begin_at(&self, open: &mut Open) -> Option<(Arc<Run>, Option<Box<Early>>)> {
        let place = open.place;
        let root = open.root.as_mut()?;
        match root.state {
            RunState::Finished => None,
            // Another thread was faster.
            RunState::Live => self.live_run(place.run).map(|run| (run, None)),
            RunState::Empty => {
                // Under the lock of the root's slot until the state is `Live`: two threads would otherwise begin the same run twice.
                let limits = self.limits_of_a_run();
                let mut run =
                    Run::new(place.run, place.root, open.meaning, open.started, &self.clock, limits);
                let mut early = root.early.take();
                if let Some(early) = &mut early {
                    let mut rest = run.rest();
                    rest.attributes = std::mem::take(&mut early.attributes);
                    early.warnings.drain(..).for_each(|warning| rest.warn(warning));
                }
                // What the run is called is to be seen while it is in flight, not only when its root closes.
                if let Some(attributes) =
                    open.reading.remarks.as_ref().and_then(|remarks| remarks.run.as_ref())
                {
                    run.rest().attributes.merge(attributes.labels());
                }
                self.journal_from_here(&mut run, early.as_deref());
                let run = RunLimits::tie(run);
                root.state = RunState::Live;
                self.runs.insert(place.run, Arc::clone(&run));
                count(&self.counters.runs_started);
                Some((run, early))
            }
        }
    }

    fn write_early(&self, run: &Run, early: Option<Box<Early>>) {
        if let Some(early) = early {
            if run.journal().is_some() {
                run.write_known(&early.ledger);
            } else {
                let _ = run.write(|ledger| ledger.merge(&early.ledger));
            }
            self.recycle(early);
        }
    }

    /// Runs `act` on the root of a place, be it open or waiting for spans that it has adopted.
    pub(crate) fn with_root<T>(&self, place: Place, mut act: impl FnMut(&mut Open) -> T) -> Option<T> {
        let found = self.table.with(place.root, |open| (open.place.run == place.run).then(|| act(open)));
        found.flatten().or_else(|| {
            // Only after the slot was released. A root moves from its slot to this list under the slot's lock, so it cannot be
            // missed. `act` locks nothing.
            let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
            lingering.iter_mut().find(|root| root.open.place.run == place.run).map(|root| act(&mut root.open))
        })
    }

    /// Runs `act` on what only the root of a place has.
    pub(crate) fn at_root<T>(&self, place: Place, mut act: impl FnMut(&mut RootPart) -> T) -> Option<T> {
        self.with_root(place, |open| open.root.as_mut().map(&mut act)).flatten()
    }

    /// Writes what is not accountable, for a run that this thread has not cached: to the run if it has begun, else to what its
    /// root keeps for it.
    #[cold]
    pub(crate) fn note(&self, place: Place, amounts: Amounts<'_>, ended: Option<StageEnd<'_>>) {
        let write = |ledger: &mut Ledger| write(ledger, amounts, ended);
        if let Some(run) = self.live_run(place.run) {
            let _ = run.write(write);
            return keep_run(run);
        }
        let kept = self.keep_early(place, |early| write(&mut early.ledger));
        // Another thread began the run after the first look: without a second look, the amounts would be in neither.
        if let Some(run) = self.live_run(place.run).filter(|_| !kept) {
            let _ = run.write(write);
        }
    }

    /// Keeps something at a root that has no run yet; false if there is one by now, as another thread may have begun it
    /// after this one had looked for it.
    pub(crate) fn keep_early(&self, place: Place, mut act: impl FnMut(&mut Early)) -> bool {
        let kept = self.at_root(place, |root| {
            let is_empty = root.state == RunState::Empty;
            if is_empty {
                act(root.early.get_or_insert_with(|| self.spare_room()));
            }
            is_empty
        });
        kept == Some(true)
    }

    /// The room that a root had before it came to nothing, if there is any, and new room if not.
    pub(crate) fn spare_room(&self) -> Box<Early> {
        // A leaf lock: nothing is locked while it is held. A poisoned one is taken, as a push or a pop leaves the list whole.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps a root's room for the next root that needs some.
    pub(crate) fn recycle(&self, mut early: Box<Early>) {
        /// Bound of the list, so that a burst of requests does not keep its memory for ever. A server that handles more plain
        /// requests at once allocates for those beyond.
        const ENOUGH: usize = 256;
        early.clear();
        // Cleared above, outside of the lock: freeing memory takes longer than the push.
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < ENOUGH {
            spare.push(early);
        }
    }
}
