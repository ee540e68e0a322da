//! Why no more may be spent.

use super::alert::{Amount, LimitScope};
use super::meters::{Meters, Refusal, Unit, Why};
use super::plan::Plan;
use crate::ledger::UsdError;
use crate::present::numbers::counted;

/// Why [`Current::check`](crate::Current::check) or [`Current::reserve`](crate::Current::reserve) says no. The run itself
/// goes on and keeps counting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetExceeded {
    /// A limit is used up.
    #[error("{scope} has used up its limit of {limit}: {used}")]
    Exhausted {
        /// Whose limit it is.
        scope: LimitScope,
        /// What is used, which is at least the limit.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// A limit has less room than was asked for.
    #[error(
        "{scope} has no room for {asked}: less than that is left of its limit of {limit}, after {used} that is used and what \
         is reserved"
    )]
    NoRoom {
        /// Whose limit it is.
        scope: LimitScope,
        /// What was to be reserved.
        asked: Amount,
        /// What is used.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// Calls without a price leave it open whether the limit holds, and
    /// [`UnpricedCalls::FailClosed`](crate::limit::UnpricedCalls::FailClosed) is the policy.
    #[error(
        "{scope} has a limit of {limit} that cannot be proven to hold: {used} is known to be used, and {} no price; give the \
         model a price, or choose another policy by `unpriced_calls`",
        have(*.calls)
    )]
    Unproven {
        /// Whose limit it is.
        scope: LimitScope,
        /// Calls whose price is unknown.
        calls: u64,
        /// What is known to be used.
        used: Amount,
        /// The limit.
        limit: Amount,
    },
    /// The run has ended: what is spent now is in no summary and under no limit.
    #[error("the run has ended: what is spent now is in no summary and under no limit")]
    RunEnded,
    /// The amount to reserve cannot be read.
    #[error("nothing can be reserved: {0}")]
    NotAnAmount(UsdError),
}

impl BudgetExceeded {
    /// Whose limit it is; `None` for [`RunEnded`](Self::RunEnded) and [`NotAnAmount`](Self::NotAnAmount).
    #[must_use]
    pub const fn scope(&self) -> Option<LimitScope> {
        match self {
            Self::Exhausted { scope, .. } | Self::NoRoom { scope, .. } | Self::Unproven { scope, .. } => {
                Some(*scope)
            }
            Self::RunEnded | Self::NotAnAmount(_) => None,
        }
    }

    /// What is used, as far as it is known; `None` for [`RunEnded`](Self::RunEnded) and [`NotAnAmount`](Self::NotAnAmount).
    #[must_use]
    pub const fn used(&self) -> Option<Amount> {
        match self {
            Self::Exhausted { used, .. } | Self::NoRoom { used, .. } | Self::Unproven { used, .. } => {
                Some(*used)
            }
            Self::RunEnded | Self::NotAnAmount(_) => None,
        }
    }

    /// The limit; `None` for [`RunEnded`](Self::RunEnded) and [`NotAnAmount`](Self::NotAnAmount).
    #[must_use]
    pub const fn limit(&self) -> Option<Amount> {
        match self {
            Self::Exhausted { limit, .. } | Self::NoRoom { limit, .. } | Self::Unproven { limit, .. } => {
                Some(*limit)
            }
            Self::RunEnded | Self::NotAnAmount(_) => None,
        }
    }

    /// A refusal in words, with what was asked for, if anything was.
    pub(crate) fn of(plan: &Plan, meters: &Meters, refusal: &Refusal, asked: Option<(Unit, i128)>) -> Self {
        let Refusal { bound, meter, why } = *refusal;
        let bound = meters.bound(bound);
        let scope = plan.scope(bound.stage);
        let amount = |amount| Amount::of(bound.unit, amount);
        let (used, limit) = (amount(meter.charged.used), amount(meter.limit));
        match (why, asked) {
            (Why::Unproven, _) => Self::Unproven { scope, calls: meter.charged.unproven, used, limit },
            (Why::NoRoom, Some((unit, asked))) => {
                Self::NoRoom { scope, asked: Amount::of(unit, asked), used, limit }
            }
            (Why::NoRoom | Why::Exhausted, _) => Self::Exhausted { scope, used, limit },
        }
    }
}

fn have(calls: u64) -> String {
    format!("{} {}", counted(calls, "call"), if calls == 1 { "has" } else { "have" })
}
