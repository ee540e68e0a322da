//! The command: which runs, at which prices, and what is written.

use std::path::PathBuf;

use serde::Serialize;

use super::tally::{ModelTally, Tally, Total, ratio};
use crate::args::RepriceArgs;
use crate::cell::Cell;
use crate::exit::{End, Misused};
use crate::export::matching;
use crate::page::Page;
use crate::progress::Progress;
use crate::runs::short_ids;
use crate::session::Session;
use crate::sheet::{Sheet, left, right};
use crate::{pick, prices, sources, when};
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget_history::Store;
use tracing_budget_history::reprice::{Repriced, Repricing};

/// More runs than this are only shown by model.
const LISTED: usize = 20;

#[derive(Serialize)]
struct Report<'a> {
    /// What was asked, in words.
    question: String,
    total: &'a Total,
    models: Vec<&'a ModelTally>,
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

/// What is gathered run by run.
#[derive(Default)]
struct Work {
    tally: Tally,
    runs: Vec<RunLine>,
    written: u64,
    not_written: Vec<NotWritten>,
}

/// Reprices runs, and stores the new figures if that was asked for.
pub(crate) fn run(args: &RepriceArgs, session: &Session) -> anyhow::Result<End> {
    if args.write && args.runs.iter().any(|typed| sources::is_path(typed)) {
        return Err(Misused("--write changes the run history: name runs of it, not files".into()).into());
    }
    let book = prices::load(args.with.as_slice())?;
    let mut repricing = Repricing::new(&book);
    for swap in &args.model_swap {
        repricing = repricing.swap(&swap.from, &swap.to);
    }
    if let Some(at) = args.as_of {
        repricing = repricing.as_of(at);
    } else if args.with.is_none() {
        repricing = repricing.only_swaps();
    }
    let question = question(args);
    let mut work = Work::default();
    each_run(args, session, &mut |run, store| {
        let repriced = repricing.run(&run);
        if let Some(store) = store.filter(|_| args.write && repriced.changes_anything()) {
            work.write(store, &run, &repriced, &question)?;
        }
        work.tally.add(&repriced);
        let (new_usd, difference_usd) = (repriced.new_usd(), repriced.difference_usd());
        work.runs.push(RunLine { new_usd, difference_usd, repriced });
        Ok(())
    })?;
    let Work { tally, runs, written, not_written } = work;
    let report = Report { question, total: &tally.total, models: tally.models(), runs, written, not_written };
    session.show(&report, || page(&report, &tally))?;
    tell(args, &report, session);
    Ok(End::Good)
}

impl Work {
    fn write(
        &mut self,
        store: &dyn Store,
        run: &RunSummary,
        repriced: &Repriced,
        question: &str,
    ) -> anyhow::Result<()> {
        let refused = |reason: String| NotWritten { run_id: run.run_id.clone(), reason };
        if !run.status.is_terminal() {
            self.not_written.push(refused("it is still running".to_owned()));
            return Ok(());
        }
        match repriced.document(run, question) {
            Ok(new) => {
                store.replace(&new, question)?;
                self.written += 1;
            }
            Err(why) => self.not_written.push(refused(why.to_string())),
        }
        Ok(())
    }
}

type Each<'a> = &'a mut dyn FnMut(RunSummary, Option<&dyn Store>) -> anyhow::Result<()>;

fn each_run(args: &RepriceArgs, session: &Session, each: Each<'_>) -> anyhow::Result<()> {
    let progress = Progress::open("repricing");
    if args.runs.is_empty() {
        let store = session.store()?;
        return matching(&store, &args.filter.filter(), &mut |rows| {
            for row in rows {
                if let Some(run) = store.get(&row.run_id)? {
                    progress.step();
                    each(run, Some(&store))?;
                }
            }
            Ok(())
        });
    }
    for typed in &args.runs {
        if sources::is_path(typed) {
            sources::read(&[PathBuf::from(typed)], &mut |found| {
                progress.step();
                match found.run {
                    Ok(run) => each(run, None)?,
                    Err(reason) => session.screen.talk(format!("skipped {}: {reason}", found.origin)),
                }
                Ok(())
            })?;
        } else {
            let store = session.store()?;
            each(pick::run(&store, typed)?, Some(&store))?;
        }
    }
    Ok(())
}

/// What was asked, as it stands in a document's warning.
fn question(args: &RepriceArgs) -> String {
    let mut words = Vec::new();
    words.extend(args.with.as_ref().map(|file| format!("with the prices of {}", file.display())));
    words.extend(args.as_of.map(|at| format!("at the prices of {}", when::shown(at))));
    words.extend(args.model_swap.iter().map(|swap| format!("{} as {}", swap.from, swap.to)));
    words.join(", ")
}

fn page(report: &Report<'_>, tally: &Tally) -> Page {
    let runs = counted(report.runs.len() as u64, "run");
    let mut page = Page::new().text(format!("{runs}, {}", report.question)).for_csv(tally.sheet());
    if report.runs.is_empty() {
        return page;
    }
    page = page.sheet(tally.sheet());
    if (2..=LISTED).contains(&report.runs.len()) {
        page = page.sheet(runs_sheet(&report.runs));
    }
    page.text(tally.left_out())
}

fn runs_sheet(runs: &[RunLine]) -> Sheet {
    let mut sheet = Sheet::new([
        left("RUN", "run_id"),
        left("PIPELINE", "pipeline"),
        right("OLD", "old_usd"),
        right("NEW", "new_usd"),
        right("DIFFERENCE", "difference_usd"),
        right("%", "ratio"),
    ]);
    let money = Money::for_amounts(runs.iter().flat_map(|run| [run.repriced.old_usd, run.new_usd]).flatten());
    let ids: Vec<&str> = runs.iter().map(|run| run.repriced.run_id.as_str()).collect();
    for (run, id) in runs.iter().zip(short_ids(&ids)) {
        sheet.row([
            Cell::short(id, &run.repriced.run_id),
            Cell::words(&run.repriced.pipeline),
            Cell::money(money, run.repriced.old_usd, false),
            Cell::money(money, run.new_usd, false),
            Cell::money_change(money, run.difference_usd),
            Cell::ratio(ratio(run.repriced.old_usd, run.difference_usd)),
        ]);
    }
    sheet
}

fn tell(args: &RepriceArgs, report: &Report<'_>, session: &Session) {
    if report.runs.is_empty() {
        session.remark("no run matches");
    }
    if !args.model_swap.is_empty() {
        session.remark("a swap takes the tokens as they are; another model may count and answer otherwise");
    }
    if !args.write {
        session.remark(
            "nothing is stored; --write puts the new figures in place of the old and keeps those beside",
        );
        return;
    }
    session.remark(format!("{} written", counted(report.written, "run")));
    for refused in &report.not_written {
        session.remark(format!("not written, {}: {}", refused.run_id, refused.reason));
    }
}
