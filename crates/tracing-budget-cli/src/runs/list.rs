//! `runs list`: the runs that match.

use super::short_ids;
use crate::args::ListArgs;
use crate::cell::{Cell, Tone};
use crate::exit::End;
use crate::page::Page as Shown;
use crate::session::Session;
use crate::sheet::{Sheet, csv_only, left, right};
use tracing_budget::present::columns::cut;
use tracing_budget::present::numbers::{Money, count};
use tracing_budget_history::{Cursor, Page, RunRow, Store};

/// Shows one page of the runs that match.
pub(crate) fn list(args: &ListArgs, session: &Session) -> anyhow::Result<End> {
    let store = session.store()?;
    let limit = usize::from(args.limit);
    let page = match &args.after {
        Some(cursor) => Page::after(limit, Cursor::from(cursor.clone())),
        None => Page::first(limit),
    };
    let found = store.list(&args.filter.filter(), args.sort, &page)?;
    session.show(&found, || Shown::new().sheet(sheet(&found.runs)))?;
    if found.runs.is_empty() {
        session.remark("no run matches");
    }
    if let Some(next) = &found.next {
        session.remark(format!("there are more: --after {next}"));
    }
    Ok(End::Good)
}

/// A row a run.
pub(crate) fn sheet(runs: &[RunRow]) -> Sheet {
    let mut sheet = Sheet::new([
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
        right("GATES", "gates_passed"),
        csv_only("gates_failed"),
        csv_only("gates_total"),
        csv_only("failed_stage"),
        left("WHY", "error_summary"),
        csv_only("tags"),
        csv_only("parts"),
    ]);
    let money = Money::for_amounts(runs.iter().filter_map(|run| run.cost_usd));
    let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
    for (run, short) in runs.iter().zip(short_ids(&ids)) {
        let silent = run.calls_without_usage > 0;
        let tags: Vec<String> = run.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        sheet.row([
            Cell::short(short, &run.run_id),
            Cell::time(Some(run.started_at)),
            Cell::words(&run.project),
            Cell::words(&run.pipeline),
            Cell::status(run.status, run.stale),
            Cell::words(run.stale.to_string()),
            Cell::time(run.completed_at),
            Cell::seconds(Some(run.duration_seconds)),
            Cell::count(run.stages),
            Cell::count(run.llm_calls),
            Cell::tokens(run.tokens_used, silent),
            Cell::money(money, run.cost_usd, silent || run.unpriced_calls > 0),
            Cell::count(run.unpriced_calls),
            Cell::count(run.calls_without_usage),
            gates(run),
            Cell::count(run.gates_failed),
            Cell::count(run.gates_total),
            Cell::words_or_empty(run.failed_stage.as_ref()),
            why(run),
            Cell::words(tags.join(" ")),
            Cell::count(run.parts),
        ]);
    }
    sheet
}

/// How many gates passed, of how many.
fn gates(run: &RunRow) -> Cell {
    let tone = if run.gates_failed > 0 { Tone::Bad } else { Tone::Plain };
    let text = match (run.gates_total, run.gates_failed) {
        (0, _) => String::new(),
        (total, 0) => format!("{}/{}", count(run.gates_passed), count(total)),
        (total, _) => format!("✗ {}/{}", count(run.gates_passed), count(total)),
    };
    Cell::short(text, run.gates_passed.to_string()).in_tone(tone)
}

fn why(run: &RunRow) -> Cell {
    let raw = run.error_summary.clone().unwrap_or_default();
    Cell::short(cut(&cause(run), 60), raw)
}

/// Where and why it failed; empty where it did not.
pub(super) fn cause(run: &RunRow) -> String {
    match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!("{stage}: {error}"),
        (Some(stage), None) => format!("in {stage}"),
        (None, Some(error)) => error.clone(),
        (None, None) => String::new(),
    }
}
