//! Deleting runs, by id and by age.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params_from_iter};

use super::error::SqlError;
use super::rollup::RollupChanges;
use super::{list, read, write};
use crate::Prune;
use tracing_budget::summary::Timestamp;

pub(super) fn delete(transaction: &Transaction<'_>, run_ids: &[&str]) -> Result<u64, SqlError> {
    let mut changes = RollupChanges::default();
    let mut deleted = 0;
    for run_id in run_ids {
        let id: Option<i64> = transaction
            .prepare_cached("SELECT id FROM runs WHERE run_id = ?1")?
            .query_row([run_id], |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            delete_run(transaction, id, &mut changes)?;
            deleted += 1;
        }
    }
    changes.write(transaction)?;
    Ok(deleted)
}

fn delete_run(transaction: &Transaction<'_>, id: i64, changes: &mut RollupChanges) -> Result<(), SqlError> {
    if let Some(run) = read::merged(transaction, id, "")? {
        changes.take_away(&run);
    }
    write::clear_rows(transaction, id)?;
    for delete in [
        "DELETE FROM parts WHERE run = ?1",
        "DELETE FROM replaced WHERE run = ?1",
        "DELETE FROM runs WHERE id = ?1",
    ] {
        transaction.prepare_cached(delete)?.execute([id])?;
    }
    Ok(())
}

/// Deletes the runs that match, at most so many.
pub(super) fn prune(
    transaction: &Transaction<'_>,
    prune: &Prune,
    now: Timestamp,
    most: usize,
) -> Result<u64, SqlError> {
    if prune.older_than.is_none() && prune.keep_last.is_none() {
        return Ok(0);
    }
    let mut ids = old_runs(transaction, prune, now)?;
    ids.truncate(most);
    if !prune.dry_run {
        let mut changes = RollupChanges::default();
        ids.iter().try_for_each(|id| delete_run(transaction, *id, &mut changes))?;
        changes.write(transaction)?;
    }
    Ok(ids.len() as u64)
}

fn old_runs(transaction: &Transaction<'_>, prune: &Prune, now: Timestamp) -> Result<Vec<i64>, SqlError> {
    let mut conditions = vec!["TRUE"];
    let mut values: Vec<Value> = Vec::new();
    if let Some(project) = &prune.project {
        conditions.push("project = ?");
        values.push(project.clone().into());
    }
    if let Some(time) = prune.older_than {
        conditions.push("started_ms < ?");
        values.push(time.unix_ms().into());
    }
    if let Some(keep) = prune.keep_last {
        conditions.push("place > ?");
        values.push(i64::try_from(keep).unwrap_or(i64::MAX).into());
    }
    let sql = format!(
        "SELECT id, status = 'running', beat_ms, beat_every_ms FROM (SELECT id, status, project, started_ms, beat_ms, beat_every_ms,
             row_number() OVER (PARTITION BY project ORDER BY started_ms DESC, run_id DESC) AS place FROM runs)
         WHERE {}",
        conditions.join(" AND ")
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let ids = statement.query_map(params_from_iter(values), |row| {
        let in_flight = row.get(1)? && list::is_fresh(row.get(2)?, row.get(3)?, now);
        Ok((!in_flight).then_some(row.get(0)?))
    })?;
    Ok(ids.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?)
}
