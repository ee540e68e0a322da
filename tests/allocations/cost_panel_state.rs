//! The panel's own state stays below 1 KiB, however many runs it has seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tracing_budget::RunSummary;
use tracing_budget_tui::CostPanelState;

/// Counts the bytes that this thread holds.
struct Weighing;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn weigh(bytes: isize) {
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        weigh(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        weigh(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

#[test]
fn the_state_is_below_a_kibibyte() {
    let looks: Vec<Vec<RunSummary>> = (0..1_000_u32)
        .map(|look| {
            let runs = (look..look + 20).map(|number| {
                let id = format!("0193c0de-7000-7000-8000-{number:012}");
                let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
                run.duration_seconds = f64::from(look);
                run.budget_summary.total.cost_usd = tracing_budget::Usd::from_f64(f64::from(number));
                run
            });
            runs.collect()
        })
        .collect();
    let before = HELD.get();
    let mut state = CostPanelState::new();
    let mut most = 0;
    for runs in &looks {
        state.observe(runs);
        most = most.max(HELD.get() - before);
    }
    // One run for long is what has the most points.
    let mut run = looks[0][0].clone();
    let before = HELD.get();
    let mut one = CostPanelState::new();
    for second in 0..1_000 {
        run.duration_seconds = f64::from(second);
        one.observe(std::slice::from_ref(&run));
        most = most.max(HELD.get() - before);
    }
    let whole = most + size_of::<CostPanelState>() as isize;
    println!("{whole} B, of which {most} B on the heap");
    assert!(most > 0, "nothing was weighed");
    assert!(whole < 1_024, "{whole} B");
}
