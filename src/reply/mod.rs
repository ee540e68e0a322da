//! What a provider's reply reports: usage, further units, cost, model, response id, tier, finish reason.
//!
//! A reply is read in three steps. `envelope` finds the objects with counts and the names around them, in a whole body or in the
//! pieces of a stream. `counts` reads one such object by each of the `shapes`. `settle` takes the shape with the most evidence,
//! works out which counts are parts of which, and names in a warning what it did not read.
//!
//! # Invariants
//!
//! - A shape is data: a line for each field. A rule for one provider is a line, or is in `settle`.
//! - A count is read once, and no count is read that the body lacks. Unknown is absent, never 0.
//! - No text of a reply is kept: only counts, names and ids.
//! - No prices, no `tracing`, no I/O.

mod cost;
mod counts;
mod envelope;
mod error;
mod from_response;
mod iterations;
mod path;
mod pieces;
mod response_usage;
mod settle;
mod shapes;
mod stream;
mod unread;

pub use error::ResponseError;
pub use response_usage::ResponseUsage;
pub use stream::ResponseStream;
