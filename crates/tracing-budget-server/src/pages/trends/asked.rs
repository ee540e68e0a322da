//! What the page asks of the store.

use crate::pages::query::Query;
use crate::problem::{Kind, Problem};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::series::{By, Measure, Series, SeriesQuery};
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Scope, Store, StoreError};

/// The stretches that are offered, in days.
pub(super) const DAYS: [(&str, i64); 4] = [("7", 7), ("30", 30), ("90", 90), ("365", 365)];

const DAY_MS: i64 = 86_400_000;

/// What is looked at.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) scope: Scope,
    pub(super) by: By,
    pub(super) days: &'static str,
}

impl Asked {
    /// # Errors
    ///
    /// If the address asks for something that there is not.
    pub(super) fn read(query: &Query, now: Timestamp) -> Result<Self, Problem> {
        let by = match query.get("by") {
            None | Some("stage") => By::Stage,
            Some("model") => By::Model,
            Some(other) => return Err(wrong(format!("by is {other:?}, expected stage or model"))),
        };
        let wanted = query.get("days").unwrap_or("30");
        let (days, length) = DAYS
            .into_iter()
            .find(|(word, _)| *word == wanted)
            .ok_or_else(|| wrong(format!("days is {wanted:?}, expected 7, 30, 90 or 365")))?;
        let mut scope = query.scope()?;
        let tomorrow = (now.unix_ms().div_euclid(DAY_MS) + 1) * DAY_MS;
        scope.until = scope.until.or(Timestamp::from_unix_ms(tomorrow));
        let end = scope.until.map_or(tomorrow, Timestamp::unix_ms);
        scope.since = scope.since.or(Timestamp::from_unix_ms(end - length * DAY_MS));
        Ok(Self { scope, by, days })
    }
}

fn wrong(detail: String) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}

/// What the store answered.
pub(super) struct Answers {
    pub(super) projects: Vec<ProjectRow>,
    pub(super) cost: Series,
    pub(super) runs: Series,
    pub(super) success: Series,
    pub(super) p50: Series,
    pub(super) p95: Series,
    pub(super) gates: Series,
    pub(super) unpriced: Series,
}

impl Answers {
    pub(super) fn of(store: &dyn Store, asked: &Asked) -> Result<Self, StoreError> {
        let series = |measure| store.series(&SeriesQuery::new(asked.scope.clone(), measure));
        Ok(Self {
            projects: store.projects()?,
            cost: store.series(&SeriesQuery::new(asked.scope.clone(), Measure::Cost).by(asked.by))?,
            runs: series(Measure::Runs)?,
            success: series(Measure::SuccessRate)?,
            p50: series(Measure::P50Duration)?,
            p95: series(Measure::P95Duration)?,
            gates: series(Measure::GatePassRate)?,
            unpriced: series(Measure::UnpricedShare)?,
        })
    }
}
