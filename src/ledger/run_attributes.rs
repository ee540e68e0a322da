//! Attributes of a whole run, merged from the spans that recorded them.

use std::collections::BTreeMap;

use super::money::Usd;

/// What one span recorded about its whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RunAttributes {
    pub(crate) run_id: Option<Box<str>>,
    pub(crate) project: Option<Box<str>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) value: Option<Usd>,
    pub(crate) iteration: Option<u64>,
}

impl RunAttributes {
    /// Adds the attributes of a later span: counters and values are summed, a newer label replaces the older one.
    pub(crate) fn merge(&mut self, other: Self) {
        self.run_id = other.run_id.or(self.run_id.take());
        self.project = other.project.or(self.project.take());
        self.tags.extend(other.tags);
        for (counter, count) in other.counts {
            let sum = self.counts.entry(counter).or_default();
            // Counters come from the program. Without saturation an overflow would panic inside its span.
            *sum = sum.saturating_add(count);
        }
        // Not `unwrap_or_default` on both sides: an absent value stays unknown and does not become 0.
        self.value = match (self.value, other.value) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.iteration = self.iteration.max(other.iteration);
    }
}
