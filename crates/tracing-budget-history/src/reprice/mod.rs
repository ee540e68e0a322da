//! What runs would have cost at other prices, or with another model.
//!
//! A summary has sums and not calls, so this works on rows: each stage's tokens by model. Where the cost of a sum is
//! not the sum of the costs, the row has the reason in place of a new figure; see [`Exactness`].
//!
//! ```
//! use tracing_budget::{PriceBook, RunSummary};
//! use tracing_budget_history::reprice::Repricing;
//!
//! let book = PriceBook::new();
//! let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
//! let repriced = Repricing::new(&book).swap("openai/gpt-5", "openai/gpt-5-mini").run(&run);
//! assert_eq!(repriced.difference_usd(), Some(tracing_budget::Usd::ZERO)); // it called nothing
//! # Ok::<(), tracing_budget::summary::TimestampError>(())
//! ```
//!
//! # Invariants
//!
//! - A new cost is exact or absent, with a reason; it is never an estimate.
//! - A document with new figures still adds up, by stage, model and operation.
//! - Absent: a store. The caller reads runs, and writes them with [`Store::replace`](crate::Store::replace).

mod document;
mod exactness;
mod repricing;
mod row;

pub use document::NotWritten;
pub use exactness::Exactness;
pub use repricing::{Repriced, Repricing};
pub use row::{Answer, RepricedRow};
