//! The price book: model, provider, time and usage in, exact cost or a typed reason out.
//!
//! Nothing here knows `tracing`, runs or rows, and nothing here decides what an unpriced call means for a limit.

mod alias;
mod book;
#[cfg_attr(not(feature = "prices"), path = "no_catalog.rs")]
mod catalog;
#[cfg(feature = "prices")]
mod data_file;
mod error;
mod memo;
mod model;
mod overrides;
mod rates;
mod reason;
#[cfg(feature = "prices")]
mod response;
#[cfg(feature = "price-files")]
mod toml_file;

pub use book::{PriceBook, PriceBookBuilder, UnknownModel};
pub use error::PriceBookError;
pub use model::PricedModel;
pub use rates::Rates;
pub use reason::{BookName, Price, Source, Unpriced};
#[cfg(feature = "prices")]
pub use response::{ResponseError, ResponseUsage};
