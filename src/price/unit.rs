//! The units that prices are for: tokens of each kind, and what is billed beside them.
//!
//! The table is that of `genai-prices`, which has no function that returns it. A test compares the two through its calculator.

use std::fmt;

use crate::ledger::Kind;

/// A unit that prices are for, such as a token read from a cache, a web search or a second of audio.
///
/// ```
/// use tracing_budget::price::Unit;
///
/// let searches = Unit::parse("web searches").expect("it is known");
/// assert_eq!((searches.key(), searches.name()), ("web_searches", "web searches"));
/// assert_eq!((searches.per(), searches.measure()), (1_000, "1,000 searches"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit(u8);

/// What is known of a unit.
struct Entry {
    /// The name of a count of it in `genai-prices`.
    key: &'static str,
    /// The name of its price there.
    #[cfg(feature = "prices")]
    price: &'static str,
    name: &'static str,
    /// What it is of, widest first. A unit with all of another's words is a part of that one.
    of: &'static str,
}

#[cfg_attr(not(feature = "prices"), expect(unused_variables, reason = "no published price has its name"))]
const fn entry(key: &'static str, price: &'static str, name: &'static str, of: &'static str) -> Entry {
    Entry {
        key,
        #[cfg(feature = "prices")]
        price,
        name,
        of,
    }
}

/// Tokens first, by what they are of, in the order in which they are shown.
#[rustfmt::skip]
const UNITS: [Entry; 59] = [
    entry("input_tokens", "input_mtok", "input", "tokens input"),
    entry("cache_read_tokens", "cache_read_mtok", "cache read", "tokens input cache_read"),
    entry("cache_write_tokens", "cache_write_mtok", "cache write", "tokens input cache_write"),
    entry("cache_write_5m_tokens", "cache_write_5m_mtok", "cache write (5 min)", "tokens input cache_write 5m"),
    entry("cache_write_1h_tokens", "cache_write_1h_mtok", "cache write (1 h)", "tokens input cache_write 1h"),
    entry("input_tool_tokens", "input_tool_mtok", "tool input", "tokens input tool"),
    entry("output_tokens", "output_mtok", "output", "tokens output"),
    entry("output_reasoning_tokens", "output_reasoning_mtok", "reasoning", "tokens output reasoning"),
    entry("output_citation_tokens", "output_citation_mtok", "citations", "tokens output citation"),
    entry("input_text_tokens", "input_text_mtok", "text input", "tokens input text"),
    entry("cache_text_read_tokens", "cache_text_read_mtok", "text cache read", "tokens input text cache_read"),
    entry("cache_text_write_tokens", "cache_text_write_mtok", "text cache write", "tokens input text cache_write"),
    entry("cache_text_write_5m_tokens", "cache_text_write_5m_mtok", "text cache write (5 min)", "tokens input text cache_write 5m"),
    entry("cache_text_write_1h_tokens", "cache_text_write_1h_mtok", "text cache write (1 h)", "tokens input text cache_write 1h"),
    entry("input_text_tool_tokens", "input_text_tool_mtok", "text tool input", "tokens input text tool"),
    entry("output_text_tokens", "output_text_mtok", "text output", "tokens output text"),
    entry("output_text_reasoning_tokens", "output_text_reasoning_mtok", "text reasoning", "tokens output text reasoning"),
    entry("output_text_citation_tokens", "output_text_citation_mtok", "text citations", "tokens output text citation"),
    entry("input_audio_tokens", "input_audio_mtok", "audio input", "tokens input audio"),
    entry("cache_audio_read_tokens", "cache_audio_read_mtok", "audio cache read", "tokens input audio cache_read"),
    entry("cache_audio_write_tokens", "cache_audio_write_mtok", "audio cache write", "tokens input audio cache_write"),
    entry("cache_audio_write_5m_tokens", "cache_audio_write_5m_mtok", "audio cache write (5 min)", "tokens input audio cache_write 5m"),
    entry("cache_audio_write_1h_tokens", "cache_audio_write_1h_mtok", "audio cache write (1 h)", "tokens input audio cache_write 1h"),
    entry("input_audio_tool_tokens", "input_audio_tool_mtok", "audio tool input", "tokens input audio tool"),
    entry("output_audio_tokens", "output_audio_mtok", "audio output", "tokens output audio"),
    entry("output_audio_reasoning_tokens", "output_audio_reasoning_mtok", "audio reasoning", "tokens output audio reasoning"),
    entry("output_audio_citation_tokens", "output_audio_citation_mtok", "audio citations", "tokens output audio citation"),
    entry("input_image_tokens", "input_image_mtok", "image input", "tokens input image"),
    entry("cache_image_read_tokens", "cache_image_read_mtok", "image cache read", "tokens input image cache_read"),
    entry("cache_image_write_tokens", "cache_image_write_mtok", "image cache write", "tokens input image cache_write"),
    entry("cache_image_write_5m_tokens", "cache_image_write_5m_mtok", "image cache write (5 min)", "tokens input image cache_write 5m"),
    entry("cache_image_write_1h_tokens", "cache_image_write_1h_mtok", "image cache write (1 h)", "tokens input image cache_write 1h"),
    entry("input_image_tool_tokens", "input_image_tool_mtok", "image tool input", "tokens input image tool"),
    entry("output_image_tokens", "output_image_mtok", "image output", "tokens output image"),
    entry("output_image_reasoning_tokens", "output_image_reasoning_mtok", "image reasoning", "tokens output image reasoning"),
    entry("output_image_citation_tokens", "output_image_citation_mtok", "image citations", "tokens output image citation"),
    entry("input_video_tokens", "input_video_mtok", "video input", "tokens input video"),
    entry("cache_video_read_tokens", "cache_video_read_mtok", "video cache read", "tokens input video cache_read"),
    entry("cache_video_write_tokens", "cache_video_write_mtok", "video cache write", "tokens input video cache_write"),
    entry("cache_video_write_5m_tokens", "cache_video_write_5m_mtok", "video cache write (5 min)", "tokens input video cache_write 5m"),
    entry("cache_video_write_1h_tokens", "cache_video_write_1h_mtok", "video cache write (1 h)", "tokens input video cache_write 1h"),
    entry("input_video_tool_tokens", "input_video_tool_mtok", "video tool input", "tokens input video tool"),
    entry("output_video_tokens", "output_video_mtok", "video output", "tokens output video"),
    entry("output_video_reasoning_tokens", "output_video_reasoning_mtok", "video reasoning", "tokens output video reasoning"),
    entry("output_video_citation_tokens", "output_video_citation_mtok", "video citations", "tokens output video citation"),
    entry("audio_seconds", "audio_hours", "audio time", "durations audio"),
    entry("input_audio_seconds", "input_audio_hours", "audio input time", "durations input audio"),
    entry("output_audio_seconds", "output_audio_hours", "audio output time", "durations output audio"),
    entry("input_characters", "input_mchars", "input characters", "characters input"),
    entry("input_annotated_document_pages", "input_annotated_document_kpages", "annotated pages", "document_pages input annotated"),
    entry("input_document_pages", "input_document_kpages", "document pages", "document_pages input"),
    entry("input_pixels", "input_gpixels", "input pixels", "pixels input"),
    entry("input_text_messages", "input_text_messages_kcount", "text messages", "messages input text"),
    entry("code_executions", "code_executions_kcount", "code executions", "tool_calls code_execution"),
    entry("social_searches", "social_searches_kcount", "social searches", "tool_calls social_search"),
    entry("storage_searches", "storage_searches_kcount", "storage searches", "tool_calls storage_search"),
    entry("web_searches", "web_searches_kcount", "web searches", "tool_calls web_search"),
    entry("rerank_searches", "rerank_searches_kcount", "rerank searches", "rerank"),
    entry("requests", "requests_kcount", "requests", "requests"),
];

