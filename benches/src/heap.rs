//! Allocators that count, or weigh. The only unsafe code here: they pass every request on to the system's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which also counts the allocations of each thread: an instruction or two an allocation, so that
/// instructions and allocations can be counted at once.
pub struct Counting;

/// Allocations and reallocations of this thread so far.
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

static REQUESTED: AtomicU64 = AtomicU64::new(0);
static RETURNED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which also weighs what all threads request and return.
pub struct Weighing;

/// Bytes that all threads have requested so far.
pub fn requested() -> u64 {
    REQUESTED.load(Ordering::SeqCst)
}

/// Bytes in use.
pub fn in_use() -> u64 {
    let returned = RETURNED.load(Ordering::SeqCst);
    requested().saturating_sub(returned)
}

#[inline]
fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

fn request(bytes: usize) {
    REQUESTED.fetch_add(bytes as u64, Ordering::SeqCst);
}

fn give_back(bytes: usize) {
    RETURNED.fetch_add(bytes as u64, Ordering::SeqCst);
}

macro_rules! passes_on {
    ($allocator:ty, $requested:expr, $returned:expr) => {
        #[allow(unsafe_code)]
        // SAFETY: every method passes its arguments on as they are to an allocator that keeps the contract.
        unsafe impl GlobalAlloc for $allocator {
            #[inline]
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                $requested(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.alloc(layout) }
            }

            #[inline]
            unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
                $requested(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.alloc_zeroed(layout) }
            }

            #[inline]
            unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
                $requested(size);
                $returned(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.realloc(block, layout, size) }
            }

            #[inline]
            unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
                $returned(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.dealloc(block, layout) }
            }
        }
    };
}

passes_on!(Counting, |_| count(), |_| ());
passes_on!(Weighing, request, give_back);
