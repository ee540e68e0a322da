//! The layer in an `Option`, a `Box` and a `Vec`.

use tracing::info_span;
use tracing_budget::sink::Memory;
use tracing_budget::{current, layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};

use crate::fmt_beside::Page;
use crate::pipeline::{run, saw_it};

#[test]
fn in_an_option() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Some(budget)), || {
        run();
        info_span!("request").in_scope(|| assert!(current().is_some()));
    });
    saw_it(&guard, &memory);
    let page = Page::default();
    let (budget, _guard) = layer().build::<Registry>().unwrap();
    let none = Some(budget).filter(|_| false);
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(none).with(fmt), run);
    assert_eq!(page.words(), [true; 3], "a layer that is not there silences no other layer");
}

#[test]
fn in_a_box() {
    let (page, memory) = (Page::default(), Memory::new());
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
    let boxed: Box<dyn Layer<Registry> + Send + Sync> = budget.boxed();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(boxed).with(fmt), || {
        run();
        info_span!("request").in_scope(|| assert!(current().is_some()));
    });
    assert_eq!(page.words(), [true; 3]);
    saw_it(&guard, &memory);
}

#[test]
fn in_a_vec_with_others() {
    for us_first in [true, false] {
        let (page, memory) = (Page::default(), Memory::new());
        let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
        let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(page.clone());
        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![budget.boxed(), fmt.boxed()];
        if !us_first {
            layers.reverse();
        }
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), || {
            run();
            info_span!("request").in_scope(|| assert!(current().is_some()));
        });
        assert_eq!(page.words(), [true; 3], "us first: {us_first}");
        saw_it(&guard, &memory);
    }
}
