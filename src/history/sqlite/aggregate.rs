//! Answers about many runs.

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};

use super::list::{self, Conditions};
use super::read;
use super::store::Trouble;
use crate::history::answers::{GateStats, ModelStats, Overview, ProjectRow, StageStats, Typical, ratio};
use crate::history::health::{self, Health, HealthQuery, Seen};
use crate::history::series::{Series, SeriesQuery};
use crate::history::statistics::{median, median_whole};
use crate::history::tally::{Kind, Tally, count};
use crate::history::{RunRow, Scope};
use crate::ledger::Usd;
use crate::summary::{RunSummary, Status, Timestamp};

const NEWEST_FIRST: &str = "started_ms DESC, run_id DESC";

pub(super) fn projects(connection: &Connection) -> Result<Vec<ProjectRow>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT project, pipeline, count(*), max(started_ms) FROM runs GROUP BY project, pipeline ORDER BY project, pipeline",
    )?;
    let mut rows = statement.query([])?;
    let mut projects: Vec<ProjectRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let (project, pipeline): (String, String) = (row.get(0)?, row.get(1)?);
        let (runs, last) = (count(row.get(2)?), list::time(row.get(3)?));
        match projects.last_mut().filter(|last| last.project == project) {
            Some(known) => {
                known.pipelines.push(pipeline);
                known.runs += runs;
                known.last_started_at = known.last_started_at.max(last);
            }
            None => {
                projects.push(ProjectRow { project, pipelines: vec![pipeline], runs, last_started_at: last })
            }
        }
    }
    Ok(projects)
}

pub(super) fn overview(connection: &Connection, scope: &Scope, now: Timestamp) -> Result<Overview, Trouble> {
    let whole = tally(connection, scope, Kind::Run)?.remove("").unwrap_or_default();
    let with_status = |status: Status, limit: usize| {
        let mut conditions = Conditions::of_scope(scope);
        conditions.and("status = ?", [status.as_str().to_owned().into()]);
        list::rows(connection, &conditions, NEWEST_FIRST, limit, now)
    };
    let running = with_status(Status::Running, usize::MAX >> 1)?;
    let mut by_status = whole.statuses();
    by_status.running = running.len() as u64;
    Ok(Overview {
        runs: by_status.total(),
        by_status,
        stale: running.iter().filter(|run| run.stale).count() as u64,
        cost_usd: whole.cost(),
        runs_without_cost: count(whole.without_cost),
        tokens_used: whole.tokens(),
        llm_calls: count(whole.llm_calls),
        unpriced_calls: count(whole.unpriced_calls),
        last_run: list::rows(connection, &Conditions::of_scope(scope), NEWEST_FIRST, 1, now)?.pop(),
        last_failed: with_status(Status::Failed, 1)?.pop(),
        typical: typical(&with_status(Status::Completed, Typical::RUNS)?),
    })
}

fn typical(runs: &[RunRow]) -> Typical {
    let tokens = runs.iter().filter_map(|run| run.tokens_used).map(i128::from);
    Typical {
        runs: runs.len() as u64,
        cost_usd: median_whole(runs.iter().filter_map(|run| run.cost_usd).map(Usd::pico)).map(Usd::from_pico),
        duration_seconds: median(runs.iter().map(|run| run.duration_seconds)),
        tokens_used: median_whole(tokens).and_then(|tokens| u64::try_from(tokens).ok()),
    }
}

pub(super) fn series(connection: &Connection, query: &SeriesQuery) -> Result<Series, Trouble> {
    let mut tallies: BTreeMap<(i64, String), Tally> = BTreeMap::new();
    each_ended(connection, &query.scope, |run| {
        let step = query.bucket.start(run.started_at.unix_ms());
        for ((_, name), tally) in Tally::of(run).iter().filter(|((kind, _), _)| *kind == query.by.kind()) {
            tallies.entry((step, (*name).to_owned())).or_default().add(tally);
        }
    })?;
    Ok(Series::of(query, &tallies))
}

pub(super) fn stages(connection: &Connection, scope: &Scope) -> Result<Vec<StageStats>, Trouble> {
    let tallies = tally(connection, scope, Kind::Stage)?;
    let whole = known_cost(&tallies);
    let mut stages: Vec<StageStats> = tallies
        .into_iter()
        .map(|(stage, tally)| StageStats {
            stage,
            runs: count(tally.runs),
            failed: count(tally.failed),
            errors: count(tally.errors),
            success_rate: tally.statuses().success_rate(),
            p50_duration_seconds: tally.duration(0.5),
            p95_duration_seconds: tally.duration(0.95),
            duration_seconds: tally.seconds,
            cost_usd: tally.cost(),
            share_of_cost: share(tally.cost(), whole),
            tokens_used: tally.tokens(),
            llm_calls: count(tally.llm_calls),
            unpriced_calls: count(tally.unpriced_calls),
            calls_without_usage: count(tally.calls_without_usage),
        })
        .collect();
    stages.sort_by(|one, two| two.cost_usd.cmp(&one.cost_usd).then_with(|| one.stage.cmp(&two.stage)));
    Ok(stages)
}

