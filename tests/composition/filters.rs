//! Filters of the user's: around everything, on a neighbour, and on us.

use tracing::level_filters::LevelFilter;
use tracing::{Level, debug_span, enabled, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{Usage, call, layer};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::fmt_beside::Page;
use crate::pipeline::{delivered, run, saw_it};

#[test]
fn a_global_env_filter_decides_for_all() {
    for (directives, words, seen) in [
        ("debug", [false, true, true], true),
        ("info", [false, false, true], true),
        ("error", [false; 3], false),
    ] {
        for filter_first in [true, false] {
            let (page, memory) = (Page::default(), Memory::new());
            let filter = EnvFilter::new(directives);
            let guard = if filter_first {
                let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
                let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
                let subscriber = tracing_subscriber::registry().with(filter).with(budget).with(fmt);
                tracing::subscriber::with_default(subscriber, run);
                guard
            } else {
                let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
                let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
                let subscriber = tracing_subscriber::registry().with(fmt).with(budget).with(filter);
                tracing::subscriber::with_default(subscriber, run);
                guard
            };
            assert_eq!(page.words(), words, "{directives}, first: {filter_first}");
            if seen {
                saw_it(&guard, &memory);
            } else {
                assert!(delivered(&guard, &memory).is_empty());
            }
        }
    }
}

#[test]
fn an_env_filter_on_fmt_is_none_of_our_business() {
    let (page, memory) = (Page::default(), Memory::new());
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let fmt = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(page.clone())
        .with_filter(EnvFilter::new("off,composition[pipeline]=debug"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fmt).with(budget), run);
    assert_eq!(page.words(), [false, true, true], "{}", page.text());
    saw_it(&guard, &memory);
}

#[test]
fn a_level_on_us_may_only_narrow_what_we_see() {
    for (level, seen) in [(LevelFilter::TRACE, true), (LevelFilter::INFO, true), (LevelFilter::WARN, false)] {
        let (page, memory) = (Page::default(), Memory::new());
        let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
        let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
        let subscriber = tracing_subscriber::registry().with(budget.with_filter(level)).with(fmt);
        tracing::subscriber::with_default(subscriber, || {
            run();
            debug_span!("below us").in_scope(|| drop(call("gpt-5").start()));
        });
        assert_eq!(page.words(), [true; 3], "{level}");
        let runs = delivered(&guard, &memory);
        assert_eq!(runs.first().is_some_and(|run| run.pipeline == "pipeline"), seen, "{level}");
        assert!(runs.iter().all(|run| run.pipeline != "below us"));
    }
}

#[test]
fn targets_on_us_hide_what_they_hide_and_nothing_else() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let targets = Targets::new().with_default(LevelFilter::INFO).with_target("noise", LevelFilter::OFF);
    let fmt = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let subscriber = tracing_subscriber::registry().with(budget.with_filter(targets)).with(fmt);
    tracing::subscriber::with_default(subscriber, || {
        let _root = info_span!("pipeline").entered();
        let _hidden = info_span!(target: "noise", "wrapper").entered();
        let _stage = info_span!("draft").entered();
        tracing::info!(target: "noise", input_tokens = 1_000);
        call("gpt-5").provider("openai").start().usage(Usage::new().input(10).output(7));
    });
    saw_it(&guard, &memory);
}

#[test]
fn unfiltered_we_see_all_that_is_on() {
    let memory = Memory::new();
    let (budget, guard) = layer().unfiltered().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        assert!(enabled!(Level::TRACE), "no filter disables it");
        debug_span!("pipeline").in_scope(|| {
            tracing::trace_span!("draft").in_scope(|| {
                call("gpt-5").provider("openai").start().usage(Usage::new().input(10).output(7));
            });
        });
    });
    saw_it(&guard, &memory);
}

#[test]
fn unfiltered_we_see_what_the_users_filter_lets_through() {
    let memory = Memory::new();
    let (budget, guard) = layer().unfiltered().sink(memory.clone()).build().unwrap();
    let budget = budget.with_filter(EnvFilter::new("info,composition=debug"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        debug_span!("pipeline").in_scope(|| {
            let _hidden = debug_span!(target: "elsewhere", "hidden").entered();
            debug_span!("draft").in_scope(|| {
                call("gpt-5").provider("openai").start().usage(Usage::new().input(10).output(7));
            });
        });
    });
    saw_it(&guard, &memory);
}
