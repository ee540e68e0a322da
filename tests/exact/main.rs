//! Whatever a program traces, in whatever order its spans close and on whatever threads: the summary has the figures of
//! `docs/attribution.md`, computed here a second time from a plain tree.
//!
//! `EXACT_CASES` is the number of programs for each test. Its default is 400, and in CI 5,000 and 1,000. `PROPTEST_RNG_SEED`
//! repeats a run. Beyond 10,000, several processes with seeds of their own are faster: `tracing` keeps every callsite of a process.
#![allow(clippy::unwrap_used)]

mod callsite;
mod expected;
mod history;
mod model;
mod program;
mod runner;
mod usage;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tracing_budget::sink::Memory;
use tracing_budget::summary::Status;
use tracing_budget::{BudgetGuard, PriceBook, RunSummary, price::Rates};
use tracing_subscriber::prelude::*;

use crate::expected::{Expected, Row};
use crate::history::{History, Step, listing};
use crate::model::expected;
use crate::program::{BILLING, Node, PIPELINES, STAGES, nodes, without_order};
use crate::runner::{run_at_once, run_in_order};

/// What a program did under a layer of its own.
struct Played {
    steps: Vec<Step>,
    runs: Vec<RunSummary>,
    /// Whether the registry kept a span open for ever. Where two threads release a span at once, that of `tracing-subscriber` 0.3 keeps
    /// the span around its parent open, with no layer of ours in it either: once in some 75,000 times.
    has_kept_span: bool,
}

/// Runs a program. `is_in_turn` is whether one thread after the other has the spans.
fn run(is_declared: bool, is_in_turn: bool, work: impl FnOnce(BudgetGuard) -> Vec<Step>) -> Played {
    let rates = |input, cached, output| Rates::per_million().input(input).cache_read(cached).output(output);
    let book =
        PriceBook::builder().price("m-a", rates("1", "0.1", "2")).price("m-b", rates("0.5", "0.25", "4"));
    let memory = Memory::new();
    let mut budget =
        tracing_budget::layer().prices(book.build().unwrap()).usage_events([BILLING]).sink(memory.clone());
    if is_declared {
        budget = budget.stages(STAGES);
    }
    let (layer, guard) = budget.build().unwrap();
    let handle = guard.handle();
    let steps = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || work(guard));
    let (stats, is_cut) = (handle.stats(), |step: &Step| matches!(step, Step::Finish(_) | Step::End));
    let has_kept_span = stats.open_spans > 0 && !steps.contains(&Step::End);
    assert!(!is_in_turn || !has_kept_span, "{stats:?}");
    assert!(steps.iter().any(is_cut) || stats.late == 0, "nothing was ended from outside, and yet {stats:?}");
    Played { steps, runs: memory.take(), has_kept_span }
}

fn holds(nodes: &[Node], is_declared: bool, played: &Played, has_order: bool) -> Result<(), TestCaseError> {
    let Played { steps, runs, has_kept_span } = played;
    let history = History::new(nodes, steps);
    let mut expected: BTreeMap<&str, Expected> =
        expected(&history, is_declared).into_iter().map(|(root, run)| (PIPELINES[root], run)).collect();
    for run in runs {
        run.check().unwrap();
        // No program of these tests makes as many calls as are kept: every one that is booked has its record.
        prop_assert_eq!(run.budget_summary.calls_left_out, 0, "{}\n{}", run, listing(nodes, steps));
        let Some(mut expected) = expected.remove(run.pipeline.as_str()) else {
            let error = format!("nothing accountable, and yet a summary:\n{run}");
            return Err(TestCaseError::fail(format!("{error}\n{}", listing(nodes, steps))));
        };
        // A root that is kept open ends with the guard.
        expected.is_cut |= *has_kept_span && run.status == Status::Incomplete;
        compare(run, expected, has_order)
            .map_err(|text| TestCaseError::fail(format!("{text}\n{}", listing(nodes, steps))))?;
    }
    prop_assert!(
        expected.is_empty(),
        "there is no summary of {:?}\n{}",
        expected.keys(),
        listing(nodes, steps)
    );
    Ok(())
}

fn compare(run: &RunSummary, mut expected: Expected, has_order: bool) -> Result<(), String> {
    let mut found = Expected::read(&serde_json::to_value(run).unwrap());
    if expected.is_cut {
        // A run that is ended from outside is `incomplete`, and so are its open stages, whatever they had recorded.
        if !found.is_cut && !found.has_failed {
            return Err(format!("ended from outside, and yet {}", run.status));
        }
        for run in [&mut expected, &mut found] {
            run.stages.values_mut().for_each(|row| row.errors = 0);
            (run.is_cut, run.has_failed) = (true, false);
        }
    }
    if !has_order {
        for run in [&mut expected, &mut found] {
            run.gates.sort();
            run.has_failed = false;
            // The failure of an outer call is one of its last request (A5), whichever that is, and requests may name agents.
            run.agents.values_mut().for_each(|agent| agent.row.errors = 0);
        }
    }
    // A row without anything in it may be there or not.
    let blank = Row::default().shown();
    for run in [&mut expected, &mut found] {
        run.stages.retain(|_, row| *row != blank);
        run.agents.retain(|_, agent| agent.row != blank || !agent.called_by.is_empty());
    }
    let differences = found.differences(&expected);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{differences}\n{run}\n{:#?}", run.warnings)),
    }
}

/// `in_ci` is the number of programs in CI.
fn cases(in_ci: u32) -> ProptestConfig {
    let by_default = if std::env::var_os("CI").is_some() { in_ci } else { 400 };
    let cases = std::env::var("EXACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(by_default);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 4_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn one_step_at_a_time_in_any_order_and_on_any_thread(
        nodes in nodes(),
        is_declared: bool,
        choices in proptest::collection::vec(any::<usize>(), 64),
        end in proptest::option::weighted(0.2, (1..40_usize, any::<bool>())),
    ) {
        let played = run(is_declared, true, |guard| run_in_order(&nodes, &choices, end, guard));
        holds(&nodes, is_declared, &played, true)?;
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn on_three_threads_at_once(
        nodes in nodes().prop_map(without_order),
        is_declared: bool,
        choices in proptest::collection::vec(any::<usize>(), 32),
    ) {
        let played = run(is_declared, false, |_guard| run_at_once(&nodes, &choices));
        holds(&nodes, is_declared, &played, false)?;
    }
}
