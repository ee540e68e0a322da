//! What is measured, for every way of measuring it: the lives of spans, and the subscribers that they are lived under.
//!
//! A variant is one shape of tree under one subscriber. What counts instructions, times, or allocations is in `src/bin`
//! and in `benches`.

pub mod callgrind;
pub mod heap;
pub mod layers;
pub mod shapes;
pub mod variants;

/// Prints whether we are over a bar that we set ourselves, in a line that `cargo xtask bench` gathers.
pub fn bar(what: &str, measured: &str, is_met: bool) {
    println!("bar | {what} | {measured} | {} |", if is_met { "met" } else { "**missed**" });
}
