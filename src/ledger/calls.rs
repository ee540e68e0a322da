//! The calls of a run that are kept one by one: a bounded number, of which the least gives way to a greater one.
//!
//! # Invariants
//!
//! - At most `most` calls are kept, and they are the greatest of all that were added, by [`Call::order`]. So the greatest of all
//!   parts are the greatest of the greatest of each, and merging is associative and commutative.
//! - A call is added once. A further record of its response completes it where it is (A8).
//! - Adding allocates nothing once the buffers have grown, and they are kept when the ledger is cleared.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::call::{Call, CallNames, CallText, Rank};
use super::cell::{CellKey, Sources};
use super::kind::Kind;
use super::money::Usd;
use super::usage::Usage;

/// Maximum number of calls that a run keeps: a person reads the first twenty, and a program with a thousand fits in 256 KiB.
pub(crate) const MAX_CALLS: usize = 1_000;

/// Kinds of usage that lie in the record itself: input and output, which nearly all calls have, and most nothing else.
const COMMON_KINDS: usize = 2;

/// Texts of a record, and the counts of its other kinds of usage.
const FIELDS: usize = CallText::COUNT + 1;

/// The place of the counts among the fields.
const COUNTS: usize = CallText::COUNT;

/// The buffer of texts is compacted after it has grown by this much at least: the gain would otherwise be less than the work.
const SMALL: usize = 4_096;

/// The calls of a run, or of a part of it, that are kept one by one.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    most: usize,
    kept: Vec<Kept>,
    /// Places in `kept` as a heap with the least call first. Empty until a call has to give way: until then nothing is compared.
    heap: Vec<u16>,
    texts: Buffer,
    /// Whether any of them was completed by a further record, so that merging has to look for its first one.
    has_completed: bool,
}

/// A call that is kept. Counts that few calls have, and texts, lie in the buffer: a flat record would be twice as large.
#[derive(Clone, Copy, Debug)]
struct Kept {
    key: CellKey,
    names: CallNames,
    started: u64,
    nanos: u64,
    /// Pico-dollars in two words: an `i128` would align the record to 16 bytes.
    cost: (i64, u64),
    common: [u64; COMMON_KINDS],
    response: u64,
    from: [u32; FIELDS],
    len: [u16; FIELDS],
    /// The known kinds of usage, one bit each.
    known: u16,
    attempt: u16,
    completions: u16,
    sources: Sources,
    has_failed: bool,
    is_partial: bool,
}

/// Bytes of many records, one after another.
#[derive(Clone, Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// The last place of each field: calls of one conversation, or with one error, share it.
    last: [(u32, u16); FIELDS],
    /// Whether records have given up places in it.
    has_gaps: bool,
    /// Its length after the last compaction.
    compacted: usize,
}

impl Default for Calls {
    fn default() -> Self {
        // Allocates nothing: a run without calls never needs it.
        Self {
            most: MAX_CALLS,
            kept: Vec::new(),
            heap: Vec::new(),
            texts: Buffer::default(),
            has_completed: false,
        }
    }
}

