//! The many names of one provider, and the vendor in a model's name.

/// The names in use for a provider, spelled without case or punctuation, and the id that prices go by.
///
/// The first of each group are the values of `gen_ai.provider.name` and the older `gen_ai.system` in the
/// OpenTelemetry semantic conventions for generative AI; then come OpenInference's, rig's, genai's and LiteLLM's.
/// A name is matched whole: `openai` inside `azure.ai.openai` or `my-openai-proxy` identifies no provider.
const PROVIDERS: &[(&str, &[&str])] = &[
    ("openai", &["openai", "openairesponses", "openairesp", "openaichat", "textcompletionopenai"]),
    (
        "azure",
        &[
            "azureaiopenai",
            "azureaiinference",
            "azaiopenai",
            "azaiinference",
            "azure",
            "azureopenai",
            "azureai",
            "azuretext",
        ],
    ),
    (
        "google",
        &[
            "gcpgenai",
            "gcpgemini",
            "gcpvertexai",
            "vertexai",
            "gemini",
            "google",
            "googleai",
            "googlegenai",
            "googlegemini",
            "googlevertex",
            "googlevertexai",
            "vertex",
            "vertexaibeta",
        ],
    ),
    (
        "aws",
        &["awsbedrock", "aws", "bedrock", "amazonbedrock", "amazon", "bedrockconverse", "awsbedrockconverse"],
    ),
    ("x-ai", &["xai"]),
    ("mistral", &["mistralai", "mistral"]),
    ("moonshotai", &["moonshotai", "moonshot"]),
    ("anthropic", &["anthropic"]),
    ("cohere", &["cohere", "coherechat"]),
    ("deepseek", &["deepseek"]),
    ("groq", &["groq"]),
    ("perplexity", &["perplexity", "perplexityai"]),
    ("ibm.watsonx.ai", &["ibmwatsonxai", "watsonxai", "watsonx"]),
    ("together", &["together", "togetherai"]),
    ("fireworks", &["fireworks", "fireworksai"]),
    ("openrouter", &["openrouter"]),
    ("voyageai", &["voyageai", "voyage"]),
    ("github-copilot", &["githubcopilot", "copilot"]),
    ("zhipuai", &["zhipuai", "zhipu", "bigmodel"]),
];

/// Servers that run weights on the user's machine: no vendor bills for their calls, whatever the model's name.
const SELF_HOSTED: &[&str] = &[
    "ollama",
    "ollamachat",
    "vllm",
    "hostedvllm",
    "xinference",
    "llamaswap",
    "docker",
    "dockermodelrunner",
    "dmr",
    "nvidianim",
    "nim",
    "aphrodite",
    "tabbyapi",
    "exllama",
    "lmdeploy",
    "openllm",
    "ramalama",
    "llamacppserver",
    "llamaserver",
    "oobabooga",
    "textgenerationwebui",
    "powerinfer",
    "foundrylocal",
    "sglang",
    "llamacpp",
    "llamafile",
    "llamaedge",
    "lmstudio",
    "localai",
    "mistralrs",
    "candle",
    "kalosm",
    "tgi",
    "textgenerationinference",
    "triton",
    "tritonserver",
    "mlx",
    "koboldcpp",
    "jan",
    "gpt4all",
    "local",
    "localhost",
    "selfhosted",
];

/// A provider's name without case, whitespace and punctuation.
pub(super) fn squeezed(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The id of a provider known by many names, if this is one of its names.
pub(super) fn aliased(name: &str) -> Option<&'static str> {
    let name = squeezed(name);
    PROVIDERS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(id, _)| *id)
}

/// The id of a provider by any of its names, or the name itself, without punctuation: by this the user's prices are compared.
pub(super) fn key(name: &str) -> String {
    squeezed(aliased(name).unwrap_or(name))
}

/// Whether the name is that of a server run by its user.
pub(super) fn is_self_hosted(name: &str) -> bool {
    SELF_HOSTED.contains(&squeezed(name).as_str())
}

/// A model's name without its date: `gpt-5-2025-08-07` and `claude-sonnet-4-5-20250929` lose theirs.
pub(super) fn undated(model: &str) -> Option<&str> {
    let is_date = |text: &str| {
        let digits: Vec<&str> = text.split('-').collect();
        let widths: Vec<usize> = digits.iter().map(|part| part.len()).collect();
        let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        numeric && text.starts_with("20") && (widths == [8] || widths == [4, 2, 2])
    };
    [11, 9].into_iter().find_map(|length| {
        let (name, suffix) = model.split_at_checked(model.len().checked_sub(length)?)?;
        (!name.is_empty() && is_date(suffix.strip_prefix('-')?)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_any_of_its_whole_names() {
        for (name, id) in [
            ("openai", "openai"),
            (" OpenAI ", "openai"),
            ("azure.ai.openai", "azure"),
            ("az.ai.inference", "azure"),
            ("gcp.vertex_ai", "google"),
            ("gcp.gen_ai", "google"),
            ("aws.bedrock", "aws"),
            ("x_ai", "x-ai"),
            ("mistral_ai", "mistral"),
            ("moonshot_ai", "moonshotai"),
        ] {
            assert_eq!(aliased(name), Some(id), "{name}");
        }
        assert_eq!(aliased("my-openai-proxy"), None);
    }

    #[test]
    fn only_a_date_is_taken_for_a_date() {
        assert_eq!(undated("gpt-5-2025-08-07"), Some("gpt-5"));
        assert_eq!(undated("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        for name in ["gpt-5", "model-12345678", "codestral-2508", "-20250929", "é-2025-08-0", "x-20-25-0807"]
        {
            assert_eq!(undated(name), None, "{name}");
        }
    }
}
