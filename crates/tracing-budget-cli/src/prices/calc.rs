//! `prices calc`: the cost of one call.

use clap::Args;
use serde::Serialize;

use super::book::{BookArgs, Quote, quoted};
use crate::cell::Cell;
use crate::exit::{Exit, NotFound, UsageError};
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::numbers::Money;
use tracing_budget::summary::Timestamp;
use tracing_budget::{Kind, Usage, Usd};

/// Arguments of `prices calc`.
#[derive(Debug, Args)]
pub(crate) struct CalcArgs {
    /// Model name, as in a span.
    #[arg(value_name = "MODEL")]
    model: String,

    /// Provider name, as in a span.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// Input tokens, including cached ones.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    input: u64,

    /// Output tokens, including reasoning.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    output: u64,

    /// Input tokens read from a cache.
    #[arg(long, value_name = "TOKENS")]
    cache_read: Option<u64>,

    /// Input tokens written to a cache.
    #[arg(long, value_name = "TOKENS")]
    cache_write: Option<u64>,

    /// Input tokens written to a cache for one hour; a part of --cache-write.
    #[arg(long, value_name = "TOKENS", requires = "cache_write")]
    cache_write_1h: Option<u64>,

    /// Output tokens used for reasoning.
    #[arg(long, value_name = "TOKENS")]
    reasoning: Option<u64>,

    #[command(flatten)]
    book: BookArgs,
}

#[derive(Serialize)]
struct Calculated {
    model: String,
    at: Timestamp,
    cost_usd: Usd,
    source: String,
    tokens: Vec<(&'static str, u64)>,
    /// Rates of a small call.
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
pub(crate) fn run(args: &CalcArgs, session: &Session) -> anyhow::Result<Exit> {
    let usage = usage(args);
    if usage.tokens_used() == Some(0) {
        return Err(UsageError("no tokens to price: set --input or --output".into()).into());
    }
    let (book, at) = args.book.load(session)?;
    let priced = book.model(args.provider.as_deref(), Some(&args.model));
    let price = priced.price(&usage, at).map_err(|reason| NotFound(reason.to_string()))?;
    let calculated = Calculated {
        model: priced.label().to_owned(),
        at: at.into(),
        cost_usd: price.cost,
        source: price.source.to_string(),
        tokens: KINDS.iter().filter_map(|(kind, name)| Some((*name, usage.get(*kind)?))).collect(),
        rates: Quote::of(&book, args.provider.as_deref(), &args.model, at),
    };
    session.show(&calculated, || output(&calculated))?;
    Ok(Exit::Success)
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

fn output(calculated: &Calculated) -> Output {
    let cost = calculated.cost_usd;
    let money = Money::for_amounts([cost].into_iter());
    let mut table =
        Table::new([left("", "unit"), right("TOKENS", "tokens"), right("USD PER MILLION", "rate_usd")]);
    for (name, tokens) in &calculated.tokens {
        let rate =
            calculated.rates.rates().into_iter().find(|(kind, _)| kind == name).and_then(|(_, rate)| rate);
        let rate = rate.map_or_else(Cell::empty, |rate| Cell::short(quoted(rate), rate.to_string()));
        table.row([Cell::words(name), Cell::count(*tokens), rate]);
    }
    let tiers = if calculated.rates.tiered { "\nLarge calls of this model have other rates." } else { "" };
    let mut csv = Table::new([left("", "model"), right("", "cost_usd"), left("", "source")]);
    csv.row([
        Cell::words(&calculated.model),
        Cell::money(money, Some(cost), false),
        Cell::words(&calculated.source),
    ]);
    Output::new()
        .text(format!("{} · {} · {}", money.write(cost), calculated.model, calculated.source))
        .table(table)
        .text(tiers.trim_start())
        .for_csv(csv)
}
