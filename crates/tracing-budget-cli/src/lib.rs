//! The command line: what is typed, and what is read on a screen.
//!
//! Standard output is data, standard error is talk. Every command builds a result once; as JSON it is written whole, as a
//! table or CSV by way of `sheet`. What a result *is* is worked out elsewhere: by the store in `history`, by `reprice`,
//! by `price`. Nothing here knows SQL or `tracing`, and nothing outside names what is here but `src/bin`.

mod agents;
mod args;
mod cell;
mod check;
mod exit;
mod export;
mod import;
pub mod mcp;
mod page;
mod pick;
mod prices;
mod progress;
mod recover;
mod reference;
mod reprice;
mod runs;
mod screen;
mod serving;
mod session;
mod sheet;
mod sources;
mod start;
mod statistics;
mod watch;
mod when;

pub use start::main;

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
