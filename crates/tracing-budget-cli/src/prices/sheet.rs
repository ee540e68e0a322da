//! The rates of one model, as every command shows them.

use std::time::SystemTime;

use serde::Serialize;

use super::book::quoted;
use crate::cell::Cell;
use crate::table::{Column, Table, csv_only, left, right};
use tracing_budget::present::rates;
use tracing_budget::price::{ListedRate, ModelRates, PriceBook, PricedModel};
use tracing_budget::summary::Timestamp;
use tracing_budget::{Kind, Usd};

/// The rates of a model in a period, or the reason why it has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PriceSheet {
    /// Name of its row in a summary: `provider/model`.
    pub(super) model: String,
    /// Every rate: the list price first, then each tier with a price of its own.
    pub(super) rates: Vec<RateRow>,
    /// Period in which they hold; null without a bound.
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// Hours of the day in which they hold, in UTC; empty for the whole day.
    pub(super) hours: String,
    /// Remarks of the published data.
    pub(super) comments: Vec<String>,
    /// Reason why there is no price.
    pub(super) unpriced: Option<String>,
}

/// One rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RateRow {
    /// What it is for, as a key: `cache_read_tokens`.
    pub(super) unit: &'static str,
    /// The same in words.
    pub(super) name: &'static str,
    pub(super) usd: Usd,
    /// Number of units that the amount is for.
    pub(super) per: u64,
    /// The rate of calls with more input tokens than this.
    pub(super) above_tokens: Option<u64>,
    /// Service tier; null for the list price.
    pub(super) tier: Option<String>,
    pub(super) source: String,
    #[serde(skip)]
    of: Kind,
    #[serde(skip)]
    measure: &'static str,
}

impl From<&ListedRate> for RateRow {
    fn from(rate: &ListedRate) -> Self {
        Self {
            unit: rate.kind.key(),
            name: rate.kind.name(),
            usd: rate.usd,
            per: rate.per(),
            above_tokens: rate.above,
            tier: rate.tier.as_deref().map(str::to_owned),
            source: rate.source.to_string(),
            of: rate.kind,
            measure: rate.measure(),
        }
    }
}

impl RateRow {
    /// For which calls it is.
    pub(super) fn condition(&self) -> String {
        rates::condition(self.tier.as_deref(), self.above_tokens)
    }

    /// The amount for people, and exactly for programs.
    pub(super) fn cell(&self) -> Cell {
        Cell::short(quoted(self.usd), self.usd.to_string())
    }
}

impl PriceSheet {
    /// Returns the rates of a model at a time.
    pub(super) fn of(book: &PriceBook, provider: Option<&str>, model: &str, at: SystemTime) -> Self {
        let priced = book.model(provider, Some(model));
        match priced.rates_at(at) {
            Ok(rates) => Self::new(&priced, rates),
            Err(reason) => Self {
                model: priced.label().to_owned(),
                rates: Vec::new(),
                from: None,
                until: None,
                hours: String::new(),
                comments: Vec::new(),
                unpriced: Some(reason.to_string()),
            },
        }
    }

    pub(super) fn new(priced: &PricedModel, rates: ModelRates) -> Self {
        Self {
            model: priced.label().to_owned(),
            rates: rates.rates.iter().map(RateRow::from).collect(),
            from: rates.from.map(Into::into),
            until: rates.until.map(Into::into),
            hours: rates::hours(&rates.hours),
            comments: rates.comments,
            unpriced: None,
        }
    }

    /// When they hold, in words; empty for always.
    pub(super) fn period(&self) -> String {
        let from = self.from.map(|from| format!("from {}", day(from)));
        let until = self.until.map(|until| format!("until {}", day(until)));
        let hours = Some(self.hours.clone()).filter(|hours| !hours.is_empty());
        from.into_iter().chain(until).chain(hours).collect::<Vec<_>>().join(", ")
    }

