//! From the counts of a reply to its usage: the shape with the most evidence, and which counts are parts of which.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cost;
use super::counts::Counts;
use super::envelope::Envelope;
use super::error::ResponseError;
use super::iterations::add_iterations;
use super::path::text;
use super::response_usage::ResponseUsage;
use super::shapes::{self, Parts};
use super::unread::unread;
use crate::ledger::{Kind, MAX_COUNT, Usage};
use crate::price;

/// Providers that count reasoning beside the completion in chats, where no total shows it.
const REASONING_APART: [&str; 2] = ["x-ai", "perplexity"];
/// A provider with nothing but embeddings and reranking: a total alone is input.
const NO_OUTPUT: &str = "voyageai";

/// Reads what an envelope has, in the named shape or by evidence.
pub(super) fn settle(
    provider: &str,
    flavor: Option<&str>,
    envelope: &Envelope,
) -> Result<ResponseUsage, ResponseError> {
    let provider = price::provider_id(provider).unwrap_or_else(|| provider.to_owned());
    let shapes = shapes::called(flavor);
    if shapes.is_empty() {
        let flavor = flavor.unwrap_or_default().to_owned();
        return Err(ResponseError::UnknownFlavor { flavor, known: shapes::names() });
    }
    let mut warnings = envelope.warnings.clone();
    let mut usages = envelope.usages.clone();
    for (_, usage) in &mut usages {
        add_iterations(usage, &mut warnings);
        warnings.extend(region(usage));
    }
    let readings = usages.iter().flat_map(|(place, usage)| {
        shapes.iter().filter_map(move |shape| Some((place, usage, Counts::read(shape, usage)?)))
    });
    let evidence = |counts: &Counts| {
        // A total alone is in too many shapes to decide.
        let is_named = envelope.shape == Some(counts.shape.name) && counts.has_part_of_a_total();
        (is_named, counts.evidence, counts.reconciles())
    };
    let mut found = ResponseUsage {
        usage: Usage::new(),
        model: envelope.model.clone(),
        provider,
        response_id: envelope.response_id.clone(),
        service_tier: envelope.tier.clone(),
        finish_reason: envelope.finish_reason.clone(),
        cost: None,
        shape: None,
        warnings,
    };
    // The first of those with the same evidence: objects are in the order of their places, shapes in that of their table.
    let best = readings.reduce(|best, next| if evidence(&next.2) > evidence(&best.2) { next } else { best });
    let objects = envelope.usages.iter().map(|(_, usage)| usage);
    let cost = cost::reported(objects, &envelope.cost, envelope.has_counts());
    let has_cost = cost.usd.is_some();
    cost.add_to(&mut found);
    let Some((place, usage, counts)) = best else {
        // A stream's piece, an error's body, or a server that reports none: the call was made, and its usage is unknown.
        if has_cost || !envelope.has_counts() {
            add_units(&mut found.usage, &BTreeMap::new(), &envelope.units);
            return Ok(found);
        }
        return Err(ResponseError::NoUsage { provider: found.provider, reason: reason(envelope, flavor) });
    };
    found.warnings.extend(unread(place, usage, &counts));
    found.shape = Some(counts.shape.name);
    let units = tokens(counts, envelope, &mut found)?;
    add_units(&mut found.usage, &units, &envelope.units);
    Ok(found)
}

/// Adds units to a usage; those of the reply's items where its counts have none. A unit of 0 is left out.
fn add_units(usage: &mut Usage, counted: &BTreeMap<Kind, f64>, of_items: &[(Kind, f64)]) {
    let of_items = of_items.iter().copied().filter(|(kind, _)| !counted.contains_key(kind));
    for (kind, count) in counted.iter().map(|(kind, count)| (*kind, *count)).chain(of_items) {
        // Whole: no shape has a fraction beyond that of a time, and a count has a bound.
        let count = (count * kind.per_unit() as f64).round();
        if count > 0.0 {
            usage.set(kind, count as u64);
        }
    }
}

/// Anthropic bills some regions higher, and no unit has that.
fn region(usage: &Map<String, Value>) -> Option<String> {
    let region =
        text(usage, &["inference_geo"]).filter(|region| !matches!(*region, "global" | "not_available"))?;
    Some(format!("inference_geo of a reply is {region}, and was not read: a region may cost more"))
}

/// What the usage has instead.
fn reason(envelope: &Envelope, flavor: Option<&str>) -> String {
    let keys: Vec<&str> =
        envelope.usages.iter().flat_map(|(_, usage)| usage.keys().map(String::as_str)).collect();
    let shape = flavor.map_or("any known shape".to_owned(), |flavor| format!("the shape {flavor}"));
    format!("its counts are not those of {shape}: {}", keys.join(", "))
}

