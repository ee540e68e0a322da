//! Tallies of single runs from their rows: for the ends of a period, which are no whole hour.
//!
//! Reading the documents instead would be less code and takes twenty times as long.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::amounts;
use super::conditions::Conditions;
use super::error::SqlError;
use super::list;
use crate::Scope;
use crate::tally::{Subject, Tally, count};
use crate::time_partition::Piece;
use tracing_budget::Verdict;
use tracing_budget::summary::Figures;

/// A stage that is in the sums: one that was begun, or to which calls were booked.
const COUNTS: &str = "(stages.begun > 0 OR stages.llm_calls > 0)";

/// Gives the tallies of a kind, each with its run's start and its name.
pub(super) fn each(
    connection: &Connection,
    scope: &Scope,
    kind: Subject,
    piece: Piece,
    add: &mut impl FnMut(i64, &str, &Tally),
) -> Result<(), SqlError> {
    let mut conditions = Conditions::default();
    conditions.and("started_ms >= ? AND started_ms < ?", [Value::from(piece.from), piece.to.into()]);
    conditions.and_project_and_pipeline(scope);
    conditions.and("runs.status <> 'running'", []);
    let holds = conditions.sql();
    let figures = |table: &str| {
        format!(
            "{table}.duration_s, {table}.cost_pico, {table}.tokens, {table}.llm_calls, {table}.unpriced_calls,
             {table}.calls_without_usage, {table}.partial_calls"
        )
    };
    let split = |table: &str| {
        format!(
            "{table}.input_tokens, {table}.output_tokens, {table}.cache_read_tokens, {table}.cache_write_tokens"
        )
    };
    let rows = match kind {
        // The zeros: no statistics over whole runs have tokens by kind, and `runs` has no columns for them.
        Subject::Run => format!(
            "SELECT started_ms, '', status, {}, 0, 0, 0, 0, 0 FROM runs WHERE {holds}",
            figures("runs")
        ),
        Subject::Stage => format!(
            "SELECT started_ms, name, stages.status, {}, {}, errors
             FROM runs JOIN stages ON stages.run = runs.id WHERE {holds} AND {COUNTS}",
            figures("stages"),
            split("stages")
        ),
        Subject::Model => format!(
            "SELECT started_ms, name, 'not_run', {}, {}, 0
             FROM runs JOIN models ON models.run = runs.id WHERE {holds}",
            figures("models"),
            split("models")
        ),
        Subject::Gate => return each_gate(connection, &conditions, add),
    };
    each_row(connection, &rows, &conditions, add, read_row)?;
    let verdicts = match kind {
        Subject::Run => {
            format!(
                "SELECT started_ms, '', verdict FROM runs JOIN gates ON gates.run = runs.id WHERE {holds}"
            )
        }
        Subject::Stage => format!(
            "SELECT started_ms, after_stage, verdict FROM runs JOIN gates ON gates.run = runs.id
             JOIN stages ON stages.run = runs.id AND stages.name = after_stage WHERE {holds} AND {COUNTS}"
        ),
        Subject::Model | Subject::Gate => return Ok(()),
    };
    each_row(connection, &verdicts, &conditions, add, |row| {
        let mut tally = Tally::default();
        tally.add_verdict(&Verdict::from(row.get_ref(2)?.as_str()?));
        Ok(tally)
    })
}

fn each_row(
    connection: &Connection,
    sql: &str,
    conditions: &Conditions,
    add: &mut impl FnMut(i64, &str, &Tally),
    read: impl Fn(&Row<'_>) -> rusqlite::Result<Tally>,
) -> Result<(), SqlError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    while let Some(row) = rows.next()? {
        add(row.get(0)?, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?, &read(row)?);
    }
    Ok(())
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<Tally> {
    let number = |column: usize| row.get(column).map(count);
    let figures = Figures {
        cost_usd: amounts::amount(row, 4)?,
        tokens_used: row.get::<_, Option<i64>>(5)?.map(count),
        llm_calls: number(6)?,
        unpriced_calls: number(7)?,
        calls_without_usage: number(8)?,
        partial_calls: number(9)?,
        input_tokens: number(10)?,
        output_tokens: number(11)?,
        cache_read_tokens: number(12)?,
        cache_write_tokens: number(13)?,
        ..Figures::default()
    };
    let mut tally = Tally::one(&figures, list::status(row, 2)?, amounts::measured(row.get(3)?));
    tally.errors = row.get(14)?;
    Ok(tally)
}

fn each_gate(
    connection: &Connection,
    conditions: &Conditions,
    add: &mut impl FnMut(i64, &str, &Tally),
) -> Result<(), SqlError> {
    // Only the first verdict of a gate in a run counts the run: a gate may have several.
    let sql = format!(
        "SELECT started_ms, name, verdict, gates.duration_s, gates.cost_pico,
             row_number() OVER (PARTITION BY gates.run, name ORDER BY place)
         FROM runs JOIN gates ON gates.run = runs.id WHERE {}",
        conditions.sql()
    );
    each_row(connection, &sql, conditions, add, |row| {
        let mut tally = Tally { runs: i64::from(row.get::<_, i64>(5)? == 1), ..Tally::default() };
        let verdict = Verdict::from(row.get_ref(2)?.as_str()?);
        tally.add_check(&verdict, row.get(3)?, amounts::amount(row, 4)?);
        Ok(tally)
    })
}
