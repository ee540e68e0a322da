//! Sums by hour and by day: keeping them up to date, and adding them up.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params, params_from_iter};

use super::conditions::Conditions;
use super::error::SqlError;
use super::{amounts, read, unaggregated};
use crate::histogram::Histogram;
use crate::tally::{Subject, Tally};
use crate::time_partition::{DAY, Grain, HOUR, Piece, partition};
use crate::{Scope, StoreError};
use tracing_budget::summary::{ReadError, RunSummary, Status, Timestamp};

pub(super) static COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{}, cost_pico, durations", Tally::COLUMNS.join(", ")));

static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM rollups
         WHERE step = ?1 AND kind = ?2 AND at_ms = ?3 AND project = ?4 AND pipeline = ?5 AND name = ?6",
        *COLUMNS
    )
});

static REPLACE: LazyLock<String> = LazyLock::new(|| {
    let marks: Vec<String> = (1..=Tally::COUNTS + 8).map(|n| format!("?{n}")).collect();
    format!(
        "INSERT OR REPLACE INTO rollups (step, kind, at_ms, project, pipeline, name, {}) VALUES ({})",
        *COLUMNS,
        marks.join(", ")
    )
});

const DELETE: &str = "DELETE FROM rollups
     WHERE step = ?1 AND kind = ?2 AND at_ms = ?3 AND project = ?4 AND pipeline = ?5 AND name = ?6";

/// The hour and the pipeline of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RollupKey {
    pub(super) at_ms: i64,
    pub(super) project: String,
    pub(super) pipeline: String,
}

/// The rows of one hour and pipeline, by subject and name.
pub(super) type Names = BTreeMap<Subject, BTreeMap<String, Tally>>;

/// RollupChanges of a transaction to the sums, collected so that each row is written once.
#[derive(Default)]
pub(super) struct RollupChanges {
    hours: BTreeMap<RollupKey, Names>,
}

impl RollupChanges {
    /// Adds a run that has ended.
    pub(super) fn add(&mut self, run: &RunSummary) {
        self.change(run, 1);
    }

    /// Subtracts a run that had ended and is deleted or changed.
    pub(super) fn take_away(&mut self, run: &RunSummary) {
        self.change(run, -1);
    }

    fn change(&mut self, run: &RunSummary, sign: i64) {
        if run.status == Status::Running {
            return;
        }
        let names = self.hours.entry(RollupKey {
            at_ms: run.started_at.unix_ms().div_euclid(HOUR) * HOUR,
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
        });
        let names = names.or_default();
        for ((kind, name), tally) in Tally::of(run) {
            add(names.entry(kind).or_default(), name, &tally, sign);
        }
    }

    pub(super) fn write(self, transaction: &Transaction<'_>) -> Result<(), SqlError> {
        let days = days_of(&self.hours);
        write_all(transaction, "hour", &self.hours)?;
        write_all(transaction, "day", &days)
    }

    /// The sums by hour.
    pub(super) fn into_hours(self) -> BTreeMap<RollupKey, Names> {
        self.hours
    }
}

/// The sums by day of sums by hour.
pub(super) fn days_of(hours: &BTreeMap<RollupKey, Names>) -> BTreeMap<RollupKey, Names> {
    let mut days: BTreeMap<RollupKey, Names> = BTreeMap::new();
    for (bucket, names) in hours {
        let day = RollupKey { at_ms: bucket.at_ms.div_euclid(DAY) * DAY, ..bucket.clone() };
        let of_day = days.entry(day).or_default();
        for (kind, tallies) in names {
            let of_kind = of_day.entry(*kind).or_default();
            tallies.iter().for_each(|(name, tally)| add(of_kind, name, tally, 1));
        }
    }
    days
}

fn add(tallies: &mut BTreeMap<String, Tally>, name: &str, tally: &Tally, sign: i64) {
    match tallies.get_mut(name) {
        Some(there) => there.add(tally, sign),
        None => tallies.entry(name.to_owned()).or_default().add(tally, sign),
    }
}

