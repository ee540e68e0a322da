//! `runs show`: one run.

use clap::Args;

use crate::cell::Cell;
use crate::exit::Exit;
use crate::output::Output;
use crate::run_ref;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::present::numbers::Money;
use tracing_budget::present::stages::{self, StageNode};
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::Store;

/// Arguments of `runs show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Run: an id, its beginning or ending, `last` or `last-failed`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub(crate) run: String,
}

/// Shows a run.
pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    let run = run_ref::load(&store, &args.run)?;
    session.show(&run, || Output::new().text(run.to_string()).for_csv(stages_table(&run)))?;
    if run.status == Status::Running && store.row(&run.run_id)?.is_some_and(|row| row.stale) {
        session.note("stale: the run has status running, and its last heartbeat is overdue");
    }
    Ok(Exit::Success)
}

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
