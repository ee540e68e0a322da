//! What spans told of their whole run, put together.

use std::collections::BTreeMap;

use super::money::Usd;

/// What a span tells about its whole run.
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
    /// Adds what another span told: counters and values add up, the newest label stands.
    pub(crate) fn merge(&mut self, other: Self) {
        self.run_id = other.run_id.or(self.run_id.take());
        self.project = other.project.or(self.project.take());
        self.tags.extend(other.tags);
        for (counter, count) in other.counts {
            let sum = self.counts.entry(counter).or_default();
            *sum = sum.saturating_add(count);
        }
        self.value = match (self.value, other.value) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.iteration = self.iteration.max(other.iteration);
    }
}
