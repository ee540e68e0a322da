//! The units that a call consumes: tokens by kind, searches, seconds, pages, … One table has their keys and what they are parts of.

use std::fmt;

/// A unit that a model call consumes.
///
/// The first ten are those of nearly every call. The others are every further unit that published prices know: tokens by modality,
/// tool calls, and what is billed instead of tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// Input tokens, cached ones included.
    Input,
    /// Output tokens, reasoning included.
    Output,
    /// Input tokens read from the provider's cache; part of the input.
    CacheRead,
    /// Input tokens written to the provider's cache, whatever their lifetime; part of the input.
    CacheWrite,
    /// Cache writes kept for an hour; part of the cache writes.
    CacheWrite1h,
    /// Output tokens spent on reasoning; part of the output.
    Reasoning,
    /// Audio input tokens; part of the input.
    AudioInput,
    /// Audio output tokens; part of the output.
    AudioOutput,
    /// Requests that are billed one by one.
    Requests,
    /// Tokens reported as a total, without a split into input and output.
    Tokens,
    /// Cache writes kept for five minutes; part of the cache writes.
    CacheWrite5m,
    /// Cache writes kept for twelve hours; part of the cache writes.
    CacheWrite12h,
    /// Text input tokens; part of the input.
    TextInput,
    /// Image input tokens; part of the input.
    ImageInput,
    /// Video input tokens; part of the input.
    VideoInput,
    /// Input tokens of the results of built-in tools; part of the input.
    ToolInput,
    /// Text in the results of built-in tools.
    TextToolInput,
    /// Audio in the results of built-in tools.
    AudioToolInput,
    /// Images in the results of built-in tools.
    ImageToolInput,
    /// Video in the results of built-in tools.
    VideoToolInput,
    /// Text tokens read from the cache; part of the cache reads.
    TextCacheRead,
    /// Audio tokens read from the cache; part of the cache reads, and of the audio input.
    AudioCacheRead,
    /// Image tokens read from the cache; part of the cache reads, and of the image input.
    ImageCacheRead,
    /// Video tokens read from the cache; part of the cache reads, and of the video input.
    VideoCacheRead,
    /// Text tokens written to the cache; part of the cache writes.
    TextCacheWrite,
    /// Audio tokens written to the cache.
    AudioCacheWrite,
    /// Image tokens written to the cache.
    ImageCacheWrite,
    /// Video tokens written to the cache.
    VideoCacheWrite,
    /// Text tokens kept in the cache for five minutes.
    TextCacheWrite5m,
    /// Audio tokens kept in the cache for five minutes.
    AudioCacheWrite5m,
    /// Image tokens kept in the cache for five minutes.
    ImageCacheWrite5m,
    /// Video tokens kept in the cache for five minutes.
    VideoCacheWrite5m,
    /// Text tokens kept in the cache for an hour.
    TextCacheWrite1h,
    /// Audio tokens kept in the cache for an hour.
    AudioCacheWrite1h,
    /// Image tokens kept in the cache for an hour.
    ImageCacheWrite1h,
    /// Video tokens kept in the cache for an hour.
    VideoCacheWrite1h,
    /// Text output tokens; part of the output.
    TextOutput,
    /// Image output tokens; part of the output.
    ImageOutput,
    /// Video output tokens; part of the output.
    VideoOutput,
    /// Reasoning in text.
    TextReasoning,
    /// Reasoning in audio.
    AudioReasoning,
    /// Reasoning in images.
    ImageReasoning,
    /// Reasoning in video.
    VideoReasoning,
    /// Tokens of citations; part of the output.
    Citation,
    /// Citations in text.
    TextCitation,
    /// Citations in audio.
    AudioCitation,
    /// Citations in images.
    ImageCitation,
    /// Citations in video.
    VideoCitation,
    /// Searches of the web.
    WebSearches,
    /// Searches of a social network.
    SocialSearches,
    /// Searches of stored files.
    StorageSearches,
    /// Searches of a ranking.
    RerankSearches,
    /// Runs of code by a built-in tool.
    CodeExecutions,
    /// Characters of input.
    Characters,
    /// Text messages of input.
    TextMessages,
    /// Pixels of input.
    Pixels,
    /// Pages of documents.
    Pages,
    /// Annotated pages of documents; part of the pages.
    AnnotatedPages,
    /// Audio, in microseconds: in documents and in a price list, seconds.
    AudioMicros,
    /// Audio of the input, in microseconds.
    AudioInputMicros,
    /// Audio of the output, in microseconds.
    AudioOutputMicros,
}

