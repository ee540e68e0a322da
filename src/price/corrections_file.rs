//! Tests of `prices/corrections.toml`: the table that is made from it, and that each entry precedes the published price.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use toml::de::{DeTable, DeValue};

use super::alias;
use super::catalog::Catalog;
use super::compiled::tests::{assert_same, shapes};
use super::corrections::{ALL, Correction};
use super::corrections_table::CORRECTIONS;
use super::data_file::Bytes;
use super::rates::Rates;
use super::service_tier::ServiceTier;
use super::toml_file;
use crate::ledger::{Usage, rfc3339};
use crate::price::{CORRECTIONS as CORRECTIONS_NAME, PriceBook, Source, Unpriced};

const FILE: &str = "prices/corrections.toml";

fn file() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap()
}

/// The entries of the file, each as its keys and texts.
fn entries() -> Vec<Vec<(String, String)>> {
    let file = file();
    let table = DeTable::parse(&file).unwrap();
    let entries = table.get_ref().get("price").unwrap().get_ref().as_array().unwrap().clone();
    let text = |value: &DeValue<'_>| match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Datetime(date) => date.to_string(),
        other => panic!("{other:?}"),
    };
    let entry = |table: &DeTable<'_>| {
        table.iter().map(|(key, value)| (key.get_ref().to_string(), text(value.get_ref()))).collect()
    };
    entries.iter().map(|value| entry(value.get_ref().as_table().unwrap())).collect()
}

fn value<'a>(entry: &'a [(String, String)], key: &str) -> &'a str {
    entry.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value.as_str())
}

#[test]
fn the_table_is_made_from_the_file() {
    let entries = entries();
    let mut text = format!(
        "//! Made from `{FILE}` by a test of `corrections_file.rs`; not to be edited.\n\n\
         use super::corrections::Correction;\n\n\
         #[rustfmt::skip]\n\
         pub(super) const CORRECTIONS: &[Correction] = &[\n"
    );
    for entry in &entries {
        let amounts = entry.iter().filter(|(key, _)| Rates::is_amount(key));
        let mut amounts: Vec<String> = amounts.map(|(key, usd)| format!("({key:?}, {usd:?})")).collect();
        amounts.sort();
        let of = |key: &str| value(entry, key);
        let (model, provider, tier) = (of("model"), of("provider"), of("tier"));
        let (from, until) = (of("from"), of("until"));
        writeln!(text, "    Correction {{ model: {model:?}, provider: {provider:?}, tier: {tier:?},")
            .unwrap();
        writeln!(text, "        rates: &[{}],", amounts.join(", ")).unwrap();
        writeln!(text, "        from: {from:?}, until: {until:?} }},").unwrap();
    }
    text.push_str("];\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/price/corrections_table.rs");
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::write(&path, text).unwrap();
    } else {
        let current = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        assert!(current == text, "{} is not current: UPDATE_SNAPSHOTS=1", path.display());
    }
}

#[test]
fn the_table_is_what_the_reader_of_price_files_reads() {
    let read = toml_file::load(&Bytes::Given(file().into_bytes())).unwrap().prices;
    assert_eq!(read.len(), ALL.len());
    for (read, table) in read.iter().zip(ALL.iter()) {
        assert_eq!(table.rates.fault(), None);
        assert_eq!(read.rates, table.rates, "{read:?}");
        assert_eq!(read.name.exact(), table.name.exact());
        assert_eq!(read.provider.as_deref().map(alias::squeezed), table.provider);
    }
}

#[test]
fn each_has_a_public_source_a_reason_and_a_day() {
    for entry in entries() {
        assert!(value(&entry, "source").starts_with("https://"), "{entry:?}");
        assert!(value(&entry, "reason").ends_with('.'), "{entry:?}");
        assert!(rfc3339::parse_date(value(&entry, "checked")).is_ok(), "{entry:?}");
        assert!(!value(&entry, "provider").is_empty(), "{entry:?}");
    }
}

#[test]
fn their_name_has_the_newest_day() {
    let entries = entries();
    let newest = entries.iter().map(|entry| value(entry, "checked")).max().unwrap();
    assert_eq!(CORRECTIONS_NAME, format!("corrections@{newest}"));
}

#[test]
fn two_of_one_model_and_tier_never_hold_at_once() {
    for (index, one) in CORRECTIONS.iter().enumerate() {
        for other in &CORRECTIONS[index + 1..] {
            let key = |entry: &Correction| (entry.model, entry.provider, entry.tier);
            let is_apart = key(one) != key(other) || one.until == other.from && !one.until.is_empty() || {
                !one.until.is_empty() && moment(one.until) <= moment(other.from)
            };
            assert!(is_apart, "{one:?} and {other:?}");
        }
    }
}

