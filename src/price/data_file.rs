//! Bytes of a price file, and a newer `data.json` of genai-prices.

use std::borrow::Cow;
use std::path::PathBuf;

use super::catalog::Catalog;
use super::error::PriceBookError;

/// Where a file's content is.
#[derive(Debug)]
pub(super) enum Bytes {
    Given(Vec<u8>),
    File(PathBuf),
}

impl Bytes {
    pub(super) fn read(&self) -> Result<Cow<'_, [u8]>, PriceBookError> {
        match self {
            Self::Given(bytes) => Ok(bytes.into()),
            Self::File(path) => std::fs::read(path)
                .map(Cow::Owned)
                .map_err(|reason| PriceBookError::Read { path: path.clone(), reason }),
        }
    }

    #[cfg(feature = "price-files")]
    pub(super) fn name(&self, given: &str) -> String {
        match self {
            Self::Given(_) => given.to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Reads published prices.
pub(super) fn load_catalog(bytes: &Bytes) -> Result<Catalog, PriceBookError> {
    let name = match bytes {
        Bytes::Given(_) => "prices.json".into(),
        Bytes::File(path) => path.file_name().unwrap_or_default().to_string_lossy(),
    };
    Catalog::load(&name, &bytes.read()?)
        .map_err(|error| PriceBookError::Data { name: name.into_owned(), reason: error.to_string() })
}