/// What a kind counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Tokens of the input.
    Input,
    /// Tokens of the output.
    Output,
    /// Something else than tokens that the same content is counted in: seconds, characters, pages.
    Content,
    /// What is done and billed beside the content: requests and tool calls.
    Extra,
    /// A total without its split.
    Total,
}

use Measure::{Content, Extra, Input, Output, Total};

/// Every kind in its order, with its key in documents, its name in texts, and what it counts. From the eleventh on, keys are those of genai-prices.
const KINDS: [(Kind, &str, &str, Measure); 61] = [
    (Kind::Input, "input_tokens", "input", Input),
    (Kind::Output, "output_tokens", "output", Output),
    (Kind::CacheRead, "cache_read_tokens", "cache read", Input),
    (Kind::CacheWrite, "cache_write_tokens", "cache write", Input),
    (Kind::CacheWrite1h, "cache_write_1h_tokens", "cache write (1 h)", Input),
    (Kind::Reasoning, "reasoning_tokens", "reasoning", Output),
    (Kind::AudioInput, "audio_input_tokens", "audio input", Input),
    (Kind::AudioOutput, "audio_output_tokens", "audio output", Output),
    (Kind::Requests, "billed_requests", "requests", Extra),
    (Kind::Tokens, "unsplit_tokens", "tokens", Total),
    (Kind::CacheWrite5m, "cache_write_5m_tokens", "cache write (5 min)", Input),
    (Kind::CacheWrite12h, "cache_write_12h_tokens", "cache write (12 h)", Input),
    (Kind::TextInput, "input_text_tokens", "text input", Input),
    (Kind::ImageInput, "input_image_tokens", "image input", Input),
    (Kind::VideoInput, "input_video_tokens", "video input", Input),
    (Kind::ToolInput, "input_tool_tokens", "tool input", Input),
    (Kind::TextToolInput, "input_text_tool_tokens", "text tool input", Input),
    (Kind::AudioToolInput, "input_audio_tool_tokens", "audio tool input", Input),
    (Kind::ImageToolInput, "input_image_tool_tokens", "image tool input", Input),
    (Kind::VideoToolInput, "input_video_tool_tokens", "video tool input", Input),
    (Kind::TextCacheRead, "cache_text_read_tokens", "text cache read", Input),
    (Kind::AudioCacheRead, "cache_audio_read_tokens", "audio cache read", Input),
    (Kind::ImageCacheRead, "cache_image_read_tokens", "image cache read", Input),
    (Kind::VideoCacheRead, "cache_video_read_tokens", "video cache read", Input),
    (Kind::TextCacheWrite, "cache_text_write_tokens", "text cache write", Input),
    (Kind::AudioCacheWrite, "cache_audio_write_tokens", "audio cache write", Input),
    (Kind::ImageCacheWrite, "cache_image_write_tokens", "image cache write", Input),
    (Kind::VideoCacheWrite, "cache_video_write_tokens", "video cache write", Input),
    (Kind::TextCacheWrite5m, "cache_text_write_5m_tokens", "text cache write (5 min)", Input),
    (Kind::AudioCacheWrite5m, "cache_audio_write_5m_tokens", "audio cache write (5 min)", Input),
    (Kind::ImageCacheWrite5m, "cache_image_write_5m_tokens", "image cache write (5 min)", Input),
    (Kind::VideoCacheWrite5m, "cache_video_write_5m_tokens", "video cache write (5 min)", Input),
    (Kind::TextCacheWrite1h, "cache_text_write_1h_tokens", "text cache write (1 h)", Input),
    (Kind::AudioCacheWrite1h, "cache_audio_write_1h_tokens", "audio cache write (1 h)", Input),
    (Kind::ImageCacheWrite1h, "cache_image_write_1h_tokens", "image cache write (1 h)", Input),
    (Kind::VideoCacheWrite1h, "cache_video_write_1h_tokens", "video cache write (1 h)", Input),
    (Kind::TextOutput, "output_text_tokens", "text output", Output),
    (Kind::ImageOutput, "output_image_tokens", "image output", Output),
    (Kind::VideoOutput, "output_video_tokens", "video output", Output),
    (Kind::TextReasoning, "output_text_reasoning_tokens", "text reasoning", Output),
    (Kind::AudioReasoning, "output_audio_reasoning_tokens", "audio reasoning", Output),
    (Kind::ImageReasoning, "output_image_reasoning_tokens", "image reasoning", Output),
    (Kind::VideoReasoning, "output_video_reasoning_tokens", "video reasoning", Output),
    (Kind::Citation, "output_citation_tokens", "citations", Output),
    (Kind::TextCitation, "output_text_citation_tokens", "text citations", Output),
    (Kind::AudioCitation, "output_audio_citation_tokens", "audio citations", Output),
    (Kind::ImageCitation, "output_image_citation_tokens", "image citations", Output),
    (Kind::VideoCitation, "output_video_citation_tokens", "video citations", Output),
    (Kind::WebSearches, "web_searches", "web searches", Extra),
    (Kind::SocialSearches, "social_searches", "social searches", Extra),
    (Kind::StorageSearches, "storage_searches", "storage searches", Extra),
    (Kind::RerankSearches, "rerank_searches", "rerank searches", Content),
    (Kind::CodeExecutions, "code_executions", "code executions", Extra),
    (Kind::Characters, "input_characters", "input characters", Content),
    (Kind::TextMessages, "input_text_messages", "text messages", Content),
    (Kind::Pixels, "input_pixels", "input pixels", Content),
    (Kind::Pages, "input_document_pages", "document pages", Content),
    (Kind::AnnotatedPages, "input_annotated_document_pages", "annotated pages", Content),
    (Kind::AudioMicros, "audio_seconds", "audio time", Content),
    (Kind::AudioInputMicros, "input_audio_seconds", "audio input time", Content),
    (Kind::AudioOutputMicros, "output_audio_seconds", "audio output time", Content),
];

