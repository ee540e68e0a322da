//! Allocators that count, or weigh. The only unsafe code here: what they are asked, they ask of the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which also counts what each thread asks for: an instruction or two an allocation, so that
/// instructions and allocations can be counted at once.
pub struct Counting;

/// Allocations and reallocations of this thread so far.
pub fn allocations() -> u64 {
    ALLOCATIONS.get()
}

static ASKED: AtomicU64 = AtomicU64::new(0);
static RETURNED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which also weighs what all threads ask for and return.
pub struct Weighing;

/// Bytes that all threads have asked for so far.
pub fn asked() -> u64 {
    ASKED.load(Ordering::SeqCst)
}

/// Bytes in use.
pub fn in_use() -> u64 {
    let returned = RETURNED.load(Ordering::SeqCst);
    asked().saturating_sub(returned)
}

#[inline]
fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

fn ask(bytes: usize) {
    ASKED.fetch_add(bytes as u64, Ordering::SeqCst);
}

fn give_back(bytes: usize) {
    RETURNED.fetch_add(bytes as u64, Ordering::SeqCst);
}

macro_rules! passes_on {
    ($allocator:ty, $asked:expr, $returned:expr) => {
        #[allow(unsafe_code)]
        // SAFETY: every method passes its arguments on as they are to an allocator that keeps the contract.
        unsafe impl GlobalAlloc for $allocator {
            #[inline]
            unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
                $asked(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.alloc(layout) }
            }

            #[inline]
            unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
                $asked(layout.size());
                // SAFETY: the caller keeps the contract.
                unsafe { System.alloc_zeroed(layout) }
            }

            #[inline]
            unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
                $asked(size);
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
passes_on!(Weighing, ask, give_back);
