//! The forms of a model's name: what is wrapped around the name that a price list has.
//!
//! Each form is one line of a table, with its rule. [`spellings`] applies them one after the other; the price list is then searched for
//! each spelling, as reported first. A form that hides the model, or changes its price, gives a reason instead.

use std::sync::Arc;

use super::reason::Unpriced;
use super::version_stamp;

/// A form of a name, and how to take it off.
struct Form {
    /// The only provider that uses it; `None` for any.
    at: Option<&'static str>,
    /// An example.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests take it off"))]
    example: (&'static str, &'static str),
    /// Whether the name without it is of the same model at the same price, so that both have one row.
    is_spelling: bool,
    /// The name without it; `None` where a name does not have it.
    take_off: fn(&str) -> Option<String>,
}

/// In the order in which they enclose each other, outermost first.
const FORMS: [Form; 12] = [
    // Claude Code's flag for the long context. Which rates hold depends on the input's length, not on the flag.
    Form {
        at: None,
        example: ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        is_spelling: true,
        take_off: |name| name.strip_suffix("[1m]").map(str::to_owned),
    },
    // Bedrock's resource names of foundation models and inference profiles. Others hide their model: see `hidden`.
    Form {
        at: Some("aws"),
        example: (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
            "us.amazon.nova-lite-v1:0",
        ),
        is_spelling: true,
        take_off: |name| {
            let (kind, rest) = arn(name)?;
            matches!(kind, "foundation-model" | "inference-profile").then(|| rest.to_owned())
        },
    },
    // LiteLLM's routes within Bedrock.
    Form {
        at: Some("aws"),
        example: ("converse/us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
        is_spelling: true,
        take_off: |name| {
            let (route, rest) = name.split_once('/')?;
            matches!(route, "converse" | "converse_like" | "invoke").then(|| rest.to_owned())
        },
    },
    // LiteLLM's names of the regions that Bedrock's list price is for. Others have prices of their own.
    Form {
        at: Some("aws"),
        example: ("us-east-1/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        is_spelling: true,
        take_off: |name| {
            let (region, rest) = name.split_once('/')?;
            matches!(region, "us-east-1" | "us-east-2" | "us-west-2").then(|| rest.to_owned())
        },
    },
    // An inference profile of a region, for a model of which only the regional price is listed. `global.` profiles have a price of their
    // own, without the regional premium, and are not taken for regional ones.
    Form {
        at: Some("aws"),
        example: ("eu.cohere.embed-v4:0", "cohere.embed-v4:0"),
        is_spelling: false,
        take_off: |name| {
            name.split_once('.').filter(|(region, _)| is_region(region)).map(|(_, rest)| rest.to_owned())
        },
    },
    // Vertex AI: `projects/P/locations/L/publishers/google/models/NAME`, with any of its first parts left out.
    Form {
        at: Some("google"),
        example: ("publishers/anthropic/models/claude-opus-4-1@20250805", "claude-opus-4-1@20250805"),
        is_spelling: true,
        take_off: |name| name.rsplit_once("models/").map(|(_, rest)| rest.to_owned()),
    },
    // Fireworks: the resource name of a model that it serves itself.
    Form {
        at: Some("fireworks"),
        example: ("fireworks/accounts/fireworks/models/glm-5p1", "accounts/fireworks/models/glm-5p1"),
        is_spelling: true,
        take_off: |name| {
            name.strip_prefix("fireworks/").filter(|rest| rest.starts_with("accounts/")).map(str::to_owned)
        },
    },
    // OpenAI: `ft:BASE:ORGANISATION:SUFFIX:ID`. Fine-tuned models have prices of their own, listed as `ft:BASE`.
    Form {
        at: None,
        example: ("ft:gpt-4o-2024-08-06:acme:support:9x", "ft:gpt-4o-2024-08-06"),
        is_spelling: false,
        take_off: |name| {
            let (base, rest) = name.strip_prefix("ft:")?.split_once(':')?;
            (!base.is_empty() && !rest.is_empty()).then(|| format!("ft:{base}"))
        },
    },
    // Vertex AI's version, in the spelling of the vendor.
    Form {
        at: None,
        example: ("claude-fable-5@20260609", "claude-fable-5-20260609"),
        is_spelling: true,
        take_off: |name| {
            let (name, version) = name.split_once('@')?;
            version_stamp::is_date(version).then(|| format!("{name}-{version}"))
        },
    },
    Form {
        at: None,
        example: ("claude-haiku-5-5@default", "claude-haiku-5-5"),
        is_spelling: true,
        take_off: |name| {
            let (name, version) = name.split_once('@')?;
            matches!(version, "default" | "latest").then(|| name.to_owned())
        },
    },
    // The newest version of a name is that name.
    Form {
        at: None,
        example: ("claude-opus-5-5-latest", "claude-opus-5-5"),
        is_spelling: false,
        take_off: |name| name.strip_suffix("-latest").filter(|name| !name.is_empty()).map(str::to_owned),
    },
    // Azure: a fine-tuned model's deployment, `BASE.ft-ID`, has a price of its own, listed as `BASE.ft-`.
    Form {
        at: None,
        example: ("gpt-4o-mini-2024-07-18.ft-9x-support", "gpt-4o-mini-2024-07-18.ft-"),
        is_spelling: false,
        take_off: |name| {
            let (base, id) = name.split_once(".ft-")?;
            (!base.is_empty() && !id.is_empty()).then(|| format!("{base}.ft-"))
        },
    },
];

/// The spellings of a name, in lower case, under which a provider may list it: as reported first.
pub(super) fn spellings(provider: &str, name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    for form in FORMS.iter().filter(|form| form.at.is_none_or(|at| at == provider)) {
        // From the newest spelling, so that forms in each other are all taken off.
        let last = spellings.last().expect("there is one");
        if let Some(shorter) = (form.take_off)(last).filter(|name| !name.is_empty()) {
            spellings.push(shorter);
        }
    }
    spellings
}

/// The name of the row of a model, of its reported name in lower case: without what is wrapped around it and changes neither model nor
/// price. Dates, `-latest`, regions, variants and fine-tunes stay.
pub(super) fn row_name(provider: &str, name: &str) -> String {
    let is_spelling = |form: &&Form| form.is_spelling && form.at.is_none_or(|at| at == provider);
    FORMS.iter().filter(is_spelling).fold(name.to_owned(), |name, form| {
        (form.take_off)(&name).filter(|shorter| !shorter.is_empty()).unwrap_or(name)
    })
}

/// What a suffix after a colon does to the price of a model that is listed without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// It is the price of this tier.
    Tier(&'static str),
    /// It is another price, and unknown: for this reason.
    Another(&'static str),
}

/// The suffixes by which gateways choose another way to serve a model. What is listed with its suffix has its listed price.
const VARIANTS: [(&str, Variant); 10] = [
    (":batch", Variant::Tier("batch")),
    (":flex", Variant::Tier("flex")),
    (":free", Variant::Another("it is not listed as free")),
    (":online", Variant::Another("its web searches are billed apart")),
    (":nitro", Variant::Another("the fastest host may not have the listed price")),
    (":floor", Variant::Another("the cheapest host may not have the listed price")),
    (":exacto", Variant::Another("its hosts may not have the listed price")),
    (":thinking", Variant::Another("reasoning may have another price")),
    (":extended", Variant::Another("the longer context may have another price")),
    (":beta", Variant::Another("the beta may have another price")),
];

/// The name without the suffix of a variant, and what that does to the price.
pub(super) fn variant(name: &str) -> Option<(&str, Variant)> {
    VARIANTS.iter().find_map(|(suffix, variant)| Some((name.strip_suffix(suffix)?, *variant)))
}

/// Whether the requested name has a price that the answered one has lost: that of a variant (`:free`), or of an inference profile with or
/// without its regional premium. Replies often name the model alone.
pub(super) fn request_decides(requested: &str, answered: &str) -> bool {
    let (requested, answered) = (requested.to_lowercase(), answered.to_lowercase());
    if requested == answered {
        return false;
    }
    let is_release = |name: &str, of: &str| {
        name.strip_prefix(of).is_some_and(|rest| super::version_stamp::is_only_stamps(rest, true))
    };
    let is_same = |name: &str| is_release(name, &answered) || is_release(&answered, name);
    if let Some((base, _)) = variant(&requested) {
        return is_same(base) || base.split_once('/').is_some_and(|(_, base)| is_same(base));
    }
    let profile = arn(&requested).map_or(&*requested, |(_, name)| name);
    let profile = profile.strip_prefix("converse/").unwrap_or(profile);
    let Some((scope, rest)) = profile.split_once('.') else { return false };
    let is_profile = scope == "global" || is_region(scope);
    is_profile && (is_same(rest) || rest.split_once('.').is_some_and(|(_, name)| is_same(name)))
}

/// Whether two names are of one model: spelled otherwise, with or without its vendor, region, variant or date.
pub(super) fn are_of_one_model(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    let is_release = |name: &str, of: &str| {
        name.strip_prefix(of).is_some_and(|rest| super::version_stamp::is_only_stamps(rest, true))
    };
    is_release(&one, &other) || is_release(&other, &one)
}

/// A name without what is wrapped around it, and with dashes alone: vendors and gateways spell versions as `4.1`, `4-1` and `4_1`.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = arn(&name).map_or(&*name, |(_, name)| name);
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    let name = name.strip_suffix("[1m]").unwrap_or(name);
    let name = variant(name).map_or(name, |(base, _)| base);
    let is_scope = |scope: &str| scope == "global" || is_region(scope);
    let name = name.split_once('.').filter(|(scope, _)| is_scope(scope)).map_or(name, |(_, name)| name);
    let is_vendor = |vendor: &str| BEDROCK_VENDORS.contains(&vendor);
    let name = name.split_once('.').filter(|(vendor, _)| is_vendor(vendor)).map_or(name, |(_, name)| name);
    name.strip_suffix("-latest").unwrap_or(name).replace(['.', '_', '@'], "-")
}

/// The reason if a name is that of a resource which does not show its model.
pub(super) fn hidden(name: &str) -> Option<Unpriced> {
    let what = match arn(name) {
        Some(("foundation-model" | "inference-profile", _)) => return None,
        Some(("application-inference-profile", _)) => "an application inference profile",
        Some(("provisioned-model", _)) => "provisioned throughput, which is billed by the hour",
        Some(("custom-model" | "custom-model-deployment" | "imported-model", _)) => "a model of your own",
        Some(("prompt-router" | "default-prompt-router", _)) => "a prompt router",
        Some(("endpoint", _)) => "an endpoint of your own",
        Some(_) => "a resource",
        None if name.starts_with("tunedmodels/") => "a tuned model",
        None if name.contains("/endpoints/") || name.starts_with("endpoints/") => "an endpoint of your own",
        None => return None,
    };
    Some(Unpriced::HiddenModel { model: name.into(), what: Arc::from(what) })
}

/// The kind of an AWS resource, and its name: `arn:PARTITION:SERVICE:REGION:ACCOUNT:KIND/NAME`.
fn arn(name: &str) -> Option<(&str, &str)> {
    let resource = name.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    Some(resource.split_once('/').unwrap_or((resource, "")))
}

/// The prefixes of Bedrock's inference profiles for a region.
const REGIONS: [&str; 13] =
    ["us", "us-gov", "eu", "apac", "ap", "jp", "au", "ca", "in", "sa", "mx", "me", "af"];

/// Whether a prefix is that of a regional inference profile.
pub(super) fn is_region(prefix: &str) -> bool {
    REGIONS.contains(&prefix)
}

/// Vendors that Bedrock names before their models: `VENDOR.MODEL`.
const BEDROCK_VENDORS: [&str; 12] = [
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "meta",
    "mistral",
    "nvidia",
    "openai",
    "qwen",
    "writer",
    "ai21",
];

/// Whether a text is Bedrock's region and vendor before a name: `us.`, `anthropic.`, `eu.anthropic.`.
#[cfg(feature = "prices")]
pub(super) fn is_bedrock_prefix(before: &str) -> bool {
    let Some(parts) = before.strip_suffix('.') else { return false };
    match parts.split_once('.') {
        Some((region, vendor)) => is_region(region) && BEDROCK_VENDORS.contains(&vendor),
        None => is_region(parts) || BEDROCK_VENDORS.contains(&parts),
    }
}

/// Whether a name without a provider has a form that only Bedrock uses: a resource name, a vendor before a dot, a version as in `-v1:0`.
pub(super) fn is_bedrocks(name: &str) -> bool {
    let profile = name.strip_prefix("global.").unwrap_or(name);
    let region = profile.split_once('.').filter(|(region, _)| is_region(region));
    let vendor = region.map_or(profile, |(_, rest)| rest).split_once('.').map_or("", |(vendor, _)| vendor);
    let is_version = || {
        let version = name.rfind("-v").map_or("", |at| &name[at..]);
        version.contains(':') && super::version_stamp::is_only_stamps(version, true)
    };
    name.starts_with("arn:aws") || BEDROCK_VENDORS.contains(&vendor) || is_version()
}

/// Whether a name has the tag of a server that runs weights itself, as Ollama's names do: `deepseek-r1:70b`, `llama3:latest`.
pub(super) fn has_local_tag(name: &str) -> bool {
    if name.ends_with(".gguf") || name.starts_with("hf.co/") || name.starts_with("huggingface.co/") {
        return true;
    }
    let Some((_, tag)) = name.rsplit_once(':') else { return false };
    // A size in billions or millions of weights comes first: `70b`, `8x7b`, `1.5b`, `e4b`, `27b-it-qat`, `8b-instruct-q4_k_m`.
    let size = tag.split('-').next().unwrap_or_default();
    let number = size.strip_suffix(['b', 'm']).map(|number| number.trim_start_matches('e'));
    let is_size = number.is_some_and(|number| {
        number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == 'x')
    });
    tag == "latest" || is_size || tag.split('-').any(|part| part == "gguf" || is_quantisation(part))
}

/// Whether a part of a tag names a format of quantised weights: `q4_k_m`, `q8_0`, `fp16`.
fn is_quantisation(part: &str) -> bool {
    let after_digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    part.strip_prefix('q').is_some_and(after_digit)
        || matches!(part, "fp16" | "bf16" | "fp8" | "int4" | "int8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_taken_off_its_example() {
        for form in &FORMS {
            let (name, expected) = form.example;
            assert_eq!((form.take_off)(name).as_deref(), Some(expected));
            let found = spellings(form.at.unwrap_or("any"), name);
            assert!(found.iter().any(|spelling| spelling == expected), "{name}: {found:?}");
            assert_eq!((form.take_off)("gpt-5"), None, "{name}");
        }
    }

    #[test]
    fn forms_in_each_other_are_all_taken_off() {
        for (provider, name, last) in [
            (
                "google",
                "projects/p/locations/eu/publishers/anthropic/models/claude-opus-5@20260401[1m]",
                "claude-opus-5-20260401",
            ),
            ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
            (
                "aws",
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-1-20250805-v1:0",
                "anthropic.claude-opus-4-1-20250805-v1:0",
            ),
            ("aws", "converse/eu.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
            ("openai", "gpt-5", "gpt-5"),
            ("openai", "us.gpt", "us.gpt"),
            ("openai", "-latest", "-latest"),
        ] {
            let found = spellings(provider, name);
            assert_eq!(found.last().map(String::as_str), Some(last), "{found:?}");
            assert_eq!(found[0], name);
        }
    }

    #[test]
    fn a_suffix_is_a_tier_or_another_price() {
        assert_eq!(variant("openai/gpt-5:batch"), Some(("openai/gpt-5", Variant::Tier("batch"))));
        for suffix in ["free", "online", "nitro", "floor", "thinking"] {
            let name = format!("m:{suffix}");
            assert!(matches!(variant(&name), Some(("m", Variant::Another(_)))), "{name}");
        }
        for name in ["m", "m:70b", "anthropic.claude-v1:0", "ft:gpt-4o:acme::x"] {
            assert_eq!(variant(name), None, "{name}");
        }
    }

    #[test]
    fn a_request_decides_where_the_reply_has_lost_the_price() {
        for (requested, answered) in [
            ("deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
            ("openai/gpt-5:batch", "gpt-5-2025-08-07"),
            ("us.anthropic.claude-opus-4-8", "claude-opus-4-8"),
            ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
            ("eu.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0",
                "amazon.nova-lite-v1:0",
            ),
        ] {
            assert!(request_decides(requested, answered), "{requested} {answered}");
        }
        for (requested, answered) in [
            ("gpt-5", "gpt-5-2025-08-07"),
            ("gpt-5", "gpt-5"),
            ("openai/gpt-5:batch", "openai/gpt-4o"),
            ("us.anthropic.claude-opus-4-8", "claude-opus-4-1"),
            ("my-deployment", "gpt-5"),
            ("openrouter/auto", "openai/gpt-5"),
        ] {
            assert!(!request_decides(requested, answered), "{requested} {answered}");
        }
    }

    #[test]
    fn one_model_has_many_spellings() {
        for (one, other) in [
            ("gpt-5", "GPT-5"),
            ("gpt-5", "gpt-5-2025-08-07"),
            ("gpt-5", "openai/gpt-5"),
            ("openai/gpt-5:free", "gpt-5-2025-08-07"),
            ("gpt-4", "gpt-4-0613"),
            ("anthropic/claude-opus-4.1", "claude-opus-4-1-20250805"),
            ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
            ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5-20250929"),
            ("us.anthropic.claude-opus-4-8-20260101-v1:0", "claude-opus-4-8"),
            ("global.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8-v1:0"),
            ("models/gemini-2.0-flash", "gemini-2.0-flash-001"),
            ("claude-opus-4-1@20250805", "claude-opus-4-1-20250805"),
            ("accounts/fireworks/models/glm-5p1", "glm-5p1"),
        ] {
            assert!(are_of_one_model(one, other), "{one} {other}");
            assert!(are_of_one_model(other, one), "{other} {one}");
        }
        for (one, other) in [
            ("gpt-5", "gpt-5-mini"),
            ("gpt-5", "gpt-5.1"),
            ("gpt-4o", "gpt-4"),
            ("claude-opus-4", "claude-opus-4-1"),
            ("grok-4", "grok-4.5"),
            ("my-deployment", "gpt-5"),
            ("openrouter/auto", "openai/gpt-5"),
        ] {
            assert!(!are_of_one_model(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_resource_that_hides_its_model_is_named() {
        for (name, what) in [
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x9", "application inference profile"),
            ("arn:aws-us-gov:bedrock:us-gov-west-1:1:provisioned-model/x9", "by the hour"),
            ("arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0/x9", "of your own"),
            ("arn:aws:bedrock:us-east-1:1:imported-model/x9", "of your own"),
            ("arn:aws:bedrock:us-east-1:1:default-prompt-router/anthropic.claude:1", "router"),
            ("arn:aws:sagemaker:us-east-1:1:endpoint/x9", "endpoint"),
            ("projects/p/locations/l/endpoints/7", "endpoint"),
            ("tunedmodels/x9", "tuned"),
        ] {
            let reason = hidden(name).map(|reason| reason.to_string()).unwrap_or_default();
            assert!(reason.contains(what), "{name}: {reason}");
        }
        for name in [
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "gpt-5",
        ] {
            assert_eq!(hidden(name), None, "{name}");
        }
    }

    #[test]
    fn bedrock_has_forms_of_its_own() {
        for name in [
            "anthropic.claude-v2:1",
            "us.anthropic.claude-opus-5",
            "global.anthropic.claude-opus-5",
            "amazon.nova-lite-v1:0",
            "claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        ] {
            assert!(is_bedrocks(name), "{name}");
        }
        for name in [
            "gpt-5",
            "gpt-4.1",
            "qwen2.5:7b",
            "claude-3.5-sonnet",
            "deepseek-v3.1",
            "grok-2-vision",
            "m-v2",
            "us.gpt",
        ] {
            assert!(!is_bedrocks(name), "{name}");
        }
    }

    #[test]
    fn a_size_or_a_format_is_the_tag_of_a_local_server() {
        for name in [
            "deepseek-r1:70b",
            "llama3:latest",
            "mixtral:8x7b",
            "gemma3n:e4b",
            "qwen2.5:1.5b-instruct-q4_k_m",
            "smollm:135m",
            "phi4:q8_0",
            "hf.co/bartowski/llama-3.2-3b-instruct-gguf",
            "llama-3.2-3b.gguf",
        ] {
            assert!(has_local_tag(name), "{name}");
        }
        for name in [
            "gpt-5",
            "openai/gpt-5:batch",
            "x:free",
            "anthropic.claude-v2:1",
            "ft:gpt-4o:acme::b",
            "nova-lite-v1:0",
        ] {
            assert!(!has_local_tag(name), "{name}");
        }
    }
}
