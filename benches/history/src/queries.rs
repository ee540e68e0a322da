//! Times of queries: in this process, as a process of its own, and of the database alone.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::series::{By, Measure, SeriesQuery};
use tracing_budget_history::{Filter, Page, Scope, Sort, Sqlite, Store};

use crate::runs::END_MS;

/// A query, its limit in milliseconds, and roughly the SQL behind it.
struct Query {
    name: &'static str,
    limit_ms: f64,
    sql: &'static str,
}

const QUERIES: [Query; 9] = [
    Query {
        name: "list",
        limit_ms: 50.0,
        sql: "SELECT * FROM runs ORDER BY started_ms DESC, run_id DESC LIMIT 51",
    },
    Query {
        name: "list-failed",
        limit_ms: 50.0,
        sql: "SELECT * FROM runs WHERE project = 'atlas' AND status = 'failed' ORDER BY started_ms DESC, run_id DESC LIMIT 51",
    },
    Query {
        name: "list-most-expensive",
        limit_ms: 50.0,
        sql: "SELECT * FROM runs WHERE cost_pico IS NOT NULL ORDER BY cost_pico DESC, run_id DESC LIMIT 51",
    },
    Query {
        name: "summary",
        limit_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'run'",
    },
    Query {
        name: "series",
        limit_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Query {
        name: "series-p95",
        limit_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Query {
        name: "stages",
        limit_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Query {
        name: "health",
        limit_ms: 100.0,
        sql: "SELECT * FROM runs WHERE project = 'atlas' ORDER BY started_ms DESC LIMIT 3300",
    },
    Query {
        name: "get",
        limit_ms: 20.0,
        sql: "SELECT document FROM parts WHERE run = (SELECT id FROM runs ORDER BY started_ms LIMIT 1)",
    },
];

/// Number of measurements of a median: odd, so that there is a middle one.
const TIMES: usize = 21;

pub(crate) fn all(db: &Path) -> Result<(), Box<dyn Error>> {
    let store = Sqlite::open(db)?;
    let database = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    println!("query | here, ms | as a process, ms | the database alone, ms | limit, ms |");
    for Query { name, limit_ms, sql } in QUERIES {
        let here = median_ms(|| answer(&store, name).map(|_| ()))?;
        let process = median_ms(|| {
            let status = Command::new(std::env::current_exe()?)
                .arg("--db")
                .arg(db)
                .args(["--query", name])
                .stdout(Stdio::null())
                .status()?;
            if status.success() { Ok(()) } else { Err(format!("{name}: {status}").into()) }
        })?;
        let alone = median_ms(|| {
            let mut statement = database.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                // Reads a value: SQLite skips columns that nothing reads.
                std::hint::black_box(row.get_ref(0)?);
            }
            Ok(())
        })?;
        let met = if process < limit_ms { "met" } else { "**missed**" };
        println!("{name} | {here:.2} | {process:.2} | {alone:.2} | {limit_ms:.0} | {met}");
    }
    Ok(())
}

/// Opens the history, runs one query, and prints the size of its answer.
pub(crate) fn once(db: &Path, query: &str) -> Result<(), Box<dyn Error>> {
    println!("{}", answer(&Sqlite::open(db)?, query)?);
    Ok(())
}

fn answer(store: &dyn Store, query: &str) -> Result<usize, Box<dyn Error>> {
    let month = || {
        let since =
            Timestamp::from_unix_ms(END_MS - 30 * 86_400_000 + 1).unwrap_or(std::time::UNIX_EPOCH.into());
        Scope::new().since(since)
    };
    let page = Page::first(50);
    let by_stage = |measure| SeriesQuery::new(month(), measure).by(By::Stage);
    Ok(match query {
        "list" => store.list(&Filter::new(), Sort::default(), &page)?.runs.len(),
        "list-failed" => {
            let failed = Filter::new().project("atlas").status(tracing_budget::Status::Failed);
            store.list(&failed, Sort::default(), &page)?.runs.len()
        }
        "list-most-expensive" => store.list(&Filter::new(), "cost".parse()?, &page)?.runs.len(),
        "summary" => store.summary(&Scope::new())?.runs as usize,
        "series" => store.series(&by_stage(Measure::Cost))?.lines.len(),
        "series-p95" => store.series(&by_stage(Measure::P95Duration))?.lines.len(),
        "stages" => store.stages(&month())?.len(),
        "health" => store.health(&HealthQuery::default())?.findings.len(),
        "get" => {
            // From the middle of all.
            let ids = store.ids_beginning_with("01a0", 1)?;
            let id = ids.first().ok_or("no run begins with 01a0")?;
            store.get(id)?.map_or(0, |run| run.budget_summary.per_agent.len())
        }
        _ => return Err(format!("{query}: no such query").into()),
    })
}

fn median_ms(mut query: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        query()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMES / 2])
}
