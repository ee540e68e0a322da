//! Libraries with spans or events that need to be known by name: what they are, and how they count.

use super::reading::ModelName;
use crate::ledger::Symbol;

/// What is known of the library that a callsite is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Its spans are calls, although they record no operation.
    pub(crate) is_call: bool,
    /// Its events are usage.
    pub(crate) is_usage_event: bool,
    /// Which of its calls report input without the tokens from the cache.
    pub(crate) cache_apart: Apart,
    /// Which of its calls report output without reasoning.
    pub(crate) reasoning_apart: Apart,
}

/// Which calls of an emitter report a whole without one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    Never,
    Always,
    /// Those to one provider.
    For(&'static Provider),
}

/// A provider, and the marks of its calls where the emitter does not record the provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    /// Its name in the conventions.
    name: &'static str,
    /// What the names of its models begin with.
    model: &'static str,
    /// Whether the ids of its responses begin with `msg_`.
    has_message_ids: bool,
}

const ANTHROPIC: Provider = Provider { name: "anthropic", model: "claude", has_message_ids: true };
const GEMINI: Provider = Provider { name: "gcp.gemini", model: "gemini", has_message_ids: false };

impl Apart {
    /// Whether a call to this model, with a response id that begins with `msg_` or not, reports the whole without the part.
    pub(crate) fn covers(self, (provider, model): ModelName, is_message: bool) -> bool {
        let begins = |name: Symbol, start: &str| {
            name.as_str().get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        match (self, provider, model) {
            (Self::Never, ..) => false,
            (Self::Always, ..) => true,
            (Self::For(known), Some(provider), _) => begins(provider, known.name),
            (Self::For(known), None, Some(model)) => begins(model, known.model),
            (Self::For(known), None, None) => known.has_message_ids && is_message,
        }
    }
}

/// Spans that are calls without an operation: name and target. adk 2.3, langchain-rust 7, gemini-rust 2.1.
const CALLS: [(&str, &str); 4] = [
    ("gen_ai.generate", "adk_telemetry::spans"),
    ("llm.generate", "langchain_rust::observability"),
    ("generate_content_raw", "gemini_rust::client"),
    // Closes when the stream begins, and never has usage: a call without usage.
    ("generate_content_stream", "gemini_rust::client"),
];

/// Crates that count reasoning apart from the output in every version, by the first part of their targets. Gemini counts the tokens of
/// thoughts beside those of the candidates.
const REASONING_APART: [&str; 1] = ["gemini_rust"];

/// Versions of a crate that count parts apart, from the first to before the second.
struct Versions {
    krate: &'static str,
    from: Version,
    before: Version,
    /// Where in the crate; empty is anywhere.
    folder: &'static str,
    cache_apart: Apart,
    reasoning_apart: Apart,
}

type Version = (u64, u64, u64);

/// The first line that matches counts.
///
/// rig up to 0.33 adds Anthropic's cache to the input, or does not record it. From 0.34 to 0.42 it is apart; since 0.43 it is part of the
/// input. From 0.37 to 0.42 Gemini's thoughts are apart from the output. The calls of rig's agents record the provider since 0.41 only;
/// up to 0.36 a call that is no stream does not even record the model, but the id of the response.
const VERSIONS: [Versions; 4] = [
    Versions {
        krate: "rig-core",
        from: (0, 34, 0),
        before: (0, 43, 0),
        // Also the other providers with Anthropic's protocol.
        folder: "/providers/anthropic/",
        cache_apart: Apart::Always,
        reasoning_apart: Apart::Never,
    },
    Versions {
        krate: "rig-core",
        from: (0, 37, 0),
        before: (0, 43, 0),
        folder: "",
        cache_apart: Apart::For(&ANTHROPIC),
        reasoning_apart: Apart::For(&GEMINI),
    },
    Versions {
        krate: "rig-core",
        from: (0, 34, 0),
        before: (0, 37, 0),
        folder: "",
        cache_apart: Apart::For(&ANTHROPIC),
        reasoning_apart: Apart::Never,
    },
    // The agents moved into a crate of their own.
    Versions {
        krate: "rig-agent",
        from: (0, 41, 0),
        before: (0, 43, 0),
        folder: "",
        cache_apart: Apart::For(&ANTHROPIC),
        reasoning_apart: Apart::For(&GEMINI),
    },
];

/// What is known of a callsite. `file` is its source file: the folder of a registry names crate and version.
pub(crate) fn known(name: &str, target: &str, file: Option<&str>, is_event: bool) -> Known {
    let is_call = !is_event && CALLS.contains(&(name, target));
    let versions = file.and_then(|file| VERSIONS.iter().find(|versions| versions.have(file)));
    let krate = target.split("::").next().unwrap_or_default();
    Known {
        is_call,
        // The events of every known library repeat its spans.
        is_usage_event: false,
        cache_apart: versions.map_or(Apart::Never, |versions| versions.cache_apart),
        reasoning_apart: match versions {
            Some(versions) => versions.reasoning_apart,
            None if REASONING_APART.contains(&krate) => Apart::Always,
            None => Apart::Never,
        },
    }
}

impl Versions {
    /// Whether a source file belongs to one of these versions.
    fn have(&self, file: &str) -> bool {
        let is_inside = || self.folder.is_empty() || file.replace('\\', "/").contains(self.folder);
        version_in(file, self.krate).is_some_and(|version| self.from <= version && version < self.before)
            && is_inside()
    }
}

/// The version of a crate, if a file of its source is in a registry's folder `crate-1.2.3`.
fn version_in(file: &str, krate: &str) -> Option<Version> {
    file.split(['/', '\\']).find_map(|folder| {
        let version = folder.strip_prefix(krate)?.strip_prefix('-')?;
        // A pre-release `1.2.3-rc.1` counts as the release, as its code mostly does.
        let version = version.split(['-', '+']).next()?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::generated::assert_table;

    #[test]
    fn the_page_of_clients_has_the_known_libraries() {
        let mut table = String::from("| library | what | known as |\n|---|---|---|\n");
        for (name, target) in CALLS {
            let krate = target.split("::").next().unwrap_or_default();
            let _ =
                writeln!(table, "| `{krate}` | spans `{name}` of `{target}` | a call without an operation |");
        }
        for krate in REASONING_APART {
            let _ = writeln!(table, "| `{krate}` | every call | output without reasoning |");
        }
        for versions in VERSIONS {
            let short = |(major, minor, patch): Version| match patch {
                0 => format!("{major}.{minor}"),
                _ => format!("{major}.{minor}.{patch}"),
            };
            let place = match versions.folder.trim_matches('/') {
                "" => String::new(),
                folder => format!(", spans of `{folder}`"),
            };
            for (apart, lacks) in [
                (versions.cache_apart, "input without the cache"),
                (versions.reasoning_apart, "output without reasoning"),
            ] {
                let calls = match apart {
                    Apart::Never => continue,
                    Apart::Always => "every call".to_owned(),
                    Apart::For(provider) => format!("calls of `{}`", provider.name),
                };
                let (from, before) = (short(versions.from), short(versions.before));
                let _ = writeln!(
                    table,
                    "| `{}` from {from} to before {before}{place} | {calls} | {lacks} |",
                    versions.krate
                );
            }
        }
        assert_table("docs/clients.md", "src/attribution/emitters.rs", &table);
    }

    const REGISTRY: &str = "/home/u/.cargo/registry/src/index";

    fn cache_of(krate: &str, file: &str) -> Apart {
        known("chat", "rig::agent_chat", Some(&format!("{REGISTRY}/{krate}/src/{file}")), false).cache_apart
    }

    #[test]
    fn versions_are_read_from_the_folder_of_a_registry() {
        for (file, expected) in [
            ("/home/u/.cargo/registry/src/index/rig-core-0.36.0/src/agent/mod.rs", Some((0, 36, 0))),
            (r"C:\registry\rig-core-0.44.1\src\lib.rs", Some((0, 44, 1))),
            ("/registry/rig-core-0.43.0-rc.1/src/lib.rs", Some((0, 43, 0))),
            ("src/rig-core/lib.rs", None),
            ("/vendor/rig-core/src/lib.rs", None),
            ("/registry/rig-core-derive-0.36.0/src/lib.rs", None),
        ] {
            assert_eq!(version_in(file, "rig-core"), expected, "{file}");
        }
    }

    /// Read in the sources of each version.
    #[test]
    fn rig_counts_anthropics_cache_apart_from_0_34_to_0_42() {
        for (krate, expected) in [
            ("rig-core-0.33.0", Apart::Never),
            ("rig-core-0.34.0", Apart::For(&ANTHROPIC)),
            ("rig-core-0.36.0", Apart::For(&ANTHROPIC)),
            ("rig-core-0.40.0", Apart::For(&ANTHROPIC)),
            ("rig-agent-0.42.0", Apart::For(&ANTHROPIC)),
            ("rig-core-0.43.0", Apart::Never),
            ("rig-agent-0.43.0", Apart::Never),
            ("rig-core-1.0.0", Apart::Never),
        ] {
            assert_eq!(cache_of(krate, "agent/runner.rs"), expected, "{krate}");
        }
        assert_eq!(cache_of("rig-core-0.36.0", "providers/anthropic/completion.rs"), Apart::Always);
        assert_eq!(cache_of("rig-core-0.43.0", "providers/anthropic/completion.rs"), Apart::Never);
        let windows = r"C:\registry\rig-core-0.36.0\src\providers\anthropic\completion.rs";
        assert_eq!(known("chat", "rig::completions", Some(windows), false).cache_apart, Apart::Always);
        assert_eq!(known("chat", "rig::agent_chat", None, false).cache_apart, Apart::Never);
    }

    /// What the span has decides: the provider, else the model, else the id of the response.
    #[test]
    fn a_call_is_a_providers_by_the_best_that_its_span_has() {
        let name = |text: &str| (!text.is_empty()).then(|| Symbol::intern(text));
        for (provider, model, is_message, expected) in [
            ("anthropic", "", false, true),
            ("Anthropic", "claude-sonnet-4-5", true, true),
            ("openai", "claude-sonnet-4-5", true, false),
            ("", "claude-sonnet-4-5", false, true),
            ("", "gpt-4o-mini", true, false),
            ("", "", true, true),
            ("", "", false, false),
        ] {
            let covers = Apart::For(&ANTHROPIC).covers((name(provider), name(model)), is_message);
            assert_eq!(covers, expected, "{provider}, {model}, {is_message}");
        }
        assert!(!Apart::For(&GEMINI).covers((None, None), true));
    }
}
