//! `store`: commands about the run history's file itself, one file each.
//!
//! # Invariants
//!
//! - Absent: what a right sum is. The history decides that.

mod verify;

use clap::Subcommand;

use crate::exit::Exit;
use crate::session::Session;

/// The commands under `store`.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Compare the sums by hour and day with the runs; exits with 1 if one differs.
    Verify(verify::VerifyArgs),
}

/// Runs one of the commands.
pub(crate) fn run(command: &StoreCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        StoreCommand::Verify(args) => verify::run(args, session),
    }
}
