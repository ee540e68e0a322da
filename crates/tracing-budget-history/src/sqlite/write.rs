//! Storing runs.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, ToSql, Transaction, params};

use super::amounts::{self, seconds, whole};
use super::error::SqlError;
use super::read;
use super::rollup::RollupChanges;
use super::run_row::Row;
use crate::{Put, StoreError, Stored, storable};
use tracing_budget::summary::{Figures, RunSummary, Status, Timestamp};

pub(super) fn put_all(
    transaction: &Transaction<'_>,
    runs: &[Put<'_>],
    now: Timestamp,
) -> Result<Vec<Stored>, SqlError> {
    let mut changes = RollupChanges::default();
    let stored =
        runs.iter().map(|put| store(transaction, put, now, &mut changes)).collect::<Result<_, _>>()?;
    changes.write(transaction)?;
    Ok(stored)
}

fn store(
    transaction: &Transaction<'_>,
    put: &Put<'_>,
    now: Timestamp,
    changes: &mut RollupChanges,
) -> Result<Stored, SqlError> {
    check(put.run)?;
    let document = to_json(put.run)?;
    let Some((id, status)) = find(transaction, &put.run.run_id)? else {
        let id = Row::new(put.run, put.beat(), now).insert(transaction)?;
        write_part(transaction, id, &part_name(put, &[]), put, &document)?;
        write_rows(transaction, id, put.run)?;
        changes.add(put.run);
        return Ok(Stored::Inserted);
    };
    let parts = parts(transaction, id)?;
    let target = target(put, &document, &parts);
    if matches!(target, Target::Ignore) {
        return Ok(Stored::Unchanged);
    }
    // Running runs are in no sum, and most runs are stored while they run.
    if status != Status::Running.as_str()
        && let Some(old) = read::merged(transaction, id, &put.run.run_id)?
    {
        changes.take_away(&old);
    }
    let others = parts.iter().filter(|part| !part.replaced).count();
    let is_alone = match target {
        Target::Ignore => false,
        Target::Existing(part) => {
            transaction.prepare_cached("DELETE FROM parts WHERE id = ?1")?.execute([part.id])?;
            write_part(transaction, id, &part.name, put, &document)?;
            others == 1
        }
        Target::New(name) => {
            write_part(transaction, id, &name, put, &document)?;
            false
        }
    };
    if is_alone {
        rewrite(transaction, id, put.run, &Row::new(put.run, put.beat(), now))?;
        changes.add(put.run);
    } else if let Some(run) = read::merged(transaction, id, &put.run.run_id)? {
        rewrite(transaction, id, &run, &Row::of_parts(transaction, id, &run, now)?)?;
        changes.add(&run);
    }
    Ok(Stored::Updated)
}

impl Put<'_> {
    /// The heartbeat as the columns have it: its time and its interval, both in milliseconds.
    fn beat(&self) -> Option<(i64, i64)> {
        let beat = self.heartbeat.filter(|_| self.run.status == Status::Running)?;
        Some((beat.at.unix_ms(), i64::try_from(beat.every.as_millis()).unwrap_or(i64::MAX)))
    }
}

