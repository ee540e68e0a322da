//! For each unit: the name of its price in published data, for how many a price is, and which units are parts of which.
//!
//! The table is that of `genai-prices`, which has no function that returns it. A test compares the two through its calculator.

use crate::ledger::{Kind, Usage};

/// In the order in which rates are shown: kind, key of its price, and what it is of, widest first. A unit with all of another's words is a
/// part of that one.
const UNITS: [(Kind, &str, &str); 60] = [
    (Kind::Input, "input_mtok", "tokens input"),
    (Kind::CacheRead, "cache_read_mtok", "tokens input cache_read"),
    (Kind::CacheWrite, "cache_write_mtok", "tokens input cache_write"),
    (Kind::CacheWrite5m, "cache_write_5m_mtok", "tokens input cache_write 5m"),
    (Kind::CacheWrite1h, "cache_write_1h_mtok", "tokens input cache_write 1h"),
    // No published price has this lifetime.
    (Kind::CacheWrite12h, "", "tokens input cache_write 12h"),
    (Kind::ToolInput, "input_tool_mtok", "tokens input tool"),
    (Kind::Output, "output_mtok", "tokens output"),
    (Kind::Reasoning, "output_reasoning_mtok", "tokens output reasoning"),
    (Kind::Citation, "output_citation_mtok", "tokens output citation"),
    (Kind::TextInput, "input_text_mtok", "tokens input text"),
    (Kind::TextCacheRead, "cache_text_read_mtok", "tokens input text cache_read"),
    (Kind::TextCacheWrite, "cache_text_write_mtok", "tokens input text cache_write"),
    (Kind::TextCacheWrite5m, "cache_text_write_5m_mtok", "tokens input text cache_write 5m"),
    (Kind::TextCacheWrite1h, "cache_text_write_1h_mtok", "tokens input text cache_write 1h"),
    (Kind::TextToolInput, "input_text_tool_mtok", "tokens input text tool"),
    (Kind::TextOutput, "output_text_mtok", "tokens output text"),
    (Kind::TextReasoning, "output_text_reasoning_mtok", "tokens output text reasoning"),
    (Kind::TextCitation, "output_text_citation_mtok", "tokens output text citation"),
    (Kind::AudioInput, "input_audio_mtok", "tokens input audio"),
    (Kind::AudioCacheRead, "cache_audio_read_mtok", "tokens input audio cache_read"),
    (Kind::AudioCacheWrite, "cache_audio_write_mtok", "tokens input audio cache_write"),
    (Kind::AudioCacheWrite5m, "cache_audio_write_5m_mtok", "tokens input audio cache_write 5m"),
    (Kind::AudioCacheWrite1h, "cache_audio_write_1h_mtok", "tokens input audio cache_write 1h"),
    (Kind::AudioToolInput, "input_audio_tool_mtok", "tokens input audio tool"),
    (Kind::AudioOutput, "output_audio_mtok", "tokens output audio"),
    (Kind::AudioReasoning, "output_audio_reasoning_mtok", "tokens output audio reasoning"),
    (Kind::AudioCitation, "output_audio_citation_mtok", "tokens output audio citation"),
    (Kind::ImageInput, "input_image_mtok", "tokens input image"),
    (Kind::ImageCacheRead, "cache_image_read_mtok", "tokens input image cache_read"),
    (Kind::ImageCacheWrite, "cache_image_write_mtok", "tokens input image cache_write"),
    (Kind::ImageCacheWrite5m, "cache_image_write_5m_mtok", "tokens input image cache_write 5m"),
    (Kind::ImageCacheWrite1h, "cache_image_write_1h_mtok", "tokens input image cache_write 1h"),
    (Kind::ImageToolInput, "input_image_tool_mtok", "tokens input image tool"),
    (Kind::ImageOutput, "output_image_mtok", "tokens output image"),
    (Kind::ImageReasoning, "output_image_reasoning_mtok", "tokens output image reasoning"),
    (Kind::ImageCitation, "output_image_citation_mtok", "tokens output image citation"),
    (Kind::VideoInput, "input_video_mtok", "tokens input video"),
    (Kind::VideoCacheRead, "cache_video_read_mtok", "tokens input video cache_read"),
    (Kind::VideoCacheWrite, "cache_video_write_mtok", "tokens input video cache_write"),
    (Kind::VideoCacheWrite5m, "cache_video_write_5m_mtok", "tokens input video cache_write 5m"),
    (Kind::VideoCacheWrite1h, "cache_video_write_1h_mtok", "tokens input video cache_write 1h"),
    (Kind::VideoToolInput, "input_video_tool_mtok", "tokens input video tool"),
    (Kind::VideoOutput, "output_video_mtok", "tokens output video"),
    (Kind::VideoReasoning, "output_video_reasoning_mtok", "tokens output video reasoning"),
    (Kind::VideoCitation, "output_video_citation_mtok", "tokens output video citation"),
    (Kind::AudioMicros, "audio_hours", "durations audio"),
    (Kind::AudioInputMicros, "input_audio_hours", "durations input audio"),
    (Kind::AudioOutputMicros, "output_audio_hours", "durations output audio"),
    (Kind::Characters, "input_mchars", "characters input"),
    (Kind::AnnotatedPages, "input_annotated_document_kpages", "document_pages input annotated"),
    (Kind::Pages, "input_document_kpages", "document_pages input"),
    (Kind::Pixels, "input_gpixels", "pixels input"),
    (Kind::TextMessages, "input_text_messages_kcount", "messages input text"),
    (Kind::CodeExecutions, "code_executions_kcount", "tool_calls code_execution"),
    (Kind::SocialSearches, "social_searches_kcount", "tool_calls social_search"),
    (Kind::StorageSearches, "storage_searches_kcount", "tool_calls storage_search"),
    (Kind::WebSearches, "web_searches_kcount", "tool_calls web_search"),
    (Kind::RerankSearches, "rerank_searches_kcount", "rerank"),
    (Kind::Requests, "requests_kcount", "requests"),
];

