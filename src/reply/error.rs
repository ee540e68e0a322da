//! Why the usage of a reply is unknown.

use crate::ledger::MAX_COUNT;

/// The error of a response without readable usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The body is neither JSON, nor a stream's events, nor lines of JSON.
    #[error("the response is not JSON: {reason}")]
    NotJson {
        /// The JSON parser's message.
        reason: String,
    },
    /// No shape has the name that was given.
    #[error("no response shape is called {flavor:?}, expected one of {known}, or the path of an endpoint")]
    UnknownFlavor {
        /// The shape as it was named.
        flavor: String,
        /// The names of the known shapes.
        known: String,
    },
    /// The body has usage in none of the known shapes, or not in the one that was named.
    #[error("the response of {provider} holds no usage that can be read: {reason}")]
    NoUsage {
        /// The provider's id.
        provider: String,
        /// What the body has instead.
        reason: String,
    },
    /// A count is not a number from 0 to a trillion, or a count of tokens is not whole.
    #[error("{key} is {value}, expected a whole number up to {MAX_COUNT}")]
    InvalidCount {
        /// The path of the count in the reply's usage.
        key: String,
        /// The count.
        value: String,
    },
}