fn find(transaction: &Transaction<'_>, run_id: &str) -> Result<Option<(i64, String)>, SqlError> {
    Ok(transaction
        .prepare_cached("SELECT id, status FROM runs WHERE run_id = ?1")?
        .query_row([run_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Puts other figures in place of a run's parts.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    run: &RunSummary,
    reason: &str,
    now: Timestamp,
) -> Result<(), SqlError> {
    check(run)?;
    let missing = || SqlError::Store(StoreError::NoSuchRun { run_id: run.run_id.clone() });
    let (id, _) = find(transaction, &run.run_id)?.ok_or_else(missing)?;
    let mut changes = RollupChanges::default();
    if let Some(old) = read::merged(transaction, id, &run.run_id)? {
        changes.take_away(&old);
    }
    transaction
        .prepare_cached(
            "INSERT INTO replaced (run, part, replaced_ms, reason, document, exact)
             SELECT run, part, ?2, ?3, document, exact FROM parts WHERE run = ?1 ORDER BY id",
        )?
        .execute(params![id, now.unix_ms(), reason])?;
    transaction.prepare_cached("DELETE FROM parts WHERE run = ?1")?.execute([id])?;
    let put = Put::new(run);
    write_part(transaction, id, &part_name(&put, &[]), &put, &to_json(run)?)?;
    rewrite(transaction, id, run, &Row::new(run, None, now))?;
    changes.add(run);
    changes.write(transaction)
}

/// Refuses what is no run, or would spoil sums.
fn check(run: &RunSummary) -> Result<(), SqlError> {
    storable::check(run)
        .map_err(|reason| SqlError::Store(StoreError::Refused { run_id: run.run_id.clone(), reason }))
}

fn to_json(run: &RunSummary) -> Result<String, SqlError> {
    // Only numbers that are not finite cannot be written, and they are written as null.
    serde_json::to_string(run)
        .map_err(|error| SqlError::Database(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
}

struct Part {
    id: i64,
    name: String,
    status: String,
    started_ms: i64,
    pipeline: String,
    document: String,
    /// Replaced by other figures: delivering the document again must not make it a part again.
    replaced: bool,
}

impl Part {
    fn is_open(&self) -> bool {
        !self.replaced && self.status == Status::Running.as_str()
    }
}

fn parts(transaction: &Transaction<'_>, id: i64) -> Result<Vec<Part>, SqlError> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, part, status, started_ms, pipeline, document, FALSE FROM parts WHERE run = ?1
         UNION ALL SELECT id, part, '', 0, '', document, TRUE FROM replaced WHERE run = ?1",
    )?;
    let parts = statement.query_map([id], |row| {
        Ok(Part {
            id: row.get(0)?,
            name: row.get(1)?,
            status: row.get(2)?,
            started_ms: row.get(3)?,
            pipeline: row.get(4)?,
            document: row.get(5)?,
            replaced: row.get(6)?,
        })
    })?;
    Ok(parts.collect::<rusqlite::Result<_>>()?)
}

/// What a delivery changes: nothing, a stored part, or a part of this new name.
enum Target<'a> {
    Ignore,
    Existing(&'a Part),
    New(Cow<'a, str>),
}

fn target<'a>(put: &Put<'a>, document: &str, parts: &'a [Part]) -> Target<'a> {
    let name = put.name();
    let if_open = |part: &'a Part| if part.is_open() { Target::Existing(part) } else { Target::Ignore };
    if let Some(part) = name.as_ref().and_then(|name| parts.iter().find(|part| part.name == *name)) {
        return if_open(part);
    }
    if parts.iter().any(|part| is_same_document(&part.document, document)) {
        return Target::Ignore;
    }
    let same_start =
        |part: &&Part| part.started_ms == put.run.started_at.unix_ms() && part.pipeline == put.run.pipeline;
    if name.is_some() {
        // The run came from a file first, which names no part. Its picture in flight comes late then, and would be a second part.
        let name = name_of_file(put.run);
        let mut from_files = parts.iter().filter(same_start).filter(|part| part.name.starts_with(&name));
        match from_files.next() {
            Some(part) if part.is_open() => return Target::Existing(part),
            Some(_) if !put.run.status.is_terminal() => return Target::Ignore,
            _ => {}
        }
    }
    let same = parts.iter().filter(same_start).max_by_key(|part| part.is_open());
    match same {
        Some(part) if name.is_none() && part.is_open() => Target::Existing(part),
        // A late delivery of a part that has ended.
        Some(_) if name.is_none() && !put.run.status.is_terminal() => Target::Ignore,
        _ => Target::New(part_name(put, parts)),
    }
}

/// Whether two documents mean the same: a newer version writes keys that an older one did not have.
fn is_same_document(stored: &str, given: &str) -> bool {
    stored == given
        || RunSummary::from_json(stored).is_ok_and(|stored| Ok(stored) == RunSummary::from_json(given))
}

/// The name of a part that came from a file.
fn name_of_file(run: &RunSummary) -> String {
    format!("{} {}", run.started_at, run.pipeline)
}

/// The name of a new part: the put's, or one that no other part has.
fn part_name<'a>(put: &Put<'a>, parts: &[Part]) -> Cow<'a, str> {
    if let Some(name) = put.name() {
        return name;
    }
    let name = name_of_file(put.run);
    let taken = |name: &str| parts.iter().any(|part| part.name == name);
    let numbered = || (2u64..).map(|n| format!("{name} {n}")).find(|name| !taken(name));
    if taken(&name) { numbered().unwrap_or_default() } else { name }.into()
}

fn write_part(
    transaction: &Transaction<'_>,
    id: i64,
    name: &str,
    put: &Put<'_>,
    document: &str,
) -> Result<(), SqlError> {
    let beat = put.beat();
    transaction
        .prepare_cached(
            "INSERT INTO parts (run, part, status, started_ms, pipeline, beat_ms, beat_every_ms, document, exact)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            name,
            put.run.status.as_str(),
            put.run.started_at.unix_ms(),
            put.run.pipeline,
            beat.map(|(at, _)| at),
            beat.map(|(_, every)| every),
            document,
            amounts::exact(put.run),
        ])?;
    Ok(())
}

/// Rewrites a run's rows from its parts.
fn rewrite(transaction: &Transaction<'_>, id: i64, run: &RunSummary, row: &Row<'_>) -> Result<(), SqlError> {
    row.update(transaction, id)?;
    clear_rows(transaction, id)?;
    write_rows(transaction, id, run)
}

/// Deletes the rows of a run in the other tables, except its parts.
pub(super) fn clear_rows(transaction: &Transaction<'_>, id: i64) -> Result<(), SqlError> {
    for delete in [
        "DELETE FROM tags WHERE run = ?1",
        "DELETE FROM stages WHERE run = ?1",
        "DELETE FROM models WHERE run = ?1",
        "DELETE FROM operations WHERE run = ?1",
        "DELETE FROM gates WHERE run = ?1",
    ] {
        transaction.prepare_cached(delete)?.execute([id])?;
    }
    Ok(())
}

fn write_rows(transaction: &Transaction<'_>, id: i64, run: &RunSummary) -> Result<(), SqlError> {
    for (name, value) in &run.tags {
        transaction
            .prepare_cached("INSERT INTO tags (run, name, value) VALUES (?1, ?2, ?3)")?
            .execute(params![id, name, value])?;
    }
    let figures = &run.budget_summary;
    for (name, row) in figures.per_agent.iter() {
        let sql = "INSERT INTO stages VALUES (?1, ?2, ?14, ?15, ?16, ?17, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        write_figures(
            transaction,
            sql,
            id,
            name,
            Some(row.duration_seconds),
            &row.figures,
            params![row.parent, row.status.as_str(), whole(row.calls), whole(row.errors)],
        )?;
    }
    for (name, row) in figures.per_model.iter() {
        let sql = "INSERT INTO models VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        write_figures(transaction, sql, id, name, row.duration_seconds, &row.figures, params![])?;
    }
    for (name, row) in figures.by_operation.iter() {
        let sql =
            "INSERT INTO operations VALUES (?1, ?2, ?14, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        write_figures(
            transaction,
            sql,
            id,
            name,
            row.duration_seconds,
            &row.figures,
            params![whole(row.calls)],
        )?;
    }
    for (place, gate) in figures.gate_verdicts.iter().enumerate() {
        transaction
            .prepare_cached("INSERT INTO gates VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
            .execute(params![
                id,
                place,
                whole(gate.seq),
                gate.gate_name,
                gate.verdict.as_str(),
                gate.after_stage,
                gate.blocking,
                gate.score.filter(|score| score.is_finite()),
                gate.reason,
                gate.at.map(Timestamp::unix_ms),
                gate.duration_seconds.map(seconds),
                amounts::value(gate.cost_usd),
            ])?;
    }
    Ok(())
}

/// The columns that stages, models and operations share are the parameters 1 to 13; `more` are those from 14.
fn write_figures(
    transaction: &Transaction<'_>,
    sql: &str,
    id: i64,
    name: &str,
    duration_s: Option<f64>,
    figures: &Figures,
    more: &[&dyn ToSql],
) -> Result<(), SqlError> {
    let (cost, tokens) = (amounts::value(figures.cost_usd), figures.tokens_used.map(whole));
    let duration_s = amounts::time_column(duration_s);
    let counts = [
        figures.llm_calls,
        figures.input_tokens,
        figures.output_tokens,
        figures.cache_read_tokens,
        figures.cache_write_tokens,
        figures.unpriced_calls,
        figures.calls_without_usage,
        figures.partial_calls,
    ]
    .map(whole);
    let shared: [&dyn ToSql; 5] = [&id, &name, &duration_s, &cost, &tokens];
    let counts = counts.iter().map(|count| count as &dyn ToSql);
    let all: Vec<&dyn ToSql> = shared.into_iter().chain(counts).chain(more.iter().copied()).collect();
    transaction.prepare_cached(sql)?.execute(all.as_slice())?;
    Ok(())
}
