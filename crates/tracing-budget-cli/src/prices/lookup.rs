//! `prices list` and `prices find`: models with their rates.

use clap::Args;
use serde::Serialize;

use super::book::{BookArgs, Quote, quoted};
use crate::cell::{Cell, Tone};
use crate::exit::{Exit, NotFound};
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::Usd;
use tracing_budget::present::numbers::counted;

/// Arguments of `prices list`.
#[derive(Debug, Args)]
pub(crate) struct ListPricesArgs {
    /// Part of the model name.
    #[arg(value_name = "TEXT")]
    text: Option<String>,

    /// Provider name.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    #[command(flatten)]
    book: BookArgs,
}

/// Shows the rates of all matching models.
pub(crate) fn list(args: &ListPricesArgs, session: &Session) -> anyhow::Result<Exit> {
    let (book, at) = args.book.load(session)?;
    let wanted = args.text.as_deref().unwrap_or_default().to_lowercase();
    let quotes: Vec<Quote> = book
        .models()
        .into_iter()
        .filter(|(provider, model)| {
            args.provider
                .as_ref()
                .is_none_or(|name| provider.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
                && format!("{}/{model}", provider.as_deref().unwrap_or_default())
                    .to_lowercase()
                    .contains(&wanted)
        })
        .map(|(provider, model)| Quote::of(&book, provider.as_deref(), &model, at))
        .collect();
    session.show(&quotes, || Output::new().table(table(&quotes)))?;
    match quotes.len() as u64 {
        0 => session.note("no model matches; to see how a name is resolved: tracing-budget prices find NAME"),
        count => {
            session.note(format!("{}, USD per million tokens, from {}", counted(count, "model"), book.name()))
        }
    }
    Ok(Exit::Success)
}

/// Returns one row per model.
fn table(quotes: &[Quote]) -> Table {
    let mut table = Table::new([
        left("MODEL", "model"),
        right("INPUT", "input_usd"),
        right("OUTPUT", "output_usd"),
        right("CACHE READ", "cache_read_usd"),
        right("CACHE WRITE", "cache_write_usd"),
        right("REQUEST", "request_usd"),
        left("", "tiered"),
        csv_only("source"),
        csv_only("unpriced"),
    ]);
    for quote in quotes {
        let rate = |usd: Option<Usd>| {
            usd.map_or_else(Cell::unknown, |usd| Cell::short(quoted(usd), usd.to_string()))
        };
        let request =
            quote.request_usd.map_or_else(Cell::empty, |usd| Cell::short(quoted(usd), usd.to_string()));
        let note = match (&quote.unpriced, quote.tiered) {
            (Some(_), _) => "no price",
            (None, true) => "more for large calls",
            (None, false) => "",
        };
        table.row([
            Cell::whole(&quote.model),
            rate(quote.input_usd),
            rate(quote.output_usd),
            rate(quote.cache_read_usd),
            rate(quote.cache_write_usd),
            request,
            Cell::short(note, quote.tiered.to_string()).in_tone(Tone::Faint),
            Cell::words_or_empty(quote.source.as_ref()),
            Cell::words_or_empty(quote.unpriced.as_ref()),
        ]);
    }
    table
}

/// Arguments of `prices find`.
#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    /// Model name, as in a span.
    #[arg(value_name = "MODEL")]
    model: String,

    /// Provider name, as in a span.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    #[command(flatten)]
    book: BookArgs,
}

/// Maximum number of similar names: more would hide the result.
const MAX_SIMILAR: usize = 10;

#[derive(Serialize)]
struct Lookup {
    /// The price that a call with this name gets.
    priced: Quote,
    /// Listed models with names that contain this one.
    similar: Vec<Quote>,
}

/// Shows the price that a call of this model gets, and similar names.
pub(crate) fn find(args: &FindArgs, session: &Session) -> anyhow::Result<Exit> {
    let (book, at) = args.book.load(session)?;
    let priced = Quote::of(&book, args.provider.as_deref(), &args.model, at);
    let bare = args.model.rsplit('/').next().unwrap_or(&args.model).to_lowercase();
    let similar: Vec<Quote> = book
        .models()
        .into_iter()
        .filter(|(_, model)| !bare.is_empty() && model.to_lowercase().contains(&bare))
        .take(MAX_SIMILAR)
        .map(|(provider, model)| Quote::of(&book, provider.as_deref(), &model, at))
        .filter(|quote| quote.model != priced.model)
        .collect();
    let found = Lookup { priced, similar };
    session.show(&found, || output(&found))?;
    match &found.priced.unpriced {
        None => Ok(Exit::Success),
        Some(reason) => Err(NotFound(format!(
            "{reason}\nto set a price: a price file (docs/prices.md), passed by --with FILE or to the layer's price book"
        ))
        .into()),
    }
}

fn output(found: &Lookup) -> Output {
    let output = Output::new().for_csv(table(std::slice::from_ref(&found.priced)));
    let output = match &found.priced.source {
        Some(source) => output
            .text(format!("priced as {} from {source}, USD per million tokens", found.priced.model))
            .table(table(std::slice::from_ref(&found.priced))),
        None => output,
    };
    if found.similar.is_empty() { output } else { output.text("similar names").table(table(&found.similar)) }
}