/// Keys of genai-prices that differ from those of documents.
const GENAI_KEYS: [(Kind, &str); 4] = [
    (Kind::Reasoning, "output_reasoning_tokens"),
    (Kind::AudioInput, "input_audio_tokens"),
    (Kind::AudioOutput, "output_audio_tokens"),
    (Kind::Requests, "requests"),
];

const ALL: [Kind; KINDS.len()] = {
    let mut all = [Kind::Input; KINDS.len()];
    let mut at = 0;
    while at < all.len() {
        assert!(KINDS[at].0 as usize == at, "the table is in the order of the kinds");
        all[at] = KINDS[at].0;
        at += 1;
    }
    all
};

/// Microseconds of a second.
const MICROS: u64 = 1_000_000;

impl Kind {
    /// Every kind, in their order.
    pub const ALL: &'static [Self] = &ALL;

    /// How many kinds lie in a usage itself: the ones of nearly every call.
    pub(crate) const COMMON: usize = 10;

    /// Returns the key of this kind in documents: that of genai-prices, but for the ten kinds of nearly every call.
    ///
    /// ```
    /// assert_eq!(tracing_budget::Kind::WebSearches.key(), "web_searches");
    /// ```
    #[must_use]
    pub const fn key(self) -> &'static str {
        KINDS[self as usize].1
    }

    /// Returns the kind with a key.
    ///
    /// ```
    /// use tracing_budget::Kind;
    ///
    /// assert_eq!(Kind::from_key("input_image_tokens"), Some(Kind::ImageInput));
    /// assert_eq!(Kind::from_key("input_images"), None);
    /// ```
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, ..)| *known == key).map(|(kind, ..)| *kind)
    }

    /// Returns the name in texts, such as `cache write (1 h)`.
    ///
    /// ```
    /// use tracing_budget::Kind;
    ///
    /// assert_eq!(Kind::CacheRead.name(), "cache read");
    /// assert_eq!(Kind::CacheWrite1h.to_string(), "cache write (1 h)");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        KINDS[self as usize].2
    }

    /// Returns the kind with this name, in words or as a key, without regard to case: `cache read`, `cache_read_tokens`, `cache_read`,
    /// also by the key of genai-prices.
    ///
    /// ```
    /// use tracing_budget::Kind;
    ///
    /// assert_eq!(Kind::parse("Cache Read"), Some(Kind::CacheRead));
    /// assert_eq!(Kind::parse("web_serches"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = squeezed(name);
        let is_named = |own: &str| {
            let own = squeezed(own);
            own == name || own.strip_suffix("tokens").is_some_and(|own| own == name && !own.is_empty())
        };
        let found =
            KINDS.iter().find(|(_, key, text, _)| is_named(key) || is_named(text)).map(|(kind, ..)| *kind);
        found.or_else(|| GENAI_KEYS.iter().find(|(_, key)| is_named(key)).map(|(kind, _)| *kind))
    }

    /// Returns its key in genai-prices.
    #[cfg(all(test, feature = "prices"))]
    pub(crate) fn genai_key(self) -> &'static str {
        GENAI_KEYS.iter().find(|(kind, _)| *kind == self).map_or(self.key(), |(_, key)| key)
    }

    pub(crate) const fn measure(self) -> Measure {
        KINDS[self as usize].3
    }

    /// Returns whether it counts time, in microseconds.
    ///
    /// ```
    /// use tracing_budget::Kind;
    ///
    /// assert!(Kind::AudioMicros.is_time() && !Kind::WebSearches.is_time());
    /// ```
    #[must_use]
    pub const fn is_time(self) -> bool {
        self.per_unit() > 1
    }

    /// How many of this kind's counts are one of its unit in documents: the time is counted in microseconds.
    pub(crate) const fn per_unit(self) -> u64 {
        match self {
            Self::AudioMicros | Self::AudioInputMicros | Self::AudioOutputMicros => MICROS,
            _ => 1,
        }
    }

    /// Whether it lies in a usage itself.
    // Inlined: a comparison, once for every recorded count.
    #[inline]
    pub(crate) const fn is_common(self) -> bool {
        (self as usize) < Self::COMMON
    }

    /// A count as documents and this crate's own functions write it: `web_searches=2`, and of a time its seconds.
    pub(crate) fn written(self, count: u64) -> String {
        match self.per_unit() {
            1 => format!("{}={count}", self.key()),
            parts => format!("{}={}", self.key(), count as f64 / parts as f64),
        }
    }

    /// The wholes of which a kind counts the content in another way: seconds of speech are of the input or of the output.
    pub(crate) const fn content_of(self) -> &'static [Self] {
        match self {
            Self::AudioMicros => &[Self::Input, Self::Output],
            Self::AudioOutputMicros => &[Self::Output],
            _ => &[Self::Input],
        }
    }

    /// The bit of a common kind; 0 for any other.
    // Inlined: a shift.
    #[inline]
    pub(super) const fn bit(self) -> u16 {
        if self.is_common() { 1 << self as u16 } else { 0 }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Letters and digits alone, in lower case.
fn squeezed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_finds_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_key(kind.key()), Some(*kind));
        }
    }

    #[test]
    fn each_name_finds_its_kind() {
        for kind in Kind::ALL {
            for name in [kind.key(), kind.name(), &kind.name().to_uppercase()] {
                assert_eq!(Kind::parse(name), Some(*kind), "{name}");
            }
        }
        for (kind, key) in GENAI_KEYS {
            assert_eq!(Kind::parse(key), Some(kind));
        }
        assert_eq!((Kind::parse(""), Kind::parse("tokens")), (None, Some(Kind::Tokens)));
    }
}