/// Kinds of [`Usage`](crate::Usage) and their units. `Tokens` is a total, and no unit of a price.
const KINDS: [(Kind, &str); 9] = [
    (Kind::Input, "input_tokens"),
    (Kind::Output, "output_tokens"),
    (Kind::CacheRead, "cache_read_tokens"),
    (Kind::CacheWrite, "cache_write_tokens"),
    (Kind::CacheWrite1h, "cache_write_1h_tokens"),
    (Kind::Reasoning, "output_reasoning_tokens"),
    (Kind::AudioInput, "input_audio_tokens"),
    (Kind::AudioOutput, "output_audio_tokens"),
    (Kind::Requests, "requests"),
];

impl Unit {
    /// Returns every unit, tokens first.
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert!(Unit::all().any(|unit| unit.key() == "input_image_tokens"));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(UNITS.len())
    }

    /// Returns the unit with this name, in words or as a key, without regard to case: `cache read`, `cache_read_tokens`, and
    /// `cache_read` as in a price file.
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert_eq!(Unit::parse("Cache Read"), Unit::parse("cache_read_tokens"));
    /// assert_eq!(Unit::parse("web_serches"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = squeezed(name);
        Self::all().find(|unit| {
            [unit.name(), unit.key()].into_iter().any(|own| {
                let own = squeezed(own);
                own == name || own.strip_suffix("tokens") == Some(&name)
            })
        })
    }

    /// Returns the unit of a kind of tokens; `None` for a total.
    ///
    /// ```
    /// use tracing_budget::{Kind, price::Unit};
    ///
    /// assert_eq!(Unit::of_kind(Kind::CacheRead), Unit::parse("cache read"));
    /// assert_eq!(Unit::of_kind(Kind::Tokens), None);
    /// ```
    #[must_use]
    pub fn of_kind(kind: Kind) -> Option<Self> {
        let (_, key) = KINDS.into_iter().find(|(of, _)| *of == kind)?;
        Self::of_key(key)
    }

    /// Returns the kind of tokens that it is, where [`Usage`](crate::Usage) has one.
    ///
    /// ```
    /// use tracing_budget::{Kind, price::Unit};
    ///
    /// assert_eq!(Unit::parse("reasoning").and_then(Unit::kind), Some(Kind::Reasoning));
    /// assert_eq!(Unit::parse("web searches").and_then(Unit::kind), None);
    /// ```
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        KINDS.into_iter().find(|(_, key)| *key == self.key()).map(|(kind, _)| kind)
    }

    /// Returns its name in price data and in [`ResponseUsage::units`](crate::reply::ResponseUsage::units).
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert_eq!(Unit::parse("image input").map(Unit::key), Some("input_image_tokens"));
    /// ```
    #[must_use]
    pub fn key(self) -> &'static str {
        self.entry().key
    }

    /// Returns its name in texts, such as `cache write (1 h)`. Tokens of a [`Kind`] have the name of the kind.
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert_eq!(Unit::parse("output_reasoning_tokens").map(Unit::name), Some("reasoning"));
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Returns the number of these units that a rate is for: a million tokens, 3,600 seconds, a thousand searches.
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert_eq!(Unit::parse("audio_seconds").map(Unit::per), Some(3_600));
    /// ```
    #[must_use]
    pub fn per(self) -> u64 {
        match self.family() {
            "tokens" | "characters" => 1_000_000,
            "durations" => 3_600,
            "pixels" => 1_000_000_000,
            _ => 1_000,
        }
    }

    /// Returns what a rate is for, in words.
    ///
    /// ```
    /// use tracing_budget::price::Unit;
    ///
    /// assert_eq!(Unit::parse("audio_seconds").map(Unit::measure), Some("hour"));
    /// ```
    #[must_use]
    pub fn measure(self) -> &'static str {
        match self.family() {
            "tokens" => "1M tokens",
            "characters" => "1M characters",
            "durations" => "hour",
            "pixels" => "1B pixels",
            "document_pages" => "1,000 pages",
            "messages" => "1,000 messages",
            "requests" => "1,000 requests",
            _ if self.key() == "code_executions" => "1,000 executions",
            _ => "1,000 searches",
        }
    }

    pub(super) fn of_key(key: &str) -> Option<Self> {
        Self::all().find(|unit| unit.key() == key)
    }

    /// The unit of a key in published prices, such as `input_mtok`.
    #[cfg(feature = "prices")]
    pub(super) fn of_price(key: &str) -> Option<Self> {
        Self::all().find(|unit| unit.entry().price == key)
    }

    /// Whether it is a part of another unit, as cached input is of input.
    pub(super) fn is_part_of(self, other: Self) -> bool {
        self != other && other.words().all(|word| self.words().any(|own| own == word))
    }

    /// How many wider units it may be a part of: parts are counted before their wholes.
    pub(super) fn depth(self) -> usize {
        self.words().count()
    }

    fn family(self) -> &'static str {
        self.words().next().unwrap_or_default()
    }

    fn words(self) -> impl Iterator<Item = &'static str> {
        self.entry().of.split(' ')
    }

    fn entry(self) -> &'static Entry {
        &UNITS[usize::from(self.0)]
    }
}

