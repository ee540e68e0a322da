//! The live panel: a widget of `ratatui` for people's own terminal programs, and what `tracing-budget top` draws.
//!
//! It is fed by snapshots and knows nothing of where they come from: a [`Handle`](tracing_budget::Handle) in the same process, or
//! the history's running rows. Nothing here reads keys or owns a terminal.

mod head;
mod panel;
mod rows;
mod session;
mod state;

pub use panel::CostPanel;
pub use session::Session;
pub use state::CostPanelState;

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
