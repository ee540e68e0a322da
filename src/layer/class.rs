//! What a callsite means to one layer: its meaning, and whether the builder named it.

use std::collections::HashSet;

use super::callsite::Meaning;

/// A callsite's meaning together with what one layer's builder said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    pub(crate) meaning: &'static Meaning,
    /// Its spans are among the declared stages.
    pub(crate) is_declared_stage: bool,
    /// Its spans may open a run.
    pub(crate) may_be_root: bool,
}

impl Class {
    /// Whether its spans matter wherever they stand; others matter only as roots, or right under one.
    pub(crate) fn matters(self) -> bool {
        self.meaning.speaks || self.is_declared_stage
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
    pub(crate) fn class(&self, meaning: &'static Meaning) -> Class {
        let name = meaning.name.as_str();
        Class {
            meaning,
            is_declared_stage: self.stages.contains(name),
            may_be_root: self.roots.is_empty() || self.roots.contains(name),
        }
    }
}
