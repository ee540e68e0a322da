//! A list with any filter, in any order, by pages of any size, is what a filter in memory gives.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;
use tracing_budget::{
    RunSummary, Status, Usd, Verdict,
    summary::{Figures, GateVerdict, ModelRow, StageRow},
};
use tracing_budget_history::grammar::STATUSES;
use tracing_budget_history::{Filter, Order, Page, Put, Sort, SortBy, Store, resolve_run_id};

use crate::fixtures::{MIDNIGHT, TempHistory, at, run};

const STAGES: [&str; 3] = ["discovery", "review", "unattributed"];
const MODELS: [&str; 3] = ["openai/gpt-5", "azure/gpt-5", "vendor/openai/gpt-5"];

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Warn,
        Verdict::Skipped,
        Verdict::Error,
        Verdict::Other("meh".into()),
    ])
}

/// Few values of each kind, so that runs share them and filters meet some.
fn a_run() -> impl Strategy<Value = RunSummary> {
    let who = (0..2usize, 0..2usize, prop::sample::select(STATUSES.to_vec()), 0..6i64);
    let figures = (prop::option::of(0..4i128), prop::option::of(0..4u64), 0..4u32);
    let inside = (
        prop::collection::vec((0..3usize, 0..2u64), 0..3),
        prop::collection::vec(0..3usize, 0..3),
        prop::collection::vec((0..2usize, verdict()), 0..3),
        prop::option::of(0..2u8),
    );
    (who, figures, inside).prop_map(
        |((project, pipeline, status, start), (cost, tokens, seconds), inside)| {
            let mut run = run("", status, MIDNIGHT + start);
            run.project = ["apprentice", "atlas"][project].into();
            run.pipeline = ["nightly", "review"][pipeline].into();
            // The third is beyond 64 bits, the fourth beyond what a JSON number holds exactly.
            let costs = [0, 5, i128::from(i64::MAX) + 7, 8_192_000_000_000_001];
            let figures = Figures {
                cost_usd: cost.map(|cost| Usd::from_pico(costs[cost as usize])),
                tokens_used: tokens,
                // One call of which that is unknown.
                llm_calls: u64::from(cost.is_none() || tokens.is_none()),
                calls_without_usage: u64::from(tokens.is_none()),
                unpriced_calls: u64::from(cost.is_none() && tokens.is_some()),
                ..Figures::default()
            };
            run.duration_seconds = f64::from(seconds) / 3.0;
            let (stages, models, gates, tier) = inside;
            for (stage, calls) in stages {
                let mut row = StageRow::default();
                row.calls = calls;
                run.budget_summary.per_agent.insert(STAGES[stage], row);
            }
            for model in models {
                run.budget_summary.per_model.insert(MODELS[model], ModelRow::default());
            }
            for (seq, (gate, verdict)) in gates.into_iter().enumerate() {
                let name = ["lint", "tests"][gate];
                run.budget_summary.gate_verdicts.push(GateVerdict::new(seq as u64 + 1, name, verdict));
            }
            run.budget_summary.total = figures.clone();
            run.budget_summary.per_agent.entry(STAGES[2]).figures = figures.clone();
            run.budget_summary.per_model.entry(MODELS[0]).figures = figures.clone();
            run.budget_summary.by_operation.entry("chat").figures = figures;
            run.budget_summary.settle();
            run.tags.extend(tier.map(|tier| ("tier".to_owned(), tier.to_string())));
            run
        },
    )
}

fn a_filter() -> impl Strategy<Value = Filter> {
    let some = |of: Vec<&'static str>| prop::option::weighted(0.3, prop::sample::select(of));
    let scope = (
        some(vec!["apprentice", "atlas", "other"]),
        some(vec!["nightly", "review"]),
        prop::option::weighted(0.3, 0..6i64),
        prop::option::weighted(0.3, 0..7i64),
    );
    let inside = (
        prop::collection::vec(prop::sample::select(STATUSES.to_vec()), 0..3),
        some(vec!["0", "1"]),
        some(STAGES.to_vec()),
        some(vec!["openai/gpt-5", "gpt-5", "azure/gpt-5", "5"]),
        some(vec!["lint", "tests"]),
        prop::option::weighted(0.3, verdict()),
        prop::option::weighted(0.3, prop::sample::select(vec![0, 5, 6, i128::from(i64::MAX) + 7])),
    );
    (scope, inside).prop_map(|((project, pipeline, since, until), inside)| {
        let mut filter = Filter::new();
        filter.scope.project = project.map(Into::into);
        filter.scope.pipeline = pipeline.map(Into::into);
        filter.scope.since = since.map(|ms| at(MIDNIGHT + ms));
        filter.scope.until = until.map(|ms| at(MIDNIGHT + ms));
        let (status, tier, stage, model, gate, verdict, cost) = inside;
        filter.status = status;
        filter.tags =
            tier.map(|tier| ("tier".to_owned(), tier.to_owned())).into_iter().collect::<BTreeMap<_, _>>();
        filter.stage = stage.map(Into::into);
        filter.model = model.map(Into::into);
        filter.gate = gate.map(Into::into);
        filter.verdict = verdict;
        filter.min_cost_usd = cost.map(Usd::from_pico);
        filter
    })
}

fn a_sort() -> impl Strategy<Value = Sort> {
    let by = prop::sample::select(vec![SortBy::Started, SortBy::Cost, SortBy::Duration, SortBy::Tokens]);
    (by, prop::bool::ANY).prop_map(|(by, asc)| Sort { by, order: if asc { Order::Asc } else { Order::Desc } })
}

