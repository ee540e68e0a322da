//! `import`: summaries from files into the run history.

use serde::Serialize;

use super::args::ImportArgs;
use super::cell::Cell;
use super::exit::End;
use super::page::Page;
use super::progress::Progress;
use super::session::Session;
use super::sheet::{Sheet, left};
use super::sources;
use tracing_budget::present::numbers::{count, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{Put, Store, StoreError, Stored};

/// Runs a transaction: enough that its cost is spread, few enough that others get their turn.
const BATCH: usize = 500;

/// What came of it.
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

/// Stores everything that is a summary, and says what was not.
pub(super) fn run(args: &ImportArgs, session: &Session) -> anyhow::Result<End> {
    let store = if args.dry_run { None } else { Some(session.store_or_new()?) };
    let mut imported = Imported { dry_run: args.dry_run, ..Imported::default() };
    let progress = Progress::open("reading summaries");
    let mut batch = Vec::new();
    let mut each = |found: sources::Found| {
        progress.step();
        match found.run {
            Ok(run) => batch.push((found.origin, run)),
            Err(reason) => imported.skipped.push(Skipped { origin: found.origin, reason }),
        }
        if batch.len() >= BATCH { imported.store(store.as_ref(), &mut batch) } else { Ok(()) }
    };
    sources::read(&args.paths, &mut each)?;
    sources::read_journals(&args.paths, &mut each)?;
    imported.store(store.as_ref(), &mut batch)?;
    drop(progress);
    session.show(&imported, || imported.page())?;
    for skipped in &imported.skipped {
        session.remark(format!("skipped {}: {}", skipped.origin, skipped.reason));
    }
    Ok(End::Good)
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
            // One that is refused must not keep the others out.
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

    fn page(&self) -> Page {
        let mut sheet = Sheet::new([left("", "skipped"), left("", "reason")]);
        for skipped in &self.skipped {
            sheet.row([Cell::whole(&skipped.origin), Cell::whole(&skipped.reason)]);
        }
        let found = self.new;
        let mut said = if self.dry_run {
            format!("{} found, nothing stored", counted(found, "summary").replace("summarys", "summaries"))
        } else {
            format!(
                "{} new, {} updated, {} already there",
                count(found),
                count(self.updated),
                count(self.unchanged)
            )
        };
        if !self.skipped.is_empty() {
            said += &format!(", {} skipped", count(self.skipped.len() as u64));
        }
        Page::new().text(said).for_csv(sheet)
    }
}
