//! `prices calc`: the cost of one call, by unit.

use std::time::SystemTime;

use clap::Args;
use serde::Serialize;

use super::book::{BookArgs, quoted};
use crate::cell::Cell;
use crate::exit::{Exit, NotFound, UsageError};
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::{nearest, numbers, rates};
use tracing_budget::price::{PriceBook, Unpriced};
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

    /// Count of any other unit (repeatable), such as web_searches=2, input_image_tokens=1290 or audio_seconds=12.5.
    #[arg(long, value_name = "NAME=COUNT", value_parser = unit_count)]
    unit: Vec<(Kind, u64)>,

    /// Service tier, as in a reply: batch, flex, priority, fast.
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,

    #[command(flatten)]
    book: BookArgs,
}

/// A call to price.
#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) model: &'a str,
    pub(crate) provider: Option<&'a str>,
    pub(crate) tier: Option<&'a str>,
    pub(crate) usage: Usage,
}

/// The cost of a call, by unit.
#[derive(Serialize)]
pub(crate) struct Calculated {
    pub(crate) model: String,
    tier: Option<String>,
    at: Timestamp,
    pub(crate) cost_usd: Usd,
    pub(crate) source: String,
    /// What was charged. The amounts, and what is charged beside them, add up to the cost.
    pub(crate) charges: Vec<ChargeRow>,
    /// What is charged beside the rates, such as the rest of a minimum.
    beside_usd: Usd,
    /// Units without a price. The cost is without them.
    pub(crate) unpriced_units: Vec<&'static str>,
}

/// One unit of a call.
#[derive(Clone, Debug, schemars::JsonSchema, Serialize)]
pub(crate) struct ChargeRow {
    /// Unit, as a key: `cache_read_tokens`.
    unit: &'static str,
    /// The same in words.
    name: &'static str,
    /// How many are charged at this rate: of a whole, without the parts that have a rate of their own.
    count: f64,
    /// Rate in USD for `per` of them.
    #[schemars(with = "f64")]
    rate_usd: Usd,
    per: u64,
    /// The rate is that of calls with more input tokens than this.
    above_tokens: Option<u64>,
    #[schemars(with = "f64")]
    amount_usd: Usd,
    #[serde(skip)]
    measure: &'static str,
}

impl Call<'_> {
    /// Returns the cost of the call at a time, by unit.
    pub(crate) fn calculate(&self, book: &PriceBook, at: SystemTime) -> Result<Calculated, Unpriced> {
        let mut model = book.model(self.provider, Some(self.model));
        if let Some(tier) = self.tier {
            model = model.with_tier(tier);
        }
        let found = model.charges(&self.usage, at)?;
        let row = |charge: &tracing_budget::price::Charge| ChargeRow {
            unit: charge.rate.kind.key(),
            name: charge.rate.kind.name(),
            count: charge.count,
            rate_usd: charge.rate.usd,
            per: charge.rate.per(),
            above_tokens: charge.rate.above,
            amount_usd: charge.amount,
            measure: charge.rate.measure(),
        };
        Ok(Calculated {
            model: model.label().to_owned(),
            tier: model.tier().map(str::to_owned),
            at: at.into(),
            cost_usd: found.cost,
            source: found.source.to_string(),
            charges: found.charges.iter().map(row).collect(),
            beside_usd: found.beside,
            unpriced_units: found.lacks.iter().map(|kind| kind.key()).collect(),
        })
    }
}

/// Prices one call.
pub(crate) fn run(args: &CalcArgs, session: &Session) -> anyhow::Result<Exit> {
    let call = call(args);
    if call.usage.tokens_used() == Some(0) && args.unit.iter().all(|(_, count)| *count == 0) {
        return Err(UsageError("nothing to price: set --input, --output or --unit".into()).into());
    }
    let (book, at) = args.book.load(session)?;
    let calculated = call.calculate(&book, at).map_err(|reason| NotFound(reason.to_string()))?;
    session.show(&calculated, || output(&calculated))?;
    Ok(Exit::Success)
}

