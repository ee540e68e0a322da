//! Counts by kind: tokens, and every other unit that is billed.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::into_count::IntoCount;
use super::kind::{Kind, Measure};

/// The largest accepted count of one call, in tokens. A larger one is a bug in the emitter: a call of a trillion tokens costs
/// more than any account may spend, and a few of them would overflow a `u64` sum.
pub(crate) const MAX_COUNT: u64 = 1_000_000_000_000;

/// The bit of a usage that has counts of other kinds than the common ones.
const HAS_OTHERS: u16 = 1 << 15;

/// Counts of one or more model calls, by unit. A kind without a report is absent, which differs from 0. Sums saturate.
///
/// ```
/// use tracing_budget::{Kind, Usage};
///
/// let usage = Usage::new().input(3_000).output(987).with(Kind::WebSearches, 2);
/// assert_eq!(usage.tokens_used(), Some(3_987));
/// assert_eq!((usage.get(Kind::WebSearches), usage.get(Kind::CacheRead)), (Some(2), None));
/// ```
#[derive(Clone, Default)]
pub struct Usage {
    /// One bit for each common kind that is known, and [`HAS_OTHERS`].
    known: u16,
    /// Whether cached tokens are added to the input when they are set. In the padding; it is no count.
    is_uncached: bool,
    counts: [u64; Kind::COMMON],
    /// The counts of all other kinds. Boxed: few calls have any, and a usage lies in every span.
    #[expect(clippy::box_collection, reason = "a pointer is a third of a map")]
    others: Option<Box<BTreeMap<Kind, u64>>>,
}

