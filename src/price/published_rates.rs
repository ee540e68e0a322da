//! The rates of a published price, queried one by one.

use std::time::SystemTime;

use genai_prices::{Usage as Counts, UsageKey};

use super::catalog::{Calculated, Catalog, Route, billed_otherwise, per_token};
use super::compiled::{LONGEST, Rate, Table, Tier};
use crate::ledger::{Kind, Usd};

/// How to query the rate of a kind: all of a whole is of this kind. `true` is input, `false` output.
const QUERIES: [(Kind, bool, &[UsageKey]); 8] = [
    (Kind::Input, true, &[]),
    (Kind::Output, false, &[]),
    (Kind::CacheRead, true, &[UsageKey::CACHE_READ_TOKENS]),
    (Kind::CacheWrite, true, &[UsageKey::CACHE_WRITE_TOKENS]),
    (Kind::CacheWrite1h, true, &[UsageKey::CACHE_WRITE_TOKENS, UsageKey::CACHE_WRITE_1H_TOKENS]),
    (Kind::Reasoning, false, &[UsageKey::OUTPUT_REASONING_TOKENS]),
    (Kind::AudioInput, true, &[UsageKey::INPUT_AUDIO_TOKENS]),
    (Kind::AudioOutput, false, &[UsageKey::OUTPUT_AUDIO_TOKENS]),
];

impl Catalog {
    /// The rates of a model at a time, in each of its context tiers. `is_inferred` is whether its provider was not reported.
    pub(super) fn table(&self, route: &Route, is_inferred: bool, at: SystemTime) -> Option<Table> {
        let query = |counts: &Counts| self.calculate(route, counts, at);
        let nothing = query(&Counts::new()).ok()?;
        let request = u64::try_from(Usd::from_f64(nothing.total_price)?.pico()).ok()?;
        // From the highest bound down; a bound is the longest input of the tier below it.
        let mut tiers: Vec<Tier> = Vec::new();
        let mut longest = LONGEST;
        for bound in self.context_tiers().of(&nothing.model_id).rev() {
            tiers.push(Tier { above: Some(bound), rates: rates(&query, longest.max(bound + 1)) });
            longest = bound;
        }
        tiers.push(Tier { above: None, rates: rates(&query, longest) });
        if route.has_one_rate() {
            // What is not listed is not free.
            for kind in [Kind::Output, Kind::Reasoning, Kind::AudioOutput] {
                tiers.iter_mut().for_each(|tier| tier.rates[kind as usize] = None);
            }
        }
        // A free model of a provider that was not reported is not known to be free.
        let has_free = tiers.iter().flat_map(|tier| tier.rates).any(|rate| rate == Some(0));
        let is_by_tokens_alone = !billed_otherwise(&query);
        let may_be_free = has_free && !is_inferred && is_by_tokens_alone;
        Some(Table { request, may_be_free, is_by_tokens_alone, tiers: tiers.into() })
    }
}

