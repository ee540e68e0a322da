//! What the tests of real libraries share: a budget over one piece of work, and a transcript of what it was told.

mod observed;
mod transcript;

pub use observed::{Observed, observe};
pub use transcript::Transcript;
