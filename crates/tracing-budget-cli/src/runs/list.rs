//! `runs list`: a page of the run history.

use clap::Args;

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::filter_args::FilterArgs;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::present::columns::cut;
use tracing_budget::present::numbers::{Money, count};
use tracing_budget_history::Sort;
use tracing_budget_history::grammar::Zone;
use tracing_budget_history::{Cursor, Page, RunRow, Store};

/// Arguments of `runs list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Order: started, cost, duration or tokens, largest first; `:asc` reverses it. Unknown values come last.
    #[arg(long, value_name = "ORDER", default_value_t)]
    pub(crate) sort: Sort,

    /// Maximum number of runs, 1 to 1000.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,

    /// Start of the page: `next` of the page before.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

/// Shows one page of the matching runs.
pub(crate) fn run(args: &ListArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    let limit = usize::from(args.limit);
    let page = match &args.cursor {
        Some(cursor) => Page::after(limit, Cursor::from(cursor.clone())),
        None => Page::first(limit),
    };
    let found = store.list(&args.filter.filter(session), args.sort, &page)?;
    session.show(&found, || Output::new().table(table(&found.runs, session.zone())))?;
    if found.runs.is_empty() {
        session.note("no run matches");
    }
    if let Some(next) = &found.next {
        session.note(format!("there are more runs: --cursor {next}"));
    }
    Ok(Exit::Success)
}

/// Returns one row per run.
pub(crate) fn table(runs: &[RunRow], zone: &Zone) -> Table {
    let mut table = Table::new([
        left("RUN", "run_id"),
        left("STARTED", "started_at"),
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        left("STATUS", "status"),
        csv_only("stale"),
        csv_only("completed_at"),
        right("TIME", "duration_seconds"),
        csv_only("stages"),
        right("LLM", "llm_calls"),
        right("TOKENS", "tokens_used"),
        right("COST", "cost_usd"),
        csv_only("unpriced_calls"),
        csv_only("calls_without_usage"),
        csv_only("partial_calls"),
        right("GATES", "gates_passed"),
        csv_only("gates_failed"),
        csv_only("gates_total"),
        csv_only("failed_stage"),
        left("WHY", "error_summary"),
        csv_only("tags"),
        csv_only("parts"),
    ]);
    let money = Money::for_amounts(runs.iter().filter_map(|run| run.cost_usd));
    for run in runs {
        let in_part = run.calls_without_usage > 0 || run.partial_calls > 0;
        let tags: Vec<String> = run.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        table.row([
            Cell::run_id(&run.run_id),
            Cell::time(Some(run.started_at), zone),
            Cell::words(&run.project),
            Cell::words(&run.pipeline),
            Cell::status(run.status, run.stale),
            Cell::words(run.stale.to_string()),
            Cell::time(run.completed_at, zone),
            Cell::seconds(Some(run.duration_seconds)),
            Cell::count(run.stages),
            Cell::count(run.llm_calls),
            Cell::tokens(run.tokens_used, in_part),
            Cell::money(money, run.cost_usd, in_part || run.unpriced_calls > 0),
            Cell::count(run.unpriced_calls),
            Cell::count(run.calls_without_usage),
            Cell::count(run.partial_calls),
            gates(run),
            Cell::count(run.gates_failed),
            Cell::count(run.gates_total),
            Cell::words_or_empty(run.failed_stage.as_ref()),
            reason(run),
            Cell::words(tags.join(" ")),
            Cell::count(run.parts),
        ]);
    }
    table
}

/// Passed gates of all gates.
fn gates(run: &RunRow) -> Cell {
    let tone = if run.gates_failed > 0 { Tone::Bad } else { Tone::Plain };
    let text = match (run.gates_total, run.gates_failed) {
        (0, _) => String::new(),
        (total, 0) => format!("{}/{}", count(run.gates_passed), count(total)),
        (total, _) => format!("✗ {}/{}", count(run.gates_passed), count(total)),
    };
    Cell::short(text, run.gates_passed.to_string()).in_tone(tone)
}

fn reason(run: &RunRow) -> Cell {
    let raw = run.error_summary.clone().unwrap_or_default();
    Cell::short(cut(&cause(run), 60), raw)
}

/// The failed stage and the error; empty if the run did not fail.
pub(super) fn cause(run: &RunRow) -> String {
    match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!("{stage}: {error}"),
        (Some(stage), None) => format!("in {stage}"),
        (None, Some(error)) => error.clone(),
        (None, None) => String::new(),
    }
}
