//! Summaries out of files, folders and standard input.
//!
//! What a file holds is seen from its content: one summary, a list of them as `export --as json` writes it, or one a line.
//! Journals are read apart, as only who asks for them wants the runs of dead processes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::value::RawValue;

use super::exit::Absent;
use super::pick;
use super::session::Session;
use tracing_budget::journal::recover;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::RunSummary;

/// A summary, or why there is none, and where that was.
pub(super) struct Found {
    /// The file, with the line or the place in the list where it has several.
    pub(super) origin: String,
    pub(super) run: Result<RunSummary, String>,
}

/// Extensions of files that a folder is searched for.
const EXTENSIONS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// Reads everything that the paths lead to, one summary after the other.
///
/// # Errors
///
/// Only what `each` gives. A file that cannot be read is found like one that is no summary.
pub(super) fn read(
    paths: &[PathBuf],
    each: &mut dyn FnMut(Found) -> anyhow::Result<()>,
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

fn path_at(path: &Path, each: &mut dyn FnMut(Found) -> anyhow::Result<()>) -> anyhow::Result<()> {
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

/// Files that may hold summaries, in folders below too, by name. What begins with a dot is somebody's business.
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

/// Whether a file is a journal by its name (docs/journal.md). Its lines are no summaries.
fn is_journal(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("journal-") && name.ends_with(".jsonl")
}

/// Reads the journals of dead processes that are among the paths or right in a folder that is. They stay as they are.
///
/// # Errors
///
/// Only what `each` gives.
pub(super) fn read_journals(
    paths: &[PathBuf],
    each: &mut dyn FnMut(Found) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for path in paths {
        let folder =
            if path.is_dir() { Some(path.as_path()) } else { path.parent().filter(|_| is_journal(path)) };
        let Some(folder) = folder else { continue };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let found = match recover(folder) {
            Ok(found) => found,
            Err(error) => {
                each(Found { origin: folder.display().to_string(), run: Err(error.to_string()) })?;
                continue;
            }
        };
        let is_meant = |journal: &Path| path.is_dir() || journal.file_name() == path.file_name();
        for journal in found.journals().iter().filter(|journal| is_meant(journal.path())) {
            let origin = journal.path().display().to_string();
            for run in journal.runs() {
                each(Found { origin: origin.clone(), run: Ok(run.clone()) })?;
            }
        }
        for (journal, reason) in found.unreadable().iter().filter(|(journal, _)| is_meant(journal)) {
            each(Found { origin: journal.display().to_string(), run: Err(reason.clone()) })?;
        }
        if found.in_use() > 0 {
            let reason = format!("{} of processes that live", counted(found.in_use() as u64, "journal"));
            each(Found { origin: folder.display().to_string(), run: Err(reason) })?;
        }
    }
    Ok(())
}

fn unreadable(origin: &str, error: &io::Error) -> Found {
    Found { origin: origin.to_owned(), run: Err(format!("cannot be read: {error}")) }
}

fn summary(origin: impl Into<String>, json: &str) -> Found {
    Found { origin: origin.into(), run: RunSummary::from_json(json).map_err(|error| error.to_string()) }
}

fn whole(origin: &str, text: &str, each: &mut dyn FnMut(Found) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let text = text.trim_start_matches('\u{FEFF}');
    if text.trim_start().starts_with('[') {
        return match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(list) => list
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| each(summary(format!("{origin}, number {}", at + 1), item.get()))),
            Err(error) => each(Found { origin: origin.to_owned(), run: Err(format!("not JSON: {error}")) }),
        };
    }
    let mut filled = text.lines().filter(|line| !line.trim().is_empty());
    let has_one_a_line = filled.next().is_some_and(|first| serde_json::from_str::<&RawValue>(first).is_ok())
        && filled.next().is_some();
    if has_one_a_line { lines(origin, text.as_bytes(), each) } else { each(summary(origin, text)) }
}

fn lines(
    origin: &str,
    text: impl BufRead,
    each: &mut dyn FnMut(Found) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for (at, line) in text.lines().enumerate() {
        let origin = format!("{origin}:{}", at + 1);
        match line {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => each(summary(origin, &line))?,
            Err(error) => {
                each(unreadable(&origin, &error))?;
                // A line that is no text is passed over; a disk that fails would fail for ever.
                if error.kind() != io::ErrorKind::InvalidData {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Whether what was typed names a file and not a run.
pub(super) fn is_path(typed: &str) -> bool {
    typed == "-" || Path::new(typed).exists()
}

/// The one run that is meant by what was typed: a summary in a file, or a run of the history.
pub(super) fn run_or_file(typed: &str, session: &Session) -> anyhow::Result<RunSummary> {
    if !is_path(typed) {
        return pick::run(&session.store()?, typed);
    }
    let mut runs = Vec::new();
    read(&[PathBuf::from(typed)], &mut |found| {
        runs.push(found.run.map_err(anyhow::Error::msg).with_context(|| found.origin)?);
        Ok(())
    })?;
    match runs.len() {
        1 => Ok(runs.swap_remove(0)),
        count => Err(Absent(format!("{typed} holds {count} runs, expected one")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<String>)> {
        let mut all = Vec::new();
        let outcome = whole("f", text, &mut |found| {
            all.push((found.origin, found.run.ok().map(|run| run.run_id)));
            Ok(())
        });
        assert!(outcome.is_ok());
        all
    }

    const ONE: &str =
        r#"{"schema_version":1,"run_id":"a","status":"completed","started_at":"2026-04-19T09:12:03Z"}"#;

    #[test]
    fn what_a_file_holds_is_seen_from_its_content() {
        let run = |origin: &str| (origin.to_owned(), Some("a".to_owned()));
        assert_eq!(found(ONE), [run("f")]);
        assert_eq!(found(&ONE.replace(',', ",\n  ")), [run("f")]);
        assert_eq!(found(&format!("[{ONE},\n{ONE}]")), [run("f, number 1"), run("f, number 2")]);
        assert_eq!(found(&format!("{ONE}\n\n{ONE}\n")), [run("f:1"), run("f:3")]);
        assert_eq!(found(&format!("{ONE}\nrubbish\n")), [run("f:1"), ("f:2".to_owned(), None)]);
        assert_eq!(found("rubbish"), [("f".to_owned(), None)]);
        assert_eq!(found("[1"), [("f".to_owned(), None)]);
    }
}
