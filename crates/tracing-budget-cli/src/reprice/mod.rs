//! `reprice`: costs of stored runs at other prices or with another model.
//!
//! # Invariants
//!
//! - The run history changes only with `--write`, and the old document is kept beside the new one.
//! - Absent: the arithmetic, which is `tracing_budget_history::reprice`.

mod totals;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::cell::Cell;
use crate::exit::{Exit, UsageError};
use crate::export::matching;
use crate::filter_args::FilterArgs;
use crate::output::Output;
use crate::output::Progress;
use crate::session::Session;
use crate::table::{Table, left, right};
use crate::{input, prices, run_ref};
use totals::{ModelTotals, Total, Totals, ratio};
use tracing_budget::Usd;
use tracing_budget::present::columns::printable;
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Store;
use tracing_budget_history::grammar::When;
use tracing_budget_history::reprice::{Repriced, Repricing};

/// Arguments of `reprice`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true).args(["as_of", "with", "model_swap"]))]
pub(crate) struct RepriceArgs {
    /// Runs, or summary files; default: all that match the filters.
    #[arg(value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) runs: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Time of the prices; default: the start of each run.
    #[arg(long, value_name = "WHEN")]
    pub(crate) as_of: Option<When>,

    /// Price file: TOML (docs/prices.md), or a data.json of genai-prices.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Option<PathBuf>,

    /// Model A, priced as model B with the same tokens (repeatable).
    #[arg(long, value_name = "A=B")]
    pub(crate) model_swap: Vec<Swap>,

    /// Replace the stored figures; the old documents are kept beside them.
    #[arg(long)]
    pub(crate) write: bool,
}

/// One model, priced as another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl FromStr for Swap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').map(|(from, to)| (from.trim(), to.trim())) {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                Ok(Self { from: from.to_owned(), to: to.to_owned() })
            }
            _ => Err("expected A=B, such as openai/gpt-5=openai/gpt-5-mini".to_owned()),
        }
    }
}

/// Maximum number of runs that are listed one by one; a longer list hides the rows by model.
const MAX_LISTED: usize = 20;

#[derive(Serialize)]
struct Report<'a> {
    /// The prices that were applied, in words.
    description: String,
    total: &'a Total,
    models: Vec<&'a ModelTotals>,
    runs: Vec<RunLine>,
    written: u64,
    not_written: Vec<NotWritten>,
}

#[derive(Serialize)]
struct RunLine {
    new_usd: Option<Usd>,
    difference_usd: Option<Usd>,
    #[serde(flatten)]
    repriced: Repriced,
}

#[derive(Serialize)]
struct NotWritten {
    run_id: String,
    reason: String,
}

/// Results, collected run by run.
#[derive(Default)]
struct Work {
    totals: Totals,
    runs: Vec<RunLine>,
    written: u64,
    not_written: Vec<NotWritten>,
}

/// Reprices runs; with `--write`, stores the new figures.
pub(crate) fn run(args: &RepriceArgs, session: &Session) -> anyhow::Result<Exit> {
    if args.write && args.runs.iter().any(|argument| input::is_path(argument)) {
        return Err(UsageError("--write changes the run history; expected runs, got a file".into()).into());
    }
    let book = prices::load(args.with.as_slice())?;
    let mut repricing = Repricing::new(&book);
    for swap in &args.model_swap {
        repricing = repricing.swap(&swap.from, &swap.to);
    }
    let as_of = args.as_of.map(|when| session.instant("--as-of", when)).transpose()?;
    if let Some(at) = as_of {
        repricing = repricing.as_of(at);
    } else if args.with.is_none() {
        repricing = repricing.only_swaps();
    }
    let description = description(args, as_of, session);
    let mut work = Work::default();
    each_run(args, session, &mut |run, store| {
        let repriced = repricing.run(&run);
        if let Some(store) = store.filter(|_| args.write && repriced.changes_anything()) {
            work.write(store, &run, &repriced, &description)?;
        }
        work.totals.add(&repriced);
        let (new_usd, difference_usd) = (repriced.new_usd(), repriced.difference_usd());
        work.runs.push(RunLine { new_usd, difference_usd, repriced });
        Ok(())
    })?;
    let Work { totals, runs, written, not_written } = work;
    let report =
        Report { description, total: &totals.total, models: totals.models(), runs, written, not_written };
    session.show(&report, || output(&report, &totals))?;
    note(args, &report, session);
    Ok(Exit::Success)
}

