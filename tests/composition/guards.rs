//! Limits hold, and `current()` finds its run, whatever the layer is wrapped in.

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, dispatcher, info_span};
use tracing_budget::limit::{BudgetExceeded, OutsideOfRun};
use tracing_budget::{BudgetGuard, Usage, check, current, record::UsageRecord, remaining, reserve};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, fmt, registry, reload};

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn budget() -> (Boxed, BudgetGuard) {
    let (budget, guard) = tracing_budget::layer().limit_usd("0.10").build().unwrap();
    (budget.boxed(), guard)
}

fn quiet() -> Boxed {
    fmt::layer().with_writer(std::io::sink).boxed()
}

/// A guarded call of $0.0225.
fn ask() -> Result<(), BudgetExceeded> {
    let call = reserve("0.0225")?.call("gpt-5").start();
    call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost("0.0225"));
    Ok(())
}

/// Four calls go through in a run, and none outside of it.
fn holds(subscriber: impl Into<Dispatch>, wrapped: &str) {
    dispatcher::with_default(&subscriber.into(), || {
        let outside = BudgetExceeded::OutsideOfRun(OutsideOfRun::NoSpan);
        assert_eq!((ask(), check()), (Err(outside.clone()), Err(outside)), "{wrapped}");
        assert!(current().is_none() && remaining().is_err(), "{wrapped}");
        let _pipeline = info_span!("pipeline").entered();
        assert!(current().is_some(), "{wrapped}");
        assert_eq!((0..20).filter(|_| ask().is_ok()).count(), 4, "{wrapped}");
        assert_eq!(remaining().map(|left| left.usd), Ok("0.01".parse().ok()), "{wrapped}");
    });
}

#[test]
fn in_every_wrapper() {
    let (layer, _guard) = budget();
    holds(registry().with(layer), "a box");
    let (layer, _guard) = budget();
    holds(registry().with(Some(layer)), "an option");
    for us_first in [true, false] {
        let (layer, _guard) = budget();
        let layers = if us_first { vec![layer, quiet()] } else { vec![quiet(), layer] };
        holds(registry().with(layers), "a vec");
        let (layer, _guard) = budget();
        let layers = if us_first { vec![layer, quiet()] } else { vec![quiet(), layer] };
        holds(registry().with(reload::Layer::new(layers).0), "a vec in a reload");
    }
    let (layer, _guard) = budget();
    holds(registry().with(reload::Layer::new(layer).0), "a reload");
    let (layer, _guard) = budget();
    holds(registry().with(reload::Layer::new(Some(layer)).0), "an option in a reload");
    let (layer, _guard) = budget();
    let filtered = reload::Layer::new(Some(layer)).0.with_filter(LevelFilter::INFO);
    holds(registry().with(filtered).with(fmt::layer().with_writer(std::io::sink)), "a filtered reload");
    let (layer, _guard) = tracing_budget::layer().unfiltered().limit_usd("0.10").build().unwrap();
    holds(registry().with(Some(layer)), "an unfiltered layer in an option");
}

#[test]
fn behind_a_filter_that_hides_everything() {
    let off = || tracing_subscriber::filter::EnvFilter::new("off");
    let refused = || {
        assert_eq!((ask(), check()), (Err(OutsideOfRun::Filtered.into()), Err(OutsideOfRun::Filtered.into())))
    };
    let (layer, _guard) = budget();
    tracing::subscriber::with_default(registry().with(layer).with(off()), refused);
    let (layer, _guard) = budget();
    tracing::subscriber::with_default(
        registry().with(reload::Layer::new(Some(layer)).0).with(off()),
        refused,
    );
    let (layer, _guard) = tracing_budget::layer().limit_usd("0.10").build().unwrap();
    tracing::subscriber::with_default(
        registry().with(off()).with(reload::Layer::new(Some(layer)).0),
        refused,
    );
    tracing::subscriber::with_default(registry().with(quiet()), || {
        assert_eq!(ask(), Ok(()), "there is no layer")
    });
}

#[test]
fn two_subscribers_each_have_their_own() {
    let ((one, _one), (other, _other)) = (budget(), budget());
    let one: Dispatch = registry().with(reload::Layer::new(Some(one)).0).into();
    let other: Dispatch = registry().with(reload::Layer::new(Some(other)).0).into();
    dispatcher::with_default(&one, || {
        let _pipeline = info_span!("pipeline").entered();
        dispatcher::with_default(&other, || assert!(current().is_none()));
        assert_eq!(ask(), Ok(()));
        dispatcher::with_default(&other, || {
            let _pipeline = info_span!("pipeline").entered();
            assert_eq!(remaining().map(|left| left.usd), Ok("0.10".parse().ok()));
        });
        assert_eq!(remaining().map(|left| left.usd), Ok("0.0775".parse().ok()));
    });
}

#[test]
fn a_layer_that_is_put_in_and_taken_out_by_a_reload() {
    let (layer, _guard) = tracing_budget::layer().unfiltered().limit_usd("0.10").build().unwrap();
    let (slot, handle) = reload::Layer::new(None);
    let subscriber =
        registry().with(slot.with_filter(LevelFilter::INFO)).with(fmt::layer().with_writer(std::io::sink));
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(ask(), Ok(()), "nothing is limited yet");
        handle.modify(|slot| *slot = Some(layer)).unwrap();
        assert!(ask().is_err());
        info_span!("pipeline").in_scope(|| assert_eq!((0..20).filter(|_| ask().is_ok()).count(), 4));
        handle.modify(|slot| *slot = None).unwrap();
        assert_eq!(ask(), Ok(()), "it was taken out on purpose");
    });
}
