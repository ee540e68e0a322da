//! Counts of further units in a document: an object with the keys of the kinds.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ledger::{Kind, Usage};

/// Counts by unit beside the figures that every row has: cache writes by lifetime, tokens by modality, searches, seconds, pages, …
///
/// In a document it is an object with the keys of [`Kind::key`]. Times are seconds there, and microseconds here.
///
/// ```
/// use tracing_budget::{Kind, summary::Units};
///
/// let units: Units = serde_json::from_str(r#"{"web_searches": 2, "input_audio_seconds": 12.34}"#)?;
/// assert_eq!((units.count(Kind::WebSearches), units.count(Kind::AudioInputMicros)), (2, 12_340_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units(BTreeMap<Kind, u64>);

/// The kinds that have a figure of their own in every row. Tokens without a split are part of `tokens_used`.
const FIGURES: [Kind; 6] =
    [Kind::Input, Kind::Output, Kind::CacheRead, Kind::CacheWrite, Kind::Reasoning, Kind::Tokens];

impl Units {
    /// Those of a usage. A count of 0 is left out.
    pub(super) fn of(usage: &Usage) -> Self {
        if !usage.has_more_than_input_and_output() {
            return Self::default();
        }
        Self(usage.iter().filter(|(kind, count)| *count > 0 && !FIGURES.contains(kind)).collect())
    }

    /// Returns the count of a unit, or 0.
    ///
    /// ```
    /// assert_eq!(tracing_budget::summary::Units::default().count(tracing_budget::Kind::WebSearches), 0);
    /// ```
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// Returns whether all are 0.
    ///
    /// ```
    /// assert!(tracing_budget::summary::Units::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the units with their counts, in the order of [`Kind::ALL`].
    ///
    /// ```
    /// assert_eq!(tracing_budget::summary::Units::default().iter().count(), 0);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }

    /// Adds the counts of others. Sums saturate.
    pub(super) fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, count)| self.add(kind, count));
    }

    fn add(&mut self, kind: Kind, count: u64) {
        let sum = self.0.entry(kind).or_default();
        *sum = sum.saturating_add(count);
    }
}

/// As in `web_searches=2 input_audio_seconds=12.34`.
impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |(kind, count): (Kind, u64)| kind.written(count);
        f.pad(&self.iter().map(text).collect::<Vec<_>>().join(" "))
    }
}

impl FromIterator<(Kind, u64)> for Units {
    /// Collects counts. Those of one unit are added, and a count of 0 is left out.
    fn from_iter<I: IntoIterator<Item = (Kind, u64)>>(counts: I) -> Self {
        let mut units = Self::default();
        for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            units.add(kind, count);
        }
        units
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.iter(), serializer)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usage = deserializer.deserialize_map(ByUnit)?;
        Ok(Self(usage.iter().filter(|(_, count)| *count > 0).collect()))
    }
}

/// A usage as an object with the known units.
pub(super) mod usage_by_unit {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        usage: &Usage,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        write(usage.iter(), serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Usage, D::Error> {
        deserializer.deserialize_map(ByUnit)
    }
}

fn write<S: Serializer>(counts: impl Iterator<Item = (Kind, u64)>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (kind, count) in counts {
        match kind.per_unit() {
            1 => map.serialize_entry(kind.key(), &count)?,
            // The nearest double has every microsecond of 285 years.
            parts if count % parts == 0 => map.serialize_entry(kind.key(), &(count / parts))?,
            parts => map.serialize_entry(kind.key(), &(count as f64 / parts as f64))?,
        }
    }
    map.end()
}

/// A count as a document has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(u64),
    Part(f64),
}

impl Written {
    fn count(self, kind: Kind) -> Option<u64> {
        let parts = kind.per_unit();
        match self {
            Self::Whole(count) => Some(count.saturating_mul(parts)),
            Self::Part(part) => {
                let count = (part * parts as f64).round();
                let is_count = count >= 0.0 && (parts > 1 || part.fract() == 0.0);
                // A sum that has saturated is read as one.
                is_count.then_some(count as u64)
            }
        }
    }
}

struct ByUnit;

impl<'de> Visitor<'de> for ByUnit {
    type Value = Usage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of counts by unit")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usage, A::Error> {
        let mut usage = Usage::new();
        while let Some(unit) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            // Units of a newer version are ignored, as unknown keys are everywhere.
            let Some(kind) = Kind::from_key(&unit) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(written) = map.next_value::<Option<Written>>()? {
                let no_count = || A::Error::custom(format!("{unit} is no count"));
                usage.set(kind, written.count(kind).ok_or_else(no_count)?);
            }
        }
        Ok(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_were_written() {
        let usage = Usage::new()
            .input(7)
            .with(Kind::WebSearches, 2)
            .with(Kind::AudioMicros, 12_340_001)
            .with(Kind::AudioInputMicros, 3_000_000);
        let units = Units::of(&usage);
        let json = serde_json::to_string(&units).expect("counts");
        assert_eq!(json, r#"{"web_searches":2,"audio_seconds":12.340001,"input_audio_seconds":3}"#);
        assert_eq!(serde_json::from_str::<Units>(&json).expect("the same"), units);
        assert_eq!(units.to_string(), "web_searches=2 audio_seconds=12.340001 input_audio_seconds=3");
    }

    #[test]
    fn what_is_no_count_is_refused_and_what_is_unknown_is_ignored() {
        for json in [r#"{"web_searches": 1.5}"#, r#"{"web_searches": -1}"#, r#"{"audio_seconds": -0.5}"#] {
            assert!(serde_json::from_str::<Units>(json).is_err(), "{json}");
        }
        let units: Units =
            serde_json::from_str(r#"{"input_teraquads": 7, "web_searches": null}"#).expect("none");
        assert!(units.is_empty());
    }
}
