//! `prices list`: every model with its rates.

use super::book::{at_or_now, load};
use super::rates::{Quote, quoted};
use crate::args::ListPricesArgs;
use crate::cell::{Cell, Tone};
use crate::exit::End;
use crate::page::Page;
use crate::session::Session;
use crate::sheet::{Sheet, csv_only, left, right};
use tracing_budget::Usd;
use tracing_budget::present::numbers::counted;

/// Shows the rates of all models, or of those that are asked for.
pub(crate) fn list(args: &ListPricesArgs, session: &Session) -> anyhow::Result<End> {
    let book = load(&args.book.with)?;
    let at = at_or_now(args.book.at);
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
    session.show(&quotes, || Page::new().sheet(sheet(&quotes)))?;
    match quotes.len() as u64 {
        0 => session.remark("no such model; tracing-budget prices find NAME says how a name is understood"),
        count => session.remark(format!(
            "{}, USD per million tokens, from {}",
            counted(count, "model"),
            book.name()
        )),
    }
    Ok(End::Good)
}

/// A row a model.
pub(super) fn sheet(quotes: &[Quote]) -> Sheet {
    let mut sheet = Sheet::new([
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
        sheet.row([
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
    sheet
}
