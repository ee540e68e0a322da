//! `recover`: the runs of killed processes, from their journals into the run history.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use serde::Serialize;

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::Usd;
use tracing_budget::journal::{Recovery, recover};
use tracing_budget::present::columns::printable;
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::{RunSummary, Status, Timestamp};
use tracing_budget_history::grammar::Zone;
use tracing_budget_history::{Put, Store};

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Journal directories, as passed to `.journal(..)`.
    #[arg(value_name = "DIRECTORY", required = true, value_hint = ValueHint::DirPath)]
    pub(crate) directories: Vec<PathBuf>,

    /// Report without storing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Keep the journals; the next layer with this directory delivers their runs again.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// The runs that were found, and the journals that were not read.
#[derive(Default, Serialize)]
struct Recovered {
    runs: Vec<Line>,
    /// Journals of running processes, which are skipped.
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
    /// Calls of unknown cost, which `cost_usd` lacks.
    calls_without_cost: u64,
    journal: String,
}

#[derive(Serialize)]
struct Unreadable {
    journal: String,
    reason: String,
}

/// Stores the runs of the journals, then deletes the journals.
pub(super) fn run(args: &RecoverArgs, session: &Session) -> anyhow::Result<Exit> {
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
        // After the store has them: a journal deleted earlier would lose its runs if storing failed.
        if !args.keep {
            found.discard().with_context(|| {
                format!("the runs are stored, but the journals in {} cannot be deleted", directory.display())
            })?;
        }
    }
    session.show(&recovered, || recovered.output(session.zone()))?;
    for unreadable in &recovered.unreadable {
        session.note(printable(&format!("not read, {}: {}", unreadable.journal, unreadable.reason)));
    }
    if recovered.in_use > 0 {
        let journals = counted(recovered.in_use as u64, "journal");
        session.note(format!("{journals} skipped: in use by a running process"));
    }
    Ok(Exit::Success)
}

impl Recovered {
    fn add(&mut self, found: &Recovery) {
        self.in_use += found.in_use();
        for journal in found.journals() {
            let path = journal.path().display().to_string();
            self.runs.extend(journal.runs().iter().map(|run| Line::of(run, path.clone())));
            // A line cut short by the kill is expected, and holds nothing that was complete.
            for line in journal.skipped().iter().filter(|line| !line.is_cut_short) {
                self.unreadable.push(Unreadable { journal: path.clone(), reason: line.to_string() });
            }
        }
        self.unreadable.extend(found.unreadable().iter().map(|(path, reason)| Unreadable {
            journal: path.display().to_string(),
            reason: reason.clone(),
        }));
    }

    fn output(&self, zone: &Zone) -> Output {
        let runs = counted(self.runs.len() as u64, "run");
        let text = match (self.dry_run, self.kept) {
            (true, _) => format!("{runs} found, nothing stored"),
            (false, true) => format!("{runs} stored, journals kept"),
            (false, false) => format!("{runs} stored"),
        };
        Output::new().table(self.table(zone)).line(text)
    }

    fn table(&self, zone: &Zone) -> Table {
        let mut table = Table::new([
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
        for run in &self.runs {
            table.row([
                Cell::run_id(&run.run_id),
                Cell::time(Some(run.started_at), zone),
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
        table
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
            calls_without_cost: [total.unpriced_calls, total.calls_without_usage, total.partial_calls]
                .into_iter()
                .fold(0, u64::saturating_add),
            journal,
        }
    }
}
