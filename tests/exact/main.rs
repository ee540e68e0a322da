//! Whatever a program traces, in whatever order its spans close and on whatever threads: the summary has the figures of
//! `docs/attribution.md`, computed here a second time from a plain tree.
#![allow(clippy::unwrap_used)]

mod model;
mod program;

use proptest::prelude::*;
use tracing_budget::sink::Memory;
use tracing_budget::{PriceBook, RunSummary, price::Rates};
use tracing_subscriber::prelude::*;

use crate::model::{Row, expected};
use crate::program::{Node, STAGES, node, run_at_once, run_in_order};

/// Runs a tree of spans under a layer of its own.
fn summary(nodes: &[Node], declared: bool, run: impl FnOnce(&[Node])) -> Option<RunSummary> {
    let rates = |input, output| Rates::per_million().input(input).output(output);
    let book = PriceBook::builder().price("m-a", rates("1", "2")).price("m-b", rates("0.5", "4"));
    let memory = Memory::new();
    let mut budget = tracing_budget::layer().prices(book.build().unwrap()).sink(memory.clone());
    if declared {
        budget = budget.stages(STAGES);
    }
    let (layer, guard) = budget.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || run(nodes));
    guard.flush().unwrap();
    let stats = guard.handle().stats();
    assert_eq!((stats.open_spans, stats.late, stats.outside), (0, 0, 0));
    let mut runs = memory.take();
    assert!(runs.len() <= 1, "{runs:#?}");
    assert_eq!(stats.empty_roots, 1 - runs.len() as u64);
    runs.pop()
}

fn holds(nodes: &[Node], declared: bool, run: impl FnOnce(&[Node])) -> Result<(), TestCaseError> {
    let expected = expected(nodes, declared);
    let Some(run) = summary(nodes, declared, run) else {
        prop_assert!(!expected.is_accountable, "there is no summary of {expected:#?}");
        return Ok(());
    };
    run.check().unwrap();
    prop_assert!(expected.is_accountable, "nothing accountable, and yet a summary:\n{run}");
    prop_assert_eq!(Row::of(&run.budget_summary.total), expected.total, "the total of\n{}", run);
    for (stage, row) in &expected.stages {
        let found = run.budget_summary.per_agent.get(stage).map(|row| Row::of(&row.figures));
        prop_assert_eq!(found.unwrap_or_default(), *row, "the row {} of\n{}", stage, run);
    }
    for (name, row) in run.budget_summary.per_agent.iter() {
        let is_known = expected.stages.contains_key(name) || Row::of(&row.figures) == Row::default();
        prop_assert!(is_known, "the row {} of\n{}", name, run);
    }
    for (stage, begun) in &expected.begun {
        let found = run.budget_summary.per_agent.get(stage).map(|row| row.calls);
        prop_assert_eq!(found, Some(*begun), "how often {} was begun in\n{}", stage, run);
    }
    prop_assert_eq!(run.budget_summary.gate_verdicts.len(), expected.gates);
    let tools = run.budget_summary.by_operation.get("execute_tool").map_or(0, |row| row.calls);
    prop_assert_eq!(tools, expected.tools);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_one_thread_in_any_order_of_closes(
        nodes in proptest::collection::vec(node(), 0..24),
        declared: bool,
        choices in proptest::collection::vec(any::<usize>(), 32),
    ) {
        holds(&nodes, declared, |nodes| run_in_order(nodes, &choices))?;
    }

    #[test]
    fn on_three_threads_at_once(
        nodes in proptest::collection::vec(node(), 0..24),
        declared: bool,
        choices in proptest::collection::vec(any::<usize>(), 32),
    ) {
        holds(&nodes, declared, |nodes| run_at_once(nodes, &choices))?;
    }
}
