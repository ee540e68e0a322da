//! A cache of prices: the same usage in the same minute costs the same.

use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reason::Price;
use crate::ledger::Usage;

/// Slots of a memo, five kilobytes per model. Retries, health checks and evaluation loops repeat a few usages.
const SLOTS: usize = 32;

/// A direct-mapped table of prices. Each slot has its own lock, and only `try_lock` is used: a busy slot is a miss, so no call
/// waits and no lock order is needed.
pub(super) struct Memo {
    slots: [Mutex<Option<Entry>>; SLOTS],
}

struct Entry {
    usage: Usage,
    minute: Minute,
    price: Price,
}

/// A minute of UTC, counted from the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Minute(u64);

impl Minute {
    /// The minute of a time, unless it is before 1970.
    pub(super) fn of(at: SystemTime) -> Option<Self> {
        at.duration_since(UNIX_EPOCH).ok().map(|since| Self(since.as_secs() / 60))
    }

    /// The first and the last nanosecond.
    pub(super) fn ends(self) -> Option<(SystemTime, SystemTime)> {
        let first = UNIX_EPOCH.checked_add(Duration::from_secs(self.0 * 60))?;
        Some((first, first.checked_add(Duration::new(59, 999_999_999))?))
    }
}

impl Memo {
    pub(super) fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Mutex::new(None)) }
    }

    fn slot(&self, usage: &Usage, minute: Minute) -> &Mutex<Option<Entry>> {
        let mut hasher = Mixer(minute.0);
        usage.hash(&mut hasher);
        &self.slots[hasher.finish() as usize % SLOTS]
    }

    pub(super) fn get(&self, usage: &Usage, minute: Minute) -> Option<Price> {
        let slot = self.slot(usage, minute).try_lock().ok()?;
        let entry = slot.as_ref()?;
        (entry.minute == minute && entry.usage == *usage).then(|| entry.price.clone())
    }

    pub(super) fn put(&self, usage: &Usage, minute: Minute, price: &Price) {
        if let Ok(mut slot) = self.slot(usage, minute).try_lock() {
            *slot = Some(Entry { usage: *usage, minute, price: price.clone() });
        }
    }
}

/// A hash of a few words in a few instructions. It has to spread, and not to resist an attacker: a collision costs one
/// calculation. The multiplier is 2⁶⁴ over the golden ratio (Knuth).
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let chunks = bytes.chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.write_u64(u64::from_ne_bytes(word));
        }
        rest.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0 >> 32
    }
}
