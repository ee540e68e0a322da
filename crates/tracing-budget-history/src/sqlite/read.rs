//! Reading documents.

use rusqlite::{Connection, OptionalExtension, Row};

use super::amounts;
use super::error::SqlError;
use tracing_budget::summary::RunSummary;

/// The run of this id, its parts merged.
pub(super) fn run(connection: &Connection, run_id: &str) -> Result<Option<RunSummary>, SqlError> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM runs WHERE run_id = ?1")?
        .query_row([run_id], |row| row.get(0))
        .optional()?;
    id.map_or(Ok(None), |id| merged(connection, id, run_id))
}

/// The parts of a run, merged.
pub(super) fn merged(connection: &Connection, id: i64, run_id: &str) -> Result<Option<RunSummary>, SqlError> {
    let mut statement =
        connection.prepare_cached("SELECT document, exact FROM parts WHERE run = ?1 ORDER BY part")?;
    let mut rows = statement.query([id])?;
    let mut merged: Option<RunSummary> = None;
    while let Some(row) = rows.next()? {
        let part = document(row, run_id)?;
        merged = Some(match merged {
            None => part,
            Some(others) => others.merge(&part),
        });
    }
    Ok(merged)
}

/// A document in the first column and its exact amounts in the second.
fn document(row: &Row<'_>, run_id: &str) -> Result<RunSummary, SqlError> {
    let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
    let mut run = RunSummary::from_json(text)
        .map_err(|reason| SqlError::Document { run_id: run_id.to_owned(), reason })?;
    if let Some(exact) = row.get_ref(1)?.as_str_or_null().map_err(rusqlite::Error::from)? {
        amounts::restore(&mut run, exact);
    }
    Ok(run)
}
