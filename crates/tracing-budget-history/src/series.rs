//! Measures over time: cost, tokens, durations and rates by hour or by day, for whole runs, by stage or by model.
//!
//! ```
//! use tracing_budget::{RunSummary, Status};
//! use tracing_budget_history::series::{Amount, Measure, SeriesQuery};
//! use tracing_budget_history::{Scope, Sqlite, Store};
//!
//! # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-series-{}", std::process::id()));
//! let store = Sqlite::open(directory.join("runs.db"))?;
//! let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
//! run.status = Status::Completed;
//! store.put(&run)?;
//!
//! let runs = store.series(&SeriesQuery::new(Scope::new(), Measure::Runs))?;
//! assert_eq!(runs.at, ["2026-04-19T00:00:00Z".parse()?]); // one day
//! assert_eq!(runs.lines[0].values, [Some(Amount::Count(1))]);
//! # drop(store);
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::filter::Scope;
use super::tally::{Subject, Tally, count};
use super::time_partition::{DAY, HOUR};
use tracing_budget::Usd;
use tracing_budget::summary::Timestamp;

/// The length of one step of a series. Steps begin on the hour or the day of UTC.
// Exhaustive: every step has its own column of sums in the store; a new one is a new schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
}

impl Bucket {
    pub(super) const fn ms(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The start of the step that contains a time.
    pub(super) const fn start(self, unix_ms: i64) -> i64 {
        unix_ms.div_euclid(self.ms()) * self.ms()
    }
}

/// The measure of a series: of runs that have ended, at the time of their start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// Known cost, in USD.
    #[default]
    Cost,
    /// Known tokens.
    Tokens,
    /// Runs.
    Runs,
    /// The fraction that completed, 0 to 1; what was cancelled is left out. Not by model.
    SuccessRate,
    /// Seconds that half of the runs stayed below, within 1 %.
    P50Duration,
    /// Seconds that 95 % of the runs stayed below, within 1 %.
    P95Duration,
    /// The fraction of the checks made that passed, 0 to 1. Not by model.
    GatePassRate,
    /// The fraction of the model calls with known usage and unknown cost, 0 to 1.
    UnpricedShare,
}

impl Measure {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Cost,
        Self::Tokens,
        Self::Runs,
        Self::SuccessRate,
        Self::P50Duration,
        Self::P95Duration,
        Self::GatePassRate,
        Self::UnpricedShare,
    ];

    /// The word in JSON and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::Runs => "runs",
            Self::SuccessRate => "success_rate",
            Self::P50Duration => "p50_duration",
            Self::P95Duration => "p95_duration",
            Self::GatePassRate => "gate_pass_rate",
            Self::UnpricedShare => "unpriced_share",
        }
    }

    fn of(self, tally: &Tally) -> Option<Amount> {
        match self {
            Self::Cost => tally.cost().map(Amount::Usd),
            Self::Tokens => tally.tokens().map(Amount::Count),
            Self::Runs => Some(Amount::Count(count(tally.runs))),
            Self::SuccessRate => tally.statuses().success_rate().map(Amount::Ratio),
            Self::P50Duration => tally.durations.quantile(0.5).map(Amount::Seconds),
            Self::P95Duration => tally.durations.quantile(0.95).map(Amount::Seconds),
            Self::GatePassRate => tally.pass_rate().map(Amount::Ratio),
            Self::UnpricedShare => tally.unpriced_share().map(Amount::Ratio),
        }
    }
}

/// The dimension of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum By {
    /// One line for whole runs.
    #[default]
    Run,
    /// A line a stage. A check counts for the stage that it came after.
    Stage,
    /// A line a model.
    Model,
}

impl By {
    /// The word in JSON and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stage => "stage",
            Self::Model => "model",
        }
    }

    pub(super) const fn kind(self) -> Subject {
        match self {
            Self::Run => Subject::Run,
            Self::Stage => Subject::Stage,
            Self::Model => Subject::Model,
        }
    }
}

/// The runs, measure, dimension and step of a series. Without `since`, it begins with the first run; without `until`,
/// it ends with the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SeriesQuery {
    /// Which runs.
    #[serde(flatten)]
    pub scope: Scope,
    /// The measure.
    pub measure: Measure,
    /// The dimension: one line for each of its values.
    pub by: By,
    /// The length of a step.
    pub bucket: Bucket,
}

impl SeriesQuery {
    /// A measure of these runs, by day, for whole runs.
    #[must_use]
    pub fn new(scope: Scope, measure: Measure) -> Self {
        Self { scope, measure, ..Self::default() }
    }

    /// A line for each of these.
    #[must_use]
    pub fn by(mut self, by: By) -> Self {
        self.by = by;
        self
    }

    /// Steps of this length.
    #[must_use]
    pub fn bucket(mut self, bucket: Bucket) -> Self {
        self.bucket = bucket;
        self
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        match (self.by, self.measure) {
            (By::Model, Measure::SuccessRate | Measure::GatePassRate) => Err(StoreError::Series {
                measure: self.measure.as_str(),
                by: self.by.as_str(),
                reason: "models neither succeed nor pass; expected by stage or by run",
            }),
            _ => Ok(()),
        }
    }
}

