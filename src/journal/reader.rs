//! A journal's text, read line by line. What cannot be read is skipped, counted and named; nothing else is lost over it.

use std::collections::{BTreeMap, HashSet};
use std::mem;

use super::frame::Frame;
use super::line::{FORMAT, Head, Line, Said};
use super::record::{Entry, Record};
use super::recovery::SkippedLine;
use super::replay::Replay;
use crate::summary::RunSummary;

/// Skipped lines that are described; further ones are only counted.
const DESCRIBED: usize = 100;

/// What a file tells.
pub(super) struct Journaled {
    pub(super) process: u32,
    frame: Frame,
    /// The runs that no sink has yet, by their numbers.
    runs: BTreeMap<u64, Replay>,
    /// Runs that are done with: what comes after that is nobody's.
    done: HashSet<u64>,
    /// Records that the file could not take, and why.
    lost: u64,
    lost_because: String,
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) skipped_in_all: u64,
    /// Lines that are whole and yet could not be read: the file is not as it was written.
    unreadable: u64,
}

/// Why a file is not a journal of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    #[error("its first line is not the head of a journal: {0}")]
    Head(String),
    #[error("its format is {0}, and this version reads format {FORMAT}")]
    Format(u32),
}

impl Journaled {
    /// Reads a file; `None` if there is nothing in it.
    pub(super) fn read(text: &[u8]) -> Result<Option<Self>, Foreign> {
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
        let Some((head, _)) = lines.next() else { return Ok(None) };
        let head = match Line::read(head) {
            Ok(Said::Head(head)) if head.format == FORMAT => head,
            Ok(Said::Head(head)) => return Err(Foreign::Format(head.format)),
            Ok(_) => return Err(Foreign::Head("it is the line of a run".to_owned())),
            Err(error) => return Err(Foreign::Head(error.to_string())),
        };
        let mut journaled = Self::new(&head);
        for (line, number) in lines {
            if !line.trim_ascii().is_empty() {
                journaled.take(line, number);
            }
        }
        Ok(Some(journaled))
    }

    fn new(head: &Head) -> Self {
        Self {
            process: head.process,
            frame: head.frame(),
            runs: BTreeMap::new(),
            done: HashSet::new(),
            lost: 0,
            lost_because: String::new(),
            skipped: Vec::new(),
            skipped_in_all: 0,
            unreadable: 0,
        }
    }

    fn take(&mut self, line: &[u8], number: u64) {
        match Line::read(line) {
            Ok(Said::Entry(entry)) => self.add(entry, number),
            Ok(Said::Lost { records, reason }) => {
                self.lost += records;
                self.lost_because = reason;
            }
            Ok(Said::Head(_)) => self.skip(number, "a second head".to_owned(), false),
            Err(error) => self.skip(number, error.to_string(), !line.ends_with(b"\n")),
        }
    }

    fn add(&mut self, Entry { run, at, what }: Entry, number: u64) {
        match what {
            _ if self.done.contains(&run) => {}
            Record::Began(beginning) => drop(self.runs.insert(run, Replay::new(*beginning, at))),
            Record::Delivered | Record::Forgotten => {
                self.runs.remove(&run);
                self.done.insert(run);
            }
            what => match self.runs.get_mut(&run) {
                Some(replay) => replay.add(at, what),
                None => self.skip(number, format!("the beginning of its run {run} is missing"), false),
            },
        }
    }

    fn skip(&mut self, line: u64, reason: String, is_cut_short: bool) {
        self.skipped_in_all += 1;
        self.unreadable += u64::from(!is_cut_short);
        if self.skipped.len() < DESCRIBED {
            self.skipped.push(SkippedLine { line, reason, is_cut_short });
        }
    }

    /// The summaries of the runs that no sink has, oldest first.
    pub(super) fn summaries(&mut self) -> Vec<RunSummary> {
        let doubts = self.doubts();
        mem::take(&mut self.runs).into_values().map(|run| run.summary(&self.frame, &doubts)).collect()
    }

    /// What a reader of these runs should know.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.lost > 0 {
            doubts.push(format!(
                "{} records of this run's process are in no figure, as its journal could not be written: {}",
                self.lost, self.lost_because
            ));
        }
        if self.unreadable > 0 {
            doubts.push(format!(
                "{} lines of the journal could not be read and are in no figure",
                self.unreadable
            ));
        }
        doubts
    }

    /// The lines that say the same as all that were read, in as few as can be; the head is not among them.
    pub(super) fn compact(self) -> Vec<u8> {
        let mut text = Vec::new();
        let records = self.lost + self.unreadable;
        if records > 0 {
            Line::Lost { records, reason: self.lost_because }.write(&mut text);
        }
        for (number, run) in self.runs {
            run.entries(number).for_each(|entry| Line::from(entry).write(&mut text));
        }
        text
    }
}
