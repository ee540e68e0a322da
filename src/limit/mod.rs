//! What a run and its stages may spend: the limits that were set, what is used and reserved of each, and what is said when
//! one is near or reached.
//!
//! Nothing here knows spans, sinks or threads of its own. `meters` names nothing but its lock, so that a model checker can
//! put its own there: `tests/model`.

mod alert;
mod exceeded;
mod meters;
mod plan;
mod remaining;
mod sync;
mod unpriced;

pub use alert::{Alert, Amount, LimitScope};
pub use exceeded::BudgetExceeded;
pub(crate) use meters::{Charge, Due, Meters, Stages, Unit};
pub(crate) use plan::{MOST_STAGES, Plan};
pub use remaining::Remaining;
pub use unpriced::UnpricedCalls;