    /// The source of the rates; of a tier, where it is another one.
    pub(super) fn sources(&self) -> String {
        let of_tier = |tier: Option<&str>| self.rates.iter().find(|rate| rate.tier.as_deref() == tier);
        let Some(first) = self.rates.first() else { return String::new() };
        let others = self.tiers().into_iter().filter_map(|tier| Some((tier?, of_tier(tier)?)));
        let others = others.filter(|(_, rate)| rate.source != first.source);
        let others = others.map(|(tier, rate)| format!("{tier} by {}", rate.source));
        [first.source.clone()].into_iter().chain(others).collect::<Vec<_>>().join(", ")
    }

    /// The tiers with a price here and without one there.
    pub(super) fn tiers_beside(&self, other: &Self) -> Vec<String> {
        let there = other.tiers();
        self.tiers().into_iter().filter(|tier| !there.contains(tier)).flatten().map(str::to_owned).collect()
    }

    /// The place of a unit: rates are in the order in which they are shown, tier by tier.
    fn place(&self, of: Kind) -> Option<usize> {
        self.rates.iter().position(|rate| rate.of == of)
    }

    /// The rate of a unit for calls of a tier and of this length.
    fn rate(&self, of: Kind, tier: Option<&str>, above: Option<u64>) -> Option<&RateRow> {
        // A rate without a bound of its own here is that of the lower bound.
        let reaches = |rate: &&RateRow| rate.of == of && rate.above_tokens <= above;
        let of_tier = self.rates.iter().filter(|rate| rate.tier.as_deref() == tier);
        of_tier.filter(reaches).max_by_key(|rate| rate.above_tokens)
    }

    /// The rates for the calls of one condition, and the conditions that there are.
    fn at(&self, tier: Option<&str>, above: Option<u64>) -> impl Iterator<Item = &RateRow> {
        self.rates.iter().filter(move |rate| rate.tier.as_deref() == tier && rate.above_tokens == above)
    }

    fn tiers(&self) -> Vec<Option<&str>> {
        let mut tiers: Vec<Option<&str>> = Vec::new();
        for rate in &self.rates {
            if !tiers.contains(&rate.tier.as_deref()) {
                tiers.push(rate.tier.as_deref());
            }
        }
        tiers
    }

    fn bounds(&self) -> Vec<Option<u64>> {
        let mut bounds: Vec<Option<u64>> = self.rates.iter().map(|rate| rate.above_tokens).collect();
        bounds.sort_unstable();
        bounds.dedup();
        bounds
    }

    /// One row per unit, one column per tier.
    pub(super) fn table(&self) -> Table {
        self.table_of(|_| true)
    }

    /// The same, with the rows in which the rates of another period differ.
    pub(super) fn table_of_changes(&self, other: &Self) -> Table {
        self.table_of(|rate| {
            self.tiers().into_iter().any(|tier| {
                let usd = |sheet: &Self| sheet.rate(rate.of, tier, rate.above_tokens).map(|rate| rate.usd);
                usd(self) != usd(other)
            })
        })
    }

    fn table_of(&self, is_shown: impl Fn(&RateRow) -> bool) -> Table {
        let tiers = self.tiers();
        let mut columns = vec![left("RATE", "rate"), left("PER", "per")];
        columns.extend(tiers.iter().map(|tier| right("", "usd").under(heading(*tier))));
        let mut table = Table::new(columns);
        let mut rows: Vec<&RateRow> = self.rates.iter().filter(|rate| is_shown(rate)).collect();
        rows.sort_by_key(|rate| (self.place(rate.of), rate.above_tokens));
        rows.dedup_by_key(|rate| (rate.of, rate.above_tokens));
        let mut last = None;
        for rate in rows {
            let name = match rate.above_tokens {
                None => rate.name.to_owned(),
                above if last == Some(rate.of) => format!("  {}", rates::condition(None, above)),
                above => format!("{}, {}", rate.name, rates::condition(None, above)),
            };
            last = Some(rate.of);
            let mut cells = vec![Cell::short(name, rate.unit), Cell::words(rate.measure)];
            cells.extend(tiers.iter().map(|tier| {
                let found = self.rate(rate.of, *tier, rate.above_tokens);
                found.map_or_else(Cell::unknown, RateRow::cell)
            }));
            table.row(cells);
        }
        table
    }
}

/// A tier as the heading of a column.
fn heading(tier: Option<&str>) -> String {
    tier.map_or_else(|| "LIST".to_owned(), str::to_uppercase)
}

