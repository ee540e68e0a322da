//! `runs summary`: counts by status, typical figures, the last failure.

use clap::Args;

use super::list::cause;
use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::filter_args::ScopeArgs;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::columns::{one_line, wrap};
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget_history::grammar::{STATUSES, Zone};
use tracing_budget_history::stats::Overview;
use tracing_budget_history::{RunRow, Store};

/// Arguments of `runs summary`.
#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
}

/// Shows counts by status, typical figures, and the last failed run.
pub(crate) fn run(args: &SummaryArgs, session: &Session) -> anyhow::Result<Exit> {
    let overview = session.store()?.summary(&args.scope.scope(session))?;
    session.show(&overview, || output(&overview, session.zone()))?;
    if overview.runs == 0 {
        session.note("no run matches");
    }
    Ok(Exit::Success)
}

fn output(overview: &Overview, zone: &Zone) -> Output {
    let mut output = Output::new().for_csv(figures(overview, true));
    if overview.runs == 0 {
        return output;
    }
    output = output.table(statuses(overview)).table(figures(overview, false));
    for (label, run) in [("last run", &overview.last_run), ("last failed", &overview.last_failed)] {
        if let Some(run) = run {
            output = output.shown(one_run(label, run, zone));
        }
    }
    if overview.last_failed.is_none() {
        output = output.line("No run has failed.");
    }
    output
}

fn statuses(overview: &Overview) -> Table {
    let mut table = Table::new([left("STATUS", "status"), right("RUNS", "runs"), right("SHARE", "share")]);
    let share = |runs: u64| (overview.runs > 0).then(|| runs as f64 / overview.runs as f64);
    for &status in STATUSES {
        let runs = overview.by_status.of(status);
        if runs > 0 {
            table.row([Cell::status(status, false), Cell::count(runs), Cell::share(share(runs))]);
        }
    }
    if overview.stale > 0 {
        let label = Cell::words("  of these stale").in_tone(Tone::Warn);
        table.row([label, Cell::count(overview.stale), Cell::share(share(overview.stale))]);
    }
    table.sum([Cell::words("all"), Cell::count(overview.runs), Cell::empty()]);
    table
}

fn figures(overview: &Overview, with_counts: bool) -> Table {
    let mut table = Table::new([
        left("FIGURE", "figure"),
        right("TYPICAL RUN", "typical"),
        right("ALL THAT ENDED", "all"),
    ]);
    let typical = &overview.typical;
    let money = Money::for_amounts(typical.cost_usd.into_iter());
    let all = Money::for_amounts(overview.cost_usd.into_iter());
    let tokens_in_part = overview.calls_without_usage > 0 || overview.partial_calls > 0;
    let in_part = overview.runs_without_cost > 0 || overview.unpriced_calls > 0 || tokens_in_part;
    table.row([
        Cell::words("cost"),
        Cell::money(money, typical.cost_usd, false),
        Cell::money(all, overview.cost_usd, in_part),
    ]);
    table.row([
        Cell::words("tokens"),
        Cell::count_or_unknown(typical.tokens_used),
        Cell::tokens(overview.tokens_used, tokens_in_part),
    ]);
    table.row([Cell::words("time"), Cell::seconds(typical.duration_seconds), Cell::empty()]);
    table.row([Cell::words("llm calls"), Cell::empty(), Cell::count(overview.llm_calls)]);
    if overview.unpriced_calls > 0 || with_counts {
        let calls = Cell::faults(overview.unpriced_calls, Tone::Warn);
        table.row([Cell::words("unpriced calls"), Cell::empty(), calls]);
    }
    if with_counts {
        table.row([Cell::words("runs"), Cell::count(typical.runs), Cell::count(overview.runs)]);
        for &status in STATUSES {
            let runs = overview.by_status.of(status);
            table.row([Cell::words(format!("runs {status}")), Cell::empty(), Cell::count(runs)]);
        }
    }
    table
}

fn one_run(label: &str, run: &RunRow, zone: &Zone) -> String {
    let id = Cell::run_id(&run.run_id);
    let status = Cell::status(run.status, run.stale);
    let mut text = format!(
        "{label:<12} {} · {} · {} · {}",
        status.text(),
        id.text(),
        one_line(&run.pipeline),
        zone.minute(run.started_at)
    );
    for line in wrap(&cause(run), 90) {
        text += &format!("\n{:<12} {line}", "");
    }
    if run.unpriced_calls > 0 {
        text += &format!("\n{:<12} {} of unknown price", "", counted(run.unpriced_calls, "call"));
    }
    text
}
