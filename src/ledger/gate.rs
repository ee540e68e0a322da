//! The verdicts of quality gates.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The verdict of a gate. Text is read without regard to case; an unknown word is kept as it is.
///
/// Deliberately not `#[non_exhaustive]`: [`Other`](Self::Other) holds every future word, so a program can match all verdicts.
///
/// ```
/// use tracing_budget::Verdict;
///
/// assert_eq!(Verdict::from("PASSED"), Verdict::Pass);
/// assert_eq!(Verdict::from("meh"), Verdict::Other("meh".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The check holds.
    Pass,
    /// The check does not hold.
    Fail,
    /// The check holds, with a reservation.
    Warn,
    /// The check was not made.
    Skipped,
    /// The check itself failed to run.
    Error,
    /// Any other word, as it was recorded.
    Other(Box<str>),
}

impl Verdict {
    /// Returns the word used in JSON and in tables.
    ///
    /// ```
    /// assert_eq!(tracing_budget::Verdict::Skipped.as_str(), "skipped");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skipped => "skipped",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Verdict {
    fn from(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "pass" | "passed" | "ok" | "success" | "true" => Self::Pass,
            "fail" | "failed" | "failure" | "false" => Self::Fail,
            "warn" | "warning" => Self::Warn,
            "skip" | "skipped" => Self::Skipped,
            "error" | "errored" => Self::Error,
            _ => Self::Other(text.trim().into()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}
