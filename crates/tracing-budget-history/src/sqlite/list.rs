//! Lists of runs, page by page.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::amounts;
use super::store::Trouble;
use crate::cursor::{Cursor, Key, Position};
use crate::{Filter, Order, Page, RunPage, RunRow, Scope, Sort, SortBy};
use tracing_budget::Usd;
use tracing_budget::summary::{Status, Timestamp};

const COLUMNS: &str = "run_id, project, pipeline, status, created_ms, started_ms, completed_ms, duration_s, stages, \
     llm_calls, tokens, cost_pico, unpriced_calls, calls_without_usage, gates_passed, gates_failed, gates_total, \
     failed_stage, error_summary, tags, parts, beat_ms, beat_every_ms";

/// What clocks may differ by, and a busy machine be late.
const TOLERANCE_MS: i64 = 2_000;

/// Conditions on `runs`, and the values in them.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn and(&mut self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.sql.push(sql.into());
        self.values.extend(values);
    }

    /// The project and the pipeline of a scope, without its time.
    pub(super) fn and_of_whom(&mut self, scope: &Scope) {
        if let Some(project) = &scope.project {
            self.and("project = ?", [project.clone().into()]);
        }
        if let Some(pipeline) = &scope.pipeline {
            self.and("pipeline = ?", [pipeline.clone().into()]);
        }
    }

    pub(super) fn of_scope(scope: &Scope) -> Self {
        let mut conditions = Self::default();
        conditions.and_of_whom(scope);
        if let Some(since) = scope.since {
            conditions.and("started_ms >= ?", [since.unix_ms().into()]);
        }
        if let Some(until) = scope.until {
            conditions.and("started_ms < ?", [until.unix_ms().into()]);
        }
        conditions
    }

    fn of_filter(filter: &Filter) -> Self {
        let mut all = Self::of_scope(&filter.scope);
        if !filter.status.is_empty() {
            let marks = vec!["?"; filter.status.len()].join(", ");
            let words = filter.status.iter().map(|status| status.as_str().to_owned().into());
            all.and(format!("status IN ({marks})"), words);
        }
        for (name, value) in &filter.tags {
            all.and(
                "EXISTS (SELECT 1 FROM tags WHERE tags.run = runs.id AND tags.name = ? AND tags.value = ?)",
                [name.clone().into(), value.clone().into()],
            );
        }
        if let Some(stage) = &filter.stage {
            all.and(
                "EXISTS (SELECT 1 FROM stages WHERE stages.run = runs.id AND stages.name = ? AND stages.begun > 0)",
                [stage.clone().into()],
            );
        }
        if let Some(model) = &filter.model {
            all.and(
                "EXISTS (SELECT 1 FROM models WHERE models.run = runs.id \
                 AND (models.name = ? OR substr(models.name, instr(models.name, '/') + 1) = ?))",
                [model.clone().into(), model.clone().into()],
            );
        }
        if filter.gate.is_some() || filter.verdict.is_some() {
            let mut sql = "EXISTS (SELECT 1 FROM gates WHERE gates.run = runs.id".to_owned();
            let mut values = Vec::new();
            if let Some(gate) = &filter.gate {
                sql.push_str(" AND gates.name = ?");
                values.push(gate.clone().into());
            }
            if let Some(verdict) = &filter.verdict {
                sql.push_str(" AND gates.verdict = ?");
                values.push(verdict.as_str().to_owned().into());
            }
            sql.push(')');
            all.and(sql, values);
        }
        if let Some(cost) = filter.min_cost {
            all.and("cost_pico >= ?", [amounts::value(Some(cost))]);
        }
        all
    }

    pub(super) fn sql(&self) -> String {
        if self.sql.is_empty() { "TRUE".to_owned() } else { self.sql.join(" AND ") }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }
}

/// One page; one run more is asked for, to know whether there is another.
pub(super) fn page(
    connection: &Connection,
    filter: &Filter,
    sort: Sort,
    page: &Page,
    now: Timestamp,
) -> Result<RunPage, Trouble> {
    let after = page.after.as_ref().map(|cursor| cursor.read(sort)).transpose().map_err(Trouble::Said)?;
    let size = page.size();
    let conditions = Conditions::of_filter(filter);
    let mut runs = Vec::new();
    if after.as_ref().is_none_or(|position| position.key.is_some()) {
        runs = known(connection, &conditions, sort, after.as_ref(), size + 1, now)?;
    }
    // What is unknown comes last, whatever the direction.
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

/// Runs whose key is known, from the cursor on.
fn known(
    connection: &Connection,
    conditions: &Conditions,
    sort: Sort,
    after: Option<&Position>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RunRow>, Trouble> {
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

/// Runs whose key is unknown, from the cursor on.
fn unknown(
    connection: &Connection,
    conditions: &Conditions,
    sort: Sort,
    after: Option<&Position>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RunRow>, Trouble> {
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
) -> Result<Vec<RunRow>, Trouble> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE {} ORDER BY {order} LIMIT {limit}", conditions.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(conditions.values()), |row| read_row(row, now))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The row of one run.
pub(super) fn row(connection: &Connection, run_id: &str, now: Timestamp) -> Result<Option<RunRow>, Trouble> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE run_id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([run_id], |row| read_row(row, now)).optional()?)
}

/// The ids that begin with this.
pub(super) fn ids_beginning_with(
    connection: &Connection,
    start: &str,
    limit: usize,
) -> Result<Vec<String>, Trouble> {
    // The greatest character there is: everything that begins so is below it, and the index is used.
    let end = format!("{start}{}", char::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT run_id FROM runs WHERE run_id >= ?1 AND run_id < ?2 ORDER BY run_id LIMIT ?3",
    )?;
    let ids =
        statement.query_map((start, end, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0))?;
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
    })
}

/// Whether the next sign of life is not overdue by more than two: one may be late, two are not by chance.
///
/// A sign of life from the future says only that a clock was set back, and nothing about life.
fn is_fresh(beat_ms: Option<i64>, every_ms: Option<i64>, now: Timestamp) -> bool {
    let Some((beat, every)) = beat_ms.zip(every_ms) else { return false };
    let age = now.unix_ms().saturating_sub(beat);
    age >= -TOLERANCE_MS && age <= every.saturating_mul(3).saturating_add(TOLERANCE_MS)
}

/// A status that was written by us; what a hand has written instead is not run.
pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    let word: StrDeserializer<'_, ValueError> = row.get_ref(column)?.as_str()?.into_deserializer();
    Ok(Status::deserialize(word).unwrap_or_default())
}

pub(super) fn time(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms).unwrap_or_else(|| Timestamp::from(std::time::UNIX_EPOCH))
}
