//! `runs show`: one run as a whole.

use crate::args::ShowArgs;
use crate::cell::Cell;
use crate::exit::End;
use crate::page::Page;
use crate::pick;
use crate::session::Session;
use crate::sheet::{Sheet, csv_only, left, right};
use tracing_budget::present::numbers::Money;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::Store;

/// Shows a run.
pub(crate) fn show(args: &ShowArgs, session: &Session) -> anyhow::Result<End> {
    let store = session.store()?;
    let run = pick::run(&store, &args.run)?;
    session.show(&run, || Page::new().text(run.to_string()).for_csv(stages_sheet(&run)))?;
    if run.status == Status::Running && store.row(&run.run_id)?.is_some_and(|row| row.stale) {
        session.remark(
            "this run says that it is running, and nobody has heard of it for longer than it promised",
        );
    }
    Ok(End::Good)
}

/// A row a stage.
fn stages_sheet(run: &RunSummary) -> Sheet {
    let mut sheet = Sheet::new([
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
        csv_only("parent"),
    ]);
    let rows = &run.budget_summary.per_agent;
    let money = Money::for_amounts(rows.iter().filter_map(|(_, row)| row.figures.cost_usd));
    for (name, row) in rows.iter() {
        let figures = &row.figures;
        let silent = figures.calls_without_usage > 0;
        sheet.row([
            Cell::words(name),
            Cell::status(row.status, false),
            Cell::count(row.calls),
            Cell::count(figures.llm_calls),
            Cell::tokens(figures.tokens_used, silent),
            Cell::count(figures.input_tokens),
            Cell::count(figures.output_tokens),
            Cell::count(figures.cache_read_tokens),
            Cell::count(figures.cache_write_tokens),
            Cell::count(figures.reasoning_tokens),
            Cell::money(money, figures.cost_usd, silent || figures.unpriced_calls > 0),
            Cell::share(row.share_of_cost),
            Cell::seconds(Some(row.duration_seconds)),
            Cell::count(row.errors),
            Cell::count(figures.unpriced_calls),
            Cell::count(figures.calls_without_usage),
            Cell::words_or_empty(row.parent.as_ref()),
        ]);
    }
    sheet
}
