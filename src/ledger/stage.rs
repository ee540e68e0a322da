//! The attempts of a stage: how many, how long, and how the last one ended.

use super::symbol::Symbol;

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
    /// The first attempt. Its parent is the stage's parent.
    pub(crate) first: Option<StageStart>,
    /// The end of the last attempt.
    pub(crate) last: Option<StageEnd>,
}

/// When a stage was begun, and its enclosing stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StageStart {
    pub(crate) at: u64,
    pub(crate) parent: Option<Symbol>,
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
    pub(crate) fn opened(at: u64, parent: Option<Symbol>) -> Self {
        Self { attempts: 1, open: 1, first: Some(StageStart { at, parent }), ..Self::default() }
    }

    /// Adds one closed attempt.
    // Always inlined, as are its two helpers: they run whenever a stage closes.
    #[inline(always)]
    pub(crate) fn end(&mut self, began: StageStart, at: u64, outcome: &Outcome) {
        self.attempts += 1;
        // Saturates: an end before its start would otherwise wrap to 584 years.
        self.nanos = self.nanos.saturating_add(at.saturating_sub(began.at));
        self.errors += u64::from(outcome.is_failed());
        self.update_first(began);
        self.update_last(at, outcome);
    }

    #[inline(always)]
    fn update_first(&mut self, began: StageStart) {
        match &self.first {
            Some(first) if first.at < began.at => {}
            // Equal times are ordered by the parent, so that merging in any order gives one result.
            Some(first) if first.at == began.at && *first <= began => {}
            _ => self.first = Some(began),
        }
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
        if let Some(began) = other.first {
            self.update_first(began);
        }
        if let Some(ended) = &other.last {
            self.update_last(ended.at, &ended.outcome);
        }
    }
}
