//! Lists of runs, page by page.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::amounts;
use super::conditions::Conditions;
use super::error::SqlError;
use crate::cursor::{Cursor, Key, Position};
use crate::{Filter, Heartbeat, Order, Page, RunPage, RunRow, Sort, SortBy};
use tracing_budget::Usd;
use tracing_budget::summary::{Status, Timestamp};

const COLUMNS: &str = "run_id, project, pipeline, status, created_ms, started_ms, completed_ms, duration_s, stages, \
     llm_calls, tokens, cost_pico, unpriced_calls, calls_without_usage, gates_passed, gates_failed, gates_total, \
     failed_stage, error_summary, tags, parts, beat_ms, beat_every_ms, partial_calls";

/// One page. Reads one run more than its size, to know whether there is another page.
pub(super) fn page(
    connection: &Connection,
    filter: &Filter,
    sort: Sort,
    page: &Page,
    now: Timestamp,
) -> Result<RunPage, SqlError> {
    let after = page.cursor.as_ref().map(|cursor| cursor.read(sort)).transpose().map_err(SqlError::Store)?;
    let size = page.size();
    let conditions = Conditions::of_filter(filter);
    let mut runs = Vec::new();
    if after.as_ref().is_none_or(|position| position.key.is_some()) {
        runs = known(connection, &conditions, sort, after.as_ref(), size + 1, now)?;
    }
    // Unknown keys come last in both orders.
    if runs.len() <= size && matches!(sort.by, SortBy::Cost | SortBy::Tokens) {
        let after = after.as_ref().filter(|position| position.key.is_none());
        runs.extend(unknown(connection, &conditions, sort, after, size + 1 - runs.len(), now)?);
    }
    let more = runs.len() > size;
    runs.truncate(size);
    let next = runs.last().filter(|_| more).map(|run| Cursor::new(sort, &position(sort, run)));
    Ok(RunPage { runs, next })
}

fn position(sort: Sort, run: &RunRow) -> Position {
    let key = match sort.by {
        SortBy::Started => Some(Key::Whole(i128::from(run.started_at.unix_ms()))),
        SortBy::Cost => run.cost_usd.map(|cost| Key::Whole(cost.pico())),
        SortBy::Duration => Some(Key::Real(run.duration_seconds)),
        SortBy::Tokens => run.tokens_used.map(|tokens| Key::Whole(i128::from(tokens))),
    };
    Position { key, run_id: run.run_id.clone() }
}

const fn column(by: SortBy) -> &'static str {
    match by {
        SortBy::Started => "started_ms",
        SortBy::Cost => "cost_pico",
        SortBy::Duration => "duration_s",
        SortBy::Tokens => "tokens",
    }
}

const fn direction(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Asc => ("ASC", ">"),
        Order::Desc => ("DESC", "<"),
    }
}

