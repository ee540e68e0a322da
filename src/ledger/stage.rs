//! The attempts of a stage: how many, how long, and how the last one ended.

use std::collections::VecDeque;

/// Sums over the attempts of one stage. Times are nanoseconds of one monotonic clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageTotals {
    /// Attempts that were begun.
    pub(crate) attempts: u64,
    /// Attempts that are still open.
    pub(crate) open: u64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// Attempts that failed.
    pub(crate) errors: u64,
    /// When the first attempt was begun.
    pub(crate) first: Option<u64>,
    /// The end of the last attempt.
    pub(crate) last: Option<StageEnd>,
    /// Attempts one by one, at most [`MAX_ATTEMPTS`]: failed ones first, then the newest.
    pub(crate) kept: Attempts,
}

/// Attempts of one row that are kept one by one. More than a person reads, and few enough that a stage in a loop of a million
/// costs nothing.
pub(crate) const MAX_ATTEMPTS: usize = 100;

/// One attempt of a stage that has ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) started: u64,
    pub(crate) nanos: u64,
    pub(crate) outcome: Outcome,
}

/// Attempts that are kept one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// The attempt of a row that has only one, as most have: it needs no allocation. The queues are empty then.
    only: Option<Attempt>,
    failed: VecDeque<Attempt>,
    completed: VecDeque<Attempt>,
}

impl Attempts {
    /// Adds one attempt.
    // Always inlined: it runs whenever a stage closes. A full queue gives up its oldest attempt, so that nothing is allocated.
    #[inline(always)]
    pub(crate) fn push(&mut self, attempt: Attempt) {
        if self.failed.is_empty() && self.completed.is_empty() {
            match self.only.take() {
                None => {
                    self.only = Some(attempt);
                    return;
                }
                Some(first) => self.enqueue(first),
            }
        }
        self.enqueue(attempt);
    }

    // Always inlined: two tests and a store into a queue that is nearly always warm.
    #[inline(always)]
    fn enqueue(&mut self, attempt: Attempt) {
        let queue = if attempt.outcome.is_failed() { &mut self.failed } else { &mut self.completed };
        // Threads and overlapping attempts end in any order: the queue stays sorted, so that parts merge to one result.
        if queue.back().is_some_and(|last| last.started >= attempt.started) {
            return enqueue_sorted(queue, attempt);
        }
        if queue.len() == MAX_ATTEMPTS {
            queue.pop_front();
        } else if queue.len() == queue.capacity() {
            grow(queue);
        }
        queue.push_back(attempt);
    }

    fn merge(&mut self, other: &Self) {
        let all = other.only.iter().chain(&other.failed).chain(&other.completed);
        all.for_each(|attempt| self.push(attempt.clone()));
    }

    /// The attempts that a row lists, in the order of their starts.
    pub(crate) fn listed(&self) -> Vec<&Attempt> {
        let room = MAX_ATTEMPTS - self.failed.len();
        let newest = self.completed.iter().rev().take(room);
        let mut listed: Vec<&Attempt> = self.only.iter().chain(&self.failed).chain(newest).collect();
        listed.sort_unstable();
        listed
    }
}

#[cold]
fn enqueue_sorted(queue: &mut VecDeque<Attempt>, attempt: Attempt) {
    if queue.len() == MAX_ATTEMPTS {
        // The new attempt may be the oldest itself. Without the test it would take the place of a newer one.
        if queue.front().is_some_and(|oldest| attempt < *oldest) {
            return;
        }
        queue.pop_front();
    }
    let at = queue.partition_point(|other| *other <= attempt);
    queue.insert(at, attempt);
}

/// Makes room for a few attempts, then for all that are kept: doubled each time, a stage in a loop would allocate six times.
#[cold]
fn grow(queue: &mut VecDeque<Attempt>) {
    let room = if queue.is_empty() { 4 } else { MAX_ATTEMPTS };
    queue.reserve_exact(room - queue.len());
}

/// When and how a stage ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StageEnd {
    pub(crate) at: u64,
    pub(crate) outcome: Outcome,
}

/// How a stage or a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Without a failure.
    #[default]
    Completed,
    /// With a failure, and its message if one was recorded.
    Failed(Option<Box<str>>),
}

impl Outcome {
    pub(crate) const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl StageTotals {
    /// Returns the sums of one attempt that is still open.
    pub(crate) fn opened(at: u64) -> Self {
        Self { attempts: 1, open: 1, first: Some(at), ..Self::default() }
    }

    /// Adds one closed attempt.
    // Always inlined, as are its helpers: they run whenever a stage closes.
    #[inline(always)]
    pub(crate) fn end(&mut self, started: u64, at: u64, outcome: &Outcome) {
        self.attempts += 1;
        // Saturates: an end before its start would otherwise wrap to 584 years.
        let nanos = at.saturating_sub(started);
        self.nanos = self.nanos.saturating_add(nanos);
        self.errors += u64::from(outcome.is_failed());
        self.first = Some(self.first.map_or(started, |first| first.min(started)));
        self.kept.push(Attempt { started, nanos, outcome: outcome.clone() });
        self.update_last(at, outcome);
    }

    #[inline(always)]
    fn update_last(&mut self, at: u64, outcome: &Outcome) {
        match &mut self.last {
            Some(last) if last.at > at => {}
            Some(last) if last.at == at && last.outcome >= *outcome => {}
            // Nearly every attempt completes. This arm allocates and drops no message.
            Some(StageEnd { at: last, outcome: Outcome::Completed }) if !outcome.is_failed() => *last = at,
            last => *last = Some(StageEnd { at, outcome: outcome.clone() }),
        }
    }

    /// Adds the attempts of other sums. The order of additions does not change the result.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.open += other.open;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.errors += other.errors;
        self.first = match (self.first, other.first) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.kept.merge(&other.kept);
        if let Some(ended) = &other.last {
            self.update_last(ended.at, &ended.outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(starts: impl IntoIterator<Item = u64>, outcome: &Outcome) -> StageTotals {
        let mut totals = StageTotals::default();
        starts.into_iter().for_each(|start| totals.end(start, start + 1, outcome));
        totals
    }

    #[test]
    fn failed_attempts_are_listed_first_then_the_newest() {
        let mut totals = ended(0..500, &Outcome::Completed);
        totals.merge(&ended([3, 7], &Outcome::Failed(None)));
        let listed: Vec<u64> = totals.kept.listed().iter().map(|attempt| attempt.started).collect();
        assert_eq!(listed.len(), MAX_ATTEMPTS);
        assert_eq!(listed[..3], [3, 7, 402]);
        assert_eq!((totals.attempts, totals.errors), (502, 2));
    }

    #[test]
    fn the_same_attempts_are_kept_in_whatever_order_they_end() {
        let forwards = ended(0..300, &Outcome::Completed);
        let backwards = ended((0..300).rev(), &Outcome::Completed);
        assert_eq!(forwards.kept, backwards.kept);
        let mut merged = ended((0..300).filter(|start| start % 2 == 0), &Outcome::Completed);
        merged.merge(&ended((0..300).filter(|start| start % 2 == 1), &Outcome::Completed));
        assert_eq!(merged.kept, forwards.kept);
    }
}