pub(super) fn models(connection: &Connection, scope: &Scope) -> Result<Vec<ModelStats>, Trouble> {
    let tallies = tally(connection, scope, Kind::Model)?;
    let whole = known_cost(&tallies);
    let mut models: Vec<ModelStats> = tallies
        .into_iter()
        .map(|(model, tally)| ModelStats {
            model,
            runs: count(tally.runs),
            llm_calls: count(tally.llm_calls),
            p50_duration_seconds: tally.duration(0.5),
            p95_duration_seconds: tally.duration(0.95),
            duration_seconds: tally.seconds,
            cost_usd: tally.cost(),
            share_of_cost: share(tally.cost(), whole),
            tokens_used: tally.tokens(),
            input_tokens: count(tally.input),
            output_tokens: count(tally.output),
            cache_read_tokens: count(tally.cache_read),
            cache_write_tokens: count(tally.cache_write),
            unpriced_calls: count(tally.unpriced_calls),
            calls_without_usage: count(tally.calls_without_usage),
        })
        .collect();
    models.sort_by(|one, two| two.cost_usd.cmp(&one.cost_usd).then_with(|| one.model.cmp(&two.model)));
    Ok(models)
}

fn known_cost(tallies: &BTreeMap<String, Tally>) -> Usd {
    tallies.values().filter_map(Tally::cost).sum()
}

fn share(cost: Option<Usd>, whole: Usd) -> Option<f64> {
    (whole > Usd::ZERO).then_some(cost?).map(|cost| cost.to_f64() / whole.to_f64())
}

pub(super) fn gates(connection: &Connection, scope: &Scope) -> Result<Vec<GateStats>, Trouble> {
    let mut gates: Vec<GateStats> = tally(connection, scope, Kind::Gate)?
        .into_iter()
        .map(|(gate, tally)| GateStats {
            gate,
            runs: count(tally.runs),
            verdicts: tally.verdicts(),
            passed: count(tally.passed),
            failed: count(tally.gate_failed),
            warned: count(tally.warned),
            skipped: count(tally.skipped),
            errors: count(tally.gate_errors),
            other: count(tally.other),
            pass_rate: tally.pass_rate(),
            p50_duration_seconds: tally.duration(0.5),
            p95_duration_seconds: tally.duration(0.95),
            cost_usd: (count(tally.without_cost) < tally.verdicts()).then_some(tally.cost),
        })
        .collect();
    let failing = |gate: &GateStats| ratio(gate.failed + gate.errors, gate.verdicts).unwrap_or(0.0);
    gates.sort_by(|one, two| failing(two).total_cmp(&failing(one)).then_with(|| one.gate.cmp(&two.gate)));
    Ok(gates)
}

fn tally(connection: &Connection, scope: &Scope, wanted: Kind) -> Result<BTreeMap<String, Tally>, Trouble> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    each_ended(connection, scope, |run| {
        for ((_, name), tally) in Tally::of(run).iter().filter(|((kind, _), _)| *kind == wanted) {
            tallies.entry((*name).to_owned()).or_default().add(tally);
        }
    })?;
    Ok(tallies)
}

fn each_ended(
    connection: &Connection,
    scope: &Scope,
    mut see: impl FnMut(&RunSummary),
) -> Result<(), Trouble> {
    let mut conditions = Conditions::of_scope(scope);
    conditions.and("status <> 'running'", []);
    let sql = format!("SELECT id, run_id FROM runs WHERE {}", conditions.sql());
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    while let Some(row) = rows.next()? {
        let run_id: String = row.get(1)?;
        if let Some(run) = read::merged(connection, row.get(0)?, &run_id)? {
            see(&run);
        }
    }
    Ok(())
}

pub(super) fn health(connection: &Connection, query: &HealthQuery) -> Result<Health, Trouble> {
    let mut judged = Vec::new();
    for known in projects(connection)? {
        if query.scope.project.as_ref().is_some_and(|project| *project != known.project) {
            continue;
        }
        for pipeline in known.pipelines {
            if query.scope.pipeline.as_ref().is_some_and(|wanted| *wanted != pipeline) {
                continue;
            }
            let scope = Scope {
                project: Some(known.project.clone()),
                pipeline: Some(pipeline.clone()),
                ..query.scope.clone()
            };
            let seen = newest(connection, &scope, query.recent + query.history)?;
            let (recent, before) = seen.split_at(query.recent.min(seen.len()));
            if !recent.is_empty() {
                judged.push(health::judge(&known.project, &pipeline, recent, before));
            }
        }
    }
    Ok(Health::of(judged))
}

fn newest(connection: &Connection, scope: &Scope, limit: usize) -> Result<Vec<Seen>, Trouble> {
    let mut conditions = Conditions::of_scope(scope);
    conditions.and("status <> 'running'", []);
    let sql = format!(
        "SELECT id, run_id FROM runs WHERE {} ORDER BY {NEWEST_FIRST} LIMIT {limit}",
        conditions.sql()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next()? {
        let run_id: String = row.get(1)?;
        if let Some(run) = read::merged(connection, row.get(0)?, &run_id)? {
            seen.push(Seen::of(&run));
        }
    }
    Ok(seen)
}
