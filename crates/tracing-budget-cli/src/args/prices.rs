//! Arguments of `prices`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::when;
use tracing_budget::summary::Timestamp;

/// What can be asked about prices.
#[derive(Debug, Subcommand)]
pub(crate) enum PricesCommand {
    /// Every model with its rates.
    List(ListPricesArgs),
    /// How a model's name is understood, and what is similar.
    Find(FindArgs),
    /// What a call would cost.
    Calc(CalcArgs),
    /// Which rates differ between two days, or with other prices.
    Diff(DiffArgs),
}

/// Whose prices, and of when.
#[derive(Debug, Args)]
pub(crate) struct BookArgs {
    /// With these prices on top: a TOML file (docs/prices.md), or a data.json of genai-prices in place of the bundled
    /// one; give it again for both.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Vec<PathBuf>,

    /// The prices of this day or time; now unless given.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) at: Option<Timestamp>,
}

/// Arguments of `prices list`.
#[derive(Debug, Args)]
pub(crate) struct ListPricesArgs {
    /// Only models whose name has this in it.
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,

    /// Only models of this provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    #[command(flatten)]
    pub(crate) book: BookArgs,
}

/// Arguments of `prices find`.
#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    /// The model as a span would name it.
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,

    /// The provider as a span would name it.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    #[command(flatten)]
    pub(crate) book: BookArgs,
}

/// Arguments of `prices calc`.
#[derive(Debug, Args)]
pub(crate) struct CalcArgs {
    /// The model as a span would name it.
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,

    /// The provider as a span would name it.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    /// Input tokens, cached ones included.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(crate) input: u64,

    /// Output tokens, reasoning included.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(crate) output: u64,

    /// Of the input, tokens read from a cache.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache_read: Option<u64>,

    /// Of the input, tokens written to a cache.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache_write: Option<u64>,

    /// Of the cache writes, those kept for an hour.
    #[arg(long, value_name = "TOKENS", requires = "cache_write")]
    pub(crate) cache_write_1h: Option<u64>,

    /// Of the output, tokens spent on reasoning.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) reasoning: Option<u64>,

    #[command(flatten)]
    pub(crate) book: BookArgs,
}

/// Arguments of `prices diff`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("against").required(true).multiple(true).args(["from", "with"]))]
pub(crate) struct DiffArgs {
    /// The bundled prices of this day or time.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) from: Option<Timestamp>,

    /// The prices of this day or time; now unless given.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) to: Option<Timestamp>,

    /// These prices against the bundled ones: a TOML file, or a data.json of genai-prices.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Vec<PathBuf>,

    /// Only models of this provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
}
