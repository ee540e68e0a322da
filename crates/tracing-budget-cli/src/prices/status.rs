//! `prices status`: which prices are in use, how old they are, and what they lack.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{book, kept};
use crate::cell::Cell;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::numbers::counted;
use tracing_budget::price::{Origin, PriceBook};
use tracing_budget_history::{Scope, Sqlite, Store};

/// Arguments of `prices status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {}

#[derive(Serialize)]
struct Status {
    /// The name of the prices, as a summary has it.
    prices: String,
    /// `bundled`, `kept`, or `environment`.
    origin: &'static str,
    file: Option<PathBuf>,
    date: Option<String>,
    age_days: Option<u64>,
    is_old: bool,
    providers: usize,
    models: usize,
    models_without_price: usize,
    unknown_price_keys: Vec<String>,
    /// Models of the run history with calls that have no price; null without a history.
    unpriced_in_history: Option<Vec<UnpricedModel>>,
    /// What to type for newer prices.
    renew: &'static str,
}

/// A model of the history with calls that have no price.
#[derive(Serialize)]
struct UnpricedModel {
    model: String,
    unpriced_calls: u64,
    /// Why the prices in use have none either; null if they have one.
    reason: Option<String>,
}

/// The models of a history with calls that have no price.
fn unpriced(store: &Sqlite, book: &PriceBook) -> anyhow::Result<Vec<UnpricedModel>> {
    let models = store.models(&Scope::default())?.into_iter().filter(|model| model.unpriced_calls > 0);
    Ok(models
        .map(|stats| {
            // A row is named by the provider's id and the model, where a provider was known.
            let (provider, name) = match stats.model.split_once('/') {
                Some((provider, name)) => (Some(provider), name),
                None => (None, stats.model.as_str()),
            };
            let reason = book.model(provider, Some(name)).never_priced().map(ToString::to_string);
            UnpricedModel { unpriced_calls: stats.unpriced_calls, reason, model: stats.model }
        })
        .collect())
}

/// Shows the prices in use.
pub(crate) fn run(_: &StatusArgs, session: &Session) -> anyhow::Result<Exit> {
    let book = book::load(&[])?;
    let edition = book.edition();
    let age_days = edition.age_days(session.now().into());
    let is_old = edition.is_old(session.now().into());
    let (origin, file) = match edition.origin {
        Origin::Bundled => ("bundled", None),
        Origin::Environment(file) => ("environment", Some(file)),
        Origin::File(file) => ("kept", Some(file)),
        _ => ("given", None),
    };
    let unpriced_in_history = session.store_if_any()?.map(|store| unpriced(&store, &book)).transpose()?;
    let status = Status {
        prices: edition.name.to_string(),
        origin,
        file,
        date: edition.date,
        age_days,
        is_old,
        providers: edition.providers,
        models: edition.models,
        models_without_price: edition.without_price,
        unknown_price_keys: edition.unknown_keys,
        unpriced_in_history,
        renew: "tracing-budget prices update",
    };
    session.show(&status, || {
        let unpriced = status.unpriced_in_history.as_deref().unwrap_or_default();
        Output::new().lines(status.lines()).table(table(unpriced)).for_csv(status.line())
    })?;
    session.note(format!("newer prices: {}", status.renew));
    Ok(Exit::Success)
}

impl Status {
    fn lines(&self) -> Vec<String> {
        let place = match (&self.file, self.origin) {
            (Some(file), "environment") => format!("{} ({})", file.display(), kept::VARIABLE),
            (Some(file), _) => format!("{} (kept by prices update)", file.display()),
            (None, origin) => origin.to_owned(),
        };
        let age = match (&self.date, self.age_days) {
            (Some(date), Some(days)) => {
                let old = if self.is_old { ": old" } else { "" };
                format!("{date}, {}{old}", counted(days, "day"))
            }
            _ => "unknown".to_owned(),
        };
        let mut lines = vec![
            format!("prices     {}", self.prices),
            format!("from       {place}"),
            format!("age        {age}"),
            format!(
                "models     {} of {}; {} without a price",
                counted(self.models as u64, "model"),
                counted(self.providers as u64, "provider"),
                self.models_without_price
            ),
        ];
        if !self.unknown_price_keys.is_empty() {
            lines.push(format!(
                "unknown    {} (a newer tracing-budget may price them)",
                self.unknown_price_keys.join(", ")
            ));
        }
        lines.push(match self.unpriced_in_history.as_ref().map(Vec::len) {
            None => "history    none".to_owned(),
            Some(0) => "history    every model has a price".to_owned(),
            Some(models) => {
                format!("history    {} with calls that have no price", counted(models as u64, "model"))
            }
        });
        lines
    }

    /// The status as one row.
    fn line(&self) -> Table {
        let mut table = Table::new([
            left("PRICES", "prices"),
            left("ORIGIN", "origin"),
            left("DATE", "date"),
            right("AGE", "age_days"),
            right("PROVIDERS", "providers"),
            right("MODELS", "models"),
            right("WITHOUT", "models_without_price"),
        ]);
        let age = self.age_days.map_or_else(Cell::unknown, Cell::count);
        table.row([
            Cell::whole(&self.prices),
            Cell::words(self.origin),
            Cell::words(self.date.as_deref().unwrap_or_default()),
            age,
            Cell::count(self.providers as u64),
            Cell::count(self.models as u64),
            Cell::count(self.models_without_price as u64),
        ]);
        table
    }
}

fn table(models: &[UnpricedModel]) -> Table {
    let mut table =
        Table::new([left("MODEL", "model"), right("UNPRICED", "unpriced_calls"), left("REASON", "reason")]);
    for model in models {
        let reason = model.reason.as_deref().unwrap_or("has a price now: tracing-budget reprice --as-of now");
        table.row([Cell::whole(&model.model), Cell::count(model.unpriced_calls), Cell::words(reason)]);
    }
    table
}
