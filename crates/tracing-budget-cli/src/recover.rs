//! `recover`: the runs of processes that died, out of their journals into the history.

use anyhow::Context as _;
use serde::Serialize;

use super::args::RecoverArgs;
use super::cell::{Cell, Tone};
use super::exit::End;
use super::page::Page;
use super::runs::short_ids;
use super::session::Session;
use super::sheet::{Sheet, csv_only, left, right};
use tracing_budget::Usd;
use tracing_budget::journal::{Recovery, recover};
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::{RunSummary, Status, Timestamp};
use tracing_budget_history::{Put, Store};

/// What was found and what became of it.
#[derive(Default, Serialize)]
struct Recovered {
    runs: Vec<Line>,
    /// Journals that were left alone, as their processes live.
    in_use: usize,
    unreadable: Vec<Unreadable>,
    dry_run: bool,
    kept: bool,
}

#[derive(Serialize)]
struct Line {
    run_id: String,
    project: String,
    pipeline: String,
    status: Status,
    started_at: Timestamp,
    duration_seconds: f64,
    tokens_used: Option<u64>,
    cost_usd: Option<Usd>,
    /// Calls whose cost is not in it.
    calls_without_cost: u64,
    journal: String,
}

#[derive(Serialize)]
struct Unreadable {
    journal: String,
    reason: String,
}

/// Stores what the journals of dead processes hold, then removes them.
pub(super) fn run(args: &RecoverArgs, session: &Session) -> anyhow::Result<End> {
    let mut recovered = Recovered { dry_run: args.dry_run, kept: args.keep, ..Recovered::default() };
    for directory in &args.directories {
        let found = recover(directory)?;
        recovered.add(&found);
        if args.dry_run {
            continue;
        }
        let puts: Vec<Put<'_>> = found.runs().map(Put::new).collect();
        if !puts.is_empty() {
            session.store_or_new()?.put_all(&puts)?;
        }
        // Only now: a journal goes when its runs are in the history.
        if !args.keep {
            found.discard().with_context(|| {
                format!("the runs are stored; the journals in {} stay", directory.display())
            })?;
        }
    }
    session.show(&recovered, || recovered.page())?;
    for unreadable in &recovered.unreadable {
        session.remark(format!("left as it is, {}: {}", unreadable.journal, unreadable.reason));
    }
    if recovered.in_use > 0 {
        let journals = counted(recovered.in_use as u64, "journal");
        session.remark(format!("{journals} left alone: the processes live"));
    }
    Ok(End::Good)
}

impl Recovered {
    fn add(&mut self, found: &Recovery) {
        self.in_use += found.in_use();
        for journal in found.journals() {
            let path = journal.path().display().to_string();
            self.runs.extend(journal.runs().iter().map(|run| Line::of(run, path.clone())));
            // The line that the process died over is no loss; others are.
            for line in journal.skipped().iter().filter(|line| !line.is_cut_short) {
                self.unreadable.push(Unreadable { journal: path.clone(), reason: line.to_string() });
            }
        }
        self.unreadable.extend(found.unreadable().iter().map(|(path, reason)| Unreadable {
            journal: path.display().to_string(),
            reason: reason.clone(),
        }));
    }

    fn page(&self) -> Page {
        let runs = counted(self.runs.len() as u64, "run");
        let said = match (self.dry_run, self.kept) {
            (true, _) => format!("{runs} found, nothing stored"),
            (false, true) => format!("{runs} stored, the journals stay"),
            (false, false) => format!("{runs} stored"),
        };
        Page::new().sheet(self.sheet()).text(said)
    }

    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new([
            left("RUN", "run_id"),
            left("STARTED", "started_at"),
            left("PROJECT", "project"),
            left("PIPELINE", "pipeline"),
            left("STATUS", "status"),
            right("TIME", "duration_seconds"),
            right("TOKENS", "tokens_used"),
            right("COST", "cost_usd"),
            csv_only("calls_without_cost"),
            csv_only("journal"),
        ]);
        let money = Money::for_amounts(self.runs.iter().filter_map(|run| run.cost_usd));
        let ids: Vec<&str> = self.runs.iter().map(|run| run.run_id.as_str()).collect();
        for (run, id) in self.runs.iter().zip(short_ids(&ids)) {
            sheet.row([
                Cell::short(id, &run.run_id),
                Cell::time(Some(run.started_at)),
                Cell::words(&run.project),
                Cell::words(&run.pipeline),
                Cell::status(run.status, false),
                Cell::seconds(Some(run.duration_seconds)),
                Cell::count_or_unknown(run.tokens_used),
                Cell::money(money, run.cost_usd, run.calls_without_cost > 0),
                Cell::faults(run.calls_without_cost, Tone::Warn),
                Cell::whole(&run.journal),
            ]);
        }
        sheet
    }
}

impl Line {
    fn of(run: &RunSummary, journal: String) -> Self {
        let total = &run.budget_summary.total;
        Self {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            started_at: run.started_at,
            duration_seconds: run.duration_seconds,
            tokens_used: total.tokens_used,
            cost_usd: total.cost_usd,
            calls_without_cost: total.unpriced_calls.saturating_add(total.calls_without_usage),
            journal,
        }
    }
}
