//! The runs of a layer: rooms that are found by number, and used again.
//!
//! A run's number is a serial, which makes it unlike every number before it, and behind that the chunk of its room and the position
//! there, which find the room without a search. A room is never freed before its layer, so a thread can look at one without a count of references; what it finds
//! there belongs to its run only if the number is the same.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::clock::Moment;
use super::run::{Details, Run};
use crate::attribution::CallsiteSchema;
use crate::ledger::{ACCOUNTABLE, SEALED, WATCHED};
use crate::limit::Plan;

/// Bits of a number that are the position of the run's room in its chunk.
const POSITION_BITS: u32 = 20;

/// Bits of a number that are not the serial: the position, and five for the chunk.
const ROOM_BITS: u32 = POSITION_BITS + 5;

/// Rooms of the first chunk. Each chunk has twice as many as the one before: a program with one run allocates four rooms, a
/// server with thousands few chunks.
const FIRST: u64 = 4;

/// Chunks: the last one fills the bits of a position. A million runs at once.
const CHUNKS: usize = 19;

/// The rooms of one layer's runs.
#[derive(Debug)]
pub(crate) struct RunRegistry {
    chunks: [OnceLock<Box<[Run]>>; CHUNKS],
    free: Mutex<FreeRooms>,
    limits: Plan,
    /// The flags of a run that begins: whether more than the ledger has to know what is written.
    flags: u64,
}

#[derive(Debug, Default)]
struct FreeRooms {
    /// Rooms that were used before, as their bits in a number.
    free: Vec<u64>,
    /// How many rooms were ever used.
    next: u64,
}

impl RunRegistry {
    pub(crate) fn new(limits: Plan, has_journal: bool) -> Self {
        let flags = if has_journal || !limits.is_empty() { WATCHED } else { 0 };
        Self { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::default(), limits, flags }
    }

    /// Opens a run. It counts for nothing until something accountable happens in it (A1).
    pub(crate) fn open(&self, root: u64, schema: &'static CallsiteSchema, started: Moment) -> u64 {
        // One counter for all layers: threads keep numbers of runs whatever the layer. Relaxed: only its uniqueness matters.
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let place = {
            let mut rooms = self.free.lock();
            rooms.free.pop().unwrap_or_else(|| {
                rooms.next += 1;
                place_of(rooms.next - 1)
            })
        };
        let Some(room) = self.room_or_new(place) else { return 0 };
        let number = SERIAL.fetch_add(1, Ordering::Relaxed) << ROOM_BITS | place;
        room.any_details().begin(number, root, schema, started);
        room.parts.open(number, self.flags);
        number
    }

    /// The room of a run. It belongs to the run only if the number in it is the same.
    // Inlined: a few shifts and a load.
    #[inline]
    pub(crate) fn room(&self, run: u64) -> Option<&Run> {
        let (chunk, at) = in_chunk(run);
        self.chunks.get(chunk)?.get()?.get(at)
    }

    #[cold]
    fn new_chunk(&self, chunk: usize) -> Box<[Run]> {
        (0..FIRST << chunk).map(|_| Run::new(self.limits.limit_set())).collect()
    }

    fn room_or_new(&self, place: u64) -> Option<&Run> {
        let (chunk, at) = in_chunk(place);
        self.chunks.get(chunk)?.get_or_init(|| self.new_chunk(chunk)).get(at)
    }

    /// The flags of a run; `None` if it has been closed.
    pub(crate) fn flags(&self, run: u64) -> Option<u64> {
        self.room(run)?.parts.flags(run)
    }

    /// Runs `act` on the details of a run; `None` if it has been closed.
    pub(crate) fn with_details<T>(&self, run: u64, act: impl FnOnce(&mut Details) -> T) -> Option<T> {
        Some(act(&mut *self.room(run)?.details(run)?))
    }

    /// Closes a run, and frees its room for another one.
    pub(crate) fn close(&self, run: u64) {
        let Some(room) = self.room(run) else { return };
        {
            // Under the lock of the details, so that only one caller closes it.
            let Some(mut details) = room.details(run) else { return };
            room.parts.close(|part| {
                part.ledger.clear();
                part.recent.clear();
            });
            details.clear();
            if let Some(limits) = &room.limits {
                limits.reset();
            }
        }
        self.free.lock().free.push(run & ((1 << ROOM_BITS) - 1));
    }

    /// The accountable runs in flight, oldest first.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.numbers(|flags| flags & (ACCOUNTABLE | SEALED) == ACCOUNTABLE)
    }

    /// All runs that have not ended, oldest first.
    pub(crate) fn open_runs(&self) -> Vec<u64> {
        self.numbers(|flags| flags & SEALED == 0)
    }

    fn numbers(&self, wanted: impl Fn(u64) -> bool) -> Vec<u64> {
        let rooms = self.chunks.iter().filter_map(OnceLock::get).flatten();
        let mut runs: Vec<u64> = rooms
            .map(|room| &room.parts)
            .filter_map(|parts| Some(parts.run()).filter(|run| parts.flags(*run).is_some_and(&wanted)))
            .collect();
        // The serial is in the high bits.
        runs.sort_unstable();
        runs
    }
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
        let last = FIRST << (CHUNKS - 1);
        assert_eq!(last, 1 << POSITION_BITS);
        let most = FIRST * ((1 << CHUNKS) - 1);
        assert_eq!(in_chunk(1 << ROOM_BITS | place_of(most - 1)), (CHUNKS - 1, last as usize - 1));
    }
}
