//! Errors of the user's own prices.

use std::path::PathBuf;

/// The error of a price book that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceBookError {
    /// A price given by a builder call is not usable.
    #[error("the price for {model:?} is not usable: {reason}")]
    Price {
        /// The model or pattern that the price was given for.
        model: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A model alias given by a builder call is not usable.
    #[error("the alias {name:?} is not usable: {reason}")]
    Alias {
        /// The reported name that the alias was given for.
        name: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A factor given by a builder call is not usable.
    #[error("the factor for {provider:?} is not usable: {reason}")]
    Factor {
        /// The provider that the factor was given for.
        provider: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A price file could not be read.
    #[error("the price file {} cannot be read: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's message.
        reason: std::io::Error,
    },
    /// A price file is not TOML.
    #[error("{file}:{line}: not TOML: {reason}")]
    Toml {
        /// The file's path, or `<toml>` for text.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The TOML parser's message.
        reason: String,
    },
    /// A price file has an unknown key or an invalid value.
    #[error("{file}:{line}: {key}: {reason}")]
    Key {
        /// The file's path, or `<toml>` for text.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The prices that an environment variable names are not usable.
    #[error("{variable}: {reason}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its file.
        reason: Box<PriceBookError>,
    },
    /// A `data.json` of published prices is not usable.
    #[error("the price data {name} is not usable: {reason}")]
    Data {
        /// The file's name, or `prices.json` for bytes.
        name: String,
        /// The message of `genai-prices`.
        reason: String,
    },
}
