//! How figures and text are shown: numbers with their units, and text in columns. Every face uses this module.
//!
//! # Invariants
//!
//! - Depends on the `ledger` alone, for amounts of money.
//! - Formats values; it never computes, rounds for storage, or reads anything.

pub mod columns;
mod nearest;
pub mod numbers;

pub use nearest::nearest;
