//! Limits of a run and of its stages: what is configured, used and reserved, and the alerts that are due.
//!
//! # Invariants
//!
//! - A check or a reservation without the context it needs is refused, never granted.
//! - A reservation takes room in every limit that applies to it, or in none.
//! - Each alert fires once for each limit and run, in ascending order of percent.
//! - A limit that calls without a price make unverifiable refuses, unless the policy differs.
//! - Reserved amounts and assumed costs are in no summary.
//! - `limit_set` names nothing of this crate but its lock, so that `tests/model` can compile it with a model checker's.
//!
//! Absent: spans, sinks, threads, and code of the user. The layer decides which limits apply to a span and queues alerts.

mod alert;
mod exceeded;
mod limit_set;
mod outside_of_run;
mod plan;
mod remaining;
mod sync;
mod unpriced;

pub use alert::{Alert, Amount, LimitScope};
pub use exceeded::BudgetExceeded;
pub(crate) use limit_set::{DueAlert, LimitSet, Refusal, Stages, Unit, UsedAmount};
pub use outside_of_run::OutsideOfRun;
pub(crate) use plan::{MOST_STAGES, Plan};
pub use remaining::Remaining;
pub use unpriced::UnpricedCalls;
