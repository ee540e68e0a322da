//! The counts that one shape finds in one usage object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::error::ResponseError;
use super::path::find;
use super::shapes::{Count, Parts, Shape};
use crate::ledger::{Kind, MAX_COUNT, Usage};

/// What a shape read. Parts are as they were reported; [`settle`](super::settle) works out the wholes.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) shape: &'static Shape,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) write_5m: Option<u64>,
    pub(super) parts: Usage,
    pub(super) units: BTreeMap<Kind, f64>,
    /// The concrete paths that the shape knows.
    pub(super) taken: BTreeSet<String>,
    /// The counts above 0 that were read.
    pub(super) read: Vec<f64>,
    /// The first count that is not one.
    pub(super) fault: Option<ResponseError>,
    /// How many counts above 0 were read, and how many in all: the evidence for the shape.
    pub(super) evidence: (usize, usize),
}

impl Counts {
    /// Reads a usage object. `None` if it has no whole, no total and no unit in this shape.
    pub(super) fn read(shape: &'static Shape, usage: &Map<String, Value>) -> Option<Self> {
        let mut counts = Self {
            shape,
            input: None,
            output: None,
            total: None,
            write_5m: None,
            parts: Usage::new(),
            units: BTreeMap::new(),
            taken: BTreeSet::new(),
            read: Vec::new(),
            fault: None,
            evidence: (0, 0),
        };
        let mut has_whole = false;
        // Names of one figure first: what adds to it must not be compared with another name of it.
        for adds in [false, true] {
            for field in shape.fields().filter(|field| field.adds == adds) {
                for (path, value) in find(usage, field.path) {
                    if let Some(value) = number(value).filter(|_| field.count != Count::Known) {
                        has_whole |= !matches!(field.count, Count::Part(_) | Count::Write5m);
                        counts.take(field.count, &path, value, adds);
                    }
                    counts.taken.insert(path);
                }
            }
        }
        has_whole.then_some(counts)
    }

    fn take(&mut self, count: Count, path: &str, number: f64, adds: bool) {
        let is_whole = number.fract() == 0.0 || matches!(count, Count::Unit(_));
        if !is_whole || !(0.0..=MAX_COUNT as f64).contains(&number) {
            let (key, value) = (path.to_owned(), number.to_string());
            self.fault.get_or_insert(ResponseError::InvalidCount { key, value });
            return;
        }
        if number > 0.0 {
            self.evidence.0 += 1;
            self.read.push(number);
        }
        self.evidence.1 += 1;
        let tokens = number as u64;
        let join = |known: Option<u64>| {
            let known = known.unwrap_or(0);
            Some(if adds { known.saturating_add(tokens) } else { known.max(tokens) })
        };
        match count {
            Count::Input => self.input = join(self.input),
            Count::Output => self.output = join(self.output),
            Count::Total => self.total = join(self.total),
            Count::Write5m => self.write_5m = join(self.write_5m),
            Count::Part(kind) => self.parts.set(kind, join(self.parts.get(kind)).unwrap_or(0)),
            Count::Unit(unit) => {
                let known = self.units.entry(unit).or_default();
                *known = if adds { *known + number } else { known.max(number) };
            }
            Count::Known => {}
        }
    }

    /// Whether anything beside a total was read.
    pub(super) fn has_part_of_a_total(&self) -> bool {
        self.input.or(self.output).is_some() || !self.units.is_empty()
    }

    /// Cached tokens, read and written.
    pub(super) fn cached(&self) -> u64 {
        let written = self.write_5m.unwrap_or(0).saturating_add(self.parts.count(Kind::CacheWrite1h));
        let written = self.parts.count(Kind::CacheWrite).max(written);
        self.parts.count(Kind::CacheRead).saturating_add(written)
    }

    /// Whether the reported total is the sum of what was read, by the way in which the shape counts.
    pub(super) fn reconciles(&self) -> bool {
        let (Some(input), Some(output), Some(total)) = (self.input, self.output, self.total) else {
            return false;
        };
        let cached = if self.shape.cached == Parts::Inside { 0 } else { self.cached() };
        let reasoning =
            if self.shape.reasoning == Parts::Inside { 0 } else { self.parts.count(Kind::Reasoning) };
        [output, cached, reasoning].into_iter().fold(input, u64::saturating_add) == total
    }
}

/// A count as a number, or as its text: 64-bit integers of protocol buffers are texts in JSON. Anything else is no report, as some
/// servers have `{}` for what they do not count.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