impl Calls {
    /// Sets the maximum number of calls. If more are kept, the least give way.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most.min(MAX_CALLS);
        if self.kept.len() > self.most {
            let all = std::mem::take(self);
            self.most = most;
            self.merge(&all);
        }
    }

    /// Returns the maximum number of calls.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether a call with this rank may be kept.
    // Inlined: one test while there is room, and a comparison afterwards.
    #[inline]
    pub(crate) fn takes(&self, rank: Rank) -> bool {
        let is_full = self.kept.len() >= self.most;
        !is_full || self.heap.first().is_none_or(|least| rank >= self.kept[usize::from(*least)].rank())
    }

    /// Adds a call. If no more are kept, the least one gives way.
    // Inlined: the test for room, once for every call.
    #[inline(always)]
    pub(crate) fn push(&mut self, call: &Call<'_>) {
        if self.kept.len() < self.most {
            self.append(call);
        } else {
            self.replace_least(call);
        }
    }

    /// Adds a further record of a response to the call that it completes; `false` if that is not kept here.
    pub(crate) fn complete(&mut self, call: &Call<'_>) -> bool {
        let is_it = |kept: &Kept| kept.response == call.response && kept.started == call.started;
        let Some(at) = self.kept.iter().position(is_it) else { return false };
        let known = self.call(at);
        // Figures are those of the record with more completions, which has all of them. Names are known from either.
        let (first, last) =
            if known.completions <= call.completions { (&known, call) } else { (call, &known) };
        let mut texts = first.texts.map(str::to_owned);
        for (text, other) in texts.iter_mut().zip(last.texts) {
            if text.is_empty() {
                other.clone_into(text);
            }
        }
        let Call { key, started, cost, sources, has_failed, is_partial, completions, response, .. } = *last;
        let joined = Call {
            key,
            names: first.names.or(last.names),
            started,
            nanos: first.nanos.max(last.nanos),
            usage: Cow::Owned(last.usage.as_ref().clone()),
            cost,
            sources,
            has_failed,
            is_partial,
            attempt: first.attempt.max(last.attempt),
            completions,
            response,
            texts: [&texts[0], &texts[1], &texts[2]],
        };
        self.texts.has_gaps = true;
        self.has_completed |= joined.completions > 0;
        self.kept[at] = Kept::new(&joined, &mut self.texts);
        // Its rank is another one. Rebuilt rather than moved: this is rare, and a heap of a thousand takes microseconds.
        if !self.heap.is_empty() {
            self.build_heap();
        }
        self.compact();
        true
    }

    /// Adds the calls of another part.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.has_completed |= other.has_completed;
        if self.kept.is_empty() {
            // Exactly as many: a snapshot of a run takes no more memory than its calls do.
            self.kept.reserve_exact(other.kept.len().min(self.most));
        }
        for call in other.iter() {
            let is_known = self.has_completed && call.response != 0 && self.complete(&call);
            if !is_known {
                self.push(&call);
            }
        }
    }

    /// Removes every call and keeps the allocations.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.heap.clear();
        self.texts.clear();
        self.has_completed = false;
    }

    /// Iterates over the calls, in no specified order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Call<'_>> {
        (0..self.kept.len()).map(|at| self.call(at))
    }

    /// Returns the calls in their order: failed ones first, then the most expensive, then the newest.
    pub(crate) fn sorted(&self) -> Vec<Call<'_>> {
        let mut calls: Vec<_> = self.iter().collect();
        calls.sort_unstable_by(|one, two| two.order(one));
        calls
    }

    fn call(&self, at: usize) -> Call<'_> {
        self.kept[at].view(&self.texts)
    }

    // Always inlined: the call is then never in memory, only the record that is kept.
    #[inline(always)]
    fn append(&mut self, call: &Call<'_>) {
        if self.kept.len() == self.kept.capacity() {
            self.grow();
        }
        self.has_completed |= call.completions > 0;
        let kept = Kept::new(call, &mut self.texts);
        self.kept.push(kept);
    }

    /// Doubles the room, up to the maximum: `Vec` would take room for 1,024 records instead of 1,000. The first one alone: a line
    /// of a journal has one call, and 65,536 of them may wait to be written.
    #[cold]
    fn grow(&mut self) {
        let len = self.kept.len();
        let room = if len == 0 { 1 } else { (2 * len).max(8).min(self.most) };
        self.kept.reserve_exact(room - self.kept.len());
    }

    // Not inlined: nearly all calls of a long run are rejected by the first comparison.
    #[inline(never)]
    fn replace_least(&mut self, call: &Call<'_>) {
        if self.most == 0 {
            return;
        }
        if self.heap.is_empty() {
            self.build_heap();
        }
        let least = usize::from(self.heap[0]);
        let order = call.rank().cmp(&self.kept[least].rank()).then_with(|| call.order(&self.call(least)));
        if order != Ordering::Greater {
            return;
        }
        self.has_completed |= call.completions > 0;
        self.texts.has_gaps |= self.kept[least].len != [0; FIELDS];
        self.kept[least] = Kept::new(call, &mut self.texts);
        self.sift_down(0);
        self.compact();
    }

    #[cold]
    fn build_heap(&mut self) {
        self.heap.clear();
        self.heap.reserve_exact(self.kept.len());
        // 16 bits hold every place: there are at most `MAX_CALLS`.
        self.heap.extend((0..self.kept.len()).map(|at| at as u16));
        (0..self.heap.len() / 2).rev().for_each(|at| self.sift_down(at));
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.heap.len());
            let Some(child) = children.reduce(|one, two| if self.is_less(two, one) { two } else { one })
            else {
                return;
            };
            if !self.is_less(child, at) {
                return;
            }
            self.heap.swap(child, at);
            at = child;
        }
    }

    /// Whether the call at one place of the heap is less than that at another.
    fn is_less(&self, one: usize, two: usize) -> bool {
        let [one, two] = [one, two].map(|at| usize::from(self.heap[at]));
        let order = self.kept[one].rank().cmp(&self.kept[two].rank());
        order.then_with(|| self.call(one).order(&self.call(two))) == Ordering::Less
    }

    /// Moves the texts together once a fifth of the buffer may be of calls that gave way.
    fn compact(&mut self) {
        let texts = &self.texts;
        if texts.has_gaps && texts.bytes.len() > texts.compacted + SMALL.max(texts.compacted / 4) {
            self.texts.compact(&mut self.kept);
        }
    }
}

