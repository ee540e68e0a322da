//! Arguments of `prices`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::when;
use crate::summary::Timestamp;

/// What can be asked about prices.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PricesCommand {
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
pub(in crate::cli) struct BookArgs {
    /// With these prices on top: a TOML file (docs/prices.md), or a data.json of genai-prices in place of the bundled
    /// one; give it again for both.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) with: Vec<PathBuf>,

    /// The prices of this day or time; now unless given.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(in crate::cli) at: Option<Timestamp>,
}

/// Arguments of `prices list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListPricesArgs {
    /// Only models whose name has this in it.
    #[arg(value_name = "TEXT")]
    pub(in crate::cli) text: Option<String>,

    /// Only models of this provider.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) provider: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) book: BookArgs,
}

/// Arguments of `prices find`.
#[derive(Debug, Args)]
pub(in crate::cli) struct FindArgs {
    /// The model as a span would name it.
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: String,

    /// The provider as a span would name it.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) provider: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) book: BookArgs,
}

/// Arguments of `prices calc`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CalcArgs {
    /// The model as a span would name it.
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: String,

    /// The provider as a span would name it.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) provider: Option<String>,

    /// Input tokens, cached ones included.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(in crate::cli) input: u64,

    /// Output tokens, reasoning included.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub(in crate::cli) output: u64,

    /// Of the input, tokens read from a cache.
    #[arg(long, value_name = "TOKENS")]
    pub(in crate::cli) cache_read: Option<u64>,

    /// Of the input, tokens written to a cache.
    #[arg(long, value_name = "TOKENS")]
    pub(in crate::cli) cache_write: Option<u64>,

    /// Of the cache writes, those kept for an hour.
    #[arg(long, value_name = "TOKENS", requires = "cache_write")]
    pub(in crate::cli) cache_write_1h: Option<u64>,

    /// Of the output, tokens spent on reasoning.
    #[arg(long, value_name = "TOKENS")]
    pub(in crate::cli) reasoning: Option<u64>,

    #[command(flatten)]
    pub(in crate::cli) book: BookArgs,
}

/// Arguments of `prices diff`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("against").required(true).multiple(true).args(["from", "with"]))]
pub(in crate::cli) struct DiffArgs {
    /// The bundled prices of this day or time.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(in crate::cli) from: Option<Timestamp>,

    /// The prices of this day or time; now unless given.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(in crate::cli) to: Option<Timestamp>,

    /// These prices against the bundled ones: a TOML file, or a data.json of genai-prices.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) with: Vec<PathBuf>,

    /// Only models of this provider.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) provider: Option<String>,
}
