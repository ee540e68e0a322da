//! `import`: summaries from files into the run history.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::cell::Cell;
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::output::Progress;
use crate::session::Session;
use crate::table::{Table, left};
use tracing_budget::present::columns::printable;
use tracing_budget::present::numbers::{count, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{Put, Store, StoreError, Stored};

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Summary files (.json), files with one summary per line (.jsonl), journals, folders of these, or `-` for standard
    /// input.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Report without storing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Runs per transaction: fewer pay one fsync per few runs, more keep other writers waiting.
const BATCH: usize = 500;

/// Counts of stored and skipped summaries.
#[derive(Default, Serialize)]
struct Imported {
    new: u64,
    updated: u64,
    unchanged: u64,
    skipped: Vec<Skipped>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Skipped {
    origin: String,
    reason: String,
}

/// Stores every readable summary, and lists the others.
pub(super) fn run(args: &ImportArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = if args.dry_run { None } else { Some(session.store_or_new()?) };
    let mut imported = Imported { dry_run: args.dry_run, ..Imported::default() };
    let progress = Progress::start("reading summaries");
    let mut batch = Vec::new();
    let mut each = |item: input::Item| {
        progress.step();
        match item.run {
            Ok(run) => batch.push((item.origin, run)),
            Err(reason) => imported.skipped.push(Skipped { origin: item.origin, reason }),
        }
        if batch.len() >= BATCH { imported.store(store.as_ref(), &mut batch) } else { Ok(()) }
    };
    input::read(&args.paths, &mut each)?;
    input::read_journals(&args.paths, &mut each)?;
    imported.store(store.as_ref(), &mut batch)?;
    drop(progress);
    session.show(&imported, || imported.output())?;
    for skipped in &imported.skipped {
        session.note(printable(&format!("skipped {}: {}", skipped.origin, skipped.reason)));
    }
    Ok(Exit::Success)
}

impl Imported {
    fn store(
        &mut self,
        store: Option<&impl Store>,
        batch: &mut Vec<(String, RunSummary)>,
    ) -> anyhow::Result<()> {
        let Some(store) = store else {
            self.new += std::mem::take(batch).len() as u64;
            return Ok(());
        };
        let puts: Vec<Put<'_>> = batch.iter().map(|(_, run)| Put::new(run)).collect();
        match store.put_all(&puts) {
            Ok(stored) => stored.into_iter().for_each(|stored| self.count(stored)),
            // The store refuses the whole batch: store one by one, so that one bad summary does not block the others.
            Err(StoreError::Refused { .. }) => {
                for (origin, run) in batch.iter() {
                    match store.put(run) {
                        Ok(stored) => self.count(stored),
                        Err(refused @ StoreError::Refused { .. }) => {
                            self.skipped.push(Skipped { origin: origin.clone(), reason: refused.to_string() })
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
        batch.clear();
        Ok(())
    }

    fn count(&mut self, stored: Stored) {
        match stored {
            Stored::Inserted => self.new += 1,
            Stored::Updated => self.updated += 1,
            Stored::Unchanged => self.unchanged += 1,
        }
    }

    fn output(&self) -> Output {
        let mut table = Table::new([left("", "skipped"), left("", "reason")]);
        for skipped in &self.skipped {
            table.row([Cell::whole(&skipped.origin), Cell::whole(&skipped.reason)]);
        }
        let mut text = if self.dry_run {
            format!("{} found, nothing stored", counted(self.new, "summary").replace("summarys", "summaries"))
        } else {
            format!(
                "{} new, {} updated, {} already there",
                count(self.new),
                count(self.updated),
                count(self.unchanged)
            )
        };
        if !self.skipped.is_empty() {
            text += &format!(", {} skipped", count(self.skipped.len() as u64));
        }
        Output::new().line(text).for_csv(table)
    }
}
