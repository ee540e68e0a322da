//! Prices in a TOML file.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::data_file::Bytes;
use super::error::PriceBookError;
use super::factors::{FactorRule, PriceFactor};
use super::model_alias::ModelAlias;
use super::overrides::{ModelPattern, Override};
use super::rates::Rates;
use crate::present::nearest;

/// What a price file has, in its order.
#[derive(Default)]
pub(super) struct PriceFile {
    pub(super) prices: Vec<Override>,
    pub(super) aliases: Vec<ModelAlias>,
    pub(super) factors: Vec<FactorRule>,
}

/// The keys of a price beside its amounts.
const PRICE_KEYS: [&str; 9] =
    ["model", "pattern", "provider", "tier", "from", "until", "source", "reason", "checked"];

/// The keys of an alias and of a factor. `source`, `reason` and `checked` are for people.
const ALIAS_KEYS: [&str; 7] =
    ["model", "provider", "base_provider", "base_model", "source", "reason", "checked"];
const FACTOR_KEYS: [&str; 8] =
    ["provider", "model", "factor", "from", "until", "source", "reason", "checked"];

/// Reads the user's own prices, aliases and factors.
pub(super) fn load(bytes: &Bytes) -> Result<PriceFile, PriceBookError> {
    let file = bytes.name("<toml>");
    let content = bytes.read()?;
    let text = std::str::from_utf8(&content).map_err(|error| PriceBookError::Toml {
        line: 1 + content[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count(),
        file: file.clone(),
        reason: "expected UTF-8".to_owned(),
    })?;
    Page { file, text }.read()
}

/// A price file that is being read.
struct Page<'a> {
    file: String,
    text: &'a str,
}

type Item<'a> = (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>);

