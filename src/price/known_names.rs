//! Names that a pattern of the price list matches, and that are the same model at the same price although their rest is no date.
//!
//! Each line is a name that its vendor uses; what is in no line is another model until the price list has it.

use super::model_name::is_bedrock_prefix;
use super::version_stamp;

/// What a vendor writes before or after a part that a pattern matches: provider, model in the price list, the text.
const BEFORE: [(&str, &str, &str); 2] = [
    // https://platform.openai.com/docs/models/omni-moderation-latest: all are free.
    ("openai", "moderation", "omni-"),
    ("openai", "moderation", "text-"),
];

const AFTER: [(&str, &str, &str); 21] = [
    ("openai", "moderation", "-007"),
    // https://docs.anthropic.com/en/docs/about-claude/model-deprecations
    ("anthropic", "claude-2", ".0"),
    ("anthropic", "claude-2", ".1"),
    ("anthropic", "claude-2", ":1"),
    ("cohere", "command-light", "-nightly"),
    // https://docs.mistral.ai/getting-started/models: the weights and their API are one model.
    ("mistral", "mixtral-8x7b", "-instruct"),
    ("mistral", "mixtral-8x7b", "-instruct-v0.1"),
    // https://ai.google.dev/gemini-api/docs/live: the audio is priced in the same entry.
    ("google", "gemini-live-2.5-flash", "-native-audio"),
    ("google", "gemini-live-2.5-flash", "-preview-native-audio"),
    ("google", "gemini-live-2.5-flash", "-preview-native-audio-09-2025"),
    // https://ai.google.dev/gemini-api/docs/models: another choice of tools, at the same price.
    ("google", "gemini-3.1-pro-preview", "-customtools"),
    // https://ai.google.dev/gemini-api/docs/pricing: Gemma is free in each of the sizes that the API has.
    ("google", "gemma-3", "270m-it"),
    ("google", "gemma-3", "1b-it"),
    ("google", "gemma-3", "4b-it"),
    ("google", "gemma-3", "12b-it"),
    ("google", "gemma-3", "27b-it"),
    ("google", "gemma-3n", "-e2b-it"),
    ("google", "gemma-3n", "-e4b-it"),
    // Thinking is part of the output at these models.
    ("google", "gemini-2.0-flash", "-thinking-exp"),
    ("google", "gemini-2.0-flash", "-thinking-exp-01-21"),
    ("google", "gemini-2.0-flash", "-thinking-exp-1219"),
];

/// Free by the vendor's word. The price list has no price for them, which elsewhere means that none is known.
const FREE: [(&str, &str); 5] = [
    // https://platform.openai.com/docs/guides/moderation
    ("openai", "moderation"),
    // https://ai.google.dev/gemini-api/docs/pricing
    ("google", "gemma-3"),
    ("google", "gemma-3n"),
    ("google", "gemma-4-26b-a4b-it"),
    ("google", "gemma-4-31b-it"),
];

/// Whether a model that is listed without a price is free: by its vendor's word, or as one of OpenRouter's `:free` variants.
/// <https://openrouter.ai/docs/guides/routing/model-variants/free>
pub(super) fn is_free(provider: &str, model: &str) -> bool {
    FREE.contains(&(provider, model)) || provider == "openrouter" && model.ends_with(":free")
}

/// Whether a name is the model's, of which a pattern matches `literal`.
pub(super) fn is_same_model(provider: &str, model: &str, before: &str, literal: &str, after: &str) -> bool {
    let is_in = |table: &[(&str, &str, &str)], text: &str| table.contains(&(provider, model, text));
    let is_before =
        before.is_empty() || is_in(&BEFORE, before) || provider == "aws" && is_bedrock_prefix(before);
    is_before && (is_only_release(provider, literal, after) || is_in(&AFTER, after))
}

/// Whether what is after the matched part of a name is only dates, version stamps and stages of release.
fn is_only_release(provider: &str, literal: &str, after: &str) -> bool {
    let is_bedrock = provider == "aws";
    let ends_in_word = |text: &str| text.ends_with(|c: char| c.is_ascii_alphanumeric());
    if ends_in_word(literal) && after.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        // The rule ends within a number, as `gemini-2.0-flash-0` does: all of the number has to be a stamp.
        let start = literal.rfind(['-', '@']).map_or(0, |at| at);
        return version_stamp::is_only_stamps(&format!("{}{after}", &literal[start..]), is_bedrock);
    }
    match literal.strip_suffix(['-', '@']) {
        // The rule ends with the separator: `gpt-5-nano-`.
        Some(_) if !after.is_empty() => version_stamp::is_only_stamps(&format!("-{after}"), is_bedrock),
        _ => version_stamp::is_only_stamps(after, is_bedrock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_the_vendor_has_is_the_same_model_and_another_is_not() {
        assert!(is_same_model("google", "gemma-3", "", "gemma-3-", "27b-it"));
        assert!(!is_same_model("google", "gemma-3", "", "gemma-3-", "99b"));
        assert!(!is_same_model("google", "gemini-3.8-flash", "", "gemini-3.8-flash", "-cyber"));
        assert!(is_same_model("google", "gemini-2.0-flash", "", "gemini-2.0-flash-0", "01"));
        assert!(is_same_model("openai", "moderation", "omni-", "moderation", "-2024-09-26"));
        assert!(!is_same_model("openai", "moderation", "video-", "moderation", ""));
    }

    #[test]
    fn bedrock_names_a_region_and_a_vendor_first() {
        let same = |before: &str| is_same_model("aws", "m", before, "claude-3-haiku-20240307", "-v1:0:200k");
        for before in ["", "anthropic.", "us.anthropic.", "us-gov.anthropic."] {
            assert!(same(before), "{before}");
        }
        for before in ["acme.", "global.anthropic.", "my-", "us.acme.", "a.b.anthropic.", "."] {
            assert!(!same(before), "{before}");
        }
    }

    #[test]
    fn an_absent_price_is_free_only_by_the_vendors_word() {
        assert!(is_free("google", "gemma-3") && is_free("openrouter", "openai/gpt-oss-120b:free"));
        for (provider, model) in [
            ("cerebras", "qwen-3-coder-480b"),
            ("mistral", "mistral-nemo:free"),
            ("openrouter", "google/gemini-flash-1.5-8b-exp"),
            ("aws", "gemma-3"),
        ] {
            assert!(!is_free(provider, model), "{provider} {model}");
        }
    }
}
