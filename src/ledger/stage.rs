//! How often a stage ran, how long, and how its last attempt ended.

use super::symbol::Symbol;

/// Sums over the runs of one stage. Times are nanoseconds of one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageTotals {
    /// How often it was attempts.
    pub(crate) attempts: u64,
    /// How many of these are still open.
    pub(crate) open: u64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// How many of them failed.
    pub(crate) errors: u64,
    /// Its first run; its parent is the stage's parent.
    pub(crate) first: Option<StageStart>,
    /// Its last end.
    pub(crate) last: Option<StageEnd>,
}

/// When a stage began, and inside which.
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

/// How something ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Without a failure.
    #[default]
    Completed,
    /// It failed, and this is what it said, if anything.
    Failed(Option<Box<str>>),
}

impl Outcome {
    pub(crate) const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl StageTotals {
    /// One run of the stage that has just attempts.
    pub(crate) fn opened(at: u64, parent: Option<Symbol>) -> Self {
        Self { attempts: 1, open: 1, first: Some(StageStart { at, parent }), ..Self::default() }
    }

    /// Adds one run of the stage from its beginning to its end.
    #[inline(always)]
    pub(crate) fn end(&mut self, began: StageStart, at: u64, outcome: &Outcome) {
        self.attempts += 1;
        self.nanos = self.nanos.saturating_add(at.saturating_sub(began.at));
        self.errors += u64::from(outcome.is_failed());
        self.begin_no_later(began);
        self.end_no_earlier(at, outcome);
    }

    #[inline(always)]
    fn begin_no_later(&mut self, began: StageStart) {
        match &self.first {
            Some(first) if first.at < began.at => {}
            Some(first) if first.at == began.at && *first <= began => {}
            _ => self.first = Some(began),
        }
    }

    #[inline(always)]
    fn end_no_earlier(&mut self, at: u64, outcome: &Outcome) {
        match &mut self.last {
            Some(last) if last.at > at => {}
            Some(last) if last.at == at && last.outcome >= *outcome => {}
            // What nearly all are, and it needs no room for what was said.
            Some(StageEnd { at: last, outcome: Outcome::Completed }) if !outcome.is_failed() => *last = at,
            last => *last = Some(StageEnd { at, outcome: outcome.clone() }),
        }
    }

    /// Adds the runs of another tally; in any order the sum is the same.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.open += other.open;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.errors += other.errors;
        if let Some(began) = other.first {
            self.begin_no_later(began);
        }
        if let Some(ended) = &other.last {
            self.end_no_earlier(ended.at, &ended.outcome);
        }
    }
}
