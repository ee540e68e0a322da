//! `export`: whole runs from the run history.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum, ValueHint};

use super::filter_args::FilterArgs;
use crate::exit::Exit;
use crate::output::{Progress, escaped};
use crate::run_ref;
use crate::runs;
use crate::session::Session;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;
use tracing_budget_history::grammar::Zone;
use tracing_budget_history::{Filter, Page, RunRow, Sort, Store};

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Runs; default: all that match the filters.
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// Export format.
    #[arg(long = "as", value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) written_as: ExportFormat,

    /// Output file, replaced if it exists; default: standard output.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// Export format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON list of whole summaries.
    Json,
    /// One whole summary per line; `import` reads it.
    #[default]
    Jsonl,
    /// One row per run, without stages, models and gates.
    Csv,
}

/// Writes the given runs, or all that match the filters.
pub(crate) fn run(args: &ExportArgs, session: &Session) -> anyhow::Result<Exit> {
    let store = session.store()?;
    let filter = args.filter.filter(session);
    let written = match &args.output {
        None if args.written_as == ExportFormat::Csv => {
            write(args, &filter, &store, &mut session.screen.for_csv())?
        }
        None => write(args, &filter, &store, &mut &session.screen)?,
        Some(path) => into_file(path, |out| write(args, &filter, &store, out))?,
    };
    session.screen.message(format!("{} exported", counted(written, "run")));
    Ok(Exit::Success)
}

/// Writes to a temporary file and renames it: a failed export must not destroy the file of the last one.
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
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn write(args: &ExportArgs, filter: &Filter, store: &dyn Store, out: &mut dyn Write) -> anyhow::Result<u64> {
    let mut written = 0;
    let progress = Progress::start("exporting");
    match args.written_as {
        ExportFormat::Csv => {
            let mut heading = true;
            each_page(args, filter, store, &mut |rows| {
                // CSV has exact times; the zone is for the table that people see.
                let table = runs::list_table(rows, &Zone::utc()).to_csv()?;
                // One heading per file, not one per page.
                let body = if heading {
                    table.as_str()
                } else {
                    table.split_once('\n').map_or("", |(_, body)| body)
                };
                heading = false;
                written += rows.len() as u64;
                rows.iter().for_each(|_| progress.step());
                Ok(out.write_all(body.as_bytes())?)
            })?;
        }
        ExportFormat::Jsonl => each_run(args, filter, store, &mut |run| {
            out.write_all(escaped(serde_json::to_string(run)?).as_bytes())?;
            written += 1;
            progress.step();
            Ok(out.write_all(b"\n")?)
        })?,
        ExportFormat::Json => {
            out.write_all(b"[")?;
            each_run(args, filter, store, &mut |run| {
                out.write_all(if written == 0 { b"\n" } else { b",\n" })?;
                out.write_all(escaped(serde_json::to_string(run)?).as_bytes())?;
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
    filter: &Filter,
    store: &dyn Store,
    each: &mut dyn FnMut(&RunSummary) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    each_page(args, filter, store, &mut |rows| {
        for row in rows {
            // Another process may have deleted the run since the page was read.
            if let Some(run) = store.get(&row.run_id)? {
                each(&run)?;
            }
        }
        Ok(())
    })
}

fn each_page(
    args: &ExportArgs,
    filter: &Filter,
    store: &dyn Store,
    each: &mut dyn FnMut(&[RunRow]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if args.runs.is_empty() {
        return matching(store, filter, each);
    }
    let mut rows = Vec::new();
    for run in &args.runs {
        let run_id = run_ref::resolve(store, run)?;
        rows.push(store.row(&run_id)?.ok_or_else(|| run_ref::deleted(&run_id))?);
    }
    each(&rows)
}

/// Passes every matching run to `each`, one page at a time.
pub(crate) fn matching(
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
