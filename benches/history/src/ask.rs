//! What is asked of the history, and how long that takes: in this process, as a process of its own, and the database's
//! own part of it.

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

/// A question, what it may take in milliseconds, and about what the database is asked for it.
struct Question {
    name: &'static str,
    bar_ms: f64,
    sql: &'static str,
}

const QUESTIONS: [Question; 9] = [
    Question {
        name: "list",
        bar_ms: 50.0,
        sql: "SELECT * FROM runs ORDER BY started_ms DESC, run_id DESC LIMIT 51",
    },
    Question {
        name: "list-failed",
        bar_ms: 50.0,
        sql: "SELECT * FROM runs WHERE project = 'atlas' AND status = 'failed' ORDER BY started_ms DESC, run_id DESC LIMIT 51",
    },
    Question {
        name: "list-dearest",
        bar_ms: 50.0,
        sql: "SELECT * FROM runs WHERE cost_pico IS NOT NULL ORDER BY cost_pico DESC, run_id DESC LIMIT 51",
    },
    Question {
        name: "summary",
        bar_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'run'",
    },
    Question {
        name: "series",
        bar_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Question {
        name: "series-p95",
        bar_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Question {
        name: "stages",
        bar_ms: 100.0,
        sql: "SELECT * FROM rollups WHERE step = 'day' AND kind = 'stage' AND at_ms >= 1790899200000",
    },
    Question {
        name: "health",
        bar_ms: 100.0,
        sql: "SELECT * FROM runs WHERE project = 'atlas' ORDER BY started_ms DESC LIMIT 3300",
    },
    Question {
        name: "get",
        bar_ms: 20.0,
        sql: "SELECT document FROM parts WHERE run = (SELECT id FROM runs ORDER BY started_ms LIMIT 1)",
    },
];

/// Medians are taken over as many.
const TIMES: usize = 21;

pub(crate) fn all(db: &Path) -> Result<(), Box<dyn Error>> {
    let store = Sqlite::open(db)?;
    let database = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    println!("question | here, ms | as a process, ms | the database alone, ms | bar, ms |");
    for Question { name, bar_ms, sql } in QUESTIONS {
        let here = median_ms(|| answer(&store, name).map(|_| ()))?;
        let process = median_ms(|| {
            let asked = Command::new(std::env::current_exe()?)
                .arg("--db")
                .arg(db)
                .args(["--ask", name])
                .stdout(Stdio::null())
                .status()?;
            if asked.success() { Ok(()) } else { Err(format!("{name}: {asked}").into()) }
        })?;
        let alone = median_ms(|| {
            let mut statement = database.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                // Looks at a value, so that the row is read.
                std::hint::black_box(row.get_ref(0)?);
            }
            Ok(())
        })?;
        let met = if process < bar_ms { "met" } else { "**missed**" };
        println!("{name} | {here:.2} | {process:.2} | {alone:.2} | {bar_ms:.0} | {met}");
    }
    Ok(())
}

/// Opens the history, asks once, and prints how large the answer is.
pub(crate) fn once(db: &Path, question: &str) -> Result<(), Box<dyn Error>> {
    println!("{}", answer(&Sqlite::open(db)?, question)?);
    Ok(())
}

fn answer(store: &dyn Store, question: &str) -> Result<usize, Box<dyn Error>> {
    let month = || {
        let since =
            Timestamp::from_unix_ms(END_MS - 30 * 86_400_000 + 1).unwrap_or(std::time::UNIX_EPOCH.into());
        Scope::new().since(since)
    };
    let page = Page::first(50);
    let by_stage = |measure| SeriesQuery::new(month(), measure).by(By::Stage);
    Ok(match question {
        "list" => store.list(&Filter::new(), Sort::default(), &page)?.runs.len(),
        "list-failed" => {
            let failed = Filter::new().project("atlas").status(tracing_budget::Status::Failed);
            store.list(&failed, Sort::default(), &page)?.runs.len()
        }
        "list-dearest" => store.list(&Filter::new(), "cost".parse()?, &page)?.runs.len(),
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
        _ => return Err(format!("{question}: no such question").into()),
    })
}

fn median_ms(mut ask: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        ask()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMES / 2])
}
