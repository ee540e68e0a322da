//! What a user's program calls: gates, usage of clients that emit none, and the current run.
//!
//! Everything here goes through `tracing` itself, so it costs nothing where no layer listens, and every layer sees the
//! same. Nothing here touches the ledger.

mod call;
mod current;
mod gate;
mod operation;
mod permit;
mod usage;

pub use call::{Call, CallBuilder, call};
pub use current::{Current, current};
pub use gate::{GateBuilder, gate};
pub use operation::{CurrentRun, operation};
pub use permit::Permit;
pub use usage::{UsageRecord, record_usage};
