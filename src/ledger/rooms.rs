//! Rooms of runs: they are found by the number of a run, and used again.
//!
//! A run's number is a serial, which makes it unlike every number before it, and behind that the chunk of its room and the position
//! there, which find the room without a search. A room is never freed before its layer, so a thread can look at one without a count of references; what it finds
//! there belongs to its run only if the number is the same.

use std::sync::OnceLock;
// The standard library's also where `sync` is a model checker's: a number only has to be unique, and is never waited for.
use std::sync::atomic::{AtomicU64, Ordering};

use super::sync::Mutex;

/// Bits of a number that are the position of the run's room in its chunk.
const POSITION_BITS: u32 = 20;

/// Bits of a number that are not the serial: the position, and five for the chunk.
const ROOM_BITS: u32 = POSITION_BITS + 5;

/// Rooms of the first chunk. Each chunk has twice as many as the one before: a program with one run allocates four rooms, a
/// server with thousands few chunks.
const FIRST: u64 = 4;

/// Chunks: the last one fills the bits of a position. Together they have two million rooms.
const CHUNKS: usize = 19;

/// The rooms of one layer's runs.
#[derive(Debug)]
pub(crate) struct Rooms<R> {
    chunks: [OnceLock<Box<[R]>>; CHUNKS],
    free: Mutex<FreeRooms>,
}

#[derive(Debug, Default)]
struct FreeRooms {
    /// Rooms that were used before, as their bits in a number.
    free: Vec<u64>,
    /// How many rooms were ever used.
    next: u64,
}

impl<R> Rooms<R> {
    pub(crate) fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::new(FreeRooms::default()) }
    }

    /// A free room, with a number for the next run in it; `None` if two million runs are in flight.
    pub(crate) fn take(&self, new: impl Fn() -> R) -> Option<(u64, &R)> {
        // One counter for all layers: threads keep numbers of runs whatever the layer. Relaxed: only its uniqueness matters.
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let place = {
            let mut rooms = self.free.lock();
            rooms.free.pop().unwrap_or_else(|| {
                rooms.next += 1;
                place_of(rooms.next - 1)
            })
        };
        let (chunk, at) = in_chunk(place);
        let rooms = self.chunks.get(chunk)?.get_or_init(|| new_chunk(chunk, new));
        let number = SERIAL.fetch_add(1, Ordering::Relaxed) << ROOM_BITS | place;
        Some((number, rooms.get(at)?))
    }

    /// The room of a run. It belongs to the run only if the number in it is the same.
    // Inlined: a shift, two masks and a load.
    #[inline]
    pub(crate) fn get(&self, run: u64) -> Option<&R> {
        let (chunk, at) = in_chunk(run);
        self.chunks.get(chunk)?.get()?.get(at)
    }

    /// Gives the room of a run back, for another one.
    pub(crate) fn give_back(&self, run: u64) {
        self.free.lock().free.push(run & ((1 << ROOM_BITS) - 1));
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

/// The chunk of the room after so many others, and its position there, as they are in a number.
fn place_of(others: u64) -> u64 {
    let chunk = (others / FIRST + 1).ilog2();
    u64::from(chunk) << POSITION_BITS | (others - FIRST * ((1 << chunk) - 1))
}

/// The chunk of a room, and its position there.
// Inlined: a shift and two masks.
#[inline]
fn in_chunk(number: u64) -> (usize, usize) {
    let position = number & ((1 << POSITION_BITS) - 1);
    ((number >> POSITION_BITS) as usize % (1 << (ROOM_BITS - POSITION_BITS)), position as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_one_room() {
        let mut expected = (0, 0);
        for index in 0..5_000 {
            assert_eq!(in_chunk(place_of(index)), expected, "{index}");
            expected.1 += 1;
            if expected.1 as u64 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        let (last, most) = (FIRST << (CHUNKS - 1), FIRST * ((1 << CHUNKS) - 1));
        assert_eq!(last, 1 << POSITION_BITS);
        assert_eq!(in_chunk(1 << ROOM_BITS | place_of(most - 1)), (CHUNKS - 1, last as usize - 1));
        assert!(in_chunk(place_of(most)).0 >= CHUNKS);
    }
}
