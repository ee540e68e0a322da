//! Whatever a program traces, in whatever order its spans close and on whatever threads: the summary has the figures of
//! `docs/attribution.md`, computed here a second time.
//!
//! `EXACT_CASES=10000 cargo test --release --test exact` runs more programs than usual.
#![allow(clippy::unwrap_used)]

mod model;
mod program;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use tracing_budget::sink::Memory;
use tracing_budget::{BudgetGuard, PriceBook, builder::ErrorEvents, price::Rates};
use tracing_subscriber::prelude::*;

use crate::model::{Agent, Path, Row, Run, Stage, expected};
use crate::program::{COUNTED, Program, STAGES, Step, program, run_at_once, run_in_order};

/// Programs that each test runs.
fn cases() -> u32 {
    std::env::var("EXACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

/// Runs a program under a layer of its own. Returns what happened, and the summaries.
fn summaries(program: &Program, run: impl FnOnce(&Program, &BudgetGuard) -> Vec<Step>) -> (Vec<Step>, Vec<Value>) {
    let m_a = Rates::per_million().input("1").cache_read("0.1").output("2");
    let m_b = Rates::per_million().input("0.5").output("4");
    let book = PriceBook::builder().price("m-a", m_a).price("m-b", m_b).build().unwrap();
    let memory = Memory::new();
    let effect = if program.events_fail { ErrorEvents::Fail } else { ErrorEvents::Count };
    let mut budget =
        tracing_budget::layer().prices(book).sink(memory.clone()).usage_events([COUNTED]).error_events(effect);
    if program.is_declared {
        budget = budget.stages(STAGES);
    }
    let (layer, guard) = budget.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let steps = tracing::subscriber::with_default(subscriber, || run(program, &guard));
    guard.flush().unwrap();
    let stats = guard.handle().stats();
    assert_eq!((stats.open_spans, stats.outside), (0, 0), "after {steps:?}");
    if program.finish.is_none() {
        assert_eq!(stats.late, 0, "after {steps:?}");
    }
    let runs = memory.take();
    runs.iter().for_each(|run| run.check().unwrap());
    (steps, runs.iter().map(|run| serde_json::to_value(run).unwrap()).collect())
}

/// The names of a stage and of the stages around it, from the rows of the document.
fn path(rows: &Value, key: &str) -> Path {
    let row = &rows[key];
    let mut path = row["parent"].as_str().map_or_else(Path::new, |parent| path(rows, parent));
    if key != "unattributed" {
        path.push(row["name"].as_str().unwrap_or(key).to_owned());
    }
    path
}

/// The rows of the stages. A stage that never ran has none.
fn stages(run: &Value) -> BTreeMap<Path, Stage> {
    let rows = &run["budget_summary"]["per_agent"];
    let stages = rows.as_object().unwrap().iter().map(|(key, row)| {
        let count = |key: &str| row[key].as_u64().unwrap_or(0);
        let status = ["completed", "failed", "incomplete"].into_iter().find(|status| row["status"] == *status);
        let stage = Stage {
            row: Row::of(row),
            attempts: count("calls"),
            errors: count("errors"),
            error_events: count("error_events"),
            status: status.unwrap_or_default(),
        };
        (path(rows, key), stage)
    });
    stages.collect()
}

fn agents(run: &Value) -> BTreeMap<String, Agent> {
    let rows = run["budget_summary"]["by_agent"].as_object();
    let agents = rows.into_iter().flatten().map(|(name, row)| {
        let callers = row["called_by"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let agent = Agent {
            row: Row::of(row),
            executions: row["calls"].as_u64().unwrap_or(0),
            errors: row["errors"].as_u64().unwrap_or(0),
            called_by: callers.map(str::to_owned).collect(),
        };
        (name.clone(), agent)
    });
    agents.collect()
}

fn gates(run: &Value) -> Vec<(String, String)> {
    let gates = run["budget_summary"]["gate_verdicts"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    gates.map(|gate| (text(&gate["gate_name"]), text(&gate["verdict"]))).collect()
}

/// The run of a document, in the terms of the model.
fn found(run: &Value) -> Run {
    let summary = &run["budget_summary"];
    Run {
        is_accountable: true,
        pipeline: run["pipeline"].as_str().unwrap_or_default().to_owned(),
        status: ["completed", "failed", "incomplete"].into_iter().find(|status| run["status"] == *status).unwrap_or("other"),
        total: Row::of(summary),
        error_events: summary["error_events"].as_u64().unwrap_or(0),
        stages: stages(run),
        agents: agents(run),
        gates: gates(run),
        tools: summary["by_operation"]["execute_tool"]["calls"].as_u64().unwrap_or(0),
        has_retries: false,
    }
}

/// Removes what a run on several threads leaves open, and rows without anything in them.
fn comparable(mut run: Run, is_ordered: bool, has_retries: bool) -> Run {
    run.has_retries = false;
    if !is_ordered {
        run.status = "";
        run.gates.sort();
    }
    for stage in run.stages.values_mut() {
        if !is_ordered || stage.attempts == 0 {
            stage.status = "";
        }
    }
    if has_retries && !is_ordered {
        let rows = run.stages.values_mut().map(|stage| &mut stage.row);
        let rows = rows.chain(run.agents.values_mut().map(|agent| &mut agent.row));
        rows.chain([&mut run.total]).for_each(|row| *row = row.in_any_order());
    }
    run.stages.retain(|_, stage| *stage != Stage::default());
    run.agents.retain(|_, agent| *agent != Agent::default());
    run
}

fn holds(
    program: &Program,
    is_ordered: bool,
    run: impl FnOnce(&Program, &BudgetGuard) -> Vec<Step>,
) -> Result<(), TestCaseError> {
    let (steps, summaries) = summaries(program, run);
    let mut summaries: BTreeMap<String, Value> =
        summaries.into_iter().map(|run| (run["run_id"].as_str().unwrap_or_default().to_owned(), run)).collect();
    for (root, expected) in expected(program, &steps) {
        let summary = summaries.remove(&format!("run-{root}"));
        prop_assert_eq!(summary.is_some(), expected.is_accountable, "run-{} of {:?}", root, steps);
        let Some(summary) = summary else { continue };
        let has_retries = expected.has_retries;
        let found = comparable(found(&summary), is_ordered, has_retries);
        let expected = comparable(expected, is_ordered, has_retries);
        differs("pipeline", &found.pipeline, &expected.pipeline, &steps)?;
        differs("total", &found.total, &expected.total, &steps)?;
        differs("stages", &found.stages, &expected.stages, &steps)?;
        differs("agents", &found.agents, &expected.agents, &steps)?;
        differs("gates", &found.gates, &expected.gates, &steps)?;
        // differs("tools", &found.tools, &expected.tools, &steps)?;
        differs("error events", &found.error_events, &expected.error_events, &steps)?;
        differs("status", &found.status, &expected.status, &steps)?;
    }
    prop_assert!(summaries.is_empty(), "more runs than roots: {:?}", summaries.keys());
    Ok(())
}

fn differs<T: std::fmt::Debug + PartialEq>(what: &str, found: &T, expected: &T, steps: &[Step]) -> Result<(), TestCaseError> {
    prop_assert!(found == expected, "{what}\n   found {found:#?}\nexpected {expected:#?}\nafter {steps:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_one_thread_in_any_order_of_closes(
        program in program(),
        choices in proptest::collection::vec(any::<usize>(), 32),
    ) {
        holds(&program, true, |program, guard| run_in_order(program, &choices, guard))?;
    }

    #[test]
    fn on_three_threads_at_once(
        program in program(),
        choices in proptest::collection::vec(any::<usize>(), 32),
    ) {
        holds(&program.in_any_order(), false, |program, guard| run_at_once(program, &choices, guard))?;
    }
}
