//! Summaries from files, folders and standard input.
//!
//! The content decides the format: one summary, a JSON list (`export --as json`), or one summary per line. Journals are
//! read by [`read_journals`] only: `check target/budget` must not judge the runs of killed processes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::value::RawValue;

use crate::exit::NotFound;
use crate::run_ref;
use crate::session::Session;
use tracing_budget::journal::recover;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;

/// One summary, or the reason why it is unreadable.
pub(crate) struct Item {
    /// The file, with the line or the position if it holds several summaries.
    pub(crate) origin: String,
    pub(crate) run: Result<RunSummary, String>,
}

/// Extensions of the files that a folder is searched for.
const EXTENSIONS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// Reads every summary below the paths.
///
/// # Errors
///
/// Only those of `each`. An unreadable file is an [`Item`] with its reason.
pub(crate) fn read(
    paths: &[PathBuf],
    each: &mut dyn FnMut(Item) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            match io::stdin().lock().read_to_string(&mut text) {
                Ok(_) => whole("standard input", &text, each)?,
                Err(error) => each(unreadable("standard input", &error))?,
            }
        } else {
            path_at(path, each)?;
        }
    }
    Ok(())
}

fn path_at(path: &Path, each: &mut dyn FnMut(Item) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let origin = path.display().to_string();
    if is_journal(path) {
        return Ok(());
    }
    if path.is_dir() {
        return match files_in(path) {
            Ok(files) => files.iter().try_for_each(|file| path_at(file, each)),
            Err(error) => each(unreadable(&origin, &error)),
        };
    }
    let is_lines = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    if is_lines {
        return match File::open(path) {
            Ok(file) => lines(&origin, BufReader::new(file), each),
            Err(error) => each(unreadable(&origin, &error)),
        };
    }
    match fs::read_to_string(path) {
        Ok(text) => whole(&origin, &text, each),
        Err(error) => each(unreadable(&origin, &error)),
    }
}

/// Returns the files that may hold summaries, also in subfolders, by name. Names with a leading dot are skipped: a
/// `.git` or `.cache` below the folder is no source of summaries.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link is not followed, as it may lead round in a circle.
        if entry.file_type()?.is_dir() {
            found.extend(files_in(&path)?);
        } else if !is_journal(&path)
            && path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns whether a file is a journal, by its name (docs/journal.md). Its lines are records, not summaries.
fn is_journal(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("journal-") && name.ends_with(".jsonl")
}

/// Reads the journals of ended processes among the paths and directly in the folders. The files are not changed.
///
/// # Errors
///
/// Only those of `each`.
pub(crate) fn read_journals(
    paths: &[PathBuf],
    each: &mut dyn FnMut(Item) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for path in paths {
        let folder =
            if path.is_dir() { Some(path.as_path()) } else { path.parent().filter(|_| is_journal(path)) };
        let Some(folder) = folder else { continue };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let found = match recover(folder) {
            Ok(found) => found,
            Err(error) => {
                each(Item { origin: folder.display().to_string(), run: Err(error.to_string()) })?;
                continue;
            }
        };
        let is_selected = |journal: &Path| path.is_dir() || journal.file_name() == path.file_name();
        for journal in found.journals().iter().filter(|journal| is_selected(journal.path())) {
            let origin = journal.path().display().to_string();
            for run in journal.runs() {
                each(Item { origin: origin.clone(), run: Ok(run.clone()) })?;
            }
        }
        for (journal, reason) in found.unreadable().iter().filter(|(journal, _)| is_selected(journal)) {
            each(Item { origin: journal.display().to_string(), run: Err(reason.clone()) })?;
        }
        if found.in_use() > 0 {
            let reason = format!("{} of running processes", counted(found.in_use() as u64, "journal"));
            each(Item { origin: folder.display().to_string(), run: Err(reason) })?;
        }
    }
    Ok(())
}

fn unreadable(origin: &str, error: &io::Error) -> Item {
    Item { origin: origin.to_owned(), run: Err(format!("cannot be read: {error}")) }
}

fn summary(origin: impl Into<String>, json: &str) -> Item {
    Item { origin: origin.into(), run: RunSummary::from_json(json).map_err(|error| error.to_string()) }
}

fn whole(origin: &str, text: &str, each: &mut dyn FnMut(Item) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let text = text.trim_start_matches('\u{FEFF}');
    if text.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(list) => list
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| each(summary(format!("{origin}, number {}", at + 1), item.get()))),
            Err(error) => each(Item { origin: origin.to_owned(), run: Err(format!("not JSON: {error}")) }),
        };
    }
    let mut lines_with_text = text.lines().filter(|line| !line.trim().is_empty());
    let has_one_per_line =
        lines_with_text.next().is_some_and(|first| serde_json::from_str::<&RawValue>(first).is_ok())
            && lines_with_text.next().is_some();
    if has_one_per_line { lines(origin, text.as_bytes(), each) } else { each(summary(origin, text)) }
}

fn lines(
    origin: &str,
    text: impl BufRead,
    each: &mut dyn FnMut(Item) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (at, line) in text.lines().enumerate() {
        let origin = format!("{origin}:{}", at + 1);
        match line {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => each(summary(origin, &line))?,
            Err(error) => {
                each(unreadable(&origin, &error))?;
                // A line that is not UTF-8 is skipped. Any other error repeats for ever on a failing disk.
                if error.kind() != io::ErrorKind::InvalidData {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Returns whether an argument names a file or folder, not a run.
pub(crate) fn is_path(argument: &str) -> bool {
    argument == "-" || Path::new(argument).exists()
}

/// Reads the one run that an argument names: a summary file, or a run of the history.
pub(crate) fn run_or_file(argument: &str, session: &Session) -> anyhow::Result<RunSummary> {
    if !is_path(argument) {
        return run_ref::load(&session.store()?, argument);
    }
    let mut runs = Vec::new();
    read(&[PathBuf::from(argument)], &mut |item| {
        runs.push(item.run.map_err(anyhow::Error::msg).with_context(|| item.origin)?);
        Ok(())
    })?;
    match runs.len() {
        1 => Ok(runs.swap_remove(0)),
        count => Err(NotFound(format!("{argument} holds {count} runs; expected one")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<(String, Option<String>)> {
        let mut all = Vec::new();
        let outcome = whole("f", text, &mut |item| {
            all.push((item.origin, item.run.ok().map(|run| run.run_id)));
            Ok(())
        });
        assert!(outcome.is_ok());
        all
    }

    const ONE: &str =
        r#"{"schema_version":1,"run_id":"a","status":"completed","started_at":"2026-04-19T09:12:03Z"}"#;

    #[test]
    fn the_content_of_a_file_decides_its_format() {
        let run = |origin: &str| (origin.to_owned(), Some("a".to_owned()));
        assert_eq!(items(ONE), [run("f")]);
        assert_eq!(items(&ONE.replace(',', ",\n  ")), [run("f")]);
        assert_eq!(items(&format!("[{ONE},\n{ONE}]")), [run("f, number 1"), run("f, number 2")]);
        assert_eq!(items(&format!("{ONE}\n\n{ONE}\n")), [run("f:1"), run("f:3")]);
        assert_eq!(items(&format!("{ONE}\nrubbish\n")), [run("f:1"), ("f:2".to_owned(), None)]);
        assert_eq!(items("rubbish"), [("f".to_owned(), None)]);
        assert_eq!(items("[1"), [("f".to_owned(), None)]);
    }
}
