//! One model call, one by one: what its record has beside the sums that it is a part of.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::num::NonZeroU64;

use super::bounds::beginning;
use super::cell::{CellKey, Sources};
use super::hash::FastHash;
use super::money::Usd;
use super::symbol::Symbol;
use super::usage::Usage;

/// Names that a call's record has beside those of its row, and the time to its first token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallNames {
    pub(crate) provider: Option<Symbol>,
    /// The model that was requested.
    pub(crate) requested: Option<Symbol>,
    /// The model that answered.
    pub(crate) answered: Option<Symbol>,
    /// The tier that was served, else the requested one.
    pub(crate) tier: Option<Symbol>,
    pub(crate) finish_reason: Option<Symbol>,
    pub(crate) prompt: Option<Symbol>,
    pub(crate) prompt_version: Option<Symbol>,
    /// Nanoseconds from the request to the first token of its response.
    pub(crate) first_token: Option<NonZeroU64>,
}

impl CallNames {
    /// Returns these names, and those of another record of the call where these are unknown.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            provider: self.provider.or(other.provider),
            requested: self.requested.or(other.requested),
            answered: self.answered.or(other.answered),
            tier: self.tier.or(other.tier),
            finish_reason: self.finish_reason.or(other.finish_reason),
            prompt: self.prompt.or(other.prompt),
            prompt_version: self.prompt_version.or(other.prompt_version),
            first_token: self.first_token.or(other.first_token),
        }
    }

    fn order(&self) -> impl Ord + use<> {
        let names = [
            self.provider,
            self.requested,
            self.answered,
            self.tier,
            self.finish_reason,
            self.prompt,
            self.prompt_version,
        ];
        (names, self.first_token)
    }
}

/// A text of a call's record. Texts are unlimited in number, so they are not interned: that would leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CallText {
    /// The provider's id of the response.
    ResponseId,
    /// The conversation or session.
    Conversation,
    /// Why the call failed.
    Error,
}

impl CallText {
    pub(crate) const COUNT: usize = 3;

    /// Maximum length in bytes. Ids have 30 to 60; an error is cut, or a failing provider that answers with a page would fill the
    /// memory of its run.
    const fn most(self) -> usize {
        match self {
            Self::ResponseId | Self::Conversation => 256,
            Self::Error => 512,
        }
    }
}

/// The texts of one call, in one buffer that the next call in the same span's place uses again.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallTexts {
    text: String,
    /// Where each text begins and ends.
    at: [(u16, u16); CallText::COUNT],
}

impl CallTexts {
    pub(crate) fn get(&self, text: CallText) -> &str {
        let (from, to) = self.at[text as usize];
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    /// Returns all texts, in the order of [`CallText`].
    // Inlined: most calls of a client without ids have none, which one test shows.
    #[inline]
    pub(crate) fn all(&self) -> [&str; CallText::COUNT] {
        if self.text.is_empty() {
            return [""; CallText::COUNT];
        }
        [CallText::ResponseId, CallText::Conversation, CallText::Error].map(|text| self.get(text))
    }

    /// Replaces a text by another; an empty one replaces nothing.
    pub(crate) fn set(&mut self, text: CallText, value: &str) {
        let value = beginning(value.trim(), text.most());
        if value.is_empty() || self.get(text) == value {
            return;
        }
        if self.get(text).is_empty() {
            let from = self.text.len();
            self.text.push_str(value);
            // Never beyond 16 bits: every text is there at most once, and has a bound.
            self.at[text as usize] = (from as u16, self.text.len() as u16);
            return;
        }
        let old = std::mem::take(self);
        for other in [CallText::ResponseId, CallText::Conversation, CallText::Error] {
            self.set(other, if other == text { value } else { old.get(other) });
        }
    }

    /// Sets a text that is not known yet.
    pub(crate) fn set_if_unknown(&mut self, text: CallText, value: &str) {
        if self.get(text).is_empty() {
            self.set(text, value);
        }
    }

    /// Takes over the texts of another record of the call that are unknown here.
    pub(crate) fn fill(&mut self, other: &Self) {
        for text in [CallText::ResponseId, CallText::Conversation, CallText::Error] {
            self.set_if_unknown(text, other.get(text));
        }
    }

    /// Forgets all texts, and keeps the buffer.
    // Inlined: a test at the end of every call.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.text.is_empty() {
            self.text.clear();
            self.at = [(0, 0); CallText::COUNT];
        }
    }
}

