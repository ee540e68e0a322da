//! Arguments of `recover`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Directories of journals, as `.journal(..)` named them.
    #[arg(value_name = "DIRECTORY", required = true, value_hint = ValueHint::DirPath)]
    pub(crate) directories: Vec<PathBuf>,

    /// Only say what would be stored.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Leave the journals where they are; the next layer with the same directory will deliver their runs again.
    #[arg(long)]
    pub(crate) keep: bool,
}
