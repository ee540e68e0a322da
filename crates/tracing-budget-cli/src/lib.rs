//! The program `tracing-budget`: what LLM pipelines spent, checks for CI, prices, a dashboard, and tools for agents.
//!
//! ```sh
//! tracing-budget import target/budget          # summary files into the run history
//! tracing-budget runs list --since 7d          # newest first
//! tracing-budget runs show last                # one run, stage by stage
//! tracing-budget check last --max-cost-usd 5   # for CI: exits with 1 if the run cost more
//! tracing-budget serve                         # dashboard and HTTP API
//! tracing-budget mcp                           # tools for an agent, over standard input and output
//! ```
//!
//! `cargo install tracing-budget-cli` installs it; `tracing-budget --help` lists the commands and the exit codes.
//!
//! As a library this crate has two entry points: [`main`] runs the program, so that a binary of your own can wrap it, and
//! [`mcp::serve`] serves an agent from any [`Store`](tracing_budget_history::Store).
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     tracing_budget_cli::main()
//! }
//! ```
//!
//! # Interfaces
//!
//! Arguments, JSON (`--format json`), CSV column names and exit codes are interfaces and keep their meaning. Tables and
//! messages are for people, and their shape may change.
//!
//! # Invariants
//!
//! - Standard output carries data, standard error carries messages: a pipe never has to filter out words.
//! - A command builds one result value. JSON is that value; tables and CSV are derived from it.
//! - Absent: SQL, spans, pricing and statistics. They belong to `tracing_budget_history` and `tracing_budget`; a second
//!   implementation here would give other figures than the dashboard does.
//! - A command's arguments are in the file of its work. `cli` lists the commands, and no other file names `cli`.

mod cell;
mod check;
mod cli;
mod exit;
mod export;
mod filter_args;
mod import;
mod input;
pub mod mcp;
mod metrics;
mod output;
mod prices;
mod recover;
mod reference;
mod reprice;
mod run_ref;
mod runs;
mod serve;
mod session;
mod stats;
mod store;
mod table;
mod top;

pub use cli::main;

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
