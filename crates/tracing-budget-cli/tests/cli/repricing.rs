//! A what-if changes nothing, `--write` keeps what it changes, and nothing is guessed.

use std::time::SystemTime;

use serde_json::Value;
use tracing_budget::{PriceBook, RunSummary, Usage, Usd};
use tracing_budget_history::reprice::{Answer, Exactness, Repricing};
use tracing_budget_history::{Sqlite, Store};

use crate::program::Place;
use crate::seeded::{FRONTIER, MINI, SONNET, id, nightly, runs};
use crate::shown::OWN_PRICES;

fn usd(value: &Value) -> Usd {
    value.to_string().parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

#[test]
fn the_prices_that_were_paid_give_the_costs_that_were_paid() {
    let book = PriceBook::new();
    for run in runs() {
        let repriced = Repricing::new(&book).run(&run);
        for row in &repriced.rows {
            let is_same = row.new_usd() == row.old_usd || matches!(row.new, Answer::Unknown { .. });
            assert!(is_same, "{}: {row:?}", run.run_id);
        }
        assert!(!repriced.changes_anything());
    }
}

#[test]
fn a_swap_is_the_other_models_price_for_the_same_tokens() {
    let book = PriceBook::new();
    let run = nightly(5);
    let repriced = Repricing::new(&book).swap(SONNET, MINI).only_swaps().run(&run);
    let at = SystemTime::from(run.started_at);
    let mini = book.model(Some("openai"), Some("gpt-5-mini"));
    for row in repriced.rows.iter().filter(|row| row.model.as_deref() == Some(SONNET)) {
        let figures = &run.budget_summary.per_agent[row.stage.as_str()].per_model[SONNET].figures;
        let usage = Usage::new().input(figures.input_tokens).output(figures.output_tokens);
        assert_eq!(row.new_usd(), mini.price(&usage, at).ok().map(|price| price.cost), "{row:?}");
    }
    assert!(repriced.new_usd() < repriced.old_usd);
}

#[test]
fn stored_figures_change_only_with_write_and_the_old_document_is_kept() {
    let place = Place::seeded();
    place.write("prices.toml", OWN_PRICES);
    let show = || place.run(&["runs", "show", &id(1, 21), "--format", "json"]).ended_with(0).data;
    let before = show();
    place.run(&["reprice", &id(1, 21), "--with", "prices.toml"]).ended_with(0);
    assert_eq!(show(), before, "a what-if");

    let arguments = ["reprice", &id(1, 21), "--with", "prices.toml", "--write", "--format", "json"];
    let report = place.run(&arguments).ended_with(0).json();
    assert_eq!(report["written"], 1, "{report}");
    let after = RunSummary::from_json(show()).expect("a summary");
    // 8,000 tokens at $2 and 640 at $10 a million.
    let review = &after.budget_summary.per_agent["review"].figures;
    assert_eq!(review.cost_usd, "0.0224".parse().ok());
    assert_eq!((review.unpriced_calls, after.budget_summary.total.unpriced_calls), (0, 0));
    assert_eq!(after.budget_summary.per_model[FRONTIER].price_sources, ["override"]);
    assert!(
        after.warnings.iter().any(|warning| warning.starts_with("repriced: with the prices of prices.toml"))
    );
    assert_eq!(after.check(), Ok(()));

    // The old document is kept: delivered again, it changes nothing.
    let store = Sqlite::open(place.db()).expect("the history");
    store.put(&RunSummary::from_json(&before).expect("a summary")).expect("stored");
    assert_eq!(show(), after.to_json());
}

#[test]
fn files_are_looked_at_and_never_written() {
    let place = Place::empty();
    place.write("run.json", &nightly(1).to_json());
    let swap = format!("{SONNET}={MINI}");
    let report =
        place.run(&["reprice", "run.json", "--model-swap", &swap, "--format", "json"]).ended_with(0).json();
    assert!(usd(&report["total"]["new_usd"]) < usd(&report["total"]["old_usd"]));
    place.run(&["reprice", "run.json", "--model-swap", &swap, "--write"]).ended_with(2);
}

/// A run with one row, changed as a test needs it.
fn one_row(change: impl FnOnce(&mut tracing_budget::summary::ModelRow)) -> RunSummary {
    let mut run = nightly(1);
    let stage = run.budget_summary.per_agent.entry("discovery");
    change(stage.per_model.entry(SONNET));
    run
}

fn answer(run: &RunSummary, repricing: &Repricing<'_>) -> Answer {
    let repriced = repricing.run(run);
    let row = repriced.rows.into_iter().find(|row| row.stage == "discovery").expect("a row");
    row.new
}

#[test]
fn a_price_that_sums_cannot_decide_is_reported_and_not_guessed() {
    let book = PriceBook::new();
    let plain = Repricing::new(&book);
    let why = |run: &RunSummary, repricing: &Repricing<'_>| match answer(run, repricing) {
        Answer::Unknown { why } => why,
        other => panic!("{other:?}"),
    };

    let unsplit = one_row(|row| row.figures.tokens_used = row.figures.tokens_used.map(|tokens| tokens + 500));
    assert_eq!(why(&unsplit, &plain), Exactness::Unsplit { tokens: 500 });

    let mixed = one_row(|row| row.price_sources.push("reported".into()));
    assert_eq!(why(&mixed, &plain), Exactness::ReportedInPart);

    // Two calls of 300,000 tokens each are above the tier, two of 10,000 and 590,000 only in part.
    let large = one_row(|row| {
        row.figures.input_tokens = 600_000;
        row.figures.tokens_used = Some(600_000 + row.figures.output_tokens);
    });
    assert!(matches!(why(&large, &plain), Exactness::CallSizes { calls: 2, .. }));

    // Writes to the cache for five minutes and for an hour have rates of their own, and are one sum.
    let cached = one_row(|row| row.figures.cache_write_tokens = 1_000);
    assert!(matches!(
        why(&cached, &plain),
        Exactness::NotCounted { what: "cache writes kept for an hour", .. }
    ));

    let unpriced = Repricing::new(&book).swap(SONNET, "acme/frontier-9");
    assert!(matches!(why(&nightly(1), &unpriced), Exactness::Unpriced(_)));
}

