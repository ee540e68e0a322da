//! Statistics over many runs, from the sums.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params_from_iter};

use super::conditions::Conditions;
use super::error::SqlError;
use super::list;
use super::rollup::SumRequest;
use super::{amounts, rollup};
use crate::Scope;
use crate::health::{self, EndedRun, Health, HealthQuery};
use crate::series::{Bucket, Measure, Series, SeriesQuery};
use crate::statistics::{median, median_whole};
use crate::stats::{GateStats, ModelStats, Overview, ProjectRow, ProjectTotals, StageStats, Typical, ratio};
use crate::tally::{Subject, Tally, count};
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};

/// More runs than are ever in flight, and few enough for memory.
const MANY: usize = 100_000;

const NEWEST_FIRST: &str = "started_ms DESC, run_id DESC";

pub(super) fn projects(connection: &Connection) -> Result<Vec<ProjectRow>, SqlError> {
    let mut statement = connection.prepare_cached(
        "SELECT project, pipeline, sum(runs),
             (SELECT max(started_ms) FROM runs WHERE runs.project = p.project AND runs.pipeline = p.pipeline)
         FROM (SELECT project, pipeline, runs FROM rollups WHERE step = 'day' AND kind = 'run'
               UNION ALL SELECT project, pipeline, 1 FROM runs WHERE status = 'running') AS p
         GROUP BY project, pipeline ORDER BY project, pipeline",
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

/// One pass over the sums of all projects. A query for each would read the same pages thousands of times.
pub(super) fn project_totals(
    connection: &Connection,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<ProjectTotals>, SqlError> {
    /// The sums of the runs that ended, runs in flight, and the stale ones of these.
    #[derive(Default)]
    struct Sums(Tally, u64, u64);
    let mut sums: HashMap<String, Sums> = HashMap::new();
    let columns = rollup::COLUMNS.replace(", durations", ", x''");
    let sql = format!("SELECT {columns}, project FROM rollups WHERE step = 'day' AND kind = 'run'");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let tally = rollup::read_tally(row, 0)?;
        let project = row.get_ref(Tally::COUNTS + 2)?.as_str().map_err(rusqlite::Error::from)?;
        match sums.get_mut(project) {
            Some(sum) => sum.0.add(&tally, 1),
            None => sums.entry(project.to_owned()).or_default().0 = tally,
        }
    }
    let mut conditions = Conditions::default();
    conditions.and("status = ?", [Status::Running.as_str().to_owned().into()]);
    for run in list::rows(connection, &conditions, NEWEST_FIRST, MANY, now)? {
        let sum = sums.entry(run.project).or_default();
        sum.1 += 1;
        sum.2 += u64::from(run.stale);
    }
    let mut sums: Vec<(String, Sums)> = sums.into_iter().collect();
    sums.sort_by(|(one, of_one), (two, of_two)| {
        let runs = |sums: &Sums| Reverse(count(sums.0.runs) + sums.1);
        // A project with the name of the last row is always in it, or two rows would have one name.
        (one == OTHER, runs(of_one), one).cmp(&(two == OTHER, runs(of_two), two))
    });
    let own = sums.iter().take(limit).take_while(|(project, _)| project != OTHER).count();
    let further = sums.split_off(own);
    let totals = |project, projects, Sums(tally, running, stale): Sums, last_started_at| {
        let mut by_status = tally.statuses();
        by_status.running = running;
        ProjectTotals {
            project,
            projects,
            by_status,
            stale,
            cost_usd: tally.cost(),
            tokens_used: tally.tokens(),
            llm_calls: count(tally.llm_calls),
            unpriced_calls: count(tally.unpriced_calls),
            last_started_at,
        }
    };
    let mut newest = connection.prepare_cached("SELECT max(started_ms) FROM runs WHERE project = ?1")?;
    let mut answer = Vec::with_capacity(sums.len() + 1);
    for (project, sum) in sums {
        rollup::refuse_unknown(&sum.0, Subject::Run)?;
        let last: Option<i64> = newest.query_row([&project], |row| row.get(0))?;
        answer.push(totals(project, 1, sum, last.map(list::time)));
    }
    if !further.is_empty() {
        let projects = further.len() as u64;
        let rest = further.into_iter().fold(Sums::default(), |mut rest, (_, sum)| {
            rest.0.add(&sum.0, 1);
            Sums(rest.0, rest.1 + sum.1, rest.2 + sum.2)
        });
        rollup::refuse_unknown(&rest.0, Subject::Run)?;
        answer.push(totals(OTHER.to_owned(), projects, rest, None));
    }
    Ok(answer)
}

pub(super) fn overview(connection: &Connection, scope: &Scope, now: Timestamp) -> Result<Overview, SqlError> {
    let request = SumRequest { kind: Subject::Run, by_hour: false, durations: false };
    let whole = rollup::sum(connection, scope, request, |_, _| ())?.remove(&()).unwrap_or_default();
    let with_status = |status: Status| {
        let mut conditions = Conditions::of_scope(scope);
        conditions.and("status = ?", [status.as_str().to_owned().into()]);
        conditions
    };
    let running = list::rows(connection, &with_status(Status::Running), NEWEST_FIRST, MANY, now)?;
    let mut by_status = whole.statuses();
    by_status.running = running.len() as u64;
    // The sums contain the count: without a failed run, the query would read every run of the scope in vain.
    let last_failed = match by_status.failed {
        0 => None,
        _ => list::rows(connection, &with_status(Status::Failed), NEWEST_FIRST, 1, now)?.pop(),
    };
    Ok(Overview {
        runs: by_status.total(),
        by_status,
        stale: running.iter().filter(|run| run.stale).count() as u64,
        cost_usd: whole.cost(),
        runs_without_cost: count(whole.without_cost),
        tokens_used: whole.tokens(),
        llm_calls: count(whole.llm_calls),
        unpriced_calls: count(whole.unpriced_calls),
        calls_without_usage: count(whole.calls_without_usage),
        partial_calls: count(whole.partial_calls),
        last_run: list::rows(connection, &Conditions::of_scope(scope), NEWEST_FIRST, 1, now)?.pop(),
        last_failed,
        typical: typical(connection, &with_status(Status::Completed))?,
    })
}

fn typical(connection: &Connection, completed: &Conditions) -> Result<Typical, SqlError> {
    let sql = format!(
        "SELECT cost_pico, duration_s, tokens FROM runs WHERE {} ORDER BY {NEWEST_FIRST} LIMIT {}",
        completed.sql(),
        Typical::RUNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(completed.values()))?;
    let (mut costs, mut durations, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        costs.extend(amounts::amount(row, 0)?.map(Usd::pico));
        durations.push(row.get::<_, f64>(1)?);
        tokens.extend(row.get::<_, Option<i64>>(2)?.map(i128::from));
    }
    Ok(Typical {
        runs: durations.len() as u64,
        cost_usd: median_whole(costs).map(Usd::from_pico),
        duration_seconds: median(durations),
        tokens_used: median_whole(tokens).and_then(|tokens| u64::try_from(tokens).ok()),
    })
}

pub(super) fn series(connection: &Connection, query: &SeriesQuery) -> Result<Series, SqlError> {
    let request = SumRequest {
        kind: query.by.kind(),
        by_hour: query.bucket == Bucket::Hour,
        durations: matches!(query.measure, Measure::P50Duration | Measure::P95Duration),
    };
    let step = |at, name: &str| (query.bucket.start(at), name.to_owned());
    Ok(Series::of(query, &rollup::sum(connection, &query.scope, request, step)?))
}

pub(super) fn stages(connection: &Connection, scope: &Scope) -> Result<Vec<StageStats>, SqlError> {
    let tallies = tallies(connection, scope, Subject::Stage)?;
    let whole = known_cost(&tallies);
    let (tallies, other) = largest(tallies, Tally::cost);
    let row = |(stage, tally): (String, Tally)| StageStats {
        stage,
        runs: count(tally.runs),
        failed: count(tally.failed),
        errors: count(tally.errors),
        success_rate: tally.statuses().success_rate(),
        p50_duration_seconds: tally.durations.quantile(0.5),
        p95_duration_seconds: tally.durations.quantile(0.95),
        duration_seconds: tally.seconds(),
        cost_usd: tally.cost(),
        share_of_cost: share(tally.cost(), whole),
        tokens_used: tally.tokens(),
        llm_calls: count(tally.llm_calls),
        unpriced_calls: count(tally.unpriced_calls),
        calls_without_usage: count(tally.calls_without_usage),
        partial_calls: count(tally.partial_calls),
    };
    let mut stages: Vec<StageStats> = tallies.into_iter().map(row).collect();
    stages.sort_by(|one, two| two.cost_usd.cmp(&one.cost_usd).then_with(|| one.stage.cmp(&two.stage)));
    stages.extend(other.map(row));
    Ok(stages)
}

pub(super) fn models(connection: &Connection, scope: &Scope) -> Result<Vec<ModelStats>, SqlError> {
    let tallies = tallies(connection, scope, Subject::Model)?;
    let whole = known_cost(&tallies);
    let (tallies, other) = largest(tallies, Tally::cost);
    let row = |(model, tally): (String, Tally)| ModelStats {
        model,
        runs: count(tally.runs),
        llm_calls: count(tally.llm_calls),
        p50_duration_seconds: tally.durations.quantile(0.5),
        p95_duration_seconds: tally.durations.quantile(0.95),
        duration_seconds: tally.measured_seconds(),
        cost_usd: tally.cost(),
        share_of_cost: share(tally.cost(), whole),
        tokens_used: tally.tokens(),
        input_tokens: count(tally.input),
        output_tokens: count(tally.output),
        cache_read_tokens: count(tally.cache_read),
        cache_write_tokens: count(tally.cache_write),
        unpriced_calls: count(tally.unpriced_calls),
        calls_without_usage: count(tally.calls_without_usage),
        partial_calls: count(tally.partial_calls),
    };
    let mut models: Vec<ModelStats> = tallies.into_iter().map(row).collect();
    models.sort_by(|one, two| two.cost_usd.cmp(&one.cost_usd).then_with(|| one.model.cmp(&two.model)));
    models.extend(other.map(row));
    Ok(models)
}

/// The name of the row that sums up all rows without one of their own.
const OTHER: &str = "(other)";

/// Maximum number of stages, models or gates with a row of their own. One run may have 100,000 of them.
const MOST_ROWS: usize = 1_000;

/// Returns the largest by a measure, and the sum of all others under the name `(other)`, if there are more than [`MOST_ROWS`].
fn largest<K: Ord>(
    mut tallies: BTreeMap<String, Tally>,
    size: impl Fn(&Tally) -> K,
) -> (BTreeMap<String, Tally>, Option<(String, Tally)>) {
    if tallies.len() <= MOST_ROWS {
        return (tallies, None);
    }
    let mut order: Vec<(K, String)> =
        tallies.iter().map(|(name, tally)| (size(tally), name.clone())).collect();
    order.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
    let mut other = Tally::default();
    for (_, name) in &order[MOST_ROWS..] {
        if let Some(tally) = tallies.remove(name) {
            other.add(&tally, 1);
        }
    }
    (tallies, Some((OTHER.to_owned(), other)))
}

fn known_cost(tallies: &BTreeMap<String, Tally>) -> Usd {
    tallies.values().filter_map(Tally::cost).sum()
}

fn share(cost: Option<Usd>, whole: Usd) -> Option<f64> {
    (whole > Usd::ZERO).then_some(cost?).map(|cost| cost.to_f64() / whole.to_f64())
}

pub(super) fn gates(connection: &Connection, scope: &Scope) -> Result<Vec<GateStats>, SqlError> {
    let (tallies, other) = largest(tallies(connection, scope, Subject::Gate)?, |tally| {
        (tally.gate_failed + tally.gate_errors, tally.verdicts())
    });
    let row = |(gate, tally): (String, Tally)| GateStats {
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
        p50_duration_seconds: tally.durations.quantile(0.5),
        p95_duration_seconds: tally.durations.quantile(0.95),
        cost_usd: (count(tally.without_cost) < tally.verdicts()).then_some(tally.cost),
    };
    let mut gates: Vec<GateStats> = tallies.into_iter().map(row).collect();
    let failing = |gate: &GateStats| ratio(gate.failed + gate.errors, gate.verdicts).unwrap_or(0.0);
    gates.sort_by(|one, two| failing(two).total_cmp(&failing(one)).then_with(|| one.gate.cmp(&two.gate)));
    gates.extend(other.map(row));
    Ok(gates)
}

fn tallies(
    connection: &Connection,
    scope: &Scope,
    kind: Subject,
) -> Result<BTreeMap<String, Tally>, SqlError> {
    let request = SumRequest { kind, by_hour: false, durations: true };
    rollup::sum(connection, scope, request, |_, name| name.to_owned())
}

pub(super) fn health(connection: &Connection, query: &HealthQuery) -> Result<Health, SqlError> {
    let mut judged = Vec::new();
    for known in projects(connection)? {
        if query.scope.project.as_ref().is_some_and(|project| *project != known.project) {
            continue;
        }
        for pipeline in known.pipelines {
            if query.scope.pipeline.as_ref().is_some_and(|only| *only != pipeline) {
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

fn newest(connection: &Connection, scope: &Scope, limit: usize) -> Result<Vec<EndedRun>, SqlError> {
    let mut conditions = Conditions::of_scope(scope);
    conditions.and("status <> 'running'", []);
    let sql = format!(
        "SELECT run_id, status, cost_pico, duration_s, llm_calls, unpriced_calls, id FROM runs
         WHERE {} ORDER BY {NEWEST_FIRST} LIMIT {limit}",
        conditions.sql()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values()))?;
    let mut stages = connection.prepare_cached("SELECT name, cost_pico FROM stages WHERE run = ?1")?;
    let mut gates = connection.prepare_cached("SELECT name, verdict FROM gates WHERE run = ?1")?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(6)?;
        let costs = stages.query_map([id], |row| Ok((row.get(0)?, amounts::amount(row, 1)?)))?;
        let costs: Vec<(String, Option<Usd>)> = costs.collect::<rusqlite::Result<_>>()?;
        let verdicts =
            gates.query_map([id], |row| Ok((row.get(0)?, Verdict::from(row.get_ref(1)?.as_str()?))))?;
        seen.push(EndedRun {
            run_id: row.get(0)?,
            status: list::status(row, 1)?,
            cost: amounts::amount(row, 2)?,
            seconds: row.get(3)?,
            llm_calls: count(row.get(4)?),
            unpriced_calls: count(row.get(5)?),
            stages: costs.into_iter().filter_map(|(name, cost)| Some((name, cost?))).collect(),
            gates: verdicts.collect::<rusqlite::Result<_>>()?,
        });
    }
    Ok(seen)
}
