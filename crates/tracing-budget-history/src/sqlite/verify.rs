//! Comparing the roll-ups with the documents, and rebuilding those that differ.
//!
//! An hour at a time, each in a transaction of its own: first the hours of a day from the documents, then the day from its hours.
//! So memory and transactions are bounded by an hour, whatever the size of the file. A process that is killed in between leaves
//! the hours that it repaired, and no roll-up is ever missing.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::SqlError;
use super::rollup::{self, Names, RollupKey};
use crate::storable;
use crate::tally::Tally;
use crate::time_partition::{DAY, HOUR};
use crate::verification::{Difference, UnsoundRun, Verification};
use tracing_budget::summary::Timestamp;

/// The roll-ups of an hour or a day.
type Rollups = BTreeMap<RollupKey, Names>;

/// An hour or a day, and what its roll-ups are compared with.
#[derive(Clone, Copy)]
pub(super) enum Span {
    /// An hour, with its runs.
    Hour(i64),
    /// A day, with the roll-ups of its hours: these are right.
    Day(i64),
    /// A day, with its runs: the roll-ups of its hours are wrong.
    DayOfRuns(i64),
}

impl Span {
    const fn step(self) -> &'static str {
        match self {
            Self::Hour(_) => "hour",
            Self::Day(_) | Self::DayOfRuns(_) => "day",
        }
    }

    const fn from(self) -> i64 {
        match self {
            Self::Hour(at) | Self::Day(at) | Self::DayOfRuns(at) => at,
        }
    }

    const fn to(self) -> i64 {
        match self {
            Self::Hour(at) => at + HOUR,
            Self::Day(at) | Self::DayOfRuns(at) => at + DAY,
        }
    }
}

/// The first hour from this time on that has runs or roll-ups, or is in a day that has.
pub(super) fn next_hour(connection: &Connection, from: i64) -> Result<Option<i64>, SqlError> {
    let run: Option<i64> = connection
        .prepare_cached("SELECT started_ms FROM runs WHERE started_ms >= ?1 ORDER BY started_ms LIMIT 1")?
        .query_row([from], |row| row.get(0))
        .optional()?;
    let mut next = run.map(|at| at.div_euclid(HOUR) * HOUR);
    // One by one, so that each is a look-up in the primary key, which begins with the step and the kind.
    for step in ["hour", "day"] {
        for kind in ["run", "stage", "model", "gate"] {
            let at: Option<i64> = connection
                .prepare_cached(
                    "SELECT min(at_ms) FROM rollups WHERE step = ?1 AND kind = ?2 AND at_ms >= ?3",
                )?
                .query_row(params![step, kind, from], |row| row.get(0))?;
            next = next.into_iter().chain(at).min();
        }
    }
    Ok(next)
}

/// Compares the roll-ups of a span with what they are made from, and adds what it finds. Returns whether they are equal.
pub(super) fn compare(
    connection: &Connection,
    span: Span,
    found: &mut Verification,
) -> Result<bool, SqlError> {
    let expected = expected(connection, span, found)?;
    let stored = rollup::stored(connection, span.step(), span.from(), span.to())?;
    let wrong_before = found.wrong;
    for (key, names) in &expected {
        for (kind, tallies) in names {
            for (name, tally) in tallies {
                let there = stored.get(key).and_then(|names| names.get(kind)?.get(name));
                note(found, span, key, (kind.as_str(), name), there, Some(tally));
            }
        }
    }
    for (key, names) in &stored {
        for (kind, tallies) in names {
            for (name, tally) in tallies {
                if expected.get(key).and_then(|names| names.get(kind)?.get(name)).is_none() {
                    note(found, span, key, (kind.as_str(), name), Some(tally), None);
                }
            }
        }
    }
    Ok(found.wrong == wrong_before)
}

/// Puts the right roll-ups of a span in place of the stored ones. They are computed here once more, as runs may have come.
pub(super) fn rebuild(transaction: &Transaction<'_>, span: Span) -> Result<(), SqlError> {
    let expected = expected(transaction, span, &mut Verification::default())?;
    transaction
        .prepare_cached("DELETE FROM rollups WHERE step = ?1 AND kind IN ('run', 'stage', 'model', 'gate') AND at_ms >= ?2 AND at_ms < ?3")?
        .execute(params![span.step(), span.from(), span.to()])?;
    rollup::write_all(transaction, span.step(), &expected)
}

fn expected(connection: &Connection, span: Span, found: &mut Verification) -> Result<Rollups, SqlError> {
    match span {
        Span::Hour(at) => of_runs(connection, at, at + HOUR, found),
        Span::Day(at) => Ok(rollup::days_of(&rollup::stored(connection, "hour", at, at + DAY)?)),
        // The runs were counted with the hours.
        Span::DayOfRuns(at) => {
            let hours = of_runs(connection, at, at + DAY, &mut Verification::default())?;
            Ok(rollup::days_of(&hours))
        }
    }
}

/// The roll-ups by hour of the runs that began between these times.
fn of_runs(
    connection: &Connection,
    from: i64,
    to: i64,
    found: &mut Verification,
) -> Result<Rollups, SqlError> {
    let mut changes = rollup::RollupChanges::default();
    rollup::each_ended_between(connection, from, to, |run_id, run| {
        found.runs += 1;
        let reason = match &run {
            Ok(run) => {
                changes.add(run);
                storable::check(run).err()
            }
            Err(reason) => Some(format!("it cannot be read: {reason}")),
        };
        if let Some(reason) = reason.filter(|_| found.unsound.len() < Verification::MOST) {
            found.unsound.push(UnsoundRun { run_id: run_id.to_owned(), reason });
        }
    })?;
    Ok(changes.into_hours())
}

fn note(
    found: &mut Verification,
    span: Span,
    key: &RollupKey,
    (kind, name): (&'static str, &str),
    stored: Option<&Tally>,
    expected: Option<&Tally>,
) {
    found.rollups += 1;
    if stored == expected {
        return;
    }
    found.wrong += 1;
    let figures = |tally: Option<&Tally>| {
        let nothing = Tally::default();
        tally.unwrap_or(&nothing).texts()
    };
    let differing = figures(stored).into_iter().zip(figures(expected)).filter(|(one, two)| one != two);
    for ((figure, was), (_, right)) in differing {
        if found.differences.len() >= Verification::MOST {
            return;
        }
        let Some(at) = Timestamp::from_unix_ms(key.at_ms) else { return };
        found.differences.push(Difference {
            step: span.step(),
            kind,
            at,
            project: key.project.clone(),
            pipeline: key.pipeline.clone(),
            name: name.to_owned(),
            figure,
            stored: stored.and(was),
            expected: expected.and(right),
        });
    }
}