impl PartialEq for Calls {
    /// Ignores the order in which calls were added: parts of a run are merged in any order.
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (self.sorted(), other.sorted());
        one.len() == two.len() && one.iter().zip(&two).all(|(one, two)| one.order(two) == Ordering::Equal)
    }
}

impl Kept {
    // Always inlined: it is copied from the caller's stack to its place, once for every call.
    #[inline(always)]
    fn new(call: &Call<'_>, buffer: &mut Buffer) -> Self {
        let pico = call.cost.pico();
        let mut kept = Self {
            key: call.key,
            names: call.names,
            started: call.started,
            nanos: call.nanos,
            cost: ((pico >> 64) as i64, pico as u64),
            common: [call.usage.count(Kind::Input), call.usage.count(Kind::Output)],
            response: call.response,
            from: [0; FIELDS],
            len: [0; FIELDS],
            known: call.usage.known(),
            attempt: call.attempt,
            completions: call.completions,
            sources: call.sources,
            has_failed: call.has_failed,
            is_partial: call.is_partial,
        };
        if call.texts.iter().any(|text| !text.is_empty()) {
            for (field, text) in call.texts.iter().enumerate() {
                (kept.from[field], kept.len[field]) = buffer.keep(field, text.as_bytes());
            }
        }
        if call.usage.has_more_than_input_and_output() {
            (kept.from[COUNTS], kept.len[COUNTS]) = keep_counts(&call.usage, buffer);
        }
        kept
    }

    // Inlined: a few loads.
    #[inline]
    fn rank(&self) -> Rank {
        (self.has_failed, self.pico(), self.started)
    }

    fn pico(&self) -> i128 {
        i128::from(self.cost.0) << 64 | i128::from(self.cost.1)
    }

    fn view<'a>(&self, buffer: &'a Buffer) -> Call<'a> {
        let text =
            |field: CallText| std::str::from_utf8(self.field(buffer, field as usize)).unwrap_or_default();
        Call {
            key: self.key,
            names: self.names,
            started: self.started,
            nanos: self.nanos,
            usage: Cow::Owned(self.usage(buffer)),
            cost: Usd::from_pico(self.pico()),
            sources: self.sources,
            has_failed: self.has_failed,
            is_partial: self.is_partial,
            attempt: self.attempt,
            completions: self.completions,
            response: self.response,
            texts: [text(CallText::ResponseId), text(CallText::Conversation), text(CallText::Error)],
        }
    }

    fn usage(&self, buffer: &Buffer) -> Usage {
        let mut usage = Usage::new();
        let is_known = |kind: Kind| self.known & 1 << kind as u16 != 0;
        for (kind, count) in [Kind::Input, Kind::Output].into_iter().zip(self.common) {
            if is_known(kind) {
                usage.set(kind, count);
            }
        }
        let mut counts =
            self.field(buffer, COUNTS).as_chunks::<8>().0.iter().map(|count| u64::from_le_bytes(*count));
        let rest = &Kind::ALL[COMMON_KINDS..Kind::COMMON];
        let rest = rest.iter().filter(|kind| is_known(**kind));
        rest.zip(counts.by_ref()).for_each(|(kind, count)| usage.set(*kind, count));
        while let (Some(kind), Some(count)) = (counts.next(), counts.next()) {
            usage.set(Kind::ALL[kind as usize], count);
        }
        usage
    }

    fn field<'a>(&self, buffer: &'a Buffer, field: usize) -> &'a [u8] {
        buffer.get((self.from[field], self.len[field]))
    }
}

/// Keeps the counts of the kinds of usage that few calls have.
#[cold]
fn keep_counts(usage: &Usage, buffer: &mut Buffer) -> (u32, u16) {
    // Each of the others with its kind: there is no bit for them.
    let mut bytes = [0; 8 * (Kind::COMMON + 2 * (Kind::ALL.len() - Kind::COMMON))];
    let mut len = 0;
    let mut put = |number: u64| {
        bytes[len..len + 8].copy_from_slice(&number.to_le_bytes());
        len += 8;
    };
    let rest = &Kind::ALL[COMMON_KINDS..Kind::COMMON];
    rest.iter().filter_map(|kind| usage.get(*kind)).for_each(&mut put);
    for (kind, count) in usage.others() {
        put(kind as u64);
        put(count);
    }
    buffer.keep(COUNTS, &bytes[..len])
}

