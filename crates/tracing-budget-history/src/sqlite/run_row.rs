//! The row of a run in `runs`.

use rusqlite::{Connection, Transaction, params};

use super::amounts::{self, seconds, whole};
use super::error::SqlError;
use crate::Heartbeat;
use crate::row::RunRow;
use tracing_budget::summary::{RunSummary, Timestamp};

pub(super) struct Row<'a> {
    run: &'a RunSummary,
    now: Timestamp,
    parts: i64,
    /// The last heartbeat and its interval, in milliseconds.
    beat: Option<(i64, i64)>,
}

const INSERT: &str = "INSERT INTO runs (id, run_id, project, pipeline, status, started_ms, completed_ms, duration_s, \
     stages, llm_calls, tokens, cost_pico, unpriced_calls, calls_without_usage, gates_passed, gates_failed, gates_total, \
     failed_stage, error_summary, tags, parts, beat_ms, beat_every_ms, created_ms, partial_calls)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
     ?24, ?25)";

/// `created_ms` stays unchanged.
const UPDATE: &str = "UPDATE runs SET run_id = ?2, project = ?3, pipeline = ?4, status = ?5, started_ms = ?6, \
     completed_ms = ?7, duration_s = ?8, stages = ?9, llm_calls = ?10, tokens = ?11, cost_pico = ?12, \
     unpriced_calls = ?13, calls_without_usage = ?14, gates_passed = ?15, gates_failed = ?16, gates_total = ?17, \
     failed_stage = ?18, error_summary = ?19, tags = ?20, parts = ?21, beat_ms = ?22, beat_every_ms = ?23, \
     partial_calls = ?25
     WHERE id = ?1 AND ?24 IS NOT NULL";

impl<'a> Row<'a> {
    /// The row of a run with one part.
    pub(super) fn new(run: &'a RunSummary, beat: Option<(i64, i64)>, now: Timestamp) -> Self {
        Self { run, now, parts: 1, beat }
    }

    /// The row of a run with several parts. Of the running parts, the heartbeat that stays fresh longest counts.
    pub(super) fn of_parts(
        connection: &Connection,
        id: i64,
        run: &'a RunSummary,
        now: Timestamp,
    ) -> Result<Self, SqlError> {
        let mut statement = connection
            .prepare_cached("SELECT status = 'running', beat_ms, beat_every_ms FROM parts WHERE run = ?1")?;
        let parts = statement.query_map([id], |row| {
            let beat = row.get::<_, Option<i64>>(1)?.zip(row.get::<_, Option<i64>>(2)?);
            Ok((row.get::<_, bool>(0)?, beat))
        })?;
        let parts: Vec<(bool, Option<(i64, i64)>)> = parts.collect::<rusqlite::Result<_>>()?;
        let beats = parts.iter().filter(|(running, _)| *running).filter_map(|(_, beat)| *beat);
        let beat = beats.max_by_key(|(at, every)| Heartbeat::from_ms(*at, *every).fresh_until_ms());
        Ok(Self { run, now, parts: parts.len() as i64, beat })
    }

    /// Inserts a new run and returns its key.
    pub(super) fn insert(&self, transaction: &Transaction<'_>) -> Result<i64, SqlError> {
        self.write(transaction, INSERT, None)?;
        Ok(transaction.last_insert_rowid())
    }

    pub(super) fn update(&self, transaction: &Transaction<'_>, id: i64) -> Result<(), SqlError> {
        self.write(transaction, UPDATE, Some(id))
    }

    fn write(&self, transaction: &Transaction<'_>, sql: &str, id: Option<i64>) -> Result<(), SqlError> {
        let row = RunRow::of(self.run, self.now);
        let tags = serde_json::to_string(&row.tags).unwrap_or_else(|_| "{}".to_owned());
        transaction.prepare_cached(sql)?.execute(params![
            id,
            row.run_id,
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
            self.parts,
            self.beat.map(|(at, _)| at),
            self.beat.map(|(_, every)| every),
            self.now.unix_ms(),
            whole(row.partial_calls),
        ])?;
        Ok(())
    }
}