/// Sets the tokens, and returns the other units.
fn tokens(
    counts: Counts,
    envelope: &Envelope,
    found: &mut ResponseUsage,
) -> Result<BTreeMap<Kind, f64>, ResponseError> {
    if let Some(fault) = counts.fault {
        return Err(fault);
    }
    let warnings = &mut found.warnings;
    let mut parts = counts.parts;
    written(&mut parts, counts.write_5m, warnings);
    let cached = parts.count(Kind::CacheRead).saturating_add(parts.count(Kind::CacheWrite));
    let reasoning = parts.count(Kind::Reasoning);
    let citations = counts.units.get(&Kind::Citation).map_or(0, |tokens| *tokens as u64);
    // Embeddings and rankings have no output, so their input is the whole of it.
    let is_input_only = (envelope.is_input_only || found.provider == NO_OUTPUT) && reasoning == 0;
    let (input, output) = match (counts.input, counts.output, counts.total) {
        (Some(input), None, _) if is_input_only => (Some(input), Some(0)),
        (None, None, Some(total)) if is_input_only => (Some(total), Some(0)),
        // The total has nothing beside the input.
        (Some(input), None, Some(total)) if input == total && reasoning == 0 => (Some(input), Some(0)),
        (Some(input), None, Some(total)) if input != total => {
            warnings.push(format!(
                "the total of a reply is {total} and its input {input}, but its output is not reported"
            ));
            (Some(input), None)
        }
        (None, None, Some(total)) => {
            parts.set(Kind::Tokens, total);
            (None, None)
        }
        (input, output, _) => (input, output),
    };
    let mut beside = Beside {
        cached: counts.shape.cached != Parts::Inside,
        reasoning: counts.shape.reasoning != Parts::Inside
            || counts.shape.name == "chat" && REASONING_APART.contains(&&*found.provider)
            || citations > 0,
    };
    if let (Some(input), Some(output), Some(total)) = (counts.input, counts.output, counts.total) {
        let sum = |beside: Beside| {
            let cached = if beside.cached { cached } else { 0 };
            let reasoning = if beside.reasoning { reasoning } else { 0 };
            [output, cached, reasoning].into_iter().fold(input, u64::saturating_add)
        };
        // Some totals lack what the shape counts beside input and output: cached tokens, or what Perplexity's research adds.
        let is_known_lack = total == sum(Beside::default())
            && (counts.shape.cached == Parts::Apart || citations > 0 || found.provider == "perplexity");
        if total != sum(beside) && !is_known_lack {
            let ways = beside.others(counts.shape.cached == Parts::Inside);
            match ways.into_iter().find(|way| sum(*way) == total) {
                Some(way) => beside = way,
                None => warnings.push(format!(
                    "the total of a reply is {total}, but its input of {input} and its output of {output} make {}",
                    sum(beside)
                )),
            }
        }
    }
    // A part that is larger than its whole was counted beside it (A10).
    if let Some(input) = input {
        if !beside.cached && cached > input {
            beside.cached = true;
            warnings.push(format!(
                "{cached} cached tokens of a reply exceed its input of {input}, and were added to it"
            ));
        }
        parts.set(Kind::Input, input.saturating_add(if beside.cached { cached } else { 0 }));
    }
    if let Some(output) = output {
        if !beside.reasoning && reasoning > output {
            beside.reasoning = true;
            warnings.push(format!(
                "{reasoning} reasoning tokens of a reply exceed its output of {output}, and were added to it"
            ));
        }
        let more = if beside.reasoning { reasoning } else { 0 };
        parts.set(Kind::Output, output.saturating_add(more).saturating_add(citations));
    }
    if let Some(kind) = parts.iter().map(|(kind, _)| kind).find(|kind| parts.count(*kind) > MAX_COUNT) {
        let key = format!("the sum of {kind}");
        return Err(ResponseError::InvalidCount { key, value: parts.count(kind).to_string() });
    }
    found.usage = parts;
    Ok(counts.units)
}

/// Which parts are beside their wholes.
#[derive(Clone, Copy, Default)]
struct Beside {
    cached: bool,
    reasoning: bool,
}

impl Beside {
    /// The other ways in which a total may be a sum, the nearest first.
    fn others(self, may_be_cached: bool) -> Vec<Self> {
        let reasoning = Self { reasoning: !self.reasoning, ..self };
        let cached = Self { cached: !self.cached, ..self };
        let both = Self { cached: !self.cached, reasoning: !self.reasoning };
        if may_be_cached { vec![reasoning, cached, both] } else { vec![reasoning] }
    }
}

/// Cache writes are the sum of their lifetimes, where only these are reported.
fn written(parts: &mut Usage, write_5m: Option<u64>, warnings: &mut Vec<String>) {
    let hour = parts.get(Kind::CacheWrite1h);
    if write_5m.or(hour).is_none() {
        return;
    }
    let sum = write_5m.unwrap_or(0).saturating_add(hour.unwrap_or(0));
    match parts.get(Kind::CacheWrite) {
        Some(written) if written >= sum => {}
        Some(0) | None => parts.set(Kind::CacheWrite, sum),
        Some(written) => {
            parts.set(Kind::CacheWrite, sum);
            warnings.push(format!(
                "the cache writes of a reply are {written}, but those of each lifetime make {sum}"
            ));
        }
    }
}
