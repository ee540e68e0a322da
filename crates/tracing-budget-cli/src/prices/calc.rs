//! `prices calc`: what a call would cost.

use serde::Serialize;

use super::book::{at_or_now, load};
use super::rates::{Quote, quoted};
use crate::args::CalcArgs;
use crate::cell::Cell;
use crate::exit::{Absent, End, Misused};
use crate::page::Page;
use crate::session::Session;
use crate::sheet::{Sheet, left, right};
use tracing_budget::present::numbers::Money;
use tracing_budget::summary::Timestamp;
use tracing_budget::{Kind, Usage, Usd};

#[derive(Serialize)]
struct Calculated {
    model: String,
    at: Timestamp,
    cost_usd: Usd,
    source: String,
    tokens: Vec<(&'static str, u64)>,
    /// The rates of a small call.
    rates: Quote,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Input, "input"),
    (Kind::Output, "output"),
    (Kind::CacheRead, "cache read"),
    (Kind::CacheWrite, "cache write"),
    (Kind::CacheWrite1h, "cache write, 1 h"),
    (Kind::Reasoning, "reasoning"),
];

/// Prices one call.
pub(crate) fn calc(args: &CalcArgs, session: &Session) -> anyhow::Result<End> {
    let usage = usage(args);
    if usage.tokens_used() == Some(0) {
        return Err(Misused("nothing to price: give --input or --output, in tokens".into()).into());
    }
    let book = load(&args.book.with)?;
    let at = at_or_now(args.book.at);
    let priced = book.model(args.provider.as_deref(), Some(&args.model));
    let price = priced.price(&usage, at).map_err(|reason| Absent(reason.to_string()))?;
    let calculated = Calculated {
        model: priced.label().to_owned(),
        at: at.into(),
        cost_usd: price.cost,
        source: price.source.to_string(),
        tokens: KINDS.iter().filter_map(|(kind, name)| Some((*name, usage.get(*kind)?))).collect(),
        rates: Quote::of(&book, args.provider.as_deref(), &args.model, at),
    };
    session.show(&calculated, || page(&calculated))?;
    Ok(End::Good)
}

fn usage(args: &CalcArgs) -> Usage {
    let mut usage = Usage::new().input(args.input).output(args.output);
    for (kind, tokens) in [
        (Kind::CacheRead, args.cache_read),
        (Kind::CacheWrite, args.cache_write),
        (Kind::CacheWrite1h, args.cache_write_1h),
        (Kind::Reasoning, args.reasoning),
    ] {
        if let Some(tokens) = tokens {
            usage.set(kind, tokens);
        }
    }
    usage
}

fn page(calculated: &Calculated) -> Page {
    let cost = calculated.cost_usd;
    let money = Money::for_amounts([cost].into_iter());
    let mut sheet =
        Sheet::new([left("", "what"), right("TOKENS", "tokens"), right("USD PER MILLION", "rate_usd")]);
    for (name, tokens) in &calculated.tokens {
        let rate =
            calculated.rates.rates().into_iter().find(|(kind, _)| kind == name).and_then(|(_, rate)| rate);
        let rate = rate.map_or_else(Cell::empty, |rate| Cell::short(quoted(rate), rate.to_string()));
        sheet.row([Cell::words(name), Cell::count(*tokens), rate]);
    }
    let tiers = if calculated.rates.tiered { "\nLarge calls of this model have other rates." } else { "" };
    let mut csv = Sheet::new([left("", "model"), right("", "cost_usd"), left("", "source")]);
    csv.row([
        Cell::words(&calculated.model),
        Cell::money(money, Some(cost), false),
        Cell::words(&calculated.source),
    ]);
    Page::new()
        .text(format!("{} · {} · {}", money.write(cost), calculated.model, calculated.source))
        .sheet(sheet)
        .text(tiers.trim_start())
        .for_csv(csv)
}
