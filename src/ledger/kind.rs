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

/// Every kind in its order, with its key in documents and what it counts. From the eleventh on, keys are those of genai-prices.
const KINDS: [(Kind, &str, Measure); 61] = [
    (Kind::Input, "input_tokens", Input),
    (Kind::Output, "output_tokens", Output),
    (Kind::CacheRead, "cache_read_tokens", Input),
    (Kind::CacheWrite, "cache_write_tokens", Input),
    (Kind::CacheWrite1h, "cache_write_1h_tokens", Input),
    (Kind::Reasoning, "reasoning_tokens", Output),
    (Kind::AudioInput, "audio_input_tokens", Input),
    (Kind::AudioOutput, "audio_output_tokens", Output),
    (Kind::Requests, "billed_requests", Extra),
    (Kind::Tokens, "unsplit_tokens", Total),
    (Kind::CacheWrite5m, "cache_write_5m_tokens", Input),
    (Kind::CacheWrite12h, "cache_write_12h_tokens", Input),
    (Kind::TextInput, "input_text_tokens", Input),
    (Kind::ImageInput, "input_image_tokens", Input),
    (Kind::VideoInput, "input_video_tokens", Input),
    (Kind::ToolInput, "input_tool_tokens", Input),
    (Kind::TextToolInput, "input_text_tool_tokens", Input),
    (Kind::AudioToolInput, "input_audio_tool_tokens", Input),
    (Kind::ImageToolInput, "input_image_tool_tokens", Input),
    (Kind::VideoToolInput, "input_video_tool_tokens", Input),
    (Kind::TextCacheRead, "cache_text_read_tokens", Input),
    (Kind::AudioCacheRead, "cache_audio_read_tokens", Input),
    (Kind::ImageCacheRead, "cache_image_read_tokens", Input),
    (Kind::VideoCacheRead, "cache_video_read_tokens", Input),
    (Kind::TextCacheWrite, "cache_text_write_tokens", Input),
    (Kind::AudioCacheWrite, "cache_audio_write_tokens", Input),
    (Kind::ImageCacheWrite, "cache_image_write_tokens", Input),
    (Kind::VideoCacheWrite, "cache_video_write_tokens", Input),
    (Kind::TextCacheWrite5m, "cache_text_write_5m_tokens", Input),
    (Kind::AudioCacheWrite5m, "cache_audio_write_5m_tokens", Input),
    (Kind::ImageCacheWrite5m, "cache_image_write_5m_tokens", Input),
    (Kind::VideoCacheWrite5m, "cache_video_write_5m_tokens", Input),
    (Kind::TextCacheWrite1h, "cache_text_write_1h_tokens", Input),
    (Kind::AudioCacheWrite1h, "cache_audio_write_1h_tokens", Input),
    (Kind::ImageCacheWrite1h, "cache_image_write_1h_tokens", Input),
    (Kind::VideoCacheWrite1h, "cache_video_write_1h_tokens", Input),
    (Kind::TextOutput, "output_text_tokens", Output),
    (Kind::ImageOutput, "output_image_tokens", Output),
    (Kind::VideoOutput, "output_video_tokens", Output),
    (Kind::TextReasoning, "output_text_reasoning_tokens", Output),
    (Kind::AudioReasoning, "output_audio_reasoning_tokens", Output),
    (Kind::ImageReasoning, "output_image_reasoning_tokens", Output),
    (Kind::VideoReasoning, "output_video_reasoning_tokens", Output),
    (Kind::Citation, "output_citation_tokens", Output),
    (Kind::TextCitation, "output_text_citation_tokens", Output),
    (Kind::AudioCitation, "output_audio_citation_tokens", Output),
    (Kind::ImageCitation, "output_image_citation_tokens", Output),
    (Kind::VideoCitation, "output_video_citation_tokens", Output),
    (Kind::WebSearches, "web_searches", Extra),
    (Kind::SocialSearches, "social_searches", Extra),
    (Kind::StorageSearches, "storage_searches", Extra),
    (Kind::RerankSearches, "rerank_searches", Content),
    (Kind::CodeExecutions, "code_executions", Extra),
    (Kind::Characters, "input_characters", Content),
    (Kind::TextMessages, "input_text_messages", Content),
    (Kind::Pixels, "input_pixels", Content),
    (Kind::Pages, "input_document_pages", Content),
    (Kind::AnnotatedPages, "input_annotated_document_pages", Content),
    (Kind::AudioMicros, "audio_seconds", Content),
    (Kind::AudioInputMicros, "input_audio_seconds", Content),
    (Kind::AudioOutputMicros, "output_audio_seconds", Content),
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
        KINDS.iter().find(|(_, known, _)| *known == key).map(|(kind, ..)| *kind)
    }

    pub(crate) const fn measure(self) -> Measure {
        KINDS[self as usize].2
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

    /// The bit of a common kind; 0 for any other.
    // Inlined: a shift.
    #[inline]
    pub(super) const fn bit(self) -> u16 {
        if self.is_common() { 1 << self as u16 } else { 0 }
    }
}

/// The key, without `_tokens` and with spaces: `cache read`, `web searches`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        f.pad(&key.strip_suffix("_tokens").unwrap_or(key).replace('_', " "))
    }
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
}
