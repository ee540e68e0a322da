//! The price book: from model, provider, time and usage to an exact cost, or a typed reason why the cost is unknown.
//!
//! # Invariants
//!
//! - Uses `ledger`, `fnv` and `present` (the nearest name): no `tracing`, no runs, no rows. What an unpriced call means for a limit is decided in `limit`.
//! - No network. Published prices are compiled in, or come from a file that the program names.
//! - A cost is exact or absent. It is never a guess, and 0 only if a price of 0 is known.
//! - `genai-prices` is the oracle: whatever is computed in integers equals its result, but for what `prices/corrections.toml` corrects.

// Without published prices a route has no values, and what is done with one is never reached.
#![cfg_attr(not(feature = "prices"), expect(unreachable_code, reason = "see `no_catalog`"))]

mod alias;
mod book;
#[cfg_attr(not(feature = "prices"), path = "no_catalog.rs")]
mod catalog;
mod charges;
mod compiled;
#[cfg(feature = "prices")]
mod context_tiers;
#[cfg(feature = "prices")]
mod corrections;
#[cfg(all(test, feature = "price-files"))]
mod corrections_file;
#[cfg(feature = "prices")]
mod corrections_table;
#[cfg(feature = "prices")]
mod data_file;
pub(crate) mod edition;
mod elsewhere;
mod error;
mod factors;
#[cfg(feature = "prices")]
mod file_name;
#[cfg(feature = "prices")]
mod known_names;
mod listed_rates;
mod model;
mod model_alias;
mod model_name;
mod overrides;
mod period;
#[cfg(feature = "prices")]
mod published_models;
#[cfg(feature = "prices")]
mod published_prices;
#[cfg(feature = "prices")]
mod published_rates;
mod rates;
mod reason;
mod service_tier;
#[cfg(feature = "price-files")]
mod toml_file;
mod two_names;
mod unit_table;
#[cfg(feature = "prices")]
mod units;
mod version_stamp;
mod weights;
mod who_bills;

pub(crate) use compiled::Compiled;
pub(crate) use reason::CORRECTIONS;

pub use book::{PriceBook, PriceBookBuilder, UnknownModel};
pub use charges::{Charge, Charges};
pub use edition::{Edition, Origin};
pub use error::PriceBookError;
pub use factors::PriceFactor;
pub use listed_rates::{ListedRate, ModelRates};
pub use model::PricedModel;
pub use rates::Rates;
pub use reason::{BookName, Price, Source, Unpriced};

/// The id of a provider in the price data, by any of its names.
#[cfg(feature = "prices")]
pub(crate) fn provider_id(name: &str) -> Option<String> {
    catalog::Catalog::default().provider_id(name)
}