impl PartialEq for CallTexts {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

/// The bit of a response id's hash that is set if the id begins with `msg_`. It is part of the hash, as equal ids have equal bits, so that
/// a reading needs no further field.
pub(crate) const IS_MESSAGE: u64 = 1 << 63;

/// Returns the hash of a response's id, which is never 0: that is an unknown id. Ids come from the provider of one run; a crafted
/// collision harms only the run that it is in.
pub(crate) fn response_hash(id: &str) -> u64 {
    let id = id.trim();
    let hash = (FastHash.hash_one(id) & !IS_MESSAGE).max(1);
    if id.starts_with("msg_") { hash | IS_MESSAGE } else { hash }
}

/// What becomes the record of a call.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) key: CellKey,
    pub(crate) names: CallNames,
    /// When it began, in nanoseconds of the ledger's clock.
    pub(crate) started: u64,
    /// Nanoseconds that it took; 0 where no span measured it.
    pub(crate) nanos: u64,
    pub(crate) usage: Cow<'a, Usage>,
    /// Its cost, known if there are sources.
    pub(crate) cost: Usd,
    pub(crate) sources: Sources,
    pub(crate) has_failed: bool,
    /// Whether its usage or its cost is known in part (A11).
    pub(crate) is_partial: bool,
    /// Its number among the requests of one call, from 1 (A5).
    pub(crate) attempt: u16,
    /// Further records of its response that completed it (A8).
    pub(crate) completions: u16,
    /// Hash of the response's id; 0 if unknown.
    pub(crate) response: u64,
    pub(crate) texts: [&'a str; CallText::COUNT],
}

/// What decides which calls are kept: failed ones first, then the most expensive, then the newest. The greater is kept.
pub(crate) type Rank = (bool, i128, u64);

impl Call<'_> {
    // Inlined: three loads.
    #[inline]
    pub(crate) fn rank(&self) -> Rank {
        (self.has_failed, self.cost.pico(), self.started)
    }

    /// Orders calls by rank, then by every other figure and text: merging parts gives one result in any order only if no two
    /// different calls are equal.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.order_of_equals(other))
    }

    #[cold]
    fn order_of_equals(&self, other: &Self) -> Ordering {
        let usage = |call: &Self| call.usage.iter().collect::<Vec<_>>();
        let row = |call: &Self| (call.key.stage, call.key.agent, call.key.model, call.key.operation);
        let numbers =
            |call: &Self| (call.nanos, call.attempt, call.completions, call.sources, call.is_partial);
        (self.texts.cmp(&other.texts))
            .then_with(|| numbers(self).cmp(&numbers(other)))
            .then_with(|| usage(self).cmp(&usage(other)))
            .then_with(|| row(self).cmp(&row(other)))
            .then_with(|| self.names.order().cmp(&other.names.order()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_replaced_and_cut_between_characters() {
        let mut texts = CallTexts::default();
        texts.set(CallText::ResponseId, " chatcmpl-1 ");
        texts.set(CallText::Conversation, "session-7");
        texts.set(CallText::ResponseId, "chatcmpl-22");
        texts.set(CallText::ResponseId, "");
        assert_eq!(texts.all(), ["chatcmpl-22", "session-7", ""]);
        texts.set(CallText::Error, &"ü".repeat(300));
        assert_eq!(texts.get(CallText::Error).chars().count(), 256);
        let mut other = CallTexts::default();
        other.set(CallText::Conversation, "session-8");
        other.fill(&texts);
        assert_eq!(other.all()[..2], ["chatcmpl-22", "session-8"]);
        texts.clear();
        assert_eq!(texts.all(), ["", "", ""]);
    }
}
