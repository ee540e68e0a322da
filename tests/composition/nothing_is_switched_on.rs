//! Without another interested layer, callsites below INFO stay off. One test only: subscribers on other threads would
//! switch them on for all.
#![allow(clippy::unwrap_used)]

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Level, enabled};
use tracing_budget::layer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, registry};

/// A value that is expensive to show, and that no subscriber wants.
struct Dear;

impl fmt::Debug for Dear {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        unreachable!("no subscriber wants this value")
    }
}

fn all_is_off() {
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    assert!(enabled!(Level::INFO));
    assert!(!enabled!(Level::DEBUG));
    assert!(tracing::debug_span!("not for us", dear = ?Dear).is_disabled());
    tracing::debug!(dear = ?Dear);
    tracing::trace!(dear = ?Dear);
}

#[test]
fn callsites_that_no_other_layer_wants_stay_off() {
    let (budget, _guard) = layer().build().unwrap();
    tracing::subscriber::with_default(registry().with(budget), all_is_off);

    let ((one, _first), (two, _second)) = (layer().build().unwrap(), layer().build().unwrap());
    tracing::subscriber::with_default(registry().with(one).with(two), all_is_off);

    let (budget, _guard) = layer().build().unwrap();
    tracing::subscriber::with_default(registry().with(Some(budget)), all_is_off);

    let (budget, _guard) = layer().build().unwrap();
    let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![budget.boxed()];
    tracing::subscriber::with_default(registry().with(layers), all_is_off);

    // A neighbour that wants less takes nothing from us, and we give it nothing more.
    let (budget, _guard) = layer().build().unwrap();
    let fmt = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(LevelFilter::ERROR);
    tracing::subscriber::with_default(registry().with(budget).with(fmt), all_is_off);
}