impl Work {
    fn write(
        &mut self,
        store: &dyn Store,
        run: &RunSummary,
        repriced: &Repriced,
        description: &str,
    ) -> anyhow::Result<()> {
        let skipped = |reason: String| NotWritten { run_id: run.run_id.clone(), reason };
        if !run.status.is_terminal() {
            self.not_written.push(skipped("still running".to_owned()));
            return Ok(());
        }
        match repriced.document(run, description) {
            Ok(new) => {
                store.replace(&new, description)?;
                self.written += 1;
            }
            Err(why) => self.not_written.push(skipped(why.to_string())),
        }
        Ok(())
    }
}

type Each<'a> = &'a mut dyn FnMut(RunSummary, Option<&dyn Store>) -> anyhow::Result<()>;

fn each_run(args: &RepriceArgs, session: &Session, each: Each<'_>) -> anyhow::Result<()> {
    let progress = Progress::start("repricing");
    if args.runs.is_empty() {
        let store = session.store()?;
        return matching(&store, &args.filter.filter(session), &mut |rows| {
            for row in rows {
                if let Some(run) = store.get(&row.run_id)? {
                    progress.step();
                    each(run, Some(&store))?;
                }
            }
            Ok(())
        });
    }
    for argument in &args.runs {
        if input::is_path(argument) {
            input::read(&[PathBuf::from(argument)], &mut |item| {
                progress.step();
                match item.run {
                    Ok(run) => each(run, None)?,
                    Err(reason) => {
                        session.screen.message(printable(&format!("skipped {}: {reason}", item.origin)))
                    }
                }
                Ok(())
            })?;
        } else {
            let store = session.store()?;
            each(run_ref::load(&store, argument)?, Some(&store))?;
        }
    }
    Ok(())
}

/// Returns the applied prices in words, for the output and for the warning in a rewritten summary.
fn description(args: &RepriceArgs, as_of: Option<Timestamp>, session: &Session) -> String {
    let mut parts = Vec::new();
    parts.extend(args.with.as_ref().map(|file| format!("with the prices of {}", file.display())));
    parts.extend(as_of.map(|at| format!("at the prices of {}", session.zone().minute(at))));
    parts.extend(args.model_swap.iter().map(|swap| format!("{} as {}", swap.from, swap.to)));
    parts.join(", ")
}

fn output(report: &Report<'_>, totals: &Totals) -> Output {
    let runs = counted(report.runs.len() as u64, "run");
    let mut output = Output::new().line(format!("{runs}, {}", report.description)).for_csv(totals.table());
    if report.runs.is_empty() {
        return output;
    }
    output = output.table(totals.table());
    if (2..=MAX_LISTED).contains(&report.runs.len()) {
        output = output.table(runs_table(&report.runs));
    }
    output.line(totals.left_out())
}

fn runs_table(runs: &[RunLine]) -> Table {
    let mut table = Table::new([
        left("RUN", "run_id"),
        left("PIPELINE", "pipeline"),
        right("OLD", "old_usd"),
        right("NEW", "new_usd"),
        right("DIFFERENCE", "difference_usd"),
        right("%", "ratio"),
    ]);
    let money = Money::for_amounts(runs.iter().flat_map(|run| [run.repriced.old_usd, run.new_usd]).flatten());
    for run in runs {
        table.row([
            Cell::run_id(&run.repriced.run_id),
            Cell::words(&run.repriced.pipeline),
            Cell::money(money, run.repriced.old_usd, false),
            Cell::money(money, run.new_usd, false),
            Cell::money_change(money, run.difference_usd),
            Cell::ratio(ratio(run.repriced.old_usd, run.difference_usd)),
        ]);
    }
    table
}

fn note(args: &RepriceArgs, report: &Report<'_>, session: &Session) {
    if report.runs.is_empty() {
        session.note("no run matches");
    }
    if !args.model_swap.is_empty() {
        session.note("a swap keeps the token counts; another model counts and replies differently");
    }
    if !args.write {
        session.note("nothing stored; to replace the stored figures: --write (the old documents are kept)");
        return;
    }
    session.note(format!("{} written", counted(report.written, "run")));
    for skipped in &report.not_written {
        session.note(format!("not written, {}: {}", skipped.run_id, skipped.reason));
    }
}