#[test]
fn the_stored_cost_shows_what_the_sums_do_not() {
    let book = PriceBook::new();
    // As it was paid: all calls small, all writes for five minutes.
    let run = one_row(|row| {
        let figures = &mut row.figures;
        (figures.llm_calls, figures.input_tokens, figures.cache_write_tokens) = (10, 600_000, 1_000);
        figures.tokens_used = Some(600_000 + figures.output_tokens);
        // $3 and $15 a million, and $3.75 for what is written to the cache.
        let pico = 599_000 * 3_000_000 + 1_000 * 3_750_000 + i128::from(figures.output_tokens) * 15_000_000;
        figures.cost_usd = Some(Usd::from_pico(pico));
    });
    let stored = run.budget_summary.per_agent["discovery"].per_model[SONNET].figures.cost_usd;
    match answer(&run, &Repricing::new(&book)) {
        Answer::Priced { cost_usd, .. } => assert_eq!(Some(cost_usd), stored),
        other => panic!("{other:?}"),
    }
    // A pico-dollar more, and it shows nothing.
    let other = one_row(|row| {
        row.figures = run.budget_summary.per_agent["discovery"].per_model[SONNET].figures.clone();
        row.figures.cost_usd = stored.map(|cost| cost + Usd::from_pico(1));
    });
    assert!(matches!(answer(&other, &Repricing::new(&book)), Answer::Unknown { .. }));
}

#[test]
fn a_reported_cost_stays() {
    let book = PriceBook::new();
    let run = one_row(|row| row.price_sources = vec!["reported".into()]);
    assert!(matches!(answer(&run, &Repricing::new(&book)), Answer::Kept { .. }));
    // With another model it would not have been that; its calls may have recorded a cost and no tokens.
    let swapped = Repricing::new(&book).swap(SONNET, MINI);
    assert!(matches!(answer(&run, &swapped), Answer::Priced { in_part: true, .. }));
}