/// The rates of a call with so much input.
fn rates(query: &impl Fn(&Counts) -> Calculated, input: u64) -> [Rate; QUERIES.len()] {
    let mut rates = [None; QUERIES.len()];
    for (kind, is_input, keys) in QUERIES {
        // As much output as input: it has no tiers of its own.
        let known = [UsageKey::INPUT_TOKENS, UsageKey::OUTPUT_TOKENS].into_iter().chain(keys.iter().cloned());
        let Ok(found) = query(&known.map(|key| (key, input as f64)).collect()) else { continue };
        let price = if is_input { found.input_price } else { found.output_price };
        rates[kind as usize] = per_token(price, input).and_then(|rate| u64::try_from(rate).ok());
    }
    rates
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::compiled::tests::{assert_same, noon, shapes};
    use crate::ledger::{Kind, Usage, rfc3339};
    use crate::price::PriceBook;
    use crate::price::PricedModel;

    use super::*;

    /// The data, in which the tests look for the dates, the times of day and the bounds that there are.
    fn data() -> Value {
        serde_json::from_slice(include_bytes!("../../data/genai-prices.json")).unwrap()
    }

    /// Every value under a key, at any depth.
    fn collect<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| collect(one, key, found)),
            Value::Object(all) => {
                found.extend(all.get(key));
                all.values().for_each(|one| collect(one, key, found));
            }
            _ => {}
        }
    }

    fn all<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
        let mut found = Vec::new();
        collect(value, key, &mut found);
        found
    }

    /// The times around each change of a model's prices, and noon.
    fn times(model: &Value) -> BTreeSet<SystemTime> {
        let prices = &model["prices"];
        let minute = Duration::from_secs(60);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let parse = |nanoseconds: i128| UNIX_EPOCH + Duration::from_nanos(nanoseconds.try_into().unwrap());
        let dates =
            all(prices, "start_date").into_iter().map(|date| rfc3339::parse_date(&text(date)).unwrap());
        let of_day = ["start_time", "end_time"].into_iter().flat_map(|key| all(prices, key));
        let of_day = of_day.map(|time| rfc3339::parse(&format!("2026-11-30T{}", text(time))).unwrap());
        let changes = dates.chain(of_day).map(parse);
        changes.flat_map(|change| [change - minute, change]).chain([noon()]).collect()
    }

    fn bounds(model: &Value) -> BTreeSet<u64> {
        all(&model["prices"], "start").into_iter().map(|start| start.as_f64().unwrap() as u64).collect()
    }

    /// Every model of the data, as provider, name and entry.
    fn models(data: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
        data.as_array().unwrap().iter().flat_map(|provider| {
            let id = provider["id"].as_str().unwrap();
            let models = provider["models"].as_array().unwrap();
            models.iter().map(move |model| (id, model["id"].as_str().unwrap(), model))
        })
    }

    /// Every so manieth model is tried: each of them, where `CI` is set.
    fn stride() -> usize {
        if std::env::var_os("CI").is_some() { 1 } else { 7 }
    }

    #[test]
    fn compiled_rates_are_the_librarys_for_every_model_time_tier_and_unit() {
        let (book, data) = (PriceBook::new(), data());
        let (mut compared, mut lookups, mut served) = (0, 0, 0);
        for (provider, name, entry) in models(&data).step_by(stride()) {
            let model = book.model(Some(provider), Some(name));
            let inputs = [0, 1, 999_983]
                .into_iter()
                .chain(bounds(entry).into_iter().flat_map(|bound| [bound, bound + 1]));
            let usages: Vec<Usage> = inputs.flat_map(shapes).collect();
            for at in times(entry) {
                compared += usages.len();
                lookups += assert_same(&model, at, &usages);
            }
            for tier in ["batch", "flex", "priority", "fast"] {
                let model = book.model(Some(provider), Some(name)).with_tier(tier);
                // Those without a price of the tier have no compiled one either.
                if model.price(&Usage::new().input(1_000), noon()).is_ok() {
                    compared += usages.len();
                    lookups += assert_same(&model, noon(), &usages);
                    served += 1;
                } else {
                    assert_eq!(model.compiled(noon()).cost(&Usage::new().input(1_000)), None, "{model:?}");
                }
            }
        }
        println!("{compared} prices compared, of {served} tiers, {lookups} without a compiled rate");
        assert!(served * stride() > 150, "{served} tiers have a price");
        // Cached audio, spoken reasoning, and cache writes at a rate that is no whole number of pico-dollars.
        assert!(lookups * 4 < compared, "{lookups} of {compared} were looked up");
    }

    /// The oracle's own answer to a usage with other units, made apart from the code that makes counts: of time, in seconds.
    fn answer(provider: &str, name: &str, counts: &[(Kind, u64)]) -> Option<f64> {
        static CALCULATOR: std::sync::LazyLock<genai_prices::Calculator> = std::sync::LazyLock::new(|| {
            genai_prices::Calculator::from_json(include_bytes!("../../data/genai-prices.json")).unwrap()
        });
        let key = |kind| match kind {
            Kind::Reasoning => "output_reasoning_tokens",
            Kind::AudioInput => "input_audio_tokens",
            Kind::AudioOutput => "output_audio_tokens",
            other => other.key(),
        };
        let amount = |kind: Kind, count| if kind.key().ends_with("seconds") { count / 1e6 } else { count };
        let counts: Counts = counts
            .iter()
            .map(|(kind, count)| (UsageKey::from(key(*kind)), amount(*kind, *count as f64)))
            .collect();
        let request =
            genai_prices::PriceRequest::new(name, &counts).with_provider_id(provider).with_timestamp(noon());
        CALCULATOR.calculate(&request).ok().map(|price| price.total_price)
    }

    /// The wholes that a kind is part of, each as large, and the kind itself.
    fn with_wholes(kind: Kind, count: u64) -> Vec<(Kind, u64)> {
        let key = kind.key();
        let wholes = [
            (key.contains("read"), Kind::CacheRead),
            (key.contains("write"), Kind::CacheWrite),
            (key.contains("1h"), Kind::CacheWrite1h),
            (key.contains("5m"), Kind::CacheWrite5m),
            (key.contains("reasoning"), Kind::Reasoning),
            (key.contains("citation"), Kind::Citation),
            (key.contains("input_") && key.contains("tool"), Kind::ToolInput),
            (key.contains("text") && key.contains("output"), Kind::TextOutput),
            (key.contains("image") && key.contains("output"), Kind::ImageOutput),
            (key.contains("video") && key.contains("output"), Kind::VideoOutput),
            (key.contains("audio") && key.contains("output"), Kind::AudioOutput),
            (key.contains("text") && !key.contains("output"), Kind::TextInput),
            (key.contains("image") && !key.contains("output"), Kind::ImageInput),
            (key.contains("video") && !key.contains("output"), Kind::VideoInput),
            (key.contains("audio") && !key.contains("output"), Kind::AudioInput),
            (key.ends_with("tokens") && !key.contains("output"), Kind::Input),
            (key.ends_with("tokens") && key.contains("output"), Kind::Output),
        ];
        let is_tokens = key.ends_with("tokens");
        let wholes = wholes.into_iter().filter(|(is_whole, whole)| *is_whole && is_tokens && *whole != kind);
        let mut counts: Vec<_> = wholes.map(|(_, whole)| (whole, count)).collect();
        // Beside some tokens, as in nearly every reply.
        for whole in [Kind::Input, Kind::Output] {
            if !counts.iter().any(|(known, _)| *known == whole) {
                counts.push((whole, 1_000));
            }
        }
        match kind {
            Kind::AudioInputMicros | Kind::AudioOutputMicros => counts.push((Kind::AudioMicros, count)),
            Kind::AnnotatedPages => counts.push((Kind::Pages, count)),
            _ => {}
        }
        counts.push((kind, count));
        counts
    }

    #[test]
    fn every_unit_has_the_librarys_price_at_every_model() {
        let (book, data) = (PriceBook::new(), data());
        let others = || Kind::ALL.iter().copied().filter(|kind| !kind.is_common());
        let (mut compared, mut lacking, mut charged) = (0, 0, 0);
        for (provider, name, _) in models(&data).step_by(stride()) {
            let model = book.model(Some(provider), Some(name));
            let plain = answer(provider, name, &[(Kind::Input, 1_000), (Kind::Output, 1_000)]);
            for kind in others().filter(|kind| *kind != Kind::CacheWrite12h) {
                let counts =
                    with_wholes(kind, if kind.key().ends_with("seconds") { 12_340_000 } else { 1_290 });
                let usage =
                    counts.iter().fold(Usage::new(), |usage, (kind, count)| usage.with(*kind, *count));
                let (ours, theirs) = (model.price(&usage, noon()), answer(provider, name, &counts));
                let Ok(ours) = ours else { continue };
                // The library does not match the ids of some models, which are names of them here.
                if theirs.is_none() && plain.is_none() {
                    continue;
                }
                if !matches!(ours.source, crate::price::Source::Book(_)) {
                    continue;
                }
                compared += 1;
                assert_eq!(Usd::from_f64(theirs.unwrap()), Some(ours.cost), "{provider} {name} {kind}");
                lacking += usize::from(ours.lacks == [kind]);
                // What costs the same without the unit lacks it, if it is charged beside tokens.
                let is_beside = !kind.key().ends_with("tokens");
                if is_beside && ours.lacks.is_empty() {
                    let with_tokens = plain.is_some_and(|plain| plain > 0.0);
                    charged += usize::from(theirs > plain);
                    assert!(theirs > plain || with_tokens, "{provider} {name} {kind}");
                }
            }
        }
        println!("{compared} prices of units compared, {lacking} lack the unit");
        assert!(compared * stride() > 40_000, "{compared} prices were compared");
        assert!(lacking > 0 && charged * stride() > 100, "{lacking} units have no price, {charged} have one");
    }

    #[test]
    fn no_model_needs_a_lookup_for_text() {
        let (book, data) = (PriceBook::new(), data());
        let usage = Usage::new().input(3_000).output(700).cache_read(1_000);
        let is_looked_up = |model: &PricedModel| {
            model.price(&usage, noon()).is_ok() && model.compiled(noon()).cost(&usage).is_none()
        };
        let looked_up: Vec<_> = models(&data)
            .step_by(stride())
            .map(|(provider, name, _)| book.model(Some(provider), Some(name)))
            .filter(is_looked_up)
            .collect();
        assert!(looked_up.is_empty(), "{looked_up:?}");
    }

    /// A usage of any shape. Shares are in percent.
    fn usage() -> impl Strategy<Value = Usage> {
        let shares = (0..=100_u64, 0..=100_u64, 0..=100_u64);
        (0..600_000_u64, 0..64_000_u64, shares, 0..6_u8).prop_map(
            |(input, output, (one, two, three), shape)| {
                let usage = Usage::new().input(input).output(output);
                let read = input * one / 100;
                let write = (input - read) * two / 100;
                match shape {
                    0 => usage,
                    1 => usage.cache_read(read).reasoning(output * two / 100),
                    2 => {
                        let hour = write * three / 100;
                        usage.cache_read(read).cache_write(write).with(Kind::CacheWrite1h, hour)
                    }
                    3 => usage.with(Kind::AudioInput, read).with(Kind::AudioOutput, output * two / 100),
                    4 => usage.cache_read(read).with(Kind::Requests, three),
                    _ => usage.cache_write(write).reasoning(output * one / 100),
                }
            },
        )
    }

    thread_local! {
        static MODELS: Vec<PricedModel> = {
            let (book, data) = (PriceBook::new(), data());
            models(&data).map(|(provider, name, _)| book.model(Some(provider), Some(name))).collect()
        };
    }

    proptest! {
        // `PRICES_CASES` is the number of tens of usages.
        #![proptest_config(ProptestConfig {
            cases: std::env::var("PRICES_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn compiled_rates_are_the_librarys_for_any_usage(
            which: prop::sample::Index,
            usages in prop::collection::vec(usage(), 10),
        ) {
            MODELS.with(|models| assert_same(&models[which.index(models.len())], noon(), &usages));
        }
    }
}
