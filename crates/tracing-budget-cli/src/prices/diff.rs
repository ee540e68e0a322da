//! `prices diff`: rates that differ between two days, or between two price books.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde::Serialize;

use super::book::{Quote, load, quoted, time};
use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::Usd;
use tracing_budget::present::numbers::counted;
use tracing_budget::price::PriceBook;
use tracing_budget_history::grammar::When;

/// Arguments of `prices diff`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("against").required(true).multiple(true).args(["from", "with"]))]
pub(crate) struct DiffArgs {
    /// Time of the published prices to compare with.
    #[arg(long, value_name = "WHEN")]
    from: Option<When>,

    /// Time of the prices; default: now.
    #[arg(long, value_name = "WHEN")]
    to: Option<When>,

    /// Price file to compare with the prices in use: TOML, or a data.json of genai-prices (repeatable).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    with: Vec<PathBuf>,

    /// Provider name.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

/// One rate that differs.
#[derive(Clone, Serialize)]
pub(super) struct Changed {
    pub(super) model: String,
    rate: &'static str,
    pub(super) before_usd: Option<Usd>,
    after_usd: Option<Usd>,
    ratio: Option<f64>,
}

/// Shows the rates that differ.
pub(crate) fn run(args: &DiffArgs, session: &Session) -> anyhow::Result<Exit> {
    let (before, after) = (load(&[])?, load(&args.with)?);
    let now = time("--to", args.to, session)?;
    let then = args.from.map_or(Ok(now), |from| time("--from", Some(from), session))?;
    let changed = between((&before, then), (&after, now), args.provider.as_deref()).rates;
    session.show(&changed, || Output::new().table(table(&changed)))?;
    if changed.is_empty() {
        session.note("no rate differs");
    } else {
        session.note(format!("{}, USD per million tokens", counted(changed.len() as u64, "rate")));
    }
    Ok(Exit::Success)
}

/// What differs between two books.
pub(super) struct Changes {
    pub(super) rates: Vec<Changed>,
    pub(super) models_added: Vec<String>,
    pub(super) models_removed: Vec<String>,
}

impl Changes {
    pub(super) fn is_added(&self, model: &String) -> bool {
        self.models_added.binary_search(model).is_ok()
    }
}

/// Compares two books, each at a time.
pub(super) fn between(
    (before, then): (&PriceBook, SystemTime),
    (after, now): (&PriceBook, SystemTime),
    provider: Option<&str>,
) -> Changes {
    let (old, new) = (quotes(before, then, provider), quotes(after, now, provider));
    let models: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let only_in = |these: &BTreeMap<String, Quote>, others: &BTreeMap<String, Quote>| {
        these.keys().filter(|model| !others.contains_key(*model)).cloned().collect()
    };
    let mut rates = Vec::new();
    for model in models {
        let rates_in = |quotes: &BTreeMap<String, Quote>| quotes.get(model).map(Quote::rates);
        let (old, new) = (rates_in(&old), rates_in(&new));
        for (at, (rate, _)) in old.or(new).into_iter().flatten().enumerate() {
            let (before, after) = (old.and_then(|rates| rates[at].1), new.and_then(|rates| rates[at].1));
            if before != after {
                rates.push(Changed {
                    model: model.clone(),
                    rate,
                    before_usd: before,
                    after_usd: after,
                    ratio: ratio(before, after),
                });
            }
        }
    }
    Changes { rates, models_added: only_in(&new, &old), models_removed: only_in(&old, &new) }
}

fn quotes(book: &PriceBook, at: SystemTime, provider: Option<&str>) -> BTreeMap<String, Quote> {
    book.models()
        .into_iter()
        .filter(|(of, _)| {
            provider.is_none_or(|name| of.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
        })
        .map(|(of, model)| Quote::of(book, of.as_deref(), &model, at))
        .map(|quote| (quote.model.clone(), quote))
        .collect()
}

fn ratio(before: Option<Usd>, after: Option<Usd>) -> Option<f64> {
    let (before, after) = (before?.to_f64(), after?.to_f64());
    (before > 0.0).then(|| (after - before) / before)
}

pub(super) fn table(changed: &[Changed]) -> Table {
    let mut table = Table::new([
        left("MODEL", "model"),
        left("RATE", "rate"),
        right("BEFORE", "before_usd"),
        right("AFTER", "after_usd"),
        right("%", "ratio"),
    ]);
    let rate =
        |usd: Option<Usd>| usd.map_or_else(Cell::unknown, |usd| Cell::short(quoted(usd), usd.to_string()));
    for change in changed {
        let ratio = match (change.before_usd, change.after_usd) {
            (None, Some(_)) => Cell::short("new", ""),
            (Some(_), None) => Cell::short("gone", "").in_tone(Tone::Warn),
            _ => Cell::ratio(change.ratio).in_tone(match change.ratio {
                Some(more) if more > 0.0 => Tone::Warn,
                Some(_) => Tone::Good,
                None => Tone::Plain,
            }),
        };
        table.row([
            Cell::whole(&change.model),
            Cell::words(change.rate),
            rate(change.before_usd),
            rate(change.after_usd),
            ratio,
        ]);
    }
    table
}
