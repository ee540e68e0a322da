//! The price book of a command.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueHint};

use super::kept;
use crate::session::Session;
use tracing_budget::Usd;
use tracing_budget::price::PriceBook;
use tracing_budget_history::grammar::When;

/// The price book and the time of its prices.
#[derive(Debug, Args)]
pub(super) struct BookArgs {
    /// Price file (repeatable): TOML (docs/prices.md), added to the published prices, or a data.json of genai-prices in
    /// place of them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) with: Vec<PathBuf>,

    /// Time of the prices: a day or time; default: now.
    #[arg(long, value_name = "WHEN")]
    at: Option<When>,
}

impl BookArgs {
    pub(super) fn load(&self, session: &Session) -> anyhow::Result<(PriceBook, SystemTime)> {
        Ok((load(&self.with)?, time("--at", self.at, session)?))
    }
}

/// Loads the published prices in use, changed by these files: those that the environment names, else the newest that are here.
pub(crate) fn load(files: &[PathBuf]) -> anyhow::Result<PriceBook> {
    let start = match kept::named() {
        Some(_) => PriceBook::builder(),
        None => kept::builder()?,
    };
    let builder = files.iter().fold(start, |book, file| {
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        if is_json { book.prices_json_file(file) } else { book.prices_file(file) }
    });
    Ok(builder.build()?)
}

/// Resolves the time of an argument; without one, now.
pub(super) fn time(argument: &str, when: Option<When>, session: &Session) -> anyhow::Result<SystemTime> {
    let at = when.map(|when| session.instant(argument, when)).transpose()?;
    Ok(at.unwrap_or_else(|| session.now()).into())
}

/// Returns a rate as text: to the cent, or with all of its digits.
pub(super) fn quoted(rate: Usd) -> String {
    tracing_budget::present::numbers::limit(rate)
}
