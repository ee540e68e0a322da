//! Whether a model's weights are open: then many providers serve it, each at a price of its own.
//!
//! A model with closed weights is billed at its maker's list price wherever a gateway passes it through. With open weights the maker is
//! only one of those who may bill.

use super::version_stamp;

/// A maker with a price list that may be used for a call for which another provider, or none, was reported.
struct Maker {
    provider: &'static str,
    /// Whether its weights are open, but for `except`.
    is_open: bool,
    /// Names that are otherwise; with `*`, all that begin or end so.
    except: &'static [&'static str],
    /// Whether it dates the names of its own API, and not those of its weights: `mistral-small-2506`.
    dates_its_api: bool,
}

const MAKERS: [Maker; 16] = [
    closed("openai", &["gpt-oss*", "whisper-large*"]),
    closed("anthropic", &[]),
    closed("google", &["gemma*", "*gemma", "codegemma*", "paligemma*", "medgemma*", "shieldgemma*"]),
    closed("x-ai", &["grok-1", "grok-2"]),
    closed("perplexity", &["r1-1776*", "pplx-*"]),
    closed("voyageai", &["voyage-4-nano*"]),
    closed("elevenlabs", &[]),
    closed("cursor", &[]),
    closed("typesafe", &[]),
    closed("meta", &["llama*"]),
    // The names of its API, where the weights are named by their organisation (`deepseek-ai/DeepSeek-V4-Pro`).
    open(
        "deepseek",
        &["deepseek-chat", "deepseek-reasoner", "deepseek-flash", "deepseek-v4-flash", "deepseek-v4-pro"],
        false,
    ),
    // `open-mistral-nemo` and the like are names of the API.
    open("mistral", &["open-*", "mistral-embed", "mistral-ocr-*"], true),
    open("moonshotai", &["moonshot-v1*", "kimi-latest", "kimi-k2-turbo*"], true),
    open("cohere", &["command-light*", "command", "embed-*", "rerank-*"], true),
    open("minimax", &["*-highspeed"], false),
    open(
        "zhipuai",
        &["glm-4-plus", "glm-4-air*", "glm-4-long", "glm-4-flash*", "*-turbo", "*-flashx"],
        false,
    ),
];

const fn closed(provider: &'static str, except: &'static [&'static str]) -> Maker {
    Maker { provider, is_open: false, except, dates_its_api: false }
}

const fn open(provider: &'static str, except: &'static [&'static str], dates_its_api: bool) -> Maker {
    Maker { provider, is_open: true, except, dates_its_api }
}

fn maker(provider: &str) -> Option<&'static Maker> {
    MAKERS.iter().find(|maker| maker.provider == provider)
}

impl Maker {
    fn excepts(&self, name: &str) -> bool {
        self.except.iter().any(|except| match (except.strip_suffix('*'), except.strip_prefix('*')) {
            (Some(start), _) => name.starts_with(start),
            (_, Some(end)) => name.ends_with(end),
            _ => name == *except,
        })
    }
}

/// Whether a model of this maker is served by the maker alone, and by those who pass its price through. `false` for what is unknown.
pub(super) fn are_closed(provider: &str, name: &str) -> bool {
    maker(provider).is_some_and(|maker| !maker.is_open && !maker.excepts(name))
}

/// Whether a name without a provider may be one of weights that others serve too, where a maker lists it.
pub(super) fn may_be_served_by_others(provider: &str, name: &str) -> bool {
    let Some(maker) = maker(provider) else { return false };
    let is_dated = || {
        let stamps = name.match_indices('-').map(|(at, _)| &name[at..]);
        stamps.into_iter().any(|rest| version_stamp::is_only_stamps(rest, false))
    };
    maker.is_open != maker.excepts(name) && !(maker.dates_its_api && is_dated())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_weights_are_billed_at_their_makers_price() {
        for (provider, name) in [
            ("openai", "gpt-5"),
            ("anthropic", "claude-sonnet-4-5"),
            ("google", "gemini-2.5-pro"),
            ("x-ai", "grok-2-1212"),
        ] {
            assert!(are_closed(provider, name), "{provider} {name}");
        }
        for (provider, name) in [
            ("openai", "gpt-oss-120b"),
            ("google", "gemma-3-27b-it"),
            ("x-ai", "grok-2"),
            ("deepseek", "deepseek-chat"),
            ("mistral", "mistral-large-latest"),
            ("groq", "llama-3.3-70b-versatile"),
        ] {
            assert!(!are_closed(provider, name), "{provider} {name}");
        }
    }

    #[test]
    fn a_name_of_weights_alone_has_no_biller() {
        for (provider, name) in [
            ("deepseek", "deepseek-r1"),
            ("deepseek", "deepseek-v3.2"),
            ("mistral", "mistral-nemo"),
            ("mistral", "mixtral-8x7b"),
            ("moonshotai", "kimi-k2.5"),
            ("openai", "gpt-oss-20b"),
            ("zhipuai", "glm-5"),
        ] {
            assert!(may_be_served_by_others(provider, name), "{provider} {name}");
        }
    }

    #[test]
    fn a_name_of_the_makers_api_is_the_makers() {
        for (provider, name) in [
            ("openai", "gpt-5"),
            ("openai", "whisper-1"),
            ("deepseek", "deepseek-chat"),
            ("mistral", "mistral-large-latest"),
            ("mistral", "mistral-small-2506"),
            ("mistral", "open-mistral-nemo"),
            ("moonshotai", "kimi-k2-0905-preview"),
            ("cohere", "command-r-08-2024"),
            ("groq", "llama-3.3-70b-versatile"),
        ] {
            assert!(!may_be_served_by_others(provider, name), "{provider} {name}");
        }
    }
}
