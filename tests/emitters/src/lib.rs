//! What the tests of real libraries share: a budget over one piece of work, and a transcript of what it received.
//!
//! A1 to A14 are the rules of `docs/attribution.md`.

mod observed;
mod transcript;

pub use observed::{Observed, observe};
pub use transcript::Transcript;
