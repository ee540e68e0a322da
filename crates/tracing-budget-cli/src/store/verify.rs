//! `store verify`: the sums by hour and day against the runs.

use clap::Args;

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present::numbers::counted;
use tracing_budget_history::{Difference, Verification};

/// Arguments of `store verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Rebuild the sums that differ; a repair that is interrupted goes on when it is started again.
    #[arg(long)]
    pub(crate) repair: bool,
}

/// Rows of a table for people; the other formats have all that were listed.
const SHOWN: usize = 20;

/// Compares every sum with its runs.
pub(crate) fn run(args: &VerifyArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    let found = if args.repair { store.repair()? } else { store.verify()? };
    session.show(&found, || output(&found, args.repair, session))?;
    for run in &found.unsound {
        session.note(format!("unsound: run {:?}: {}", run.run_id, run.reason));
    }
    Ok(if found.is_sound() { Exit::Success } else { Exit::Negative })
}

fn output(found: &Verification, repair: bool, session: &Session) -> Output {
    let looked = format!("{} of {}", counted(found.rollups, "sum"), counted(found.runs, "run"));
    let headline = match (found.wrong, found.repaired) {
        (0, _) => format!("✓ {looked} compared, all are right"),
        (wrong, repaired) if repair => format!("{looked} compared, {wrong} wrong, {repaired} repaired"),
        (wrong, _) => format!("✗ {looked} compared, {wrong} wrong; to rebuild them: --repair"),
    };
    let unsound = match found.unsound.len() as u64 {
        0 => String::new(),
        runs => format!(
            "✗ {} with figures that no run can have: to delete one: tracing-budget runs delete RUN",
            counted(runs, "run")
        ),
    };
    let listed = found.differences.len();
    let rest = match listed.saturating_sub(SHOWN) as u64 {
        0 => String::new(),
        rest => format!("and {} more", counted(rest, "difference")),
    };
    let shown = table(&found.differences[..listed.min(SHOWN)], session);
    Output::new()
        .line(headline)
        .line(unsound)
        .table(shown)
        .line(rest)
        .for_csv(table(&found.differences, session))
}

fn table(differences: &[Difference], session: &Session) -> Table {
    let mut table = Table::new([
        left("STEP", "step"),
        left("BEGINS", "at"),
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        left("OF", "kind"),
        left("NAME", "name"),
        left("FIGURE", "figure"),
        right("STORED", "stored"),
        right("EXPECTED", "expected"),
    ]);
    let value = |value: &Option<String>| value.as_ref().map_or_else(Cell::unknown, Cell::words);
    for one in differences {
        table.row([
            Cell::words(one.step),
            Cell::time(Some(one.at), session.zone()),
            Cell::words(&one.project),
            Cell::words(&one.pipeline),
            Cell::words(one.kind),
            Cell::words(&one.name),
            Cell::words(one.figure),
            value(&one.stored).in_tone(Tone::Bad),
            value(&one.expected),
        ]);
    }
    table
}