impl Buffer {
    fn get(&self, (from, len): (u32, u16)) -> &[u8] {
        self.bytes.get(from as usize..from as usize + usize::from(len)).unwrap_or_default()
    }

    /// Keeps a field of a record, and returns its place.
    fn keep(&mut self, field: usize, bytes: &[u8]) -> (u32, u16) {
        if bytes.is_empty() {
            return (0, 0);
        }
        if self.get(self.last[field]) == bytes {
            return self.last[field];
        }
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            // By a quarter: doubled, the buffer of a thousand ids would pass the run's 256 KiB.
            let more = if self.bytes.is_empty() { 0 } else { (self.bytes.len() / 4).max(1_024) };
            self.bytes.reserve_exact(more.max(bytes.len()));
        }
        // 32 and 16 bits hold every place: records are at most `MAX_CALLS`, and their texts have bounds.
        self.last[field] = (self.bytes.len() as u32, bytes.len() as u16);
        self.bytes.extend_from_slice(bytes);
        self.last[field]
    }

    /// Moves what the records still have to a new buffer.
    #[cold]
    fn compact(&mut self, kept: &mut [Kept]) {
        let old = std::mem::take(self);
        self.bytes.reserve_exact(old.compacted + SMALL);
        for kept in kept {
            for field in 0..FIELDS {
                let bytes = kept.field(&old, field);
                (kept.from[field], kept.len[field]) = self.keep(field, bytes);
            }
        }
        self.compacted = self.bytes.len();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.last, self.has_gaps, self.compacted) = ([(0, 0); FIELDS], false, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::{StageId, Symbol};

    /// A call of which every field is derived from a few numbers, so that many have equal ranks.
    #[derive(Clone, Debug, PartialEq)]
    struct Made {
        started: u64,
        pico: i64,
        has_failed: bool,
        kinds: u64,
        id: Option<u8>,
        stage: Option<u8>,
    }

    impl Made {
        fn texts(&self) -> [String; 3] {
            let id = self.id.map(|id| format!("chatcmpl-{id:030}")).unwrap_or_default();
            let error = if self.has_failed { "overloaded".to_owned() } else { String::new() };
            [id, "session-1".to_owned(), error]
        }

        fn with<T>(&self, act: impl FnOnce(&Call<'_>) -> T) -> T {
            let mut usage = Usage::new();
            for (place, kind) in
                Kind::ALL.iter().enumerate().filter(|(place, _)| self.kinds & 1 << place != 0)
            {
                usage.set(*kind, place as u64 * 7);
            }
            let texts = self.texts();
            act(&Call {
                key: CellKey {
                    stage: self
                        .stage
                        .map(|stage| StageId::intern(Symbol::intern(&format!("stage {stage}")), None)),
                    agent: None,
                    model: Some(Symbol::intern("m")),
                    operation: Symbol::intern("chat"),
                },
                names: CallNames::default(),
                started: self.started,
                nanos: 5,
                usage: Cow::Owned(usage),
                cost: Usd::from_pico(self.pico.into()),
                sources: Sources::BOOK,
                has_failed: self.has_failed,
                is_partial: self.kinds & 1 != 0,
                attempt: 1,
                completions: 0,
                response: self.id.map_or(0, u64::from),
                texts: [&texts[0], &texts[1], &texts[2]],
            })
        }
    }

    fn made() -> impl Strategy<Value = Made> {
        let number = prop::option::of(0..4_u8);
        let kinds = prop_oneof![4 => Just(3), 1 => 0..1_024_u16];
        (0..9_u64, -1..5_i64, prop::bool::weighted(0.2), kinds, number.clone(), number).prop_map(
            |(started, pico, has_failed, kinds, id, stage)| Made {
                started,
                pico,
                has_failed,
                kinds: kinds.into(),
                id,
                stage,
            },
        )
    }

    fn calls(most: usize, made: &[Made]) -> Calls {
        let mut calls = Calls::default();
        calls.keep(most);
        made.iter().for_each(|made| made.with(|call| calls.push(call)));
        calls
    }

    fn merged(parts: &[&Calls]) -> Calls {
        let mut all = Calls::default();
        all.keep(parts[0].most());
        parts.iter().for_each(|part| all.merge(part));
        all
    }

    fn ranks(calls: &Calls) -> Vec<Rank> {
        calls.sorted().iter().map(Call::rank).collect()
    }

    proptest! {
        #[test]
        fn the_greatest_are_kept_whole(made in prop::collection::vec(made(), 0..60), most in 0..20_usize) {
            let kept = calls(most, &made);
            let mut expected = calls(MAX_CALLS, &made);
            let views: Vec<Call<'_>> = expected.sorted();
            let views: Vec<Made> = views
                .iter()
                .take(most)
                .map(|view| {
                    let same = |made: &&Made| made.with(|call| call.order(view)) == Ordering::Equal;
                    made.iter().find(same).cloned().expect("what is kept was added")
                })
                .collect();
            expected = calls(most, &views);
            prop_assert_eq!(kept, expected);
        }

        #[test]
        fn parts_merge_in_any_order(
            one in prop::collection::vec(made(), 0..30),
            two in prop::collection::vec(made(), 0..30),
            three in prop::collection::vec(made(), 0..30),
            most in 0..12_usize,
        ) {
            let all = calls(most, &[one.clone(), two.clone(), three.clone()].concat());
            let [one, two, three] = [one, two, three].map(|part| calls(most, &part));
            prop_assert_eq!(&merged(&[&one, &two, &three]), &all);
            prop_assert_eq!(&merged(&[&three, &one, &two]), &all);
            prop_assert_eq!(&merged(&[&merged(&[&three, &two]), &one]), &all);
        }
    }

    fn plain(started: u64, pico: i64) -> Made {
        Made { started, pico, has_failed: false, kinds: 3, id: None, stage: None }
    }

    #[test]
    fn failed_ones_come_first_then_the_most_expensive_then_the_newest() {
        let failed = Made { has_failed: true, ..plain(1, 0) };
        let made = [plain(9, 1), plain(2, 7), failed, plain(3, 7), plain(8, 0)];
        assert_eq!(ranks(&calls(4, &made)), [(true, 0, 1), (false, 7, 3), (false, 7, 2), (false, 1, 9)]);
    }

    /// A8: the second record of a response has its cost, and the first one its texts.
    #[test]
    fn a_completed_call_is_moved_to_its_place() {
        let first = Made { id: Some(7), ..plain(5, 0) };
        let others: Vec<Made> = (0..10).map(|at| plain(at, 3)).collect();
        let mut kept = calls(10, &[&others[..4], std::slice::from_ref(&first), &others[5..]].concat());
        plain(20, 2).with(|call| kept.push(call));
        assert!(kept.sorted().last().is_some_and(|call| call.response == 0), "the first record gave way");
        let mut kept = calls(10, &[&others[..9], std::slice::from_ref(&first)].concat());
        first.with(|call| {
            let second = Call {
                cost: Usd::from_pico(9),
                completions: 1,
                texts: ["", "other", "late"],
                ..call.clone()
            };
            assert!(kept.complete(&second));
            assert!(!kept.complete(&Call { started: 6, ..second }), "another call with that id");
        });
        plain(20, 2).with(|call| kept.push(call));
        let sorted = kept.sorted();
        assert_eq!((sorted.len(), sorted[0].cost, sorted[0].response), (10, Usd::from_pico(9), 7));
        assert_eq!(sorted[0].texts[1..], ["session-1", "late"]);
    }

    /// A thread may write the first record after another one has completed it.
    #[test]
    fn a_first_record_that_comes_late_is_no_second_call() {
        let first = Made { id: Some(7), ..plain(5, 0) };
        let (early, mut late) = (calls(10, std::slice::from_ref(&first)), Calls::default());
        first.with(|call| late.push(&Call { cost: Usd::from_pico(9), completions: 1, ..call.clone() }));
        for order in [[&early, &late], [&late, &early]] {
            let all = merged(&order);
            assert_eq!(ranks(&all), [(false, 9, 5)]);
        }
    }

    /// Design: a run with 1,000 calls kept takes at most 256 KiB.
    #[test]
    fn a_thousand_calls_with_ids_fit_in_their_memory() {
        let mut kept = Calls::default();
        for at in 0..20_000_u64 {
            plain(at, (at as i64 * 7_919) % 10_007).with(|call| {
                let id = format!("chatcmpl-{at:029}");
                kept.push(&Call { texts: [&id, "0193c0de-6b1f-7000-8000-000000000000", ""], ..call.clone() });
            });
        }
        let records = kept.kept.capacity() * size_of::<Kept>();
        let bytes = records + kept.heap.capacity() * size_of::<u16>() + kept.texts.bytes.capacity();
        assert_eq!(kept.kept.len(), MAX_CALLS);
        assert!(kept.iter().all(|call| call.texts[0].ends_with(&call.started.to_string())));
        assert!(bytes <= 256 * 1_024, "{bytes} bytes, {} of them records", records);
    }
}
