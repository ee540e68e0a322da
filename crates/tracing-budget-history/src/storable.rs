//! The check of a document before it is stored: its schema, the size of its figures, and that its rows add up.
//!
//! One document with absurd figures would spoil the sums of its hour and day, and those who read them. So it is refused
//! at the door, with the field at fault, whichever way it comes.

use tracing_budget::Usd;
use tracing_budget::summary::{Figures, RunSummary, SCHEMA_VERSION, Status};

/// The largest count of a document: tokens, calls, errors. SQLite's integers end at 2^63, about 9.2e18, so the sums of nine
/// million such runs fit. A million tokens a second come to it in eleven days.
pub(crate) const MOST: u64 = 1_000_000_000_000;

/// The largest count of a unit beside tokens. Times are microseconds there, of which thirty years are 1e15.
const MOST_UNITS: u64 = 1_000 * MOST;

/// The longest time, in seconds: 317 years. Sums are microseconds, so those of 922 such runs fit.
const LONGEST: f64 = 1e10;

/// Amounts from here on, in pico-dollars: a fault of an emitter, and no bill. The sums of a hundred billion below it fit.
const ABSURD: i128 = 1_000_000_000_000_000 * 1_000_000_000_000;

/// Checks a document. The error names the field, its value and what was expected.
pub(crate) fn check(run: &RunSummary) -> Result<(), String> {
    if run.run_id.trim().is_empty() {
        return Err("its run_id is empty".to_owned());
    }
    if run.status == Status::NotRun {
        return Err("its status is not_run, which only a stage can be".to_owned());
    }
    let version = run.schema_version;
    if !(1..=SCHEMA_VERSION).contains(&version) {
        return Err(format!("schema_version is {version}, expected 1 to {SCHEMA_VERSION}"));
    }
    sizes(run)?;
    // The picture of a run in flight is taken while its threads write, and a figure may be in a row and not yet in the total. It is
    // in no sum, and the next picture replaces it.
    if run.status == Status::Running {
        return Ok(());
    }
    run.check().map_err(|unbalanced| match unbalanced.findings() {
        [] => unbalanced.to_string(),
        [one] => one.clone(),
        [one, others @ ..] => format!("{one}; and {} more", others.len()),
    })
}

/// Checks the size of every figure. Rows are balanced against the total afterwards, so of what is in the total, no row can
/// be larger.
fn sizes(run: &RunSummary) -> Result<(), String> {
    let budget = &run.budget_summary;
    duration("duration_seconds", run.duration_seconds)?;
    figures("budget_summary", &budget.total)?;
    count("budget_summary.error_events", budget.error_events)?;
    count("budget_summary.records_dropped", budget.records_dropped)?;
    count("budget_summary.calls_left_out", budget.calls_left_out)?;
    for (name, row) in budget.per_agent.iter() {
        let at = |field: &str| format!("budget_summary.per_agent.{name}.{field}");
        // Names are made where something is wrong only: this is done for each run that is stored.
        count_of(row.calls, || at("calls"))?;
        count_of(row.errors, || at("errors"))?;
        count_of(row.attempts_left_out, || at("attempts_left_out"))?;
        duration_of(row.duration_seconds, || at("duration_seconds"))?;
        amount_of(row.figures.cost_usd, || at("cost_usd"))?;
        for attempt in &row.attempts {
            duration_of(attempt.duration_seconds, || at("attempts.duration_seconds"))?;
        }
        for (model, row) in row.per_model.iter() {
            amount_of(row.figures.cost_usd, || at(&format!("per_model.{model}.cost_usd")))?;
            duration_of(row.duration_seconds.unwrap_or(0.0), || {
                at(&format!("per_model.{model}.duration_seconds"))
            })?;
        }
    }
    let models = budget
        .per_model
        .iter()
        .map(|(name, row)| ("per_model", name, 0, 0, row.duration_seconds, &row.figures));
    let agents = budget.by_agent.iter();
    let agents = agents
        .map(|(name, row)| ("by_agent", name, row.calls, row.errors, row.duration_seconds, &row.figures));
    let operations = budget.by_operation.iter();
    let operations = operations
        .map(|(name, row)| ("by_operation", name, row.calls, 0, row.duration_seconds, &row.figures));
    for (rows, name, calls, errors, seconds, figures) in models.chain(agents).chain(operations) {
        let at = |field: &str| format!("budget_summary.{rows}.{name}.{field}");
        count_of(calls, || at("calls"))?;
        count_of(errors, || at("errors"))?;
        duration_of(seconds.unwrap_or(0.0), || at("duration_seconds"))?;
        amount_of(figures.cost_usd, || at("cost_usd"))?;
    }
    for (place, gate) in budget.gate_verdicts.iter().enumerate() {
        let at = |field: &str| format!("budget_summary.gate_verdicts[{place}].{field}");
        duration_of(gate.duration_seconds.unwrap_or(0.0), || at("duration_seconds"))?;
        amount_of(gate.cost_usd, || at("cost_usd"))?;
    }
    Ok(())
}

fn figures(rows: &str, figures: &Figures) -> Result<(), String> {
    for (field, value) in [
        ("tokens_used", figures.tokens_used.unwrap_or(0)),
        ("llm_calls", figures.llm_calls),
        ("input_tokens", figures.input_tokens),
        ("output_tokens", figures.output_tokens),
        ("cache_read_tokens", figures.cache_read_tokens),
        ("cache_write_tokens", figures.cache_write_tokens),
        ("reasoning_tokens", figures.reasoning_tokens),
        ("unpriced_calls", figures.unpriced_calls),
        ("calls_without_usage", figures.calls_without_usage),
        ("partial_calls", figures.partial_calls),
    ] {
        count_of(value, || format!("{rows}.{field}"))?;
    }
    if let Some((unit, value)) = figures.units.iter().find(|(_, value)| *value > MOST_UNITS) {
        return Err(format!("{rows}.units.{} is {value}, expected at most {MOST_UNITS}", unit.key()));
    }
    amount_of(figures.cost_usd, || format!("{rows}.cost_usd"))
}

fn count(field: &str, value: u64) -> Result<(), String> {
    count_of(value, || field.to_owned())
}

fn duration(field: &str, seconds: f64) -> Result<(), String> {
    duration_of(seconds, || field.to_owned())
}

fn count_of(value: u64, field: impl Fn() -> String) -> Result<(), String> {
    if value <= MOST { Ok(()) } else { Err(format!("{} is {value}, expected at most {MOST}", field())) }
}

fn duration_of(seconds: f64, field: impl Fn() -> String) -> Result<(), String> {
    // A NaN is in no range.
    if (0.0..=LONGEST).contains(&seconds) {
        return Ok(());
    }
    Err(format!("{} is {seconds}, expected 0 to {LONGEST}", field()))
}

fn amount_of(amount: Option<Usd>, field: impl Fn() -> String) -> Result<(), String> {
    match amount {
        Some(usd) if usd.pico().unsigned_abs() >= ABSURD.unsigned_abs() => {
            Err(format!("{} is {usd}, expected less than 1e15", field()))
        }
        _ => Ok(()),
    }
}