pub(super) fn write_all(
    transaction: &Transaction<'_>,
    step: &str,
    changes: &BTreeMap<RollupKey, Names>,
) -> Result<(), SqlError> {
    let mut select = transaction.prepare_cached(&SELECT)?;
    let mut replace = transaction.prepare_cached(&REPLACE)?;
    let mut delete = transaction.prepare_cached(DELETE)?;
    for (bucket, names) in changes {
        for (kind, tallies) in names {
            for (name, change) in tallies {
                let kind_name = kind.as_str();
                let key: [&dyn ToSql; 6] =
                    [&step, &kind_name, &bucket.at_ms, &bucket.project, &bucket.pipeline, name];
                let there = select.query_row(key, |row| read_tally(row, 0)).optional()?;
                let was_there = there.is_some();
                let mut tally = there.unwrap_or_default();
                let was_unknown = tally.unknown().next().is_some();
                tally.add(change, 1);
                // Computed anew where this change decides it: once the run with absurd figures is gone, the sum is known
                // again. Otherwise it stays unknown, or each later run would have all runs of its day read.
                let is_decided = !was_unknown || change.unknown().next().is_some();
                if is_decided && tally.unknown().next().is_some() {
                    tally = of_documents(transaction, step, bucket, (*kind, name))?;
                }
                if !tally.is_nothing() {
                    let (cost, durations) = (amounts::value(Some(tally.cost)), tally.durations.to_bytes());
                    let counts = tally.counts_mut().map(|count| ToSqlOutput::from(*count));
                    let counts = counts.iter().map(|count| count as &dyn ToSql);
                    let last: [&dyn ToSql; 2] = [&cost, &durations];
                    replace
                        .execute(key.into_iter().chain(counts).chain(last).collect::<Vec<_>>().as_slice())?;
                } else if was_there {
                    delete.execute(key)?;
                }
            }
        }
    }
    Ok(())
}

/// The stored roll-ups from this time on and before that one.
pub(super) fn stored(
    connection: &Connection,
    step: &str,
    from: i64,
    to: i64,
) -> Result<BTreeMap<RollupKey, Names>, SqlError> {
    let sql = format!(
        "SELECT {}, at_ms, project, pipeline, name FROM rollups
         WHERE step = ?1 AND kind = ?2 AND at_ms >= ?3 AND at_ms < ?4",
        *COLUMNS
    );
    let mut stored: BTreeMap<RollupKey, Names> = BTreeMap::new();
    let mut statement = connection.prepare_cached(&sql)?;
    for kind in [Subject::Run, Subject::Stage, Subject::Model, Subject::Gate] {
        let mut rows = statement.query(params![step, kind.as_str(), from, to])?;
        while let Some(row) = rows.next()? {
            let first = Tally::COUNTS + 2;
            let key = RollupKey {
                at_ms: row.get(first)?,
                project: row.get(first + 1)?,
                pipeline: row.get(first + 2)?,
            };
            let names = stored.entry(key).or_default().entry(kind).or_default();
            names.insert(row.get(first + 3)?, read_tally(row, 0)?);
        }
    }
    Ok(stored)
}

/// The tally of one row, from the documents of its runs.
fn of_documents(
    connection: &Connection,
    step: &str,
    bucket: &RollupKey,
    subject: (Subject, &str),
) -> Result<Tally, SqlError> {
    let length = if step == "day" { DAY } else { HOUR };
    let mut conditions = Conditions::default();
    conditions.and(
        "started_ms >= ? AND started_ms < ?",
        [Value::from(bucket.at_ms), (bucket.at_ms + length).into()],
    );
    conditions.and(
        "project = ? AND pipeline = ?",
        [Value::from(bucket.project.clone()), bucket.pipeline.clone().into()],
    );
    let mut sum = Tally::default();
    each_ended(connection, &conditions, |run| {
        if let Some(tally) = Tally::of(run).remove(&subject) {
            sum.add(&tally, 1);
        }
    })?;
    Ok(sum)
}

/// The tally in the columns from this one on.
pub(super) fn read_tally(row: &Row<'_>, first: usize) -> rusqlite::Result<Tally> {
    let mut tally = Tally::default();
    for (at, count) in tally.counts_mut().into_iter().enumerate() {
        *count = row.get(first + at)?;
    }
    let (cost, durations) = (first + Tally::COUNTS, first + Tally::COUNTS + 1);
    tally.cost = amounts::amount(row, cost)?.unwrap_or_default();
    tally.durations = Histogram::from_bytes(row.get_ref(durations)?.as_blob()?).unwrap_or_default();
    Ok(tally)
}

/// Which sums are requested.
#[derive(Clone, Copy)]
pub(super) struct SumRequest {
    pub(super) kind: Subject,
    /// One sum for each hour instead of each day.
    pub(super) by_hour: bool,
    /// Also reads the histograms of durations, which are most of the bytes of a row.
    pub(super) durations: bool,
}

