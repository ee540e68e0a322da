//! The lines of a series as the page shows them.

use crate::charts::palette::SHADES;
use crate::pages::figures;
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, duration, share};
use tracing_budget_history::series::{Amount, Series};

/// A line with a name for people.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) values: Vec<Option<Amount>>,
    pub(super) total: Option<Amount>,
    /// Which of the charts' colours it has.
    pub(super) shade: usize,
}

impl Row {
    /// The one line of a series of whole runs.
    pub(super) fn whole(series: &Series, name: &str, shade: usize) -> Self {
        let line = series.lines.first();
        Self {
            name: name.to_owned(),
            values: line.map(|line| line.values.clone()).unwrap_or_default(),
            total: line.and_then(|line| line.total),
            shade,
        }
    }

    pub(super) fn numbers(&self) -> Vec<Option<f64>> {
        self.values.iter().map(|value| value.map(Amount::to_f64)).collect()
    }

    pub(super) fn at(&self, step: usize) -> Option<Amount> {
        self.values.get(step).copied().flatten()
    }
}

/// The dearest lines, and all others as one.
pub(super) fn dearest(series: &Series) -> Vec<Row> {
    let row = |(shade, line): (usize, &tracing_budget_history::series::Line)| Row {
        name: if line.name.is_empty() { "(unnamed)".to_owned() } else { line.name.clone() },
        values: line.values.clone(),
        total: line.total,
        shade,
    };
    let mut rows: Vec<Row> = series.lines.iter().enumerate().map(row).collect();
    if rows.len() > SHADES {
        let others = rows.split_off(SHADES - 1);
        let values = (0..series.at.len()).map(|step| sum(others.iter().map(|row| row.at(step)))).collect();
        let name = format!("{} others", others.len());
        rows.push(Row { name, values, total: sum(others.iter().map(|row| row.total)), shade: SHADES - 1 });
    }
    rows
}

/// What is known of some amounts of money together.
pub(super) fn sum(amounts: impl Iterator<Item = Option<Amount>>) -> Option<Amount> {
    let known = amounts.filter_map(|amount| match amount {
        Some(Amount::Usd(usd)) => Some(usd),
        _ => None,
    });
    known.reduce(|sum: Usd, usd| sum + usd).map(Amount::Usd)
}

/// Digits that suit all totals.
pub(super) fn digits(rows: &[Row]) -> Money {
    Money::for_amounts(rows.iter().filter_map(|row| match row.total {
        Some(Amount::Usd(usd)) => Some(usd),
        _ => None,
    }))
}

pub(super) fn text(amount: Option<Amount>, digits: Option<Money>) -> String {
    match (amount, digits) {
        (None, _) => UNKNOWN.to_owned(),
        (Some(Amount::Usd(usd)), Some(digits)) => digits.write(usd),
        (Some(Amount::Usd(usd)), None) => figures::money(usd),
        (Some(Amount::Count(number)), _) => count(number),
        (Some(Amount::Ratio(part)), _) => share(part),
        (Some(Amount::Seconds(seconds)), _) => duration(seconds),
    }
}