/// A day, or a time of a day that is not its first moment.
fn day(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((day, "00:00:00.000Z")) => day.to_owned(),
        _ => text,
    }
}

/// The units with columns of their own in a list.
const COLUMNS: [&str; 4] = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];

/// Returns one row per model, tier and context tier. Of the tiers, only what differs is shown.
pub(super) fn list(sheets: &[PriceSheet]) -> Table {
    let mut table = Table::new([
        left("MODEL", "model"),
        left("FOR", "for"),
        right("INPUT", "input"),
        right("OUTPUT", "output"),
        right("CACHE READ", "cache_read"),
        right("CACHE WRITE", "cache_write"),
        left("OTHERS", "others"),
    ]);
    for sheet in sheets {
        if let Some(reason) = &sheet.unpriced {
            let mut cells = vec![Cell::whole(&sheet.model), Cell::empty()];
            cells.extend([(); COLUMNS.len()].map(|()| Cell::unknown()));
            cells.push(Cell::whole(format!("no price: {reason}")));
            table.row(cells);
            continue;
        }
        let conditions = sheet
            .tiers()
            .into_iter()
            .flat_map(|tier| sheet.bounds().into_iter().map(move |above| (tier, above)));
        for (at, (tier, above)) in conditions.enumerate() {
            // A tier lists every rate, also those that it shares with the list price.
            let is_own = |rate: &&RateRow| {
                tier.is_none()
                    || !sheet.at(None, above).any(|base| base.of == rate.of && base.usd == rate.usd)
            };
            let rates: Vec<&RateRow> = sheet.at(tier, above).filter(is_own).collect();
            if rates.is_empty() {
                continue;
            }
            let mut cells = vec![
                Cell::whole(if at == 0 { &*sheet.model } else { "" }),
                Cell::words(rates::condition(tier, above)),
            ];
            cells.extend(COLUMNS.map(|unit| {
                let found = rates.iter().find(|rate| rate.unit == unit);
                found.map_or_else(Cell::empty, |rate| rate.cell())
            }));
            let others = rates.iter().filter(|rate| !COLUMNS.contains(&rate.unit));
            let others: Vec<String> = others
                .map(|rate| match rate.measure {
                    "1M tokens" => format!("{} {}", rate.name, quoted(rate.usd)),
                    measure => format!("{} {} per {measure}", rate.name, quoted(rate.usd)),
                })
                .chain((at == 0).then(|| sheet.period()).filter(|period| !period.is_empty()))
                .collect();
            cells.push(Cell::whole(others.join("; ")));
            table.row(cells);
        }
    }
    table
}

/// Returns one row per rate, for CSV; a model without a price has one row with its reason.
pub(super) fn csv(sheets: &[PriceSheet]) -> Table {
    let columns: Vec<Column> = [
        "model",
        "unit",
        "name",
        "usd",
        "per",
        "above_tokens",
        "tier",
        "from",
        "until",
        "hours",
        "source",
        "unpriced",
    ]
    .into_iter()
    .map(csv_only)
    .collect();
    let mut table = Table::new(columns);
    let text = |text: Option<String>| Cell::whole(text.unwrap_or_default());
    for sheet in sheets {
        if let Some(reason) = &sheet.unpriced {
            let mut cells = vec![Cell::whole(&sheet.model)];
            cells.extend((0..10).map(|_| Cell::empty()));
            cells.push(Cell::whole(reason));
            table.row(cells);
        }
        for rate in &sheet.rates {
            table.row([
                Cell::whole(&sheet.model),
                Cell::whole(rate.unit),
                Cell::whole(rate.name),
                Cell::whole(rate.usd.to_string()),
                Cell::whole(rate.per.to_string()),
                text(rate.above_tokens.map(|above| above.to_string())),
                text(rate.tier.clone()),
                text(sheet.from.map(|from| from.to_string())),
                text(sheet.until.map(|until| until.to_string())),
                Cell::short("", sheet.hours.replace('–', "-")),
                Cell::whole(&rate.source),
                Cell::empty(),
            ]);
        }
    }
    table
}
