//! `prices update`: newer published prices, kept for the commands and for services.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::diff::{self, Changed};
use super::{fetch, kept};
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use tracing_budget::PriceBook;
use tracing_budget::present::numbers::counted;
use tracing_budget::price::Edition;

/// Arguments of `prices update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Source of the prices: a data.json or a wheel of genai-prices, as a file or a URL, or `pypi` for the newest wheel there;
    /// default: the list that upstream serves on GitHub.
    #[arg(long, value_name = "FILE|URL|pypi", default_value = fetch::FEED, hide_default_value = true)]
    from: String,

    /// Prices that are older, of an older format, or fewer than those in use, too.
    #[arg(long)]
    force: bool,
}

/// The result of an update.
#[derive(Serialize)]
struct Updated {
    from: String,
    /// The day of the prices.
    date: String,
    providers: usize,
    models: usize,
    /// Keys of prices that this release cannot price.
    unknown_price_keys: Vec<String>,
    /// Reasons for which the prices were not taken.
    refused: Vec<String>,
    /// The file, if the prices were kept.
    file: Option<PathBuf>,
    /// Models that were not listed before, and those that are listed no more.
    models_added: Vec<String>,
    models_removed: Vec<String>,
    /// Rates of models that both lists have.
    rates_changed: Vec<Changed>,
}

/// Fetches prices, shows what changes, and keeps them.
pub(crate) fn run(args: &UpdateArgs, session: &Session) -> anyhow::Result<Exit> {
    let today = session.now().to_string()[..10].to_owned();
    let fetched = fetch::fetch(&args.from, &today)?;
    let new = PriceBook::builder()
        .prices_json(&*fetched.json)
        .build()
        .with_context(|| format!("{} is no list of prices that this release can read", fetched.from))?;
    let old = match kept::newest() {
        // What is broken is replaced.
        Err(_) if args.force => PriceBook::builder().bundled_prices().build()?,
        old => old?,
    };
    let (before, after) = (old.edition(), new.edition());
    let day = fetched.day.or_else(|| after.date.clone());
    let refused = refusals(&before, &after, day.as_deref());
    let day = day.unwrap_or(today);
    let is_kept = refused.is_empty() || args.force;
    let directory = kept::directory()?;
    let file = if is_kept { Some(kept::keep(&directory, &day, &new, &fetched.json)?) } else { None };

    let now = session.now().into();
    let changes = diff::between((&old, now), (&new, now), None);
    let of_new = |rate: &Changed| rate.before_usd.is_none() && changes.is_added(&rate.model);
    let rates_changed: Vec<_> = changes
        .rates
        .iter()
        .filter(|rate| !of_new(rate) && !changes.models_removed.contains(&rate.model))
        .cloned()
        .collect();
    let updated = Updated {
        from: fetched.from,
        date: day,
        providers: after.providers,
        models: after.models,
        unknown_price_keys: after.unknown_keys,
        refused,
        file,
        models_added: changes.models_added,
        models_removed: changes.models_removed,
        rates_changed,
    };
    session.show(&updated, || {
        Output::new()
            .line(list("new models", &updated.models_added))
            .line(list("models that are listed no more", &updated.models_removed))
            .table(diff::table(&updated.rates_changed))
    })?;
    session.note(updated.line());
    match &updated.file {
        Some(file) => {
            session.note(format!("kept as {}", file.display()));
            if kept::named().is_some_and(|named| named != directory && named != *file) {
                session.note(format!("not in use: {} names other prices", kept::VARIABLE));
            } else {
                session.note(format!(
                    "in use here; for a service: {}={}",
                    kept::VARIABLE,
                    directory.display()
                ));
            }
            Ok(Exit::Success)
        }
        None => {
            // Also beside JSON: a script that ignores the exit code must not look as if it had worked.
            session.screen.message(format!(
                "refused: {}\nto take them nevertheless: --force",
                updated.refused.join("; ")
            ));
            Ok(Exit::Negative)
        }
    }
}

impl Updated {
    /// What the list is, and how it differs.
    fn line(&self) -> String {
        let mut line = format!(
            "{} of {}: {} of {}; {} new, {} gone, {} changed",
            self.from,
            self.date,
            counted(self.models as u64, "model"),
            counted(self.providers as u64, "provider"),
            self.models_added.len(),
            self.models_removed.len(),
            counted(self.rates_changed.len() as u64, "rate"),
        );
        if !self.unknown_price_keys.is_empty() {
            line.push_str(&format!(
                "\nthis release cannot price {}; a newer tracing-budget may",
                self.unknown_price_keys.join(", ")
            ));
        }
        line
    }
}

/// Why prices are not taken without `--force`.
fn refusals(before: &Edition, after: &Edition, day: Option<&str>) -> Vec<String> {
    let mut refused = Vec::new();
    if after.with_tiers == 0 && before.with_tiers > 0 {
        refused.push("they are of an older format: no model has prices of tiers (batch, flex)".to_owned());
    }
    match (day, before.date.as_deref()) {
        (None, _) => refused.push("their day is unknown: no price has a date".to_owned()),
        // Days as text sort as days.
        (Some(day), Some(date)) if day < date => {
            refused.push(format!("they are older than those in use: of {day}, expected {date} or later"));
        }
        _ => {}
    }
    for (thing, before, after) in
        [("provider", before.providers, after.providers), ("model", before.models, after.models)]
    {
        if after < before {
            let (after, before) = (counted(after as u64, thing), counted(before as u64, thing));
            refused.push(format!("they have {after}, fewer than the {before} in use"));
        }
    }
    refused
}

/// A list of models in one paragraph.
fn list(what: &str, models: &[String]) -> String {
    /// A release has some dozens of new models; JSON has all.
    const SHOWN: usize = 40;
    if models.is_empty() {
        return String::new();
    }
    let more = models.len().saturating_sub(SHOWN);
    let shown = models[..models.len() - more].join(", ");
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{what}: {shown}{more}")
}
