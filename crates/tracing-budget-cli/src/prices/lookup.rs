//! `prices list` and `prices find`: models with their rates.

use std::time::SystemTime;

use clap::Args;
use serde::Serialize;

use super::book::BookArgs;
use super::sheet::{self, PriceSheet};
use crate::exit::{Exit, NotFound};
use crate::output::Output;
use crate::session::Session;
use tracing_budget::present::nearest;
use tracing_budget::present::numbers::counted;
use tracing_budget::price::PriceBook;

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
    let models = book.models();
    let is_wanted = |(provider, model): &&(Option<String>, String)| {
        args.provider
            .as_ref()
            .is_none_or(|name| provider.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
            && format!("{}/{model}", provider.as_deref().unwrap_or_default()).to_lowercase().contains(&wanted)
    };
    let sheets: Vec<PriceSheet> = models
        .iter()
        .filter(is_wanted)
        .map(|(provider, model)| PriceSheet::of(&book, provider.as_deref(), model, at))
        .collect();
    session.show(&sheets, || Output::new().table(sheet::list(&sheets)).for_csv(sheet::csv(&sheets)))?;
    if sheets.is_empty() {
        session.note(format!(
            "no model matches{}\nto see how a name is resolved: tracing-budget prices find NAME",
            nearest_name(args, &models).map_or_else(String::new, |name| format!("; did you mean {name}?"))
        ));
        return Ok(Exit::Success);
    }
    session.note(format!(
        "{}, USD per million tokens, from {}",
        counted(sheets.len() as u64, "model"),
        book.name()
    ));
    Ok(Exit::Success)
}

/// The provider or the model that the user may have meant.
fn nearest_name(args: &ListPricesArgs, models: &[(Option<String>, String)]) -> Option<String> {
    if let Some(name) = &args.provider {
        let providers = || models.iter().filter_map(|(provider, _)| provider.as_deref());
        if !providers().any(|id| id.eq_ignore_ascii_case(name)) {
            return nearest(name, providers()).map(|provider| format!("--provider {provider}"));
        }
    }
    let text = args.text.as_deref()?;
    nearest(text, models.iter().map(|(_, model)| &**model)).map(str::to_owned)
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
    /// The rates that a call with this name has.
    priced: PriceSheet,
    /// Its rates in other periods, and at other hours.
    other_times: Vec<PriceSheet>,
    /// Listed models with names that contain this one, or that are near to it.
    similar: Vec<PriceSheet>,
}

/// Shows the rates that a call of this model has, and similar names.
pub(crate) fn find(args: &FindArgs, session: &Session) -> anyhow::Result<Exit> {
    let (book, at) = args.book.load(session)?;
    let model = book.model(args.provider.as_deref(), Some(&args.model));
    let priced = PriceSheet::of(&book, args.provider.as_deref(), &args.model, at);
    let other_times = model
        .rates_over_time()
        .into_iter()
        .map(|rates| PriceSheet::new(&model, rates))
        .filter(|sheet| priced.unpriced.is_some() || *sheet != priced)
        .collect();
    let found = Lookup { similar: similar(&book, args, at, &priced), priced, other_times };
    session.show(&found, || output(&found))?;
    match &found.priced.unpriced {
        None => Ok(Exit::Success),
        Some(reason) => Err(NotFound(format!(
            "{reason}\nto set a price: a price file (docs/prices.md), passed by --with FILE or to the layer's price book"
        ))
        .into()),
    }
}

/// Models with names that contain this one; without any, those with the nearest name.
fn similar(book: &PriceBook, args: &FindArgs, at: SystemTime, priced: &PriceSheet) -> Vec<PriceSheet> {
    let models = book.models();
    let bare = args.model.rsplit('/').next().unwrap_or(&args.model).to_lowercase();
    let sheets = |is_similar: &dyn Fn(&str) -> bool| -> Vec<PriceSheet> {
        models
            .iter()
            .filter(|(_, model)| is_similar(&model.to_lowercase()))
            .map(|(provider, model)| PriceSheet::of(book, provider.as_deref(), model, at))
            .filter(|sheet| sheet.model != priced.model)
            .take(MAX_SIMILAR)
            .collect()
    };
    if bare.is_empty() {
        return Vec::new();
    }
    let found = sheets(&|model| model.contains(&bare));
    if !found.is_empty() || priced.unpriced.is_none() {
        return found;
    }
    let name = |model: &str| model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let names: Vec<String> = models.iter().map(|(_, model)| name(model)).collect();
    let near = nearest(&bare, names.iter().map(|name| &**name));
    near.map_or_else(Vec::new, |near| sheets(&|model| name(model) == near))
}

fn output(found: &Lookup) -> Output {
    let priced = &found.priced;
    let mut output = Output::new().for_csv(sheet::csv(std::slice::from_ref(priced)));
    if priced.unpriced.is_none() {
        let period = priced.period();
        let period = if period.is_empty() { period } else { format!(", {period}") };
        output = output
            .line(format!("priced as {} by {}{period}", priced.model, priced.sources()))
            .table(priced.table());
    }
    for other in &found.other_times {
        let missing = priced.tiers_beside(other);
        let missing =
            if missing.is_empty() { String::new() } else { format!(": no price of {}", missing.join(", ")) };
        output = output.line(format!("{}{missing}", other.period())).table(other.table_of_changes(priced));
    }
    output = output.lines(&priced.comments);
    if found.similar.is_empty() {
        output
    } else {
        output.line("similar names, USD per million tokens").table(sheet::list(&found.similar))
    }
}
