//! Alerts: a run or a stage is near a limit or has reached it.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::limit_set::Unit;
use crate::ledger::Usd;
use crate::present::numbers::{count, counted, limit as limit_text};
use crate::summary::Timestamp;

/// What a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All runs of the layer together.
    Total,
    /// The whole run.
    Run,
    /// A stage with everything inside it.
    Stage(&'static str),
}

impl LimitScope {
    /// The stage; `None` for the run and the total.
    #[must_use]
    pub const fn stage(self) -> Option<&'static str> {
        match self {
            Self::Total | Self::Run => None,
            Self::Stage(stage) => Some(stage),
        }
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("the total of all runs"),
            Self::Run => f.write_str("the run"),
            Self::Stage(stage) => write!(f, "stage {stage}"),
        }
    }
}

impl Serialize for LimitScope {
    /// `{"scope": "total"}`, with `"run"` or `"stage"` in its place, and the stage's name in `stage`, which is null otherwise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scope = match self {
            Self::Total => "total",
            Self::Run => "run",
            Self::Stage(_) => "stage",
        };
        let mut fields = serializer.serialize_struct("LimitScope", 2)?;
        fields.serialize_field("scope", scope)?;
        fields.serialize_field("stage", &self.stage())?;
        fields.end()
    }
}

/// An amount in the unit of a limit. In JSON `{"usd": 0.04}` or `{"tokens": 80000}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// USD.
    Usd(Usd),
    /// Tokens, input and output together.
    Tokens(u64),
}

impl Amount {
    pub(crate) fn of(unit: Unit, amount: i128) -> Self {
        match unit {
            Unit::Usd => Self::Usd(Usd::from_pico(amount)),
            Unit::Tokens => {
                // Clamped: a count of tokens is never negative, and a wrapped one would read as no use at all.
                Self::Tokens(u64::try_from(amount).unwrap_or(if amount < 0 { 0 } else { u64::MAX }))
            }
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usd(usd) => f.write_str(&limit_text(*usd)),
            Self::Tokens(tokens) => f.write_str(&counted(*tokens, "token")),
        }
    }
}

/// A run or a stage has used 50, 80, 95 or 100 % of a limit.
///
/// Each alert fires once for each limit and run. One booking that passes several of these marks fires the highest alone. The layer's delivery thread passes it to
/// [`Builder::on_alert`](crate::Builder::on_alert), to [`Sink::alert`](crate::sink::Sink::alert), and to the application's
/// subscriber as an event with the target `tracing_budget::alert`.
///
/// Figures are those at the moment when the alert became due. Reserved amounts do not count as used.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// The run's id, as in its summary. For the total, this and the two below are of the run that made the alert due.
    pub run_id: String,
    /// The run's project.
    pub project: String,
    /// The root span's name.
    pub pipeline: String,
    /// What has the limit; in JSON `scope` is `"total"`, `"run"` or `"stage"`, and `stage` the stage's name, or null.
    #[serde(flatten)]
    pub scope: LimitScope,
    /// 50, 80, 95 or 100: at least this percentage of the limit is used.
    pub percent: u8,
    /// The used amount.
    pub used: Amount,
    /// The limit.
    pub limit: Amount,
    /// When it became due.
    pub at: Timestamp,
}

impl Alert {
    /// Returns whether all of the limit is used.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.percent >= 100
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pipeline, scope, percent, used, limit, .. } = self;
        write!(f, "{pipeline}: {scope} {}", spent(*used, *limit))?;
        // At the last mark the two amounts show it, and how far the use is above the limit.
        if self.is_exhausted() { Ok(()) } else { write!(f, ", at least {percent} %") }
    }
}

/// What was used of a limit, in words that are true below, at and above it: `spent $0.11 of its $0.10 limit`.
pub(super) fn spent(used: Amount, limit: Amount) -> String {
    match (used, limit) {
        (Amount::Tokens(used), Amount::Tokens(limit)) => {
            format!("used {} of its {}-token limit", counted(used, "token"), count(limit))
        }
        (used, limit) => format!("spent {used} of its {limit} limit"),
    }
}