fn moment(text: &str) -> SystemTime {
    let parsed = if text.len() <= 10 { rfc3339::parse_date(text) } else { rfc3339::parse(text) };
    UNIX_EPOCH + Duration::from_nanos(parsed.unwrap().try_into().unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn each_precedes_the_list_at_its_times_and_tier_and_at_no_others() {
    let book = PriceBook::new();
    let usage = Usage::new().input(1_000).output(100).cache_read(500);
    for entry in CORRECTIONS {
        let model = || book.model(Some(entry.provider), Some(entry.model)).with_tier(entry.tier);
        let first = if entry.from.is_empty() { moment("2026-11-30") } else { moment(entry.from) };
        let mut inside = vec![first, first + MINUTE];
        inside.extend((!entry.until.is_empty()).then(|| moment(entry.until) - MINUTE));
        for at in inside {
            let price = model().price(&usage, at).unwrap();
            let expected = entry.as_override().rates.cost(&usage).unwrap();
            assert_eq!((price.cost, price.source), (expected, Source::Corrections), "{entry:?}");
            assert_same(&model(), at, &[0, 1, 999_983].into_iter().flat_map(shapes).collect::<Vec<_>>());
        }
        let is_continued = |other: &&Correction| {
            (other.model, other.tier, other.until) == (entry.model, entry.tier, entry.from)
        };
        if !entry.from.is_empty() && !CORRECTIONS.iter().any(|other| is_continued(&other)) {
            let source = model().price(&usage, first - MINUTE).map(|price| price.source);
            assert_ne!(source, Ok(Source::Corrections), "{entry:?}");
        }
    }
}

#[test]
fn each_differs_from_the_list() {
    for entry in CORRECTIONS {
        let at = if entry.from.is_empty() { moment("2026-11-30") } else { moment(entry.from) };
        let corrected = PriceBook::new().model(Some(entry.provider), Some(entry.model)).with_tier(entry.tier);
        // The list alone: a book with the same list is corrected as well.
        let catalog = Catalog::default();
        let usage = Usage::new().input(1_000).output(100).cache_read(500);
        let provider = catalog.provider_id(entry.provider).unwrap();
        let listed = catalog.find(&provider, &entry.model.to_lowercase()).ok();
        let listed = listed.map(|route| route.at_tier(ServiceTier::parse(entry.tier)));
        let listed = listed.and_then(|route| catalog.price(&route, entry.model, &usage, at).ok());
        let listed = listed.map(|(cost, _)| cost);
        let corrected = corrected.price(&usage, at).map(|price| price.cost);
        assert_ne!(corrected.ok(), listed, "{entry:?}");
    }
}

#[test]
fn the_users_own_price_precedes_a_correction() {
    let own = Rates::per_million().input("7").output("7");
    let book = PriceBook::builder().price("sonar-pro", own).build().unwrap();
    let model = book.model(Some("perplexity"), Some("sonar-pro"));
    let price = model.price(&Usage::new().input(1_000_000), moment("2026-11-30")).unwrap();
    assert_eq!((price.cost.to_string().as_str(), price.source), ("7", Source::Override));
}

#[test]
fn a_tier_that_is_not_corrected_is_not_priced_by_the_correction() {
    let (book, usage) = (PriceBook::new(), Usage::new().input(1_000));
    let batch = book.model(Some("perplexity"), Some("sonar-pro")).with_tier("batch");
    let answer = batch.price(&usage, moment("2026-11-30"));
    assert!(matches!(answer, Err(Unpriced::NoTierPrice { .. })), "{answer:?}");
}

#[test]
fn other_spellings_of_a_name_are_corrected_and_other_providers_are_not() {
    let (book, usage, at) = (PriceBook::new(), Usage::new().input(1_000), moment("2026-11-30"));
    let source = |provider: Option<&str>, model: &str| {
        book.model(provider, Some(model)).price(&usage, at).map(|price| price.source)
    };
    let profile = "arn:aws:bedrock:ap-south-1:123456789012:inference-profile/apac.amazon.nova-pro-v1:0";
    for (provider, model) in [
        (Some("deepseek"), "DeepSeek-Chat"),
        (None, "deepseek-chat"),
        (None, "deepseek/deepseek-chat"),
        (Some("mistral_ai"), "mistral-large-latest"),
        (Some("aws.bedrock"), "apac.amazon.nova-pro-v1:0"),
        (Some("aws.bedrock"), profile),
    ] {
        assert_eq!(source(provider, model), Ok(Source::Corrections), "{provider:?} {model}");
    }
    for (provider, model) in [
        (Some("ollama"), "deepseek-chat"),
        (Some("azure"), "deepseek-chat"),
        (Some("aws.bedrock"), "amazon.nova-pro-v1:0"),
        (Some("mistral"), "mistral-large-2411"),
        // Of the Agent API, with prices of its own; `sonar` is of the other one.
        (Some("perplexity"), "perplexity/sonar"),
    ] {
        assert_ne!(source(provider, model), Ok(Source::Corrections), "{provider:?} {model}");
    }
}

/// The names in the table, so that a test of theirs fails where one is renamed.
#[test]
fn the_known_wrong_ones_are_in_it() {
    let names: BTreeSet<&str> = CORRECTIONS.iter().map(|entry| entry.model).collect();
    for name in ["deepseek-chat", "deepseek-reasoner", "mistral-large-latest", "sonar-pro"] {
        assert!(names.contains(name), "{name}");
    }
}
