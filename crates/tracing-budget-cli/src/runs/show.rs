//! `runs show`: one run.

use clap::Args;

use crate::cell::Cell;
use crate::exit::Exit;
use crate::output::Output;
use crate::run_ref;
use crate::session::Session;
use crate::table::{Column, Table, csv_only, left, right};
use tracing_budget::Kind;
use tracing_budget::present::calls;
use tracing_budget::present::numbers::Money;
use tracing_budget::present::stages::{self, StageNode};
use tracing_budget::summary::{RunSummary, Status, Units};
use tracing_budget_history::Store;

/// Arguments of `runs show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Run: an id, its beginning or ending, `last` or `last-failed`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub(crate) run: String,

    /// Number of model calls to list one by one, the most expensive first; CSV has all that the run kept.
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "20")]
    pub(crate) calls: Option<usize>,
}

/// Shows a run.
pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    let run = run_ref::load(&store, &args.run)?;
    session.show(&run, || {
        let whole = Output::new().shown(run.to_string());
        match args.calls {
            None => whole.for_csv(stages_table(&run)),
            Some(most) => whole.shown(calls::table(&run, most)).for_csv(calls_table(&run)),
        }
    })?;
    if run.status == Status::Running && store.row(&run.run_id)?.is_some_and(|row| row.stale) {
        session.note("stale: the run has status running, and its last heartbeat is overdue");
    }
    Ok(Exit::Success)
}

/// Returns one row per call.
fn calls_table(run: &RunSummary) -> Table {
    let mut columns: Vec<Column> = [
        "started_at",
        "status",
        "cost_usd",
        "price_source",
        "duration_seconds",
        "time_to_first_token_seconds",
        "stage",
        "agent",
        "operation",
        "provider",
        "model",
        "model_requested",
        "model_answered",
        "tier",
        "attempt",
        "finish_reason",
        "response_id",
        "conversation",
        "prompt_name",
        "prompt_version",
        "error",
    ]
    .map(csv_only)
    .to_vec();
    columns.extend(UNITS.map(|(unit, _)| csv_only(unit)));
    columns.push(csv_only("units"));
    let mut table = Table::new(columns);
    let calls = run.budget_summary.calls.iter().flatten();
    for call in calls {
        let money = Money::for_amounts(call.cost_usd.into_iter());
        let text = |text: &Option<String>| Cell::words_or_empty(text.as_ref());
        let mut cells = vec![
            Cell::whole(call.started_at.to_string()),
            Cell::status(call.status, false),
            Cell::money(money, call.cost_usd, call.is_partly_known()),
            text(&call.price_source),
            Cell::seconds(call.duration_seconds),
            Cell::seconds(call.time_to_first_token_seconds),
            text(&call.stage),
            text(&call.agent),
            Cell::words(&call.operation),
            text(&call.provider),
            text(&call.model),
            text(&call.model_requested),
            text(&call.model_answered),
            text(&call.tier),
            Cell::count(call.attempt),
            text(&call.finish_reason),
            text(&call.response_id),
            text(&call.conversation),
            text(&call.prompt_name),
            text(&call.prompt_version),
            text(&call.error),
        ];
        cells.extend(UNITS.map(|(_, kind)| Cell::count_or_unknown(call.usage.get(kind))));
        let is_column = |kind: Kind| UNITS.iter().any(|(_, column)| *column == kind);
        let others: Units = call.usage.iter().filter(|(kind, _)| !is_column(*kind)).collect();
        cells.push(Cell::words(others.to_string()));
        table.row(cells);
    }
    table
}

/// Units of a call's usage by their columns.
const UNITS: [(&str, Kind); 10] = [
    ("input_tokens", Kind::Input),
    ("output_tokens", Kind::Output),
    ("cache_read_tokens", Kind::CacheRead),
    ("cache_write_tokens", Kind::CacheWrite),
    ("cache_write_1h_tokens", Kind::CacheWrite1h),
    ("reasoning_tokens", Kind::Reasoning),
    ("audio_input_tokens", Kind::AudioInput),
    ("audio_output_tokens", Kind::AudioOutput),
    ("billed_requests", Kind::Requests),
    ("unsplit_tokens", Kind::Tokens),
];

/// Returns one row per stage.
fn stages_table(run: &RunSummary) -> Table {
    let mut table = Table::new([
        left("STAGE", "stage"),
        left("STATUS", "status"),
        right("CALLS", "calls"),
        right("LLM", "llm_calls"),
        right("TOKENS", "tokens_used"),
        csv_only("input_tokens"),
        csv_only("output_tokens"),
        csv_only("cache_read_tokens"),
        csv_only("cache_write_tokens"),
        csv_only("reasoning_tokens"),
        csv_only("units"),
        right("COST", "cost_usd"),
        right("SHARE", "share_of_cost"),
        right("TIME", "duration_seconds"),
        right("ERRORS", "errors"),
        csv_only("unpriced_calls"),
        csv_only("calls_without_usage"),
        csv_only("partial_calls"),
        csv_only("error_events"),
        csv_only("parent"),
        csv_only("name"),
    ]);
    let rows = &run.budget_summary.per_agent;
    let money = Money::for_amounts(rows.iter().filter_map(|(_, row)| row.figures.cost_usd));
    for StageNode { name, row, .. } in stages::tree(rows) {
        let figures = &row.figures;
        let in_part = figures.calls_without_usage > 0 || figures.partial_calls > 0;
        table.row([
            Cell::words(name),
            Cell::status(row.status, false),
            Cell::count(row.calls),
            Cell::count(figures.llm_calls),
            Cell::tokens(figures.tokens_used, in_part),
            Cell::count(figures.input_tokens),
            Cell::count(figures.output_tokens),
            Cell::count(figures.cache_read_tokens),
            Cell::count(figures.cache_write_tokens),
            Cell::count(figures.reasoning_tokens),
            Cell::words(figures.units.to_string()),
            Cell::money(money, figures.cost_usd, in_part || figures.unpriced_calls > 0),
            Cell::share(row.share_of_cost),
            Cell::seconds(row.measured_seconds()),
            Cell::count(row.errors),
            Cell::count(figures.unpriced_calls),
            Cell::count(figures.calls_without_usage),
            Cell::count(figures.partial_calls),
            Cell::count(row.error_events),
            Cell::words_or_empty(row.parent.as_ref()),
            Cell::words(row.name.as_deref().unwrap_or(name)),
        ]);
    }
    table
}
