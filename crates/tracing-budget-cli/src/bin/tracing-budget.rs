//! The command `tracing-budget`: everything it does is in this crate's library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_budget_cli::main()
}
