//! Prices in a TOML file.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::data_file::Bytes;
use super::error::PriceBookError;
use super::overrides::{ModelPattern, Override};
use super::rates::Rates;

/// Reads the user's own prices.
pub(super) fn load_overrides(bytes: &Bytes) -> Result<Vec<Override>, PriceBookError> {
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

    fn read(&self) -> Result<Vec<Override>, PriceBookError> {
        let table = DeTable::parse(self.text).map_err(|error| PriceBookError::Toml {
            file: self.file.clone(),
            line: self.line(&error.span().unwrap_or_default()),
            reason: error.message().to_owned(),
        })?;
        let mut overrides = Vec::new();
        for (key, value) in table.get_ref() {
            let entries = value.get_ref().as_array().filter(|_| key.get_ref() == "price");
            let Some(entries) = entries else {
                return Err(self.wrong(&key.span(), key.get_ref(), "expected only [[price]] tables"));
            };
            for entry in entries.iter() {
                let table = entry.get_ref().as_table().ok_or_else(|| {
                    self.wrong(&entry.span(), "price", "expected a table, as [[price]] begins one")
                })?;
                overrides.push(self.entry(&entry.span(), table.iter())?);
            }
        }
        Ok(overrides)
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
            let text = || match value.get_ref() {
                DeValue::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
                other => Err(wrong(format!("expected text, found {}", found(other)))),
            };
            let amount = || amount(value.get_ref()).map_err(wrong);
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
                // Kept for people: where a price is from, and why it is there.
                "source" | "reason" => text().map(|_| rates)?,
                "checked" => date(value.get_ref()).map(|_| rates).map_err(wrong)?,
                other if !Rates::is_amount(other) => {
                    return Err(self.wrong(&key.span(), other, "is not a key of a price"));
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

/// Returns the text of an amount as the file has it. A double would lose digits.
fn amount(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::String(text) => Ok(text.to_string()),
        other => Err(format!("expected an amount in USD, found {}", found(other))),
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
