//! The price book of a command, and the rates of a model in USD per million tokens.
//!
//! The price book has no table of rates: it prices calls. So rates are found by pricing small calls, and a rate shown here
//! is the rate that a run is billed with.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde::Serialize;

use super::kept;
use crate::session::Session;
use tracing_budget::price::{PriceBook, PricedModel, Unpriced};
use tracing_budget::{Kind, Usage, Usd};
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

/// Tokens of the priced calls: more would leave the lowest tier, and a million must be a multiple.
const TOKENS: u64 = 1_000;

/// Rates of a model, in USD per million tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Quote {
    /// Name of its row in a summary: `provider/model`.
    pub(super) model: String,
    pub(super) input_usd: Option<Usd>,
    pub(super) output_usd: Option<Usd>,
    pub(super) cache_read_usd: Option<Usd>,
    pub(super) cache_write_usd: Option<Usd>,
    /// USD per request.
    pub(super) request_usd: Option<Usd>,
    /// Whether large calls have other rates; these are the rates of a small call.
    pub(super) tiered: bool,
    /// Source of the prices; null if there is no price.
    pub(super) source: Option<String>,
    /// Reason why there is no price.
    pub(super) unpriced: Option<String>,
}

impl Quote {
    /// Returns the rates of a model at a time.
    pub(super) fn of(book: &PriceBook, provider: Option<&str>, model: &str, at: SystemTime) -> Self {
        let priced = book.model(provider, Some(model));
        let plain = priced.price(&Usage::new().input(TOKENS).output(TOKENS), at);
        let fee = request(&priced, at);
        let rate = |usage: Usage| rate(&priced, &usage, fee, at).ok();
        Self {
            model: priced.label().to_owned(),
            input_usd: rate(Usage::new().input(TOKENS)),
            output_usd: rate(Usage::new().input(0).output(TOKENS)),
            cache_read_usd: rate(Usage::new().input(TOKENS).cache_read(TOKENS)),
            cache_write_usd: rate(Usage::new().input(TOKENS).cache_write(TOKENS)),
            request_usd: fee.filter(|fee| *fee != Usd::ZERO),
            tiered: is_tiered(&priced, fee, at),
            source: plain.as_ref().ok().map(|price| price.source.to_string()),
            unpriced: plain.err().map(|reason| reason.to_string()),
        }
    }

    /// The rates by name.
    pub(super) fn rates(&self) -> [(&'static str, Option<Usd>); 5] {
        [
            ("input", self.input_usd),
            ("output", self.output_usd),
            ("cache read", self.cache_read_usd),
            ("cache write", self.cache_write_usd),
            ("request", self.request_usd),
        ]
    }
}

/// Returns the fee per call, which does not depend on its usage.
fn request(priced: &PricedModel, at: SystemTime) -> Option<Usd> {
    let usage = Usage::new().input(0).output(0).with(Kind::Requests, 1);
    priced.price(&usage, at).ok().map(|price| price.cost)
}

fn rate(priced: &PricedModel, usage: &Usage, fee: Option<Usd>, at: SystemTime) -> Result<Usd, Unpriced> {
    let cost = priced.price(usage, at)?.cost - fee.unwrap_or(Usd::ZERO);
    Ok(Usd::from_pico(cost.pico() * i128::from(1_000_000 / TOKENS)))
}

/// Returns whether one call of a million tokens has another price than a thousand calls of a thousand.
fn is_tiered(priced: &PricedModel, fee: Option<Usd>, at: SystemTime) -> bool {
    let both = |tokens| Usage::new().input(tokens).output(tokens);
    let small = rate(priced, &both(TOKENS), fee, at);
    let large = priced.price(&both(1_000_000), at).map(|price| price.cost - fee.unwrap_or(Usd::ZERO));
    matches!((small, large), (Ok(small), Ok(large)) if small != large)
}

/// Returns a rate as text: to the cent, or with all of its digits.
pub(super) fn quoted(rate: Usd) -> String {
    tracing_budget::present::numbers::limit(rate)
}