/// The units that are known from their parts, where they are not counted themselves.
pub(super) const DERIVED: [Kind; 2] = [Kind::AudioMicros, Kind::Pages];

/// The count of a unit, or the sum of its parts: audio is that of the input and of the output, and annotated pages are pages.
pub(super) fn count(usage: &Usage, kind: Kind) -> Option<u64> {
    let parts: &[Kind] = match kind {
        Kind::AudioMicros => &[Kind::AudioInputMicros, Kind::AudioOutputMicros],
        Kind::Pages => &[Kind::AnnotatedPages],
        _ => &[],
    };
    let of_parts = || {
        let known = parts.iter().filter_map(|part| usage.get(*part));
        known.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)))
    };
    usage.get(kind).or_else(of_parts)
}

/// The place of a unit among all, in the order in which they are shown.
pub(super) fn place(kind: Kind) -> usize {
    UNITS.iter().position(|(unit, ..)| *unit == kind).unwrap_or(UNITS.len())
}

/// The unit of a key in published prices, such as `input_mtok`.
#[cfg(feature = "prices")]
pub(super) fn of_price(key: &str) -> Option<Kind> {
    UNITS.iter().find(|(_, price, _)| *price == key).map(|(kind, ..)| *kind)
}

/// The number of units that a rate is for: a million tokens, 3,600 seconds, a thousand searches.
pub(super) fn per(kind: Kind) -> u64 {
    match family(kind) {
        "tokens" | "characters" => 1_000_000,
        "durations" => 3_600,
        "pixels" => 1_000_000_000,
        _ => 1_000,
    }
}

/// What a rate is for, in words.
pub(super) fn measure(kind: Kind) -> &'static str {
    match family(kind) {
        "tokens" => "1M tokens",
        "characters" => "1M characters",
        "durations" => "hour",
        "pixels" => "1B pixels",
        "document_pages" => "1,000 pages",
        "messages" => "1,000 messages",
        "requests" => "1,000 requests",
        _ if kind == Kind::CodeExecutions => "1,000 executions",
        _ => "1,000 searches",
    }
}

/// Whether a unit is a part of another one, as cached input is of input.
pub(super) fn is_part_of(part: Kind, whole: Kind) -> bool {
    let (part, whole) = (of(part), of(whole));
    part != whole && !whole.is_empty() && words(whole).all(|word| words(part).any(|own| own == word))
}

/// How many wider units it may be a part of: parts are counted before their wholes.
pub(super) fn depth(kind: Kind) -> usize {
    words(of(kind)).count()
}

fn of(kind: Kind) -> &'static str {
    UNITS.iter().find(|(unit, ..)| *unit == kind).map_or("", |(.., of)| of)
}

fn family(kind: Kind) -> &'static str {
    words(of(kind)).next().unwrap_or_default()
}

fn words(of: &'static str) -> impl Iterator<Item = &'static str> {
    of.split(' ')
}

#[cfg(all(test, feature = "prices"))]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use genai_prices::{Calculator, PriceRequest, Usage as Counts, UsageKey};

    use super::*;

    #[test]
    fn every_kind_but_a_total_has_a_line() {
        for kind in Kind::ALL {
            assert_eq!(of(*kind).is_empty(), *kind == Kind::Tokens, "{kind}");
        }
    }

    /// Prices of 0 for every unit but one: a calculator of `genai-prices` charges this one alone, for as many as `per` has.
    #[test]
    fn the_table_is_that_of_genai_prices() {
        let priced = || UNITS.iter().filter(|(_, price, _)| !price.is_empty());
        for (kind, price, _) in priced() {
            let prices: serde_json::Map<String, serde_json::Value> = priced()
                .map(|(_, other, _)| ((*other).to_owned(), u8::from(other == price).into()))
                .collect();
            let json = serde_json::json!([{"id": "p", "name": "p", "api_pattern": "p", "models": [
                {"id": "m", "match": {"equals": "m"}, "prices": prices}]}]);
            let calculator = Calculator::from_json(json.to_string()).unwrap();
            let units = priced().map(|(other, ..)| *other);
            let counts: Counts = units
                .filter(|other| other == kind || is_part_of(*kind, *other))
                .map(|unit| (UsageKey::from(unit.genai_key()), per(*kind) as f64))
                .collect();
            let found = calculator.calculate(&PriceRequest::new("m", &counts).with_provider_id("p")).unwrap();
            if *kind == Kind::Requests {
                // One per call, whatever the counts.
                assert_eq!(found.total_price, 1.0 / per(*kind) as f64);
                continue;
            }
            assert_eq!((found.total_price, found.warnings.len()), (1.0, 0), "{kind} {counts:?}");
        }
    }
}
