//! Token counts by kind.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A kind of thing a model call uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// Input tokens, cached ones included.
    Input,
    /// Output tokens, reasoning included.
    Output,
    /// Input tokens read from the provider's cache; part of the input.
    CacheRead,
    /// Input tokens written to the provider's cache, whatever their lifetime; part of the input.
    CacheWrite,
    /// Cache writes kept for an hour; part of the cache writes.
    CacheWrite1h,
    /// Output tokens spent on reasoning; part of the output.
    Reasoning,
    /// Audio tokens heard; part of the input.
    AudioInput,
    /// Audio tokens spoken; part of the output.
    AudioOutput,
    /// Requests billed by the piece.
    Requests,
    /// Tokens whose split into input and output was never told.
    Tokens,
}

impl Kind {
    /// Every kind, in the order in which [`Usage`] keeps them.
    pub const ALL: &'static [Self] = &[
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::Requests,
        Self::Tokens,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The largest count taken at its word, in tokens. A larger one is a bug in the emitter: at a trillion tokens a
/// call costs more than any account may spend.
pub(crate) const MAX_COUNT: u64 = 1_000_000_000_000;

/// Token counts of one or more model calls. A kind that nobody reported is absent, which is not zero.
///
/// ```
/// use tracing_budget::{Kind, Usage};
///
/// let usage = Usage::new().input(3_000).output(987);
/// assert_eq!(usage.tokens_used(), Some(3_987));
/// assert_eq!(usage.get(Kind::CacheRead), None);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    known: u16,
    counts: [u64; Kind::ALL.len()],
}

impl Usage {
    /// No usage reported yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: 0, counts: [0; Kind::ALL.len()] }
    }

    /// Sets the input tokens, cached ones included.
    #[must_use]
    pub fn input(self, tokens: u64) -> Self {
        self.with(Kind::Input, tokens)
    }

    /// Sets the output tokens, reasoning included.
    #[must_use]
    pub fn output(self, tokens: u64) -> Self {
        self.with(Kind::Output, tokens)
    }

    /// Sets the input tokens that came from the provider's cache.
    #[must_use]
    pub fn cache_read(self, tokens: u64) -> Self {
        self.with(Kind::CacheRead, tokens)
    }

    /// Sets the input tokens that went into the provider's cache.
    #[must_use]
    pub fn cache_write(self, tokens: u64) -> Self {
        self.with(Kind::CacheWrite, tokens)
    }

    /// Sets the output tokens spent on reasoning.
    #[must_use]
    pub fn reasoning(self, tokens: u64) -> Self {
        self.with(Kind::Reasoning, tokens)
    }

    /// The same usage with one kind set.
    #[must_use]
    pub fn with(mut self, kind: Kind, count: u64) -> Self {
        self.set(kind, count);
        self
    }

    /// Replaces the count of a kind.
    #[inline]
    pub fn set(&mut self, kind: Kind, count: u64) {
        self.known |= kind.bit();
        self.counts[kind as usize] = count;
    }

    /// Adds to the count of a kind.
    #[inline]
    pub fn add(&mut self, kind: Kind, count: u64) {
        self.known |= kind.bit();
        let sum = &mut self.counts[kind as usize];
        *sum = sum.saturating_add(count);
    }

    /// Whether any kind but input and output was reported.
    #[inline]
    pub(crate) fn has_more_than_input_and_output(&self) -> bool {
        self.known & !(Kind::Input.bit() | Kind::Output.bit()) != 0
    }

    /// Whether another usage is the same.
    #[inline(always)]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let common = |usage: &Self| (usage.known, usage.counts[0], usage.counts[1]);
        common(self) == common(other) && (!self.has_more_than_input_and_output() || self == other)
    }

    /// Makes everything unknown again.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if self.has_more_than_input_and_output() {
            *self = Self::new();
        }
        (self.known, self.counts[0], self.counts[1]) = (0, 0, 0);
    }

    /// Makes a kind unknown again.
    pub fn forget(&mut self, kind: Kind) {
        self.known &= !kind.bit();
        self.counts[kind as usize] = 0;
    }

    /// Takes out what the counts of parts have beyond the count that they are parts of, and returns it.
    pub(crate) fn split_parts(&mut self) -> Self {
        let mut beyond = Self::new();
        let mut cap = |usage: &mut Self, kind: Kind, room: u64| {
            let count = usage.count(kind);
            if count > room {
                beyond.set(kind, count - room);
                if room == 0 { usage.forget(kind) } else { usage.set(kind, room) }
            }
            room - count.min(room)
        };
        let (input, output) = (self.counts[Kind::Input as usize], self.counts[Kind::Output as usize]);
        let room = cap(self, Kind::CacheRead, input);
        let left = cap(self, Kind::CacheWrite, room);
        cap(self, Kind::CacheWrite1h, room - left);
        cap(self, Kind::AudioInput, input);
        cap(self, Kind::Reasoning, output);
        cap(self, Kind::AudioOutput, output);
        beyond
    }

    /// The count of a kind, if it was reported.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<u64> {
        (self.known & kind.bit() != 0).then(|| self.counts[kind as usize])
    }

    /// The count of a kind, zero where nothing was reported.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// Whether no kind was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Adds every kind of another usage.
    #[inline(always)]
    pub fn merge(&mut self, other: &Self) {
        self.known |= other.known;
        // Of ten kinds most calls tell these two, and what is not told is zero.
        for kind in [Kind::Input as usize, Kind::Output as usize] {
            self.counts[kind] = self.counts[kind].saturating_add(other.counts[kind]);
        }
        if other.has_more_than_input_and_output() {
            self.merge_rest(other);
        }
    }

    #[inline(never)]
    fn merge_rest(&mut self, other: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(&other.counts).skip(2) {
            *sum = sum.saturating_add(*count);
        }
    }

    /// What this usage has beyond another, kind by kind; kinds with nothing more are absent.
    #[must_use]
    pub fn excess_over(&self, other: &Self) -> Self {
        let mut excess = Self::new();
        for &kind in Kind::ALL {
            if let Some(count) = self.get(kind).and_then(|count| count.checked_sub(other.count(kind)))
                && count > 0
            {
                excess.set(kind, count);
            }
        }
        excess
    }

    /// Input and output tokens together, or the unsplit tokens where neither is known; `None` if all are unknown.
    #[must_use]
    pub fn tokens_used(&self) -> Option<u64> {
        let split = Kind::Input.bit() | Kind::Output.bit();
        if self.known & (split | Kind::Tokens.bit()) == 0 {
            return None;
        }
        Some(
            self.count(Kind::Input)
                .saturating_add(self.count(Kind::Output))
                .saturating_add(self.count(Kind::Tokens)),
        )
    }
}

impl Hash for Usage {
    /// Only what is known: a price is looked up by it on the hot path, and what is unknown is zero in every usage.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u16(self.known);
        let mut told = self.known;
        while told != 0 {
            state.write_u64(self.counts[told.trailing_zeros() as usize]);
            told &= told - 1;
        }
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Kind::ALL.iter().copied().filter_map(|kind| Some((kind, self.get(kind)?)));
        f.debug_map().entries(known).finish()
    }
}
