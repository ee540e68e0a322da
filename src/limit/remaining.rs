//! What may still be spent.

use crate::ledger::Usd;

/// What may still be spent at a place in a run, under the limit that leaves least: less what is used and what is reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// USD, negative where the limit was passed; `None` without such a limit, after the run's end, and where calls without a
    /// price leave it unknown.
    pub usd: Option<Usd>,
    /// Tokens, negative where the limit was passed; `None` without such a limit, and after the run's end.
    pub tokens: Option<i64>,
}
