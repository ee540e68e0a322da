//! Money in the database, to the last pico-dollar.

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

use tracing_budget::Usd;
use tracing_budget::summary::RunSummary;

/// A JSON number of USD names every pico-dollar below this.
const EXACT_IN_JSON: Usd = Usd::from_pico(8_192_000_000_000_000);

/// An integer where 64 bits are enough; else a text, which SQLite sorts after every integer, of as many digits as any
/// amount has, so that texts sort as amounts do.
pub(super) fn value(amount: Option<Usd>) -> Value {
    match amount.map(|amount| (amount.pico(), i64::try_from(amount.pico()))) {
        None => Value::Null,
        Some((_, Ok(pico))) => Value::Integer(pico),
        Some((pico, Err(_))) => Value::Text(format!("{pico:039}")),
    }
}

/// The amount that was written by [`value`].
pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Usd>> {
    let wrong = |reason: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, reason)
    };
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(pico) => Some(Usd::from_pico(i128::from(pico))),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|error| wrong(error.into()))?;
            Some(Usd::from_pico(text.parse().map_err(|error: std::num::ParseIntError| wrong(error.into()))?))
        }
        _ => return Err(wrong("an amount is neither a whole number nor a text".into())),
    })
}

/// The amounts of a document in pico-dollars, where JSON cannot hold one of them.
pub(super) fn exact(run: &RunSummary) -> Option<String> {
    if !has_large(run) {
        return None;
    }
    let mut amounts = Vec::new();
    visit(&mut run.clone(), &mut |amount| amounts.push(amount.pico().to_string()));
    Some(amounts.join(" "))
}

fn has_large(run: &RunSummary) -> bool {
    let is_large = |usd: &Usd| *usd >= EXACT_IN_JSON || *usd <= -EXACT_IN_JSON;
    let figures = &run.budget_summary;
    let of_run = [run.value_usd, figures.total.cost_usd, figures.limits.usd, figures.usd_remaining];
    let mut stages = figures.per_agent.iter().flat_map(|(_, stage)| {
        let limits = stage.limits.and_then(|limits| limits.usd.max(limits.usd_remaining));
        let models = stage.per_model.iter().map(|(_, row)| row.figures.cost_usd);
        models.chain([stage.figures.cost_usd, limits])
    });
    of_run.iter().flatten().any(is_large)
        || stages.any(|usd| usd.as_ref().is_some_and(is_large))
        || figures.per_model.iter().any(|(_, row)| row.figures.cost_usd.as_ref().is_some_and(is_large))
        || figures.by_operation.iter().any(|(_, row)| row.figures.cost_usd.as_ref().is_some_and(is_large))
        || figures.by_agent.iter().any(|(_, row)| row.figures.cost_usd.as_ref().is_some_and(is_large))
        || figures.gate_verdicts.iter().any(|gate| gate.cost_usd.as_ref().is_some_and(is_large))
        || figures.records.iter().any(|record| record.cost_usd.as_ref().is_some_and(is_large))
        || figures.calls.iter().flatten().any(|call| call.cost_usd.as_ref().is_some_and(is_large))
}

/// Gives a document that was read back the amounts that it had.
pub(super) fn restore(run: &mut RunSummary, exact: &str) {
    let mut amounts = exact.split(' ').map(|pico| pico.parse().ok().map(Usd::from_pico));
    visit(run, &mut |amount| {
        if let Some(Some(exact)) = amounts.next() {
            *amount = exact;
        }
    });
}

/// Every amount of a document, always in the same order; what is added to the document comes last here.
fn visit(run: &mut RunSummary, see: &mut impl FnMut(&mut Usd)) {
    let figures = &mut run.budget_summary;
    run.value_usd.iter_mut().for_each(&mut *see);
    figures.total.cost_usd.iter_mut().for_each(&mut *see);
    figures.limits.usd.iter_mut().for_each(&mut *see);
    figures.usd_remaining.iter_mut().for_each(&mut *see);
    for stage in figures.per_agent.values_mut() {
        stage.figures.cost_usd.iter_mut().for_each(&mut *see);
        stage.per_model.values_mut().filter_map(|model| model.figures.cost_usd.as_mut()).for_each(&mut *see);
    }
    figures.per_model.values_mut().filter_map(|model| model.figures.cost_usd.as_mut()).for_each(&mut *see);
    figures.by_operation.values_mut().filter_map(|row| row.figures.cost_usd.as_mut()).for_each(&mut *see);
    figures.gate_verdicts.iter_mut().filter_map(|gate| gate.cost_usd.as_mut()).for_each(&mut *see);
    for limits in figures.per_agent.values_mut().filter_map(|stage| stage.limits.as_mut()) {
        limits.usd.iter_mut().chain(&mut limits.usd_remaining).for_each(&mut *see);
    }
    figures.records.iter_mut().filter_map(|record| record.cost_usd.as_mut()).for_each(&mut *see);
    run.efficiency.cost_per_iteration_usd.iter_mut().for_each(&mut *see);
    figures.by_agent.values_mut().filter_map(|agent| agent.figures.cost_usd.as_mut()).for_each(&mut *see);
    figures.calls.iter_mut().flatten().filter_map(|call| call.cost_usd.as_mut()).for_each(see);
}

/// A count as SQLite has integers: signed, 64 bits.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What the time columns of models and operations hold where no span measured a time. They refuse NULL, and to allow it both
/// tables would have to be built anew; no time is below 0.
const NOT_MEASURED: f64 = -1.0;

/// A time for the columns of stages, models and operations.
pub(super) fn time_column(measured: Option<f64>) -> f64 {
    measured.map_or(NOT_MEASURED, seconds)
}

/// The time in such a column.
pub(super) fn measured(column: f64) -> Option<f64> {
    (column >= 0.0).then_some(column)
}

/// A duration that can be stored: SQLite has no NaN and writes NULL instead, which the columns refuse. Only a document
/// edited by hand has one.
pub(super) fn seconds(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds } else { 0.0 }
}
