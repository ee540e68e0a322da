//! The status of a run, of a stage and of a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a run or a stage. A terminal status is never overwritten.
///
/// Deliberately not `#[non_exhaustive]`: programs show every status, and a new one is a new `schema_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Still open.
    Running,
    /// Ended without a failure.
    Completed,
    /// Ended with an error, a panic or a blocking gate that failed.
    Failed,
    /// Cancelled on purpose.
    Cancelled,
    /// Closed by the layer while spans of it were still open.
    Incomplete,
    /// Its process died; what it had spent was recovered.
    Interrupted,
    /// Declared and never begun.
    #[default]
    NotRun,
}

impl Status {
    /// Returns the word used in JSON. People see [`present::status::word`](crate::present::status::word).
    ///
    /// ```
    /// assert_eq!(tracing_budget::Status::NotRun.as_str(), "not_run");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
            Self::NotRun => "not_run",
        }
    }

    /// Returns whether the status is final.
    ///
    /// ```
    /// use tracing_budget::Status;
    ///
    /// assert!(Status::Failed.is_terminal() && !Status::Running.is_terminal());
    /// ```
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Running | Self::NotRun)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
