//! What is left of the limits.

use crate::ledger::Usd;

/// What is left inside a span, of the limit that leaves least: the limit minus used and reserved amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// USD, negative if the limit was passed. `None` without such a limit, after the run's end, and if calls without a price
    /// make it unverifiable.
    pub usd: Option<Usd>,
    /// Tokens, negative if the limit was passed. `None` without such a limit and after the run's end.
    pub tokens: Option<i64>,
}