/// What is unknown comes last; what is equal is ordered by id.
fn compare(sort: Sort, one: &RunSummary, two: &RunSummary) -> Ordering {
    fn known<T>(one: Option<T>, two: Option<T>, compare: impl Fn(&T, &T) -> Ordering) -> (bool, Ordering) {
        match (one, two) {
            (Some(one), Some(two)) => (true, compare(&one, &two)),
            (one, two) => (false, one.is_none().cmp(&two.is_none())),
        }
    }
    let (a, b) = (&one.budget_summary.total, &two.budget_summary.total);
    let (both, order) = match sort.by {
        SortBy::Cost => known(a.cost_usd, b.cost_usd, Ord::cmp),
        SortBy::Tokens => known(a.tokens_used, b.tokens_used, Ord::cmp),
        SortBy::Duration => (true, one.duration_seconds.total_cmp(&two.duration_seconds)),
        _ => (true, one.started_at.cmp(&two.started_at)),
    };
    let turned = |order: Ordering| if sort.order == Order::Desc { order.reverse() } else { order };
    let order = if both { turned(order) } else { order };
    order.then_with(|| turned(one.run_id.cmp(&two.run_id)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_what_a_filter_in_memory_gives(
        runs in prop::collection::vec(a_run(), 0..25),
        queries in prop::collection::vec((a_filter(), a_sort(), 1..8usize), 12),
    ) {
        let temp = TempHistory::new();
        let store = temp.store();
        let mut runs = runs;
        for (n, run) in runs.iter_mut().enumerate() {
            // Not in the order in which they are stored.
            run.run_id = format!("{:02}", (n * 7) % 25);
        }
        store.put_all(&runs.iter().map(Put::new).collect::<Vec<_>>()).unwrap();
        for (filter, sort, size) in queries {
            let mut expected: Vec<&RunSummary> = runs.iter().filter(|run| filter.matches(run)).collect();
            expected.sort_by(|one, two| compare(sort, one, two));
            let expected: Vec<&str> = expected.into_iter().map(|run| run.run_id.as_str()).collect();
            let mut found = Vec::new();
            let mut page = Page::first(size);
            loop {
                let part = store.list(&filter, sort, &page).unwrap();
                prop_assert!(part.runs.len() <= size && (part.next.is_none() || part.runs.len() == size));
                found.extend(part.runs.into_iter().map(|run| run.run_id));
                let Some(next) = part.next else { break };
                page = Page::after(size, next);
            }
            prop_assert_eq!(found, expected, "{:?} {}", filter, sort);
        }
    }
}

#[test]
fn pages_neither_repeat_nor_hide_runs_while_others_come_and_go() {
    let temp = TempHistory::new();
    let store = temp.store();
    for n in 0..6 {
        store.put(&run(&format!("r{n}"), Status::Completed, MIDNIGHT + n)).unwrap();
    }
    let ids = |page: &Page| {
        let page = store.list(&Filter::new(), Sort::default(), page).unwrap();
        (page.runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = ids(&Page::first(2));
    assert_eq!(first, ["r5", "r4"]);
    store.put(&run("newer", Status::Completed, MIDNIGHT + 100)).unwrap();
    // Even the run that the cursor names.
    store.delete(&["r4"]).unwrap();
    let (second, next) = ids(&Page::after(2, next.unwrap()));
    assert_eq!(second, ["r3", "r2"]);
    let (third, next) = ids(&Page::after(2, next.unwrap()));
    assert_eq!((third, next), (vec!["r1".to_owned(), "r0".to_owned()], None));
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let temp = TempHistory::new();
    let store = temp.store();
    for id in ["a", "b"] {
        store.put(&run(id, Status::Completed, MIDNIGHT)).unwrap();
    }
    let next = store.list(&Filter::new(), Sort::default(), &Page::first(1)).unwrap().next.unwrap();
    let by_cost = Sort { by: SortBy::Cost, ..Sort::default() };
    let error = store.list(&Filter::new(), by_cost, &Page::after(1, next)).unwrap_err();
    assert!(error.to_string().contains("another order"), "{error}");
    let error = store.list(&Filter::new(), by_cost, &Page::after(1, "page 2".to_owned().into())).unwrap_err();
    assert!(error.to_string().contains("\"page 2\" is not a cursor"), "{error}");
}

#[test]
fn an_id_is_found_by_its_beginning() {
    let temp = TempHistory::new();
    let store = temp.store();
    for id in ["0193", "0193c0de", "0193f", "02", "100%"] {
        store.put(&run(id, Status::Completed, MIDNIGHT)).unwrap();
    }
    assert_eq!(store.ids_beginning_with("0193", 9).unwrap(), ["0193", "0193c0de", "0193f"]);
    assert_eq!(store.ids_beginning_with("0193", 2).unwrap(), ["0193", "0193c0de"]);
    assert_eq!(store.ids_beginning_with("%", 9).unwrap(), [] as [&str; 0]);
    assert_eq!(store.ids_beginning_with("", 9).unwrap().len(), 5);
    assert_eq!(store.ids_ending_with("93", 9).unwrap(), ["0193"]);
    assert_eq!(store.ids_ending_with("%", 9).unwrap(), ["100%"]);
    assert_eq!(resolve_run_id(&store, "…f").unwrap(), "0193f");
    // A beginning goes before an end.
    assert_eq!(resolve_run_id(&store, "0193").unwrap(), "0193");
}
