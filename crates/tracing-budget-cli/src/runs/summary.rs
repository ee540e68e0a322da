//! `runs summary`: how it goes.

use super::list::cause;
use super::short_ids;
use crate::args::SummaryArgs;
use crate::cell::{Cell, Tone};
use crate::exit::End;
use crate::page::Page;
use crate::session::Session;
use crate::sheet::{Sheet, left, right};
use crate::when;
use tracing_budget::present::columns::wrap;
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::Status;
use tracing_budget_history::stats::Overview;
use tracing_budget_history::{RunRow, Store};

const STATUSES: [Status; 6] = [
    Status::Completed,
    Status::Failed,
    Status::Interrupted,
    Status::Incomplete,
    Status::Cancelled,
    Status::Running,
];

/// Shows counts by status, what is typical, and the last failed run.
pub(crate) fn summary(args: &SummaryArgs, session: &Session) -> anyhow::Result<End> {
    let overview = session.store()?.summary(&args.scope.scope())?;
    session.show(&overview, || page(&overview))?;
    if overview.runs == 0 {
        session.remark("no run matches");
    }
    Ok(End::Good)
}

fn page(overview: &Overview) -> Page {
    let mut page = Page::new().for_csv(figures(overview, true));
    if overview.runs == 0 {
        return page;
    }
    page = page.sheet(statuses(overview)).sheet(figures(overview, false));
    for (label, run) in [("last run", &overview.last_run), ("last failed", &overview.last_failed)] {
        if let Some(run) = run {
            page = page.text(one_run(label, run));
        }
    }
    if overview.last_failed.is_none() {
        page = page.text("No run has failed.");
    }
    page
}

fn statuses(overview: &Overview) -> Sheet {
    let mut sheet = Sheet::new([left("STATUS", "status"), right("RUNS", "runs"), right("SHARE", "share")]);
    let share = |runs: u64| (overview.runs > 0).then(|| runs as f64 / overview.runs as f64);
    for status in STATUSES {
        let runs = overview.by_status.of(status);
        if runs > 0 {
            sheet.row([Cell::status(status, false), Cell::count(runs), Cell::share(share(runs))]);
        }
    }
    if overview.stale > 0 {
        let label = Cell::words("  of them stale").in_tone(Tone::Warn);
        sheet.row([label, Cell::count(overview.stale), Cell::share(share(overview.stale))]);
    }
    sheet.sum([Cell::words("all"), Cell::count(overview.runs), Cell::empty()]);
    sheet
}

fn figures(overview: &Overview, with_counts: bool) -> Sheet {
    let mut sheet = Sheet::new([
        left("FIGURE", "figure"),
        right("TYPICAL RUN", "typical"),
        right("ALL THAT ENDED", "all"),
    ]);
    let typical = &overview.typical;
    let money = Money::for_amounts(typical.cost_usd.into_iter());
    let all = Money::for_amounts(overview.cost_usd.into_iter());
    let in_part = overview.runs_without_cost > 0 || overview.unpriced_calls > 0;
    sheet.row([
        Cell::words("cost"),
        Cell::money(money, typical.cost_usd, false),
        Cell::money(all, overview.cost_usd, in_part),
    ]);
    sheet.row([
        Cell::words("tokens"),
        Cell::count_or_unknown(typical.tokens_used),
        Cell::count_or_unknown(overview.tokens_used),
    ]);
    sheet.row([Cell::words("time"), Cell::seconds(typical.duration_seconds), Cell::empty()]);
    sheet.row([Cell::words("llm calls"), Cell::empty(), Cell::count(overview.llm_calls)]);
    if overview.unpriced_calls > 0 || with_counts {
        let calls = Cell::faults(overview.unpriced_calls, Tone::Warn);
        sheet.row([Cell::words("unpriced calls"), Cell::empty(), calls]);
    }
    if with_counts {
        sheet.row([Cell::words("runs"), Cell::count(typical.runs), Cell::count(overview.runs)]);
        for status in STATUSES {
            let runs = overview.by_status.of(status);
            sheet.row([Cell::words(format!("runs {status}")), Cell::empty(), Cell::count(runs)]);
        }
    }
    sheet
}

fn one_run(label: &str, run: &RunRow) -> String {
    let id = short_ids(&[&run.run_id]).concat();
    let status = Cell::status(run.status, run.stale);
    let mut text =
        format!("{label:<12} {} · {id} · {} · {}", status.text(), run.pipeline, when::shown(run.started_at));
    for line in wrap(&cause(run), 90) {
        text += &format!("\n{:<12} {line}", "");
    }
    if run.unpriced_calls > 0 {
        text += &format!("\n{:<12} {} of unknown price", "", counted(run.unpriced_calls, "call"));
    }
    text
}
