//! Which prices are meant.

use std::path::PathBuf;
use std::time::SystemTime;

use tracing_budget::price::PriceBook;
use tracing_budget::summary::Timestamp;

/// The bundled prices with these files on top, or in place of them.
pub(crate) fn load(files: &[PathBuf]) -> anyhow::Result<PriceBook> {
    let builder = files.iter().fold(PriceBook::builder(), |book, file| {
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        if is_json { book.prices_json_file(file) } else { book.prices_file(file) }
    });
    Ok(builder.build()?)
}

pub(super) fn at_or_now(at: Option<Timestamp>) -> SystemTime {
    at.map_or_else(SystemTime::now, SystemTime::from)
}
