//! `prices diff`: rates that differ between two days, or between two price books.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde::Serialize;

use super::book::{load, quoted, time};
use super::sheet::{PriceSheet, RateRow};
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
    /// The unit in words.
    rate: &'static str,
    /// For which calls it is: of a tier, or with a longer input. Empty for the list price.
    calls: String,
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
        session.note(format!(
            "{}, USD per million tokens, hour, or thousand",
            counted(changed.len() as u64, "rate")
        ));
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
    let (old, new) = (Sheets::of(before, then, provider), Sheets::of(after, now, provider));
    let only_in =
        |these: &Sheets, others: &Sheets| these.models.difference(&others.models).cloned().collect();
    let keys: BTreeSet<&RateKey> = old.rates.keys().chain(new.rates.keys()).collect();
    let mut rates = Vec::new();
    for key in keys {
        let (before, after) = (old.rates.get(key), new.rates.get(key));
        if before.map(|rate| rate.usd) != after.map(|rate| rate.usd)
            && let Some(rate) = after.or(before)
        {
            let (before, after) = (before.map(|rate| rate.usd), after.map(|rate| rate.usd));
            rates.push(Changed {
                model: key.0.clone(),
                rate: rate.name,
                calls: rate.condition(),
                before_usd: before,
                after_usd: after,
                ratio: ratio(before, after),
            });
        }
    }
    Changes { rates, models_added: only_in(&new, &old), models_removed: only_in(&old, &new) }
}

/// A rate: model, tier, bound of the input and key of the unit.
type RateKey = (String, Option<String>, Option<u64>, &'static str);

/// The models of a book, and all of their rates.
#[derive(Default)]
struct Sheets {
    models: BTreeSet<String>,
    rates: BTreeMap<RateKey, RateRow>,
}

impl Sheets {
    fn of(book: &PriceBook, at: SystemTime, provider: Option<&str>) -> Self {
        let mut sheets = Self::default();
        let is_wanted = |of: &Option<String>| {
            provider.is_none_or(|name| of.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
        };
        for (of, model) in book.models().into_iter().filter(|(of, _)| is_wanted(of)) {
            let sheet = PriceSheet::of(book, of.as_deref(), &model, at);
            for rate in sheet.rates {
                let key = (sheet.model.clone(), rate.tier.clone(), rate.above_tokens, rate.unit);
                sheets.rates.insert(key, rate);
            }
            sheets.models.insert(sheet.model);
        }
        sheets
    }
}

fn ratio(before: Option<Usd>, after: Option<Usd>) -> Option<f64> {
    let (before, after) = (before?.to_f64(), after?.to_f64());
    (before > 0.0).then(|| (after - before) / before)
}

pub(super) fn table(changed: &[Changed]) -> Table {
    let mut table = Table::new([
        left("MODEL", "model"),
        left("RATE", "rate"),
        left("FOR", "for"),
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
            Cell::words(&change.calls),
            rate(change.before_usd),
            rate(change.after_usd),
            ratio,
        ]);
    }
    table
}
