//! A [`ratatui`] widget with the cost of the runs in flight: totals, limit, burn rate, stages and models.
//!
//! ```text
//! ┌ apprentice_pipeline … running 30.0s ─────────────────────────────────────────────────────────────┐
//! │cost $0.2500   tokens 12,345   calls 3   burn —                                                   │
//! │limit $1.00 ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 25%                                          │
//! │stage                              status                cost  share       tokens  calls      time│
//! │implementation                     … running          $0.2500   100%       12,345      3     30.0s│
//! │review                             · not run               $0      —            0      0        0s│
//! │model                                                    cost  share       tokens  calls      time│
//! │anthropic/claude-sonnet-4-5                           $0.2500   100%       12,345      3     30.0s│
//! └ session $0.2500 · 12,345 tokens · 1 run ─────────────────────────────────────────────────────────┘
//! ```
//!
//! ```
//! use ratatui::{Terminal, backend::TestBackend};
//! use tracing_budget_tui::{CostPanel, CostPanelState};
//!
//! let (budget, guard) = tracing_budget::layer().build::<tracing_subscriber::Registry>()?;
//! let handle = guard.handle();
//! // tracing_subscriber::registry().with(budget).init();
//!
//! let mut terminal = Terminal::new(TestBackend::new(93, 12))?; // in a program: `ratatui::init()`
//! let mut panel = CostPanelState::new();
//!
//! // Once per frame, or once a second:
//! let runs = handle.snapshot();
//! panel.observe(&runs);
//! terminal.draw(|frame| frame.render_stateful_widget(CostPanel::new(&runs), frame.area(), &mut panel))?;
//! # drop(budget);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`CostPanel`] draws snapshots from any source: a [`Handle`](tracing_budget::Handle) of this process, or the running rows
//! of a run history, as `tracing-budget top` does. [`CostPanelState`] keeps the selected run, its burn rate, and the
//! [`Session`]: the total of all runs seen.
//!
//! # Invariants
//!
//! - The state stays below 1 KiB, for any number of runs.
//! - Every status is a word as well as a colour: some screens and some people see no colours.
//! - Absent: reading keys, owning the terminal, timers. They belong to the program that draws.

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
