//! Model aliases: names of the user's own, each for a model of a provider.

use super::alias;

/// A name of the user's own, such as that of a deployment, and the model behind it.
#[derive(Debug)]
pub(super) struct ModelAlias {
    /// The reported name, in lower case.
    name: String,
    /// The id of the only provider that it is reported with, without punctuation.
    provider: Option<String>,
    pub(super) base_provider: String,
    pub(super) base_model: String,
}

impl ModelAlias {
    /// An alias, or what is wrong with it.
    pub(super) fn new(
        provider: Option<&str>,
        name: &str,
        base_provider: &str,
        base_model: &str,
    ) -> Result<Self, String> {
        let [name, base_provider, base_model] = [name, base_provider, base_model].map(str::trim);
        for (text, what) in [
            (name, "the reported name of a model"),
            (base_provider, "the provider of the base model"),
            (base_model, "the name of the base model"),
        ] {
            if text.is_empty() {
                return Err(format!("expected {what}"));
            }
        }
        let provider = provider.map(alias::key);
        if provider.as_deref() == Some(&alias::key(base_provider)) && name.eq_ignore_ascii_case(base_model) {
            return Err(format!("{base_provider}/{base_model} is an alias of itself"));
        }
        Ok(Self {
            name: name.to_lowercase(),
            provider,
            base_provider: base_provider.to_owned(),
            base_model: base_model.to_owned(),
        })
    }

    /// The base model, with its provider.
    pub(super) fn base(&self) -> String {
        format!("{}/{}", self.base_provider, self.base_model)
    }

    fn is_for(&self, names: &[String], providers: &[&str]) -> bool {
        let is_at = |own: &String| providers.iter().any(|name| alias::squeezed(name) == *own);
        names.contains(&self.name) && self.provider.as_ref().is_none_or(is_at)
    }
}

/// Returns the alias of a model with these names (in lower case) at these providers: one for the provider before one for any, then
/// what was given first.
pub(super) fn matching<'a>(
    aliases: &'a [ModelAlias],
    names: &[String],
    providers: &[&str],
) -> Option<&'a ModelAlias> {
    let matching = || aliases.iter().filter(|alias| alias.is_for(names, providers));
    matching().find(|alias| alias.provider.is_some()).or_else(|| matching().next())
}
