//! Units beside the common tokens, as genai-prices prices them: images, video, searches, seconds, pages, …

use genai_prices::{Usage as Counts, UsageKey};

use super::catalog::{Calculated, per_token};
use super::unit_table;
use crate::ledger::{Kind, Measure, Usage};

/// The counts of a usage's other units, for the oracle.
pub(super) fn counts(usage: &Usage) -> Vec<(UsageKey, f64)> {
    // The price list has no such lifetime: its tokens are among the cache writes.
    let others = usage.others().filter(|(kind, _)| *kind != Kind::CacheWrite12h);
    let mut counts: Vec<(UsageKey, f64)> =
        others.map(|(kind, count)| (key(kind), amount(kind, count))).collect();
    // A list that has a rate for a part refuses it without its whole.
    for whole in unit_table::DERIVED {
        if let (None, Some(count)) = (usage.get(whole), unit_table::count(usage, whole)) {
            counts.push((key(whole), amount(whole, count)));
        }
    }
    counts
}

fn key(kind: Kind) -> UsageKey {
    UsageKey::from(kind.key())
}

/// A count in the unit that prices are for: seconds of time.
fn amount(kind: Kind, count: u64) -> f64 {
    count as f64 / kind.per_unit() as f64
}

/// The units of a usage that a price list has no rate for. A rate of 0 looks like none, and is taken for none: nothing is free
/// because its price is absent.
pub(super) fn lacking(calculate: &impl Fn(&Counts) -> Calculated, usage: &Usage) -> Vec<Kind> {
    if !usage.has_others() {
        return Vec::new();
    }
    let is_lacking = |(kind, count): &(Kind, u64)| {
        *count > 0
            && match kind.measure() {
                Measure::Extra => rate(calculate, *kind) == Rate::None,
                // The same content counted in another way: where its tokens have a price, it has one.
                Measure::Content => {
                    let is_priced = |whole: &Kind| usage.count(*whole) > 0 && charges(calculate, *whole);
                    rate(calculate, *kind) == Rate::None && !kind.content_of().iter().any(is_priced)
                }
                _ => *kind == Kind::CacheWrite12h,
            }
    };
    usage.others().filter(is_lacking).map(|(kind, _)| kind).collect()
}

/// Whether a list has a rate for the input or the output.
fn charges(calculate: &impl Fn(&Counts) -> Calculated, whole: Kind) -> bool {
    let some = Counts::from([(UsageKey::INPUT_TOKENS, 1e6), (UsageKey::OUTPUT_TOKENS, 1e6)]);
    calculate(&some).is_ok_and(|price| match whole {
        Kind::Input => price.input_price > 0.0,
        _ => price.output_price > 0.0,
    })
}

/// The rate of a unit that is charged beside tokens.
#[derive(Debug, PartialEq)]
enum Rate {
    None,
    /// USD for a million of the unit.
    Million(f64),
}

fn rate(calculate: &impl Fn(&Counts) -> Calculated, kind: Kind) -> Rate {
    const MILLION: u64 = 1_000_000;
    let alone = Usage::new().with(kind, MILLION.saturating_mul(kind.per_unit()));
    let price = |counts: &Counts| calculate(counts).map(|price| price.total_price);
    match (price(&counts(&alone).into_iter().collect()), price(&Counts::new())) {
        (Ok(some), Ok(nothing)) if some > nothing => Rate::Million(some - nothing),
        _ => Rate::None,
    }
}

/// What the other units of a call cost in pico-dollars, exactly, where they are charged beside tokens; `None` if they change what tokens
/// cost, or if a rate is no whole number of pico-dollars.
pub(super) fn cost_beside(calculate: &impl Fn(&Counts) -> Calculated, usage: &Usage) -> Option<i128> {
    let mut pico: i128 = 0;
    for (kind, count) in usage.others() {
        match (kind.measure(), count) {
            (_, 0) => {}
            (Measure::Content | Measure::Extra, count) => {
                if let Rate::Million(usd) = rate(calculate, kind) {
                    let whole = per_token(usd, 1_000_000)?;
                    let scaled = whole.checked_mul(i128::from(count))?;
                    let parts = i128::from(kind.per_unit());
                    pico += (scaled + parts / 2) / parts;
                }
            }
            _ => return None,
        }
    }
    Some(pico)
}
