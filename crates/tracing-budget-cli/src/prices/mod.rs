//! `prices`: the rates of the price book.
//!
//! # Invariants
//!
//! - Rates and charges are those of `tracing_budget::price`, which its tests compare with the prices of calls. None is computed here.
//! - `sheet` and `calc` have the one form of rates and of charges. Every command and the tools for agents show them by it.
//! - Absent: the rules of price data. They belong to `tracing_budget::price`; here a list is fetched, and kept as it is.

mod book;
pub(crate) mod calc;
mod diff;
mod fetch;
mod kept;
mod lookup;
mod python_data;
mod sheet;
mod status;
mod update;

use clap::Subcommand;

use crate::exit::Exit;
use crate::session::Session;

pub(crate) use book::load;

/// The commands under `prices`.
#[derive(Debug, Subcommand)]
pub(crate) enum PricesCommand {
    /// Models with their rates.
    List(lookup::ListPricesArgs),
    /// The model that a name resolves to, and similar names.
    Find(lookup::FindArgs),
    /// The cost of one call.
    Calc(calc::CalcArgs),
    /// Rates that differ between two days, or between two price books.
    Diff(diff::DiffArgs),
    /// The prices in use: their age, where they come from, and what they lack.
    Status(status::StatusArgs),
    /// Fetch newer published prices, and keep them.
    Update(update::UpdateArgs),
}

/// Runs one of the commands.
pub(crate) fn run(command: &PricesCommand, session: &Session) -> anyhow::Result<Exit> {
    match command {
        PricesCommand::List(args) => lookup::list(args, session),
        PricesCommand::Find(args) => lookup::find(args, session),
        PricesCommand::Calc(args) => calc::run(args, session),
        PricesCommand::Diff(args) => diff::run(args, session),
        PricesCommand::Status(args) => status::run(args, session),
        PricesCommand::Update(args) => update::run(args, session),
    }
}
