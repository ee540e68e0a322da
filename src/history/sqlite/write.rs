//! Storing runs.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, ToSql, Transaction, params};

use super::store::Trouble;
use super::{amounts, read};
use crate::history::row::RunRow;
use crate::history::{Put, StoreError, Stored};
use crate::summary::{Figures, RunSummary, Status, Timestamp};

pub(super) fn put_all(
    transaction: &Transaction<'_>,
    runs: &[Put<'_>],
    now: Timestamp,
) -> Result<Vec<Stored>, Trouble> {
    runs.iter().map(|put| store(transaction, put, now)).collect()
}

fn store(transaction: &Transaction<'_>, put: &Put<'_>, now: Timestamp) -> Result<Stored, Trouble> {
    check(put.run)?;
    let document = to_json(put.run)?;
    let known: Option<i64> = transaction
        .prepare_cached("SELECT id FROM runs WHERE run_id = ?1")?
        .query_row([&put.run.run_id], |row| row.get(0))
        .optional()?;
    let Some(id) = known else {
        let id = insert_run(transaction, put.run, now)?;
        write_part(transaction, id, &part_name(put, &[]), put, &document)?;
        write_rows(transaction, id, put.run)?;
        set_beat(transaction, id)?;
        return Ok(Stored::Inserted);
    };
    let parts = parts(transaction, id)?;
    match place(put, &document, &parts) {
        Place::Nowhere => return Ok(Stored::Unchanged),
        Place::Of(part) => {
            transaction.prepare_cached("DELETE FROM parts WHERE id = ?1")?.execute([part.id])?;
            write_part(transaction, id, &part.name, put, &document)?;
        }
        Place::New(name) => write_part(transaction, id, &name, put, &document)?,
    }
    rewrite(transaction, id, &put.run.run_id)?;
    Ok(Stored::Updated)
}

/// Puts other figures in place of a run's parts.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    run: &RunSummary,
    reason: &str,
    now: Timestamp,
) -> Result<(), Trouble> {
    check(run)?;
    let known: Option<i64> = transaction
        .prepare_cached("SELECT id FROM runs WHERE run_id = ?1")?
        .query_row([&run.run_id], |row| row.get(0))
        .optional()?;
    let id = known.ok_or_else(|| Trouble::Said(StoreError::NoSuchRun { run_id: run.run_id.clone() }))?;
    transaction
        .prepare_cached(
            "INSERT INTO replaced (run, part, replaced_ms, reason, document, exact)
             SELECT run, part, ?2, ?3, document, exact FROM parts WHERE run = ?1 ORDER BY id",
        )?
        .execute(params![id, now.unix_ms(), reason])?;
    transaction.prepare_cached("DELETE FROM parts WHERE run = ?1")?.execute([id])?;
    let put = Put::new(run);
    write_part(transaction, id, &part_name(&put, &[]), &put, &to_json(run)?)?;
    rewrite(transaction, id, &run.run_id)
}

fn check(run: &RunSummary) -> Result<(), Trouble> {
    let refused = |reason| Trouble::Said(StoreError::Refused { run_id: run.run_id.clone(), reason });
    if run.run_id.trim().is_empty() {
        return Err(refused("its run_id is empty"));
    }
    if run.status == Status::NotRun {
        return Err(refused("its status is not_run, which only a stage can be"));
    }
    Ok(())
}

fn to_json(run: &RunSummary) -> Result<String, Trouble> {
    // Only numbers that are not finite cannot be written, and they are written as null.
    serde_json::to_string(run)
        .map_err(|error| Trouble::Database(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))
}

struct Part {
    id: i64,
    name: String,
    status: String,
    started_ms: i64,
    pipeline: String,
    document: String,
    /// Replaced by other figures: it is no part any more, and must not become one again.
    replaced: bool,
}

impl Part {
    fn is_open(&self) -> bool {
        !self.replaced && self.status == Status::Running.as_str()
    }
}

fn parts(transaction: &Transaction<'_>, id: i64) -> Result<Vec<Part>, Trouble> {
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

/// Where a delivery belongs among the parts that are there.
enum Place<'a> {
    Nowhere,
    Of(&'a Part),
    New(Cow<'a, str>),
}

fn place<'a>(put: &Put<'a>, document: &str, parts: &'a [Part]) -> Place<'a> {
    let open_or_nowhere = |part: &'a Part| if part.is_open() { Place::Of(part) } else { Place::Nowhere };
    if let Some(part) = put.part.and_then(|name| parts.iter().find(|part| part.name == name)) {
        return open_or_nowhere(part);
    }
    if parts.iter().any(|part| part.document == document) {
        return Place::Nowhere;
    }
    let begun_with_it =
        |part: &&Part| part.started_ms == put.run.started_at.unix_ms() && part.pipeline == put.run.pipeline;
    let same = parts.iter().filter(begun_with_it).max_by_key(|part| part.is_open());
    match same {
        Some(part) if put.part.is_none() && part.is_open() => Place::Of(part),
        // A late picture of a part that has ended.
        Some(_) if put.part.is_none() && !put.run.status.is_terminal() => Place::Nowhere,
        _ => Place::New(part_name(put, parts)),
    }
}

/// The name of a new part: the one that it was given, or one that nobody has.
fn part_name<'a>(put: &Put<'a>, parts: &[Part]) -> Cow<'a, str> {
    if let Some(name) = put.part {
        return name.into();
    }
    let name = format!("{} {}", put.run.started_at, put.run.pipeline);
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
) -> Result<(), Trouble> {
    let beat = put.heartbeat.filter(|_| put.run.status == Status::Running);
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
            beat.map(|beat| beat.at.unix_ms()),
            beat.map(|beat| i64::try_from(beat.every.as_millis()).unwrap_or(i64::MAX)),
            document,
            amounts::exact(put.run),
        ])?;
    Ok(())
}

