//! Requests in which nothing accountable happens allocate nothing, once the layer is warm.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tracing::{Span, field::Empty, info, info_span};
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(of: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    of();
    COUNT.get() - before
}

/// What a web server's tracing does for one request that calls no model.
fn request(number: u64) {
    let _request = info_span!("request", method = "GET", path = "/", status = Empty).entered();
    info_span!("session", user = number).in_scope(|| {
        info_span!("query", rows = Empty).in_scope(|| {
            Span::current().record("rows", 3);
        });
    });
    info_span!("render").in_scope(|| info!("rendered"));
    Span::current().record("status", 200);
}

#[test]
fn a_plain_request_allocates_nothing() {
    assert!(allocations(|| drop(std::hint::black_box(Box::new(1)))) > 0, "the allocator counts");
    for stages in [[].as_slice(), &["draft"]] {
        let memory = Memory::new();
        let (budget, guard) =
            tracing_budget::layer().stages(stages.iter().copied()).sink(memory.clone()).build().unwrap();
        let subscriber = tracing_subscriber::registry().with(budget);
        let with_us = tracing::subscriber::with_default(subscriber, || {
            // Enough for every place of the table to have met its share.
            (0..20_000).for_each(request);
            allocations(|| (0..1_000).for_each(request))
        });
        assert_eq!(with_us, 0, "stages: {stages:?}");
        guard.flush().unwrap();
        assert_eq!(guard.handle().stats().empty_roots, 21_000);
        assert!(memory.take().is_empty());
    }
}