/// Letters and digits alone, in lower case.
fn squeezed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_each_finds_its_unit() {
        let names: BTreeSet<String> = Unit::all().map(|unit| squeezed(unit.name())).collect();
        assert_eq!(names.len(), UNITS.len());
        for unit in Unit::all() {
            for name in [unit.key(), unit.name(), &unit.name().to_uppercase()] {
                assert_eq!(Unit::parse(name), Some(unit), "{name}");
            }
        }
    }

    #[test]
    fn a_unit_of_a_kind_has_its_name() {
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Tokens) {
            let unit = Unit::of_kind(*kind).unwrap();
            assert_eq!((unit.name(), unit.kind()), (kind.name(), Some(*kind)));
        }
        assert_eq!(Unit::of_kind(Kind::Tokens), None);
    }

    /// Prices of 0 for every unit but one: a calculator of `genai-prices` charges this one alone, for as many as `per` has.
    #[cfg(feature = "prices")]
    #[test]
    fn the_table_is_that_of_genai_prices() {
        use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};

        for unit in Unit::all() {
            let prices: serde_json::Map<String, serde_json::Value> = UNITS
                .iter()
                .map(|entry| (entry.price.to_owned(), u8::from(entry.price == unit.entry().price).into()))
                .collect();
            let json = serde_json::json!([{"id": "p", "name": "p", "api_pattern": "p", "models": [
                {"id": "m", "match": {"equals": "m"}, "prices": prices}]}]);
            let calculator = Calculator::from_json(json.to_string()).unwrap();
            let key = |unit: Unit| UsageKey::from(unit.key());
            let wholes = Unit::all().filter(|other| unit.is_part_of(*other));
            let counts: Usage = wholes.chain([unit]).map(|unit| (key(unit), 1.0)).collect();
            let counts: Usage = counts.keys().map(|key| (key.clone(), unit.per() as f64)).collect();
            let found = calculator.calculate(&PriceRequest::new("m", &counts).with_provider_id("p")).unwrap();
            if unit.key() == "requests" {
                // One per call, whatever the counts.
                assert_eq!(found.total_price, 1.0 / unit.per() as f64);
                continue;
            }
            assert_eq!((found.total_price, found.warnings.len()), (1.0, 0), "{unit:?} {counts:?}");
        }
    }
}
