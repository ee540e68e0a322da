//! The error of a refused check or reservation.

use super::alert::{Amount, LimitScope, spent};
use super::limit_set::{Refusal, Refused, Unit};
use super::outside_of_run::OutsideOfRun;
use crate::ledger::{UsdError, total};
use crate::present::numbers::counted;

/// Why a [check](crate::check()) or a [reservation](crate::reserve()) fails. The run itself continues and keeps counting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetExceeded {
    /// A limit is used up.
    #[error("{scope} {}", spent(*.used, *.limit))]
    Exhausted {
        /// The run or stage that has the limit.
        scope: LimitScope,
        /// The used amount, at least the limit.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// A limit has less left than the reservation needs.
    #[error(
        "{scope} has no room for {requested}: less is left of its limit of {limit}, after {used} used and other reservations"
    )]
    NoRoom {
        /// The run or stage that has the limit.
        scope: LimitScope,
        /// The amount to reserve. Boxed: the error would be 128 bytes otherwise, which clippy reports in every caller.
        requested: Box<Amount>,
        /// The used amount.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// Calls without a price make the limit unverifiable, and
    /// [`UnpricedCalls::FailClosed`](crate::limit::UnpricedCalls::FailClosed) is the policy.
    #[error(
        "{scope} has a limit of {limit} that cannot be verified: {used} is known to be used, and {} no price; give the model a \
         price, or choose another policy by `unpriced_calls`",
        have(*.calls)
    )]
    Unverifiable {
        /// The run or stage that has the limit.
        scope: LimitScope,
        /// Calls with an unknown price.
        calls: u64,
        /// The known part of the used amount.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// The run has ended: later costs are in no summary and under no limit.
    #[error("the run has ended: later costs are in no summary and under no limit")]
    RunEnded,
    /// No run encloses the caller, or none that a limit can be enforced in, although a layer with limits is installed.
    #[error("outside of any run no limit can be enforced: {0}")]
    OutsideOfRun(#[from] OutsideOfRun),
    /// The amount to reserve cannot be read.
    #[error("nothing can be reserved: {0}")]
    NotAnAmount(UsdError),
}

impl BudgetExceeded {
    /// The run or stage that has the limit; `None` where no limit refused.
    #[must_use]
    pub const fn scope(&self) -> Option<LimitScope> {
        match self {
            Self::Exhausted { scope, .. } | Self::NoRoom { scope, .. } | Self::Unverifiable { scope, .. } => {
                Some(*scope)
            }
            Self::RunEnded | Self::OutsideOfRun(_) | Self::NotAnAmount(_) => None,
        }
    }

    /// The used amount, as far as it is known; `None` where no limit refused.
    #[must_use]
    pub const fn used(&self) -> Option<Amount> {
        match self {
            Self::Exhausted { used, .. } | Self::NoRoom { used, .. } | Self::Unverifiable { used, .. } => {
                Some(*used)
            }
            Self::RunEnded | Self::OutsideOfRun(_) | Self::NotAnAmount(_) => None,
        }
    }

    /// The limit; `None` where no limit refused.
    #[must_use]
    pub const fn limit(&self) -> Option<Amount> {
        match self {
            Self::Exhausted { limit, .. } | Self::NoRoom { limit, .. } | Self::Unverifiable { limit, .. } => {
                Some(*limit)
            }
            Self::RunEnded | Self::OutsideOfRun(_) | Self::NotAnAmount(_) => None,
        }
    }

    /// The error of a refusal by a limit with this scope and unit; `requested` is what was to be reserved, if anything.
    pub(crate) fn new(
        scope: LimitScope,
        unit: Unit,
        refusal: &Refusal,
        requested: Option<(Unit, i128)>,
    ) -> Self {
        let Refusal { state, reason, .. } = *refusal;
        let amount = |amount| Amount::of(unit, amount);
        let (used, limit) = (amount(state.used.used), amount(state.limit));
        match (reason, requested) {
            (Refused::Unverifiable, _) => {
                Self::Unverifiable { scope, calls: total(state.used.unverifiable_calls), used, limit }
            }
            (Refused::NoRoom, Some((unit, requested))) => {
                Self::NoRoom { scope, requested: Box::new(Amount::of(unit, requested)), used, limit }
            }
            // A check requests nothing, so `NoRoom` without an amount does not occur; it must not panic if it ever does.
            (Refused::NoRoom | Refused::Exhausted, _) => Self::Exhausted { scope, used, limit },
        }
    }
}

fn have(calls: u64) -> String {
    format!("{} {}", counted(calls, "call"), if calls == 1 { "has" } else { "have" })
}
