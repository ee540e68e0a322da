//! Runs a program with its output shown as it comes, and keeps the lines with the reason if it failed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// As many as are read at a glance, at the end of a long log.
const KEPT: usize = 10;

const AFTER_ITS_END: Duration = Duration::from_secs(5);

/// In the words of cargo, rustc, the test harness and our own tasks.
const REASONS: &[&str] = &["error", "FAILED", "panicked", "failures:", "No space left"];

/// How it ended, and the last lines that name a reason.
pub(crate) fn run(command: &mut Command) -> Outcome<(ExitStatus, Vec<String>)> {
    // To a person it keeps its colours and its progress, and the reason is on the screen.
    if std::io::stdout().is_terminal() {
        return Ok((command.status()?, Vec::new()));
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (reasons, came) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        let reasons = reasons.clone();
        thread::spawn(move || reasons.send(show(out, std::io::stdout())));
    }
    if let Some(err) = child.stderr.take() {
        thread::spawn(move || reasons.send(show(err, std::io::stderr())));
    }
    let status = child.wait()?;
    // A program of its own that it left behind would hold its output open for ever.
    let kept = (0..2).filter_map(|_| came.recv_timeout(AFTER_ITS_END).ok()).flatten().collect();
    Ok((status, kept))
}

fn show(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut kept = VecDeque::new();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A closed pipe ends what is shown, not the task.
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        // The line after a panic has its message, and the one after an error its place.
        let follows = kept.back().is_some_and(|(_, named): &(String, bool)| *named);
        let names = REASONS.iter().any(|reason| text.contains(reason));
        if (names || follows) && !text.is_empty() {
            kept.push_back((text, names));
            if kept.len() > KEPT {
                kept.pop_front();
            }
        } else if let Some(last) = kept.back_mut() {
            last.1 = false;
        }
        line.clear();
    }
    kept.into_iter().map(|(text, _)| text).collect()
}