/// Runs with a known key, from the cursor on.
fn known(
    connection: &Connection,
    conditions: &Conditions,
    sort: Sort,
    after: Option<&Position>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RunRow>, SqlError> {
    let (key, (direction, beyond)) = (column(sort.by), direction(sort.order));
    let mut conditions = conditions.clone();
    if matches!(sort.by, SortBy::Cost | SortBy::Tokens) {
        conditions.and(format!("{key} IS NOT NULL"), []);
    }
    if let Some((last, run_id)) = after.and_then(|after| Some((after.key.as_ref()?, &after.run_id))) {
        let last = match last {
            Key::Whole(number) => amounts::value(Some(Usd::from_pico(*number))),
            Key::Real(number) => Value::Real(*number),
        };
        conditions.and(format!("({key}, run_id) {beyond} (?, ?)"), [last, run_id.clone().into()]);
    }
    rows(connection, &conditions, &format!("{key} {direction}, run_id {direction}"), limit, now)
}

/// Runs with an unknown key, from the cursor on.
fn unknown(
    connection: &Connection,
    conditions: &Conditions,
    sort: Sort,
    after: Option<&Position>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RunRow>, SqlError> {
    let (key, (direction, beyond)) = (column(sort.by), direction(sort.order));
    let mut conditions = conditions.clone();
    conditions.and(format!("{key} IS NULL"), []);
    if let Some(after) = after {
        conditions.and(format!("run_id {beyond} ?"), [after.run_id.clone().into()]);
    }
    rows(connection, &conditions, &format!("run_id {direction}"), limit, now)
}

/// The first runs of an order.
pub(super) fn rows(
    connection: &Connection,
    conditions: &Conditions,
    order: &str,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RunRow>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {} ORDER BY {order} LIMIT {limit}", conditions.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(conditions.values()), |row| read_row(row, now))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The row of one run.
pub(super) fn row(connection: &Connection, run_id: &str, now: Timestamp) -> Result<Option<RunRow>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE run_id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([run_id], |row| read_row(row, now)).optional()?)
}

/// The ids that begin with this.
pub(super) fn ids_beginning_with(
    connection: &Connection,
    start: &str,
    limit: usize,
) -> Result<Vec<String>, SqlError> {
    // The greatest character: every id that begins with `start` is below it, and a range uses the index, as LIKE does
    // not.
    let end = format!("{start}{}", char::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT run_id FROM runs WHERE run_id >= ?1 AND run_id < ?2 ORDER BY run_id LIMIT ?3",
    )?;
    let ids =
        statement.query_map((start, end, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn ids_ending_with(
    connection: &Connection,
    end: &str,
    limit: usize,
) -> Result<Vec<String>, SqlError> {
    // `substr`, not `LIKE`: `%` and `_` in an id are characters, and case matters as it does everywhere else.
    let mut statement = connection.prepare_cached(
        "SELECT run_id FROM runs WHERE substr(run_id, -length(?1)) = ?1 ORDER BY run_id LIMIT ?2",
    )?;
    let ids = statement.query_map((end, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn read_row(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<RunRow> {
    let count = |column: usize| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
    let status = status(row, 3)?;
    Ok(RunRow {
        run_id: row.get(0)?,
        project: row.get(1)?,
        pipeline: row.get(2)?,
        status,
        stale: status == Status::Running && !is_fresh(row.get(21)?, row.get(22)?, now),
        created_at: time(row.get(4)?),
        started_at: time(row.get(5)?),
        completed_at: row.get::<_, Option<i64>>(6)?.map(time),
        duration_seconds: row.get(7)?,
        stages: count(8)?,
        llm_calls: count(9)?,
        tokens_used: row.get::<_, Option<i64>>(10)?.map(|tokens| u64::try_from(tokens).unwrap_or(0)),
        cost_usd: amounts::amount(row, 11)?,
        unpriced_calls: count(12)?,
        calls_without_usage: count(13)?,
        gates_passed: count(14)?,
        gates_failed: count(15)?,
        gates_total: count(16)?,
        failed_stage: row.get(17)?,
        error_summary: row.get(18)?,
        tags: serde_json::from_str(row.get_ref(19)?.as_str()?).unwrap_or_default(),
        parts: count(20)?,
        partial_calls: count(23)?,
    })
}

/// Whether the process of the run delivers it still; without a heartbeat, it never promised to.
pub(super) fn is_fresh(beat_ms: Option<i64>, every_ms: Option<i64>, now: Timestamp) -> bool {
    beat_ms.zip(every_ms).is_some_and(|(at, every)| Heartbeat::from_ms(at, every).is_fresh(now))
}

/// The status of a row. A word that this crate did not write is `not_run`.
pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    let word: StrDeserializer<'_, ValueError> = row.get_ref(column)?.as_str()?.into_deserializer();
    Ok(Status::deserialize(word).unwrap_or_default())
}

pub(super) fn time(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms).unwrap_or_else(|| Timestamp::from(std::time::UNIX_EPOCH))
}
