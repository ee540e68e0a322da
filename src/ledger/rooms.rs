//! Rooms of runs: they are found by the number of a run, and used again.
//!
//! A run's number is `serial << 20 | index`: the index finds its room without a search, the serial makes it unlike every number
//! before it. A room is never freed before its layer, so a thread can look at one without a count of references; what it finds
//! there belongs to its run only if the number is the same.

use std::sync::OnceLock;
// The standard library's also where `sync` is a model checker's: a number only has to be unique, and is never waited for.
use std::sync::atomic::{AtomicU64, Ordering};

use super::sync::Mutex;

/// Bits of a number that are the index of the run's room: a million runs at once.
const INDEX_BITS: u32 = 20;

/// Rooms of the first chunk. Each chunk has twice as many as the one before: a program with one run allocates four rooms, a
/// server with thousands few chunks.
const FIRST: u64 = 4;

/// Chunks: with these, every index of [`INDEX_BITS`] has a room.
const CHUNKS: usize = 19;

/// The rooms of one layer's runs.
#[derive(Debug)]
pub(crate) struct Rooms<R> {
    chunks: [OnceLock<Box<[R]>>; CHUNKS],
    free: Mutex<FreeRooms>,
}

#[derive(Debug, Default)]
struct FreeRooms {
    /// Indices of rooms that were used before.
    free: Vec<u64>,
    /// The index of the first room that was never used.
    next: u64,
}

impl<R> Rooms<R> {
    pub(crate) fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::new(FreeRooms::default()) }
    }

    /// A free room, with a number for the next run in it; `None` if a million runs are in flight.
    pub(crate) fn take(&self, new: impl Fn() -> R) -> Option<(u64, &R)> {
        // One counter for all layers: threads keep numbers of runs whatever the layer. Relaxed: only its uniqueness matters.
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let index = {
            let mut rooms = self.free.lock();
            rooms.free.pop().unwrap_or_else(|| {
                rooms.next += 1;
                rooms.next - 1
            })
        };
        let (chunk, at) = chunk_of(index);
        let rooms = self.chunks.get(chunk)?.get_or_init(|| new_chunk(chunk, new));
        let number = SERIAL.fetch_add(1, Ordering::Relaxed) << INDEX_BITS | index;
        Some((number, rooms.get(at)?))
    }

    /// The room of a run. It belongs to the run only if the number in it is the same.
    // Inlined: a few shifts and a load.
    #[inline]
    pub(crate) fn get(&self, run: u64) -> Option<&R> {
        let (chunk, at) = chunk_of(index_of(run));
        self.chunks.get(chunk)?.get()?.get(at)
    }

    /// Gives the room of a run back, for another one.
    pub(crate) fn give_back(&self, run: u64) {
        self.free.lock().free.push(index_of(run));
    }

    /// All rooms that there are, used or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &R> {
        self.chunks.iter().filter_map(OnceLock::get).flatten()
    }
}

#[cold]
fn new_chunk<R>(chunk: usize, new: impl Fn() -> R) -> Box<[R]> {
    (0..FIRST << chunk).map(|_| new()).collect()
}

// Inlined: a mask.
#[inline]
fn index_of(run: u64) -> u64 {
    run & ((1 << INDEX_BITS) - 1)
}

/// The chunk of a room, and its position there.
// Inlined: two shifts and a subtraction.
#[inline]
fn chunk_of(index: u64) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2();
    (chunk as usize, (index - FIRST * ((1 << chunk) - 1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_one_room() {
        let mut expected = (0, 0);
        for index in 0..5_000 {
            assert_eq!(chunk_of(index), expected, "{index}");
            expected.1 += 1;
            if expected.1 as u64 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(chunk_of((1 << INDEX_BITS) - 1).0 < CHUNKS);
    }
}
