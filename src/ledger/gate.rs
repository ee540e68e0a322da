//! Quality gates: what a named check said.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a gate said. Text is read without regard to case, and unknown words are kept as they came.
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
    /// The check itself broke.
    Error,
    /// A word that is none of ours, kept as it came.
    Other(Box<str>),
}

impl Verdict {
    /// The word that stands in JSON and tables.
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