impl Page<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count()
    }

    fn wrong(&self, span: &Range<usize>, key: &str, reason: impl Into<String>) -> PriceBookError {
        let (file, line) = (self.file.clone(), self.line(span));
        PriceBookError::Key { file, line, key: key.to_owned(), reason: reason.into() }
    }

    fn read(&self) -> Result<PriceFile, PriceBookError> {
        let table = DeTable::parse(self.text).map_err(|error| PriceBookError::Toml {
            file: self.file.clone(),
            line: self.line(&error.span().unwrap_or_default()),
            reason: error.message().to_owned(),
        })?;
        let mut read = PriceFile::default();
        for (key, value) in table.get_ref() {
            let kind = key.get_ref().as_ref();
            let is_known = matches!(kind, "price" | "alias" | "factor");
            let Some(entries) = value.get_ref().as_array().filter(|_| is_known) else {
                let expected = "expected only [[price]], [[alias]] and [[factor]] tables";
                return Err(self.wrong(&key.span(), kind, expected));
            };
            for entry in entries.iter() {
                let table = entry.get_ref().as_table().ok_or_else(|| {
                    let expected = format!("expected a table, as [[{kind}]] begins one");
                    self.wrong(&entry.span(), kind, expected)
                })?;
                let (span, items) = (entry.span(), table.iter());
                match kind {
                    "alias" => read.aliases.push(self.alias(&span, items)?),
                    "factor" => read.factors.push(self.factor(&span, items)?),
                    _ => read.prices.push(self.entry(&span, items)?),
                }
            }
        }
        Ok(read)
    }

    fn alias<'a>(
        &self,
        span: &Range<usize>,
        items: impl Iterator<Item = Item<'a>>,
    ) -> Result<ModelAlias, PriceBookError> {
        let [mut model, mut provider, mut base_provider, mut base_model] = [const { None }; 4];
        for (key, value) in items {
            let known = self.known("an alias", key, &ALIAS_KEYS)?;
            let slot = match known {
                "model" => &mut model,
                "provider" => &mut provider,
                "base_provider" => &mut base_provider,
                "base_model" => &mut base_model,
                _ => {
                    self.for_people(known, value)?;
                    continue;
                }
            };
            *slot = Some(self.text(known, value)?);
        }
        let wrong = |reason: &str| self.wrong(span, "alias", reason);
        let model = model.ok_or_else(|| wrong("expected a model, which is the reported name"))?;
        let base_model = base_model.ok_or_else(|| wrong("expected a base_model"))?;
        let base_provider = base_provider.or_else(|| provider.clone());
        let base_provider = base_provider.ok_or_else(|| wrong("expected a base_provider or a provider"))?;
        ModelAlias::new(provider.as_deref(), &model, &base_provider, &base_model)
            .map_err(|reason| wrong(&reason))
    }

    fn factor<'a>(
        &self,
        span: &Range<usize>,
        items: impl Iterator<Item = Item<'a>>,
    ) -> Result<FactorRule, PriceBookError> {
        let [mut provider, mut model, mut factor, mut from, mut until] = [const { None }; 5];
        for (key, value) in items {
            let known = self.known("a factor", key, &FACTOR_KEYS)?;
            let wrong = |reason: String| self.wrong(&value.span(), known, reason);
            match known {
                "provider" => provider = Some(self.text(known, value)?),
                "model" => model = Some(self.text(known, value)?),
                "factor" => factor = Some(decimal(value.get_ref(), "a factor").map_err(wrong)?),
                "from" => from = Some(date(value.get_ref()).map_err(wrong)?),
                "until" => until = Some(date(value.get_ref()).map_err(wrong)?),
                _ => self.for_people(known, value)?,
            }
        }
        let wrong = |reason: &str| self.wrong(span, "factor", reason);
        let provider = provider.ok_or_else(|| wrong("expected a provider"))?;
        let mut factor = PriceFactor::new(&factor.ok_or_else(|| wrong("expected a factor"))?);
        if let Some(from) = from {
            factor = factor.from(&from);
        }
        if let Some(until) = until {
            factor = factor.until(&until);
        }
        FactorRule::new(&provider, model.as_deref(), factor).map_err(|reason| wrong(&reason))
    }

    /// A key, if it is one of these.
    fn known<'k>(
        &self,
        what: &str,
        key: &Spanned<Cow<'_, str>>,
        keys: &[&'k str],
    ) -> Result<&'k str, PriceBookError> {
        let name = key.get_ref().as_ref();
        keys.iter().find(|known| **known == name).copied().ok_or_else(|| {
            let hint = nearest(name, keys.iter().copied()).map_or_else(String::new, did_you_mean);
            self.wrong(&key.span(), name, format!("is not a key of {what}{hint}"))
        })
    }

    /// A text that is not empty.
    fn text(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, PriceBookError> {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            other => Err(self.wrong(&value.span(), key, format!("expected text, found {}", found(other)))),
        }
    }

    /// Checks what is kept for people: where an entry is from, why it is there, and when that was read.
    fn for_people(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), PriceBookError> {
        match key {
            "checked" => {
                date(value.get_ref()).map(|_| ()).map_err(|reason| self.wrong(&value.span(), key, reason))
            }
            _ => self.text(key, value).map(|_| ()),
        }
    }

    fn entry<'a>(
        &self,
        span: &Range<usize>,
        items: impl Iterator<Item = Item<'a>>,
    ) -> Result<Override, PriceBookError> {
        let mut name: Option<ModelPattern> = None;
        let mut provider = None;
        let mut rates = Rates::per_million();
        for (key, value) in items {
            let wrong = |reason: String| self.wrong(&value.span(), key.get_ref(), reason);
            let text = || self.text(key.get_ref(), value);
            let amount = || decimal(value.get_ref(), "an amount in USD").map_err(wrong);
            rates = match key.get_ref().as_ref() {
                kind @ ("model" | "pattern") => {
                    if name.is_some() {
                        return Err(self.wrong(
                            &key.span(),
                            kind,
                            "expected either model or pattern, not both",
                        ));
                    }
                    let text = text()?;
                    let named = if kind == "model" {
                        Ok(ModelPattern::Exact(text.to_lowercase()))
                    } else {
                        ModelPattern::pattern(&text)
                    };
                    name = Some(named.map_err(wrong)?);
                    rates
                }
                "provider" => {
                    provider = Some(text()?);
                    rates
                }
                "tier" => rates.tier(&text()?),
                "from" => rates.from(&date(value.get_ref()).map_err(wrong)?),
                "until" => rates.until(&date(value.get_ref()).map_err(wrong)?),
                people @ ("source" | "reason" | "checked") => {
                    self.for_people(people, value)?;
                    rates
                }
                other if !Rates::is_amount(other) => {
                    let names = PRICE_KEYS.into_iter().chain(Rates::amounts());
                    let hint = nearest(other, names).map_or_else(String::new, did_you_mean);
                    return Err(self.wrong(&key.span(), other, format!("is not a key of a price{hint}")));
                }
                other => rates.with(other, &amount()?),
            };
            // Reported here, where the line is known.
            if let Some(fault) = rates.own_fault() {
                return Err(wrong(fault.to_owned()));
            }
        }
        let name = name.ok_or_else(|| self.wrong(span, "price", "expected a model or a pattern"))?;
        match rates.fault() {
            Some(fault) => Err(self.wrong(span, "price", fault)),
            None => Ok(Override { name, provider, rates: Arc::new(rates) }),
        }
    }
}

fn did_you_mean(key: &str) -> String {
    format!("; did you mean {key}?")
}

/// Returns the text of a decimal as the file has it. A double would lose digits.
fn decimal(value: &DeValue<'_>, what: &str) -> Result<String, String> {
    match value {
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::String(text) => Ok(text.to_string()),
        other => Err(format!("expected {what}, found {}", found(other))),
    }
}

fn date(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::Datetime(date) => Ok(date.to_string()),
        DeValue::String(text) => Ok(text.to_string()),
        other => Err(format!("expected a date such as 2026-01-31, found {}", found(other))),
    }
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "an empty text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
