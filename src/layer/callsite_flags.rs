//! What a callsite means to one layer: its meaning, and flags for what the builder named.

use std::collections::HashSet;

use super::callsite::Meaning;

/// A callsite's meaning and what one layer's builder declared of it: two words, to be passed in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallsiteFlags {
    pub(crate) meaning: &'static Meaning,
    bits: u8,
}

// Bits of one byte, so that `CallsiteFlags` is two words and is passed in registers.
const IS_DECLARED_STAGE: u8 = 1;
const MAY_BE_ROOT: u8 = 2;
const MATTERS: u8 = 4;
const MATTERS_UNDER_ROOT: u8 = 8;
const HAS_STAGE_FIELD: u8 = 16;
const IS_GATE: u8 = 32;
const IS_INCLUSIVE: u8 = 64;

impl CallsiteFlags {
    /// Its spans have a field with the name of a stage.
    // Inlined, as all of these: one test of a bit, where a call would cost more than the test.
    #[inline]
    pub(crate) fn has_stage_field(self) -> bool {
        self.bits & HAS_STAGE_FIELD != 0
    }

    /// Its spans are stages at any depth, and each of them makes its run accountable.
    #[inline]
    pub(crate) fn is_stage_anywhere(self) -> bool {
        self.bits & (IS_DECLARED_STAGE | HAS_STAGE_FIELD) != 0
    }

    /// Its spans are gates.
    #[inline]
    pub(crate) fn is_gate(self) -> bool {
        self.bits & IS_GATE != 0
    }

    /// Its spans have to know what is settled below them, unless they are calls.
    #[inline]
    pub(crate) fn collects_unless_call(self) -> bool {
        self.bits & (IS_GATE | IS_INCLUSIVE) != 0
    }

    /// Its spans may open a run.
    #[inline]
    pub(crate) fn may_be_root(self) -> bool {
        self.bits & MAY_BE_ROOT != 0
    }

    /// Its spans matter at any depth; others matter only as roots, or as direct children of one.
    #[inline]
    pub(crate) fn matters(self) -> bool {
        self.bits & MATTERS != 0
    }

    /// Its spans matter right under a root, where they are stages if none were declared.
    #[inline]
    pub(crate) fn matters_under_root(self) -> bool {
        self.bits & MATTERS_UNDER_ROOT != 0
    }
}

/// The names that a builder was given.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Declared stages; none is «every direct child of the root».
    pub(crate) stages: HashSet<Box<str>>,
    /// Named roots; none is «every span without a parent».
    pub(crate) roots: HashSet<Box<str>>,
}

impl Named {
    pub(crate) fn flags(&self, meaning: &'static Meaning) -> CallsiteFlags {
        let name = meaning.name.as_str();
        let is_declared_stage = self.stages.contains(name);
        let is_named_root = self.roots.contains(name);
        let mut bits = 0;
        for (flag, holds) in [
            (IS_DECLARED_STAGE, is_declared_stage),
            (MAY_BE_ROOT, is_named_root || self.roots.is_empty()),
            (MATTERS, meaning.is_relevant || is_declared_stage || is_named_root),
            (MATTERS_UNDER_ROOT, self.stages.is_empty()),
            (HAS_STAGE_FIELD, meaning.has_stage),
            (IS_GATE, meaning.has_gate),
            (IS_INCLUSIVE, meaning.is_inclusive),
        ] {
            bits |= if holds { flag } else { 0 };
        }
        CallsiteFlags { meaning, bits }
    }
}
