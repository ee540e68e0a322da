//! `reload`: of a filter around us, and of the layer itself.

use tracing::level_filters::LevelFilter;
use tracing_budget::layer;
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;
use tracing_subscriber::reload;

use crate::fmt_beside::Page;
use crate::pipeline::{delivered, run, saw_it};

#[test]
fn a_filter_on_us_may_be_reloaded() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(budget.with_filter(filter)),
        || {
            run();
            assert!(delivered(&guard, &memory).is_empty());
            handle.reload(LevelFilter::INFO).unwrap();
            run();
            saw_it(&guard, &memory);
            handle.reload(LevelFilter::OFF).unwrap();
            run();
            assert!(delivered(&guard, &memory).is_empty());
        },
    );
}

#[test]
fn a_global_filter_may_be_reloaded_while_a_run_is_open() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(filter).with(budget), || {
        let root = tracing::info_span!("pipeline");
        let stage = tracing::info_span!(parent: &root, "draft");
        handle.reload(LevelFilter::OFF).unwrap();
        stage.in_scope(|| tracing::info!(input_tokens = 1_000));
        handle.reload(LevelFilter::INFO).unwrap();
        stage.in_scope(|| {
            drop(tracing::info_span!("chat", gen_ai.operation.name = "chat", input_tokens = 17))
        });
        drop((stage, root));
    });
    saw_it(&guard, &memory);
}

#[test]
fn the_layer_itself_works_inside_a_reload() {
    let (page, memory) = (Page::default(), Memory::new());
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let (budget, _handle) = reload::Layer::new(budget);
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget).with(fmt), run);
    saw_it(&guard, &memory);
    // `reload` hides that the layer in it filters for itself alone. So our INFO may limit a neighbour too, unless another
    // subscriber of the process wants more. Unfiltered, with the filter around the whole, no neighbour is silenced.
    assert!(page.words()[2]);
}

#[test]
fn unfiltered_inside_a_reload_it_silences_no_layer_and_may_be_taken_out() {
    let (page, memory) = (Page::default(), Memory::new());
    let (budget, guard) = layer().unfiltered().sink(memory.clone()).build().unwrap();
    let (budget, handle) = reload::Layer::new(Some(budget));
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
    let budget = budget.with_filter(LevelFilter::INFO);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget).with(fmt), || {
        run();
        saw_it(&guard, &memory);
        handle.modify(|layer| *layer = None).unwrap();
        run();
        assert!(delivered(&guard, &memory).is_empty());
    });
    assert_eq!(page.words(), [true; 3]);
}
