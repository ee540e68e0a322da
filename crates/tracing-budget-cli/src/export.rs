//! `export`: whole runs out of the history.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use super::args::{ExportArgs, ExportFormat};
use super::exit::{Absent, End};
use super::pick;
use super::progress::Progress;
use super::runs;
use super::session::Session;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{Filter, Page, RunRow, Sort, Store};

/// Writes the runs that are named, or all that match.
pub(super) fn run(args: &ExportArgs, session: &Session) -> anyhow::Result<End> {
    let store = session.store()?;
    let written = match &args.output {
        None => write(args, &store, &mut &session.screen)?,
        Some(path) => into_file(path, |out| write(args, &store, out))?,
    };
    session.screen.talk(format!("{} exported", counted(written, "run")));
    Ok(End::Good)
}

/// Writes a file that is there whole or not at all.
fn into_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<u64>) -> anyhow::Result<u64> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    let written = (|| -> anyhow::Result<u64> {
        let mut out = BufWriter::new(File::create(temporary)?);
        let written = write(&mut out)?;
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(temporary, path)?;
        Ok(written)
    })();
    if written.is_err() {
        let _ = fs::remove_file(temporary);
    }
    written.with_context(|| format!("{} cannot be written", path.display()))
}

fn write(args: &ExportArgs, store: &dyn Store, out: &mut dyn Write) -> anyhow::Result<u64> {
    let mut written = 0;
    let progress = Progress::open("exporting");
    match args.written_as {
        ExportFormat::Csv => {
            let mut heading = true;
            each_page(args, store, &mut |rows| {
                let sheet = runs::list_sheet(rows).csv()?;
                // Of every page but the first, the heading is left out.
                let body = if heading {
                    sheet.as_str()
                } else {
                    sheet.split_once('\n').map_or("", |(_, body)| body)
                };
                heading = false;
                written += rows.len() as u64;
                rows.iter().for_each(|_| progress.step());
                Ok(out.write_all(body.as_bytes())?)
            })?;
        }
        ExportFormat::Jsonl => each_run(args, store, &mut |run| {
            serde_json::to_writer(&mut *out, run)?;
            written += 1;
            progress.step();
            Ok(out.write_all(b"\n")?)
        })?,
        ExportFormat::Json => {
            out.write_all(b"[")?;
            each_run(args, store, &mut |run| {
                out.write_all(if written == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *out, run)?;
                written += 1;
                progress.step();
                Ok(())
            })?;
            out.write_all(b"\n]\n")?;
        }
    }
    Ok(written)
}

fn each_run(
    args: &ExportArgs,
    store: &dyn Store,
    each: &mut dyn FnMut(&RunSummary) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    each_page(args, store, &mut |rows| {
        for row in rows {
            // A run that was deleted since the page was read is not there to be exported.
            if let Some(run) = store.get(&row.run_id)? {
                each(&run)?;
            }
        }
        Ok(())
    })
}

fn each_page(
    args: &ExportArgs,
    store: &dyn Store,
    each: &mut dyn FnMut(&[RunRow]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if args.runs.is_empty() {
        return matching(store, &args.filter.filter(), each);
    }
    let mut rows = Vec::new();
    for typed in &args.runs {
        let run_id = pick::run_id(store, typed)?;
        let gone = || Absent(format!("run {run_id} was deleted a moment ago"));
        rows.push(store.row(&run_id)?.ok_or_else(gone)?);
    }
    each(&rows)
}

/// Every run that matches, a page at a time.
pub(super) fn matching(
    store: &dyn Store,
    filter: &Filter,
    each: &mut dyn FnMut(&[RunRow]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut page = Page::first(Page::MAX);
    loop {
        let found = store.list(filter, Sort::default(), &page)?;
        each(&found.runs)?;
        match found.next {
            Some(next) => page = Page::after(Page::MAX, next),
            None => return Ok(()),
        }
    }
}
