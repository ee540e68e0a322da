//! The command `tracing-budget`: everything it does is in the library's room `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_budget::cli::main()
}
