//! Wall time of one span's life, every variant in one run, so that their ratios hold on this machine.
//!
//! `cargo bench -p budget-benches`; `src/bin/count.rs` counts instructions and allocations.

// The macro makes a public function, and has nowhere to put what it is for.
#![allow(missing_docs)]

use std::time::Duration;

use budget_benches::shapes::CHILDREN;
use budget_benches::variants;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn spans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("life");
    group.throughput(Throughput::Elements(CHILDREN.into()));
    for variant in variants::all() {
        let listener = (variant.listener)();
        let mut number = 0;
        tracing::dispatcher::with_default(&listener.dispatch, || {
            group.bench_function(variant.name(), |bencher| bencher.iter(|| (variant.tree)(&mut number)));
        });
    }
}

criterion_group! {
    name = benches;
    // Some sixty variants in some three minutes; a tree of a hundred spans takes tens of microseconds.
    config = Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(400))
        .measurement_time(Duration::from_millis(1200));
    targets = spans
}
criterion_main!(benches);
