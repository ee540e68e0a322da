//! `prices find`: how a model's name is understood.

use serde::Serialize;

use super::book::{at_or_now, load};
use super::list::sheet;
use super::rates::Quote;
use crate::args::FindArgs;
use crate::exit::{Absent, End};
use crate::page::Page;
use crate::session::Session;

/// Names that are shown beside the one that was asked for.
const SIMILAR: usize = 10;

#[derive(Serialize)]
struct Found {
    /// What a call with this name is priced by.
    priced: Quote,
    /// Listed models whose names have it in them.
    similar: Vec<Quote>,
}

/// Shows what a call of this model would be priced by, and similar names.
pub(crate) fn find(args: &FindArgs, session: &Session) -> anyhow::Result<End> {
    let book = load(&args.book.with)?;
    let at = at_or_now(args.book.at);
    let priced = Quote::of(&book, args.provider.as_deref(), &args.model, at);
    let bare = args.model.rsplit('/').next().unwrap_or(&args.model).to_lowercase();
    let similar: Vec<Quote> = book
        .models()
        .into_iter()
        .filter(|(_, model)| !bare.is_empty() && model.to_lowercase().contains(&bare))
        .take(SIMILAR)
        .map(|(provider, model)| Quote::of(&book, provider.as_deref(), &model, at))
        .filter(|quote| quote.model != priced.model)
        .collect();
    let found = Found { priced, similar };
    session.show(&found, || page(&found))?;
    match &found.priced.unpriced {
        None => Ok(End::Good),
        Some(reason) => Err(Absent(format!(
            "{reason}\nto give it a price, write it into a file (docs/prices.md) and name that with --with, or in the layer"
        ))
        .into()),
    }
}

fn page(found: &Found) -> Page {
    let page = Page::new().for_csv(sheet(std::slice::from_ref(&found.priced)));
    let page = match &found.priced.source {
        Some(source) => page
            .text(format!("priced as {} from {source}, USD per million tokens", found.priced.model))
            .sheet(sheet(std::slice::from_ref(&found.priced))),
        None => page,
    };
    if found.similar.is_empty() { page } else { page.text("similar names").sheet(sheet(&found.similar)) }
}