fn call(args: &CalcArgs) -> Call<'_> {
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
    for (kind, count) in &args.unit {
        usage.add(*kind, *count);
    }
    Call { model: &args.model, provider: args.provider.as_deref(), tier: args.tier.as_deref(), usage }
}

/// Reads `web_searches=2`.
fn unit_count(text: &str) -> Result<(Kind, u64), String> {
    let (name, count) =
        text.split_once('=').ok_or("expected a unit and its count, such as web_searches=2")?;
    let number: f64 = count.trim().parse().map_err(|_| format!("{count:?} is no number"))?;
    read_unit(name, number)
}

/// Finds a unit by its name, and its count as a usage has it: times are in seconds here, and in microseconds there.
pub(crate) fn read_unit(name: &str, count: f64) -> Result<(Kind, u64), String> {
    /// As many as a usage has at most.
    const MAX: f64 = 1e12;
    let Some(kind) = Kind::parse(name) else {
        let names = Kind::ALL.iter().flat_map(|kind| [kind.key(), kind.name()]);
        let near = nearest(name, names).and_then(Kind::parse);
        let near = near.map_or_else(String::new, |near| format!("; did you mean {}?", near.key()));
        return Err(format!("no unit is called {name:?}{near}"));
    };
    let is_time = kind.is_time();
    match () {
        () if !(0.0..=MAX).contains(&count) => Err(format!("{} is {count}, expected 0 to 1e12", kind.key())),
        () if is_time => Ok((kind, (count * 1e6).round() as u64)),
        () if count.fract() != 0.0 => Err(format!("{} is {count}, expected a whole number", kind.key())),
        () => Ok((kind, count as u64)),
    }
}

/// A count of a unit: whole, or with its digits.
fn counted(count: f64) -> Cell {
    let text = count.to_string();
    if count.fract() == 0.0 {
        Cell::short(numbers::count(count as u64), text)
    } else {
        Cell::short(text.clone(), text)
    }
}

/// The name of a unit in texts.
fn in_words(unit: &'static str) -> &'static str {
    Kind::from_key(unit).map_or(unit, Kind::name)
}

fn output(calculated: &Calculated) -> Output {
    let cost = calculated.cost_usd;
    let exact = |usd: Usd| Cell::short(quoted(usd), usd.to_string());
    let mut table = Table::new([
        left("", "unit"),
        right("COUNT", "count"),
        right("RATE", "rate_usd"),
        left("PER", "per"),
        left("FOR", "above_tokens"),
        right("AMOUNT", "amount_usd"),
    ]);
    for charge in &calculated.charges {
        table.row([
            Cell::short(charge.name, charge.unit),
            counted(charge.count),
            exact(charge.rate_usd),
            Cell::short(charge.measure, charge.per.to_string()),
            Cell::short(
                rates::condition(None, charge.above_tokens),
                charge.above_tokens.map(|above| above.to_string()).unwrap_or_default(),
            ),
            exact(charge.amount_usd),
        ]);
    }
    let beside = calculated.beside_usd;
    if beside != Usd::ZERO {
        let name = Cell::short("charged beside these rates", "beside");
        table.row([name, Cell::empty(), Cell::empty(), Cell::empty(), Cell::empty(), exact(beside)]);
    }
    for unit in &calculated.unpriced_units {
        let name = Cell::short(in_words(unit), *unit);
        table.row([name, Cell::empty(), Cell::unknown(), Cell::empty(), Cell::empty(), Cell::unknown()]);
    }
    let words = |text: &str| Cell::words(text);
    table.sum([words("cost"), Cell::empty(), Cell::empty(), Cell::empty(), Cell::empty(), exact(cost)]);
    let tier = calculated.tier.as_ref().map_or_else(String::new, |tier| format!(" · tier {tier}"));
    let mark = if calculated.unpriced_units.is_empty() { "" } else { "≥" };
    let unpriced: Vec<String> = calculated
        .unpriced_units
        .iter()
        .map(|unit| format!("no price is known for {}", in_words(unit)))
        .collect();
    Output::new()
        .line(format!("{mark}{} · {}{tier} · {}", quoted(cost), calculated.model, calculated.source))
        .table(table)
        .lines(unpriced)
}