/// Brings a run's rows to what its parts say now.
fn rewrite(transaction: &Transaction<'_>, id: i64, run_id: &str) -> Result<(), Trouble> {
    let Some(run) = read::merged(transaction, id, run_id)? else { return Ok(()) };
    update_run(transaction, id, &run)?;
    clear_rows(transaction, id)?;
    write_rows(transaction, id, &run)?;
    set_beat(transaction, id)
}

/// Removes what stands below a run's row, its parts excepted.
pub(super) fn clear_rows(transaction: &Transaction<'_>, id: i64) -> Result<(), Trouble> {
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

fn insert_run(transaction: &Transaction<'_>, run: &RunSummary, now: Timestamp) -> Result<i64, Trouble> {
    transaction
        .prepare_cached(
            "INSERT INTO runs (run_id, created_ms, project, pipeline, status, started_ms, completed_ms, duration_s,
                 stages, llm_calls, tokens, cost_pico, unpriced_calls, calls_without_usage, gates_passed,
                 gates_failed, gates_total, failed_stage, error_summary, tags, parts)
             VALUES (?1, ?2, '', '', '', 0, NULL, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, '{}', 1)",
        )?
        .execute(params![run.run_id, now.unix_ms()])?;
    let id = transaction.last_insert_rowid();
    update_run(transaction, id, run)?;
    Ok(id)
}

fn update_run(transaction: &Transaction<'_>, id: i64, run: &RunSummary) -> Result<(), Trouble> {
    let row = RunRow::of(run, run.started_at);
    let tags = serde_json::to_string(&row.tags).unwrap_or_else(|_| "{}".to_owned());
    transaction
        .prepare_cached(
            "UPDATE runs SET project = ?2, pipeline = ?3, status = ?4, started_ms = ?5, completed_ms = ?6,
                 duration_s = ?7, stages = ?8, llm_calls = ?9, tokens = ?10, cost_pico = ?11, unpriced_calls = ?12,
                 calls_without_usage = ?13, gates_passed = ?14, gates_failed = ?15, gates_total = ?16,
                 failed_stage = ?17, error_summary = ?18, tags = ?19
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            row.project,
            row.pipeline,
            row.status.as_str(),
            row.started_at.unix_ms(),
            row.completed_at.map(Timestamp::unix_ms),
            seconds(row.duration_seconds),
            whole(row.stages),
            whole(row.llm_calls),
            row.tokens_used.map(whole),
            amounts::value(row.cost_usd),
            whole(row.unpriced_calls),
            whole(row.calls_without_usage),
            whole(row.gates_passed),
            whole(row.gates_failed),
            whole(row.gates_total),
            row.failed_stage,
            row.error_summary,
            tags,
        ])?;
    Ok(())
}

/// The sign of life that lasts longest, of the parts that are running, stands for the run.
fn set_beat(transaction: &Transaction<'_>, id: i64) -> Result<(), Trouble> {
    transaction
        .prepare_cached(
            "UPDATE runs SET (parts, beat_ms, beat_every_ms) =
                 (SELECT (SELECT count(*) FROM parts WHERE run = ?1), beat_ms, beat_every_ms FROM parts WHERE run = ?1
                  ORDER BY status = 'running' DESC, beat_ms + 3 * beat_every_ms DESC LIMIT 1)
             WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

fn write_rows(transaction: &Transaction<'_>, id: i64, run: &RunSummary) -> Result<(), Trouble> {
    for (name, value) in &run.tags {
        transaction
            .prepare_cached("INSERT INTO tags (run, name, value) VALUES (?1, ?2, ?3)")?
            .execute(params![id, name, value])?;
    }
    let figures = &run.budget_summary;
    for (name, row) in figures.per_agent.iter() {
        let sql = "INSERT INTO stages VALUES (?1, ?2, ?13, ?14, ?15, ?16, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        write_figures(
            transaction,
            sql,
            id,
            name,
            row.duration_seconds,
            &row.figures,
            params![row.parent, row.status.as_str(), whole(row.calls), whole(row.errors)],
        )?;
    }
    for (name, row) in figures.per_model.iter() {
        let sql = "INSERT INTO models VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        write_figures(transaction, sql, id, name, row.duration_seconds, &row.figures, params![])?;
    }
    for (name, row) in figures.by_operation.iter() {
        let sql = "INSERT INTO operations VALUES (?1, ?2, ?13, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
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

/// The columns that stages, models and operations share are the parameters 1 to 12; `more` are those from 13.
fn write_figures(
    transaction: &Transaction<'_>,
    sql: &str,
    id: i64,
    name: &str,
    duration_s: f64,
    figures: &Figures,
    more: &[&dyn ToSql],
) -> Result<(), Trouble> {
    let (cost, tokens) = (amounts::value(figures.cost_usd), figures.tokens_used.map(whole));
    let duration_s = seconds(duration_s);
    let counts = [
        figures.llm_calls,
        figures.input_tokens,
        figures.output_tokens,
        figures.cache_read_tokens,
        figures.cache_write_tokens,
        figures.unpriced_calls,
        figures.calls_without_usage,
    ]
    .map(whole);
    let shared: [&dyn ToSql; 5] = [&id, &name, &duration_s, &cost, &tokens];
    let counts = counts.iter().map(|count| count as &dyn ToSql);
    let all: Vec<&dyn ToSql> = shared.into_iter().chain(counts).chain(more.iter().copied()).collect();
    transaction.prepare_cached(sql)?.execute(all.as_slice())?;
    Ok(())
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// SQLite has no NaN; no duration is one unless somebody made the document by hand.
fn seconds(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds } else { 0.0 }
}