/// A value in the unit of its measure; in JSON a number.
// Exhaustive: a caller that draws a value must decide on every unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Amount {
    /// USD.
    Usd(Usd),
    /// A count.
    Count(u64),
    /// A fraction, 0 to 1.
    Ratio(f64),
    /// Seconds.
    Seconds(f64),
}

impl Amount {
    /// The value as a number, for drawing it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Usd(usd) => usd.to_f64(),
            Self::Count(count) => count as f64,
            Self::Ratio(value) | Self::Seconds(value) => value,
        }
    }
}

/// A measure over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Series {
    /// The measure.
    pub measure: Measure,
    /// The dimension: one line for each of its values.
    pub by: By,
    /// The length of a step.
    pub bucket: Bucket,
    /// When each step begins, without gaps.
    pub at: Vec<Timestamp>,
    /// The lines, those with the largest sum (or last value) first; at most [`Series::LINES`], and one more for all others.
    pub lines: Vec<Line>,
    /// Stages or models that the last line, `(other)`, sums up; 0 where each has its line.
    pub lines_left_out: u64,
}

/// One line of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// The stage or the model; empty for whole runs.
    pub name: String,
    /// A value for each step; null where it is unknown, which is not 0.
    pub values: Vec<Option<Amount>>,
    /// The same measure over the whole time.
    pub total: Option<Amount>,
}

/// Maximum number of steps, a year of hours; older steps are left out.
const MOST_STEPS: i64 = 24 * 366;

impl Series {
    /// Maximum number of lines of their own. A run may have 100,000 stages, and a line has up to 8,784 values.
    pub const LINES: usize = 100;

    /// From sums by step and name.
    pub(super) fn of(query: &SeriesQuery, tallies: &BTreeMap<(i64, String), Tally>) -> Self {
        let step = query.bucket.ms();
        let bound = |end: Option<Timestamp>| end.map(|at| at.unix_ms());
        let first_known = tallies.keys().next().map(|(at, _)| *at);
        let last_known = tallies.keys().next_back().map(|(at, _)| *at);
        let first = bound(query.scope.since).map(|at| query.bucket.start(at)).or(first_known);
        let last = bound(query.scope.until).map(|at| query.bucket.start(at - 1)).or(last_known.max(first));
        let (Some(first), Some(last)) = (first, last) else { return Self::without_steps(query) };
        let first = first.max(last.saturating_sub(step * (MOST_STEPS - 1)));
        let steps: Vec<i64> = (0..).map(|n| first + n * step).take_while(|at| *at <= last).collect();
        let seen = || tallies.iter().filter(|((at, _), _)| (first..=last).contains(at));
        let mut wholes: BTreeMap<&str, Tally> = BTreeMap::new();
        seen().for_each(|((_, name), tally)| wholes.entry(name).or_default().add(tally, 1));
        if query.by == By::Run {
            wholes.entry("").or_default();
        }
        // The order first, from one sum a name: values of every step for every name would take gigabytes.
        let mut order: Vec<(&str, Tally)> = wholes.into_iter().collect();
        let size = |whole: &Tally| query.measure.of(whole).map_or(f64::NEG_INFINITY, Amount::to_f64);
        order.sort_by(|(one, of_one), (two, of_two)| {
            size(of_two).total_cmp(&size(of_one)).then_with(|| one.cmp(two))
        });
        let left = order.split_off(order.len().min(Self::LINES));
        let places: BTreeMap<&str, usize> =
            order.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
        let nothing = Tally::default();
        let mut values: Vec<Vec<Option<Amount>>> =
            vec![vec![query.measure.of(&nothing); steps.len()]; order.len()];
        let mut others = vec![Tally::default(); if left.is_empty() { 0 } else { steps.len() }];
        for ((at, name), tally) in seen() {
            let at = usize::try_from((at - first) / step).unwrap_or(0);
            match places.get(name.as_str()) {
                Some(place) => values[*place][at] = query.measure.of(tally),
                None => others[at].add(tally, 1),
            }
        }
        let mut lines: Vec<Line> = order
            .iter()
            .zip(values)
            .map(|((name, whole), values)| Line {
                name: (*name).to_owned(),
                values,
                total: query.measure.of(whole),
            })
            .collect();
        if !left.is_empty() {
            let mut whole = Tally::default();
            left.iter().for_each(|(_, tally)| whole.add(tally, 1));
            let values = others.iter().map(|tally| query.measure.of(tally)).collect();
            lines.push(Line { name: "(other)".to_owned(), values, total: query.measure.of(&whole) });
        }
        Self {
            at: steps.into_iter().filter_map(Timestamp::from_unix_ms).collect(),
            lines,
            lines_left_out: left.len() as u64,
            ..Self::without_steps(query)
        }
    }

    fn without_steps(query: &SeriesQuery) -> Self {
        Self {
            measure: query.measure,
            by: query.by,
            bucket: query.bucket,
            at: Vec::new(),
            lines: Vec::new(),
            lines_left_out: 0,
        }
    }
}