impl Usage {
    /// Returns a usage without any count.
    ///
    /// ```
    /// assert!(tracing_budget::Usage::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { known: 0, is_uncached: false, counts: [0; Kind::COMMON], others: None }
    }

    /// Whether input or output is known.
    // Inlined: a test of two bits.
    #[inline]
    pub(crate) fn is_split(&self) -> bool {
        self.get(Kind::Input).or(self.get(Kind::Output)).is_some()
    }

    /// Whether one of input and output is known, and the other is not.
    // Inlined: it compares two bits that lie side by side.
    #[inline]
    pub(crate) fn is_half(&self) -> bool {
        const { assert!(Kind::Input as u16 == 0 && Kind::Output as u16 == 1) };
        (self.known ^ self.known >> 1) & Kind::Input.bit() != 0
    }

    /// Sets the input tokens, cached ones included.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().input(900).get(Kind::Input), Some(900));
    /// ```
    #[must_use]
    pub fn input(self, tokens: impl IntoCount) -> Self {
        self.with(Kind::Input, tokens)
    }

    /// Sets the input tokens without the cached ones, for clients that count these apart, as Anthropic's API does. The input is then
    /// this count with [`cache_read`](Self::cache_read) and [`cache_write`](Self::cache_write), set before or after.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let usage = Usage::new().uncached_input(100).cache_read(900).cache_write(50).output(10);
    /// assert_eq!(usage.get(Kind::Input), Some(1_050));
    /// ```
    #[must_use]
    pub fn uncached_input(mut self, tokens: impl IntoCount) -> Self {
        if let Some(tokens) = tokens.into_count() {
            let cached = self.count(Kind::CacheRead).saturating_add(self.count(Kind::CacheWrite));
            self.set(Kind::Input, tokens.saturating_add(cached));
            self.is_uncached = true;
        }
        self
    }

    /// Sets the output tokens, reasoning included.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().output(900).get(Kind::Output), Some(900));
    /// ```
    #[must_use]
    pub fn output(self, tokens: impl IntoCount) -> Self {
        self.with(Kind::Output, tokens)
    }

    /// Sets the input tokens that came from the provider's cache.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().cache_read(900).get(Kind::CacheRead), Some(900));
    /// ```
    #[must_use]
    pub fn cache_read(self, tokens: impl IntoCount) -> Self {
        self.with(Kind::CacheRead, tokens)
    }

    /// Sets the input tokens that went into the provider's cache.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().cache_write(900).get(Kind::CacheWrite), Some(900));
    /// ```
    #[must_use]
    pub fn cache_write(self, tokens: impl IntoCount) -> Self {
        self.with(Kind::CacheWrite, tokens)
    }

    /// Sets the output tokens spent on reasoning.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().reasoning(900).get(Kind::Reasoning), Some(900));
    /// ```
    #[must_use]
    pub fn reasoning(self, tokens: impl IntoCount) -> Self {
        self.with(Kind::Reasoning, tokens)
    }

    /// Returns the usage with the count of one kind set, if it was reported.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().with(Kind::AudioInput, 7).count(Kind::AudioInput), 7);
    /// ```
    #[must_use]
    pub fn with(mut self, kind: Kind, count: impl IntoCount) -> Self {
        let Some(count) = count.into_count() else { return self };
        match kind {
            Kind::Input => self.is_uncached = false,
            Kind::CacheRead | Kind::CacheWrite if self.is_uncached => {
                let rest = self.count(Kind::Input).saturating_sub(self.count(kind));
                self.counts[Kind::Input as usize] = rest.saturating_add(count);
            }
            _ => {}
        }
        self.set(kind, count);
        self
    }

    /// Sets a time, of a kind that is counted in microseconds, such as [`Kind::AudioInputMicros`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let usage = Usage::new().with_time(Kind::AudioInputMicros, Duration::from_millis(12_340));
    /// assert_eq!(usage.get(Kind::AudioInputMicros), Some(12_340_000));
    /// ```
    #[must_use]
    pub fn with_time(self, kind: Kind, time: Duration) -> Self {
        self.with(kind, u64::try_from(time.as_micros()).ok())
    }

    /// Replaces the count of a kind.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let mut usage = Usage::new();
    /// usage.set(Kind::Input, 7);
    /// assert_eq!(usage.count(Kind::Input), 7);
    /// ```
    // Inlined: the layer calls it once per recorded token field.
    #[inline]
    pub fn set(&mut self, kind: Kind, count: u64) {
        if !kind.is_common() {
            *self.other(kind) = count;
            return;
        }
        self.known |= kind.bit();
        self.counts[kind as usize] = count;
    }

    /// Adds to the count of a kind.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let mut usage = Usage::new().input(7);
    /// usage.add(Kind::Input, 3);
    /// assert_eq!(usage.get(Kind::Input), Some(10));
    /// ```
    // Inlined: the layer calls it once per recorded token field of a stage.
    #[inline]
    pub fn add(&mut self, kind: Kind, count: u64) {
        let sum = if kind.is_common() {
            self.known |= kind.bit();
            &mut self.counts[kind as usize]
        } else {
            self.other(kind)
        };
        *sum = sum.saturating_add(count);
    }

    /// The count of a kind that few calls have, which is known from now on.
    #[cold]
    fn other(&mut self, kind: Kind) -> &mut u64 {
        self.known |= HAS_OTHERS;
        self.others.get_or_insert_default().entry(kind).or_default()
    }

    /// Returns the known common kinds, one bit each, in the order of [`Kind::ALL`], and one for all others.
    // Inlined: one load.
    #[inline]
    pub(crate) fn known(&self) -> u16 {
        self.known
    }

    /// Returns whether any but the common kinds was reported.
    // Inlined: one mask.
    #[inline]
    pub(crate) fn has_others(&self) -> bool {
        self.known & HAS_OTHERS != 0
    }

    /// Iterates over the counts of the kinds that few calls have.
    pub(crate) fn others(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.others.iter().flat_map(|others| others.iter()).map(|(kind, count)| (*kind, *count))
    }

    /// The counts of the kinds that few calls have, as one text: a callsite has a bounded number of fields.
    pub(crate) fn others_text(&self) -> Option<String> {
        let text = |(kind, count): (Kind, u64)| kind.written(count);
        self.has_others().then(|| self.others().map(text).collect::<Vec<_>>().join(" "))
    }

    /// Iterates over the reported kinds and their counts, in the order of [`Kind::ALL`].
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let usage = Usage::new().with(Kind::WebSearches, 2).input(7);
    /// assert_eq!(usage.iter().collect::<Vec<_>>(), [(Kind::Input, 7), (Kind::WebSearches, 2)]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        let common = Kind::ALL.iter().take(Kind::COMMON).zip(self.counts);
        let known =
            common.filter(|(kind, _)| self.known & kind.bit() != 0).map(|(kind, count)| (*kind, count));
        known.chain(self.others())
    }

    /// Returns whether any kind but input and output was reported.
    // Inlined: one mask. It selects the short path of each method below.
    #[inline]
    pub(crate) fn has_more_than_input_and_output(&self) -> bool {
        self.known & !(Kind::Input.bit() | Kind::Output.bit()) != 0
    }

    /// Makes every kind unknown.
    // Always inlined: each call clears one usage. Most have two counts, and nine stores are saved.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if self.has_more_than_input_and_output() {
            *self = Self::new();
        }
        (self.known, self.counts[0], self.counts[1]) = (0, 0, 0);
    }

    /// Makes a kind unknown.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let mut usage = Usage::new().input(7);
    /// usage.forget(Kind::Input);
    /// assert!(usage.is_empty());
    /// ```
    pub fn forget(&mut self, kind: Kind) {
        if kind.is_common() {
            self.known &= !kind.bit();
            self.counts[kind as usize] = 0;
        } else if let Some(others) = &mut self.others {
            others.remove(&kind);
            if others.is_empty() {
                self.others = None;
                self.known &= !HAS_OTHERS;
            }
        }
    }

    /// Takes cache writes of a lifetime that are reported without their total for all of them: a lifetime alone is no contradiction.
    pub(crate) fn complete_cache_writes(&mut self) {
        const LIFETIMES: [Kind; 3] = [Kind::CacheWrite5m, Kind::CacheWrite1h, Kind::CacheWrite12h];
        let lifetimes = LIFETIMES.map(|lifetime| self.get(lifetime));
        if self.get(Kind::CacheWrite).is_none() && lifetimes.iter().any(Option::is_some) {
            let all = lifetimes.into_iter().flatten().fold(0, u64::saturating_add);
            self.set(Kind::CacheWrite, all);
        }
    }

    /// Removes what parts exceed their whole by, and returns it. Cached is part of input, reasoning part of output.
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
        // The parts of input share one room: reads first, then writes, then the one-hour share of the writes.
        let (input, output) = (self.counts[Kind::Input as usize], self.counts[Kind::Output as usize]);
        let room = cap(self, Kind::CacheRead, input);
        let left = cap(self, Kind::CacheWrite, room);
        cap(self, Kind::CacheWrite1h, room - left);
        cap(self, Kind::AudioInput, input);
        cap(self, Kind::Reasoning, output);
        cap(self, Kind::AudioOutput, output);
        let others: Vec<Kind> = self.others().map(|(kind, _)| kind).collect();
        for kind in others {
            match kind.measure() {
                Measure::Input => drop(cap(self, kind, input)),
                Measure::Output => drop(cap(self, kind, output)),
                _ => {}
            }
        }
        beyond
    }

    /// Returns the count of a kind, or `None` if it was not reported.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().input(0).get(Kind::Input), Some(0));
    /// assert_eq!(Usage::new().get(Kind::Input), None);
    /// ```
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<u64> {
        if !kind.is_common() {
            return self.others.as_ref()?.get(&kind).copied();
        }
        (self.known & kind.bit() != 0).then(|| self.counts[kind as usize])
    }

    /// Returns the count of a kind, or 0 if it was not reported.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().count(Kind::Input), 0);
    /// ```
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        if !kind.is_common() {
            return self.get(kind).unwrap_or(0);
        }
        self.counts[kind as usize]
    }

    /// Returns whether no kind was reported.
    ///
    /// ```
    /// use tracing_budget::Usage;
    ///
    /// assert!(!Usage::new().input(0).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Adds every kind of another usage.
    ///
    /// ```
    /// use tracing_budget::Usage;
    ///
    /// let mut sum = Usage::new().input(7);
    /// sum.merge(&Usage::new().input(3).output(2));
    /// assert_eq!(sum.tokens_used(), Some(12));
    /// ```
    // Always inlined: each model call is merged into its cell.
    #[inline(always)]
    pub fn merge(&mut self, other: &Self) {
        self.known |= other.known;
        // Most calls report these two kinds alone. Absent counts are stored as 0, so adding them is correct.
        for kind in [Kind::Input as usize, Kind::Output as usize] {
            self.counts[kind] = self.counts[kind].saturating_add(other.counts[kind]);
        }
        if other.has_more_than_input_and_output() {
            self.merge_rest(other);
        }
    }

    // Never inlined: rare, and eight additions would grow every caller of `merge`.
    #[inline(never)]
    fn merge_rest(&mut self, other: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(&other.counts).skip(2) {
            *sum = sum.saturating_add(*count);
        }
        for (kind, count) in other.others() {
            self.add(kind, count);
        }
    }

    /// Returns the excess over another usage, kind by kind. Kinds without an excess are absent.
    ///
    /// ```
    /// use tracing_budget::Usage;
    ///
    /// let (own, inner) = (Usage::new().input(10).output(4), Usage::new().input(7).output(4));
    /// assert_eq!(own.excess_over(&inner), Usage::new().input(3));
    /// ```
    #[must_use]
    pub fn excess_over(&self, other: &Self) -> Self {
        let mut excess = Self::new();
        for (kind, count) in self.iter() {
            let more = count.saturating_sub(other.count(kind));
            if more > 0 {
                excess.set(kind, more);
            }
        }
        excess
    }

    /// Returns input, output and unsplit tokens together; `None` if all three are unknown.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// assert_eq!(Usage::new().with(Kind::Tokens, 300).tokens_used(), Some(300));
    /// assert_eq!(Usage::new().with(Kind::Requests, 1).tokens_used(), None);
    /// ```
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

impl PartialEq for Usage {
    // Inlined, as the derived one would be: a dozen comparisons, without the flag.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        (self.known, &self.counts, &self.others) == (other.known, &other.counts, &other.others)
    }
}

impl Eq for Usage {}

impl Hash for Usage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.known, &self.counts, &self.others).hash(state);
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