/// Adds up the ended runs of a scope, grouped by a key made of the time and the name.
pub(super) fn sum<K: Ord>(
    connection: &Connection,
    scope: &Scope,
    request: SumRequest,
    under: impl Fn(i64, &str) -> K,
) -> Result<BTreeMap<K, Tally>, SqlError> {
    let mut sums: BTreeMap<K, Tally> = BTreeMap::new();
    let pieces =
        partition(scope.since.map(Timestamp::unix_ms), scope.until.map(Timestamp::unix_ms), request.by_hour);
    for piece in pieces {
        let mut add = |at, name: &str, tally: &Tally| sums.entry(under(at, name)).or_default().add(tally, 1);
        match piece.grain {
            Grain::Runs => unaggregated::each(connection, scope, request.kind, piece, &mut add)?,
            Grain::Hours => add_rollups(connection, scope, request, "hour", piece, &mut add)?,
            Grain::Days => add_rollups(connection, scope, request, "day", piece, &mut add)?,
        }
    }
    sums.values().try_for_each(|sum| refuse_unknown(sum, request.kind))?;
    Ok(sums)
}

/// Refuses unknown sums where an answer has no null for them. Unknown tokens are null in every answer; tokens by kind are in
/// those of models only.
pub(super) fn refuse_unknown(sum: &Tally, kind: Subject) -> Result<(), SqlError> {
    let is_answered = |column: &str| match column {
        "tokens" => false,
        "input_tokens" | "output_tokens" | "cache_read_tokens" | "cache_write_tokens" => {
            kind == Subject::Model
        }
        _ => true,
    };
    match sum.unknown().find(|column| is_answered(column)) {
        Some(figure) => Err(SqlError::Store(StoreError::Sum { figure })),
        None => Ok(()),
    }
}

fn add_rollups(
    connection: &Connection,
    scope: &Scope,
    request: SumRequest,
    step: &str,
    piece: Piece,
    add: &mut impl FnMut(i64, &str, &Tally),
) -> Result<(), SqlError> {
    let mut conditions = Conditions::default();
    conditions
        .and("step = ? AND kind = ?", [step.to_owned().into(), request.kind.as_str().to_owned().into()]);
    conditions.and("at_ms >= ? AND at_ms < ?", [Value::from(piece.from), piece.to.into()]);
    conditions.and_project_and_pipeline(scope);
    let columns = if request.durations { COLUMNS.clone() } else { COLUMNS.replace(", durations", ", x''") };
    let sql = format!("SELECT {columns}, at_ms, name FROM rollups WHERE {}", conditions.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    while let Some(row) = rows.next()? {
        let (at, name) = (row.get(Tally::COUNTS + 2)?, row.get_ref(Tally::COUNTS + 3)?);
        add(at, name.as_str().map_err(rusqlite::Error::from)?, &read_tally(row, 0)?);
    }
    Ok(())
}

/// Calls `see` for every ended run that matches.
fn each_ended(
    connection: &Connection,
    conditions: &Conditions,
    mut see: impl FnMut(&RunSummary),
) -> Result<(), SqlError> {
    each(connection, conditions, |_, run| {
        see(&run?);
        Ok(())
    })
}

/// Calls `see` for every ended run that began between these times, also for one that cannot be read.
pub(super) fn each_ended_between(
    connection: &Connection,
    from: i64,
    to: i64,
    mut see: impl FnMut(&str, Result<RunSummary, ReadError>),
) -> Result<(), SqlError> {
    let mut conditions = Conditions::default();
    conditions.and("started_ms >= ? AND started_ms < ?", [Value::from(from), to.into()]);
    each(connection, &conditions, |run_id, run| {
        match run {
            Ok(run) => see(run_id, Ok(run)),
            Err(SqlError::Document { reason, .. }) => see(run_id, Err(reason)),
            Err(error) => return Err(error),
        }
        Ok(())
    })
}

fn each(
    connection: &Connection,
    conditions: &Conditions,
    mut see: impl FnMut(&str, Result<RunSummary, SqlError>) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let sql = format!("SELECT id, run_id FROM runs WHERE {} AND status <> 'running'", conditions.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    while let Some(row) = rows.next()? {
        let run_id: String = row.get(1)?;
        if let Some(run) = read::merged(connection, row.get(0)?, &run_id).transpose() {
            see(&run_id, run)?;
        }
    }
    Ok(())
}

/// Fills the sums of a file of schema 1, which had none.
pub(super) fn fill_if_empty(transaction: &Transaction<'_>) -> Result<(), SqlError> {
    let is_filled = "SELECT EXISTS (SELECT 1 FROM rollups)";
    if transaction.query_row(is_filled, [], |row| row.get(0))? {
        return Ok(());
    }
    let mut changes = RollupChanges::default();
    each_ended(transaction, &Conditions::default(), |run| changes.add(run))?;
    changes.write(transaction)
}
