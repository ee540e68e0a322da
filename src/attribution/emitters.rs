//! Libraries with spans or events that need to be known by name: what they are, and how they count.

/// What is known of the library that a callsite is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Its spans are calls, although they record no operation.
    pub(crate) is_call: bool,
    /// Its events are usage.
    pub(crate) is_usage_event: bool,
    /// Which of its calls report input without the tokens from the cache.
    pub(crate) cache_apart: CacheApart,
    /// Whether it reports output without reasoning.
    pub(crate) reasoning_apart: bool,
}

/// Which calls of an emitter report input without the tokens from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheApart {
    Never,
    /// Those to this provider, or, where none is recorded, of a model with this prefix.
    Anthropic,
}

/// Spans that are calls without an operation: name and target.
/// adk 2.3, langchain-rust 7, gemini-rust 2.1, liter-llm 2.4.
const CALLS: [(&str, &str); 4] = [
    ("gen_ai.generate", "adk_telemetry::spans"),
    ("llm.generate", "langchain_rust::observability"),
    ("generate_content_raw", "gemini_rust::client"),
    ("gen_ai", "liter_llm"),
];

/// What is known of a callsite. `file` is its source file: the folder of a registry names crate and version.
pub(crate) fn known(name: &str, target: &str, file: Option<&str>, is_event: bool) -> Known {
    let is_in = |known: &str| {
        target.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let is_call = !is_event && CALLS.iter().any(|(span, known)| *span == name && is_in(known));
    // Up to 0.42 rig reports Anthropic's input without the cache; since 0.43 it is part of it.
    let is_old_rig =
        file.and_then(|file| version_in(file, "rig-core")).is_some_and(|version| version < (0, 43));
    Known {
        is_call,
        is_usage_event: false,
        cache_apart: if is_old_rig { CacheApart::Anthropic } else { CacheApart::Never },
        // Gemini counts the tokens of thoughts beside those of the candidates.
        reasoning_apart: is_in("gemini_rust"),
    }
}

/// The version of a crate, if a file of its source is in a registry's folder `crate-1.2.3`.
fn version_in(file: &str, krate: &str) -> Option<(u64, u64)> {
    file.split(['/', '\\']).find_map(|folder| {
        let version = folder.strip_prefix(krate)?.strip_prefix('-')?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_folder_of_a_registry() {
        let file = "/home/u/.cargo/registry/src/index/rig-core-0.36.0/src/agent/mod.rs";
        assert_eq!(version_in(file, "rig-core"), Some((0, 36)));
        assert_eq!(version_in(r"C:\registry\rig-core-0.44.1\src\lib.rs", "rig-core"), Some((0, 44)));
        assert_eq!(version_in("src/rig-core/lib.rs", "rig-core"), None);
        assert_eq!(known("chat", "rig::agent_chat", Some(file), false).cache_apart, CacheApart::Anthropic);
        assert_eq!(known("chat", "rig::agent_chat", None, false).cache_apart, CacheApart::Never);
    }
}
