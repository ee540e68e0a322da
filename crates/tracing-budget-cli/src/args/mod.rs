//! What can be typed: every command, argument and word of help. Nothing here does anything.
//!
//! A new command is a variant of [`Command`], a struct of arguments, and a line in [`start`](super::start).

mod check;
mod prices;
mod recover;
mod runs;
mod select;
mod serve;
mod top;
mod watch;
mod work;

pub(super) use check::{Baseline, CheckArgs, Figure, Percent};
pub(super) use prices::{CalcArgs, DiffArgs, FindArgs, ListPricesArgs, PricesCommand};
pub(super) use recover::RecoverArgs;
pub(super) use runs::{
    CompareArgs, DeleteArgs, HealthArgs, ListArgs, PruneArgs, RunsCommand, ShowArgs, SummaryArgs,
};
pub(super) use select::{FilterArgs, ScopeArgs, WindowArgs};
pub(super) use serve::ServeArgs;
pub(super) use top::{
    Cli, Color, Command, CompletionsArgs, Document, Format, ManArgs, McpArgs, ReferenceArgs,
};
pub(super) use watch::TopArgs;
pub(super) use work::{ExportArgs, ExportFormat, ImportArgs, RepriceArgs};
