//! The command `tracing-budget`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_budget_cli::main()
}
