//! The glyph, the word and the tone of a status.

use crate::summary::Status;

/// The glyph of a run that is stale: it is marked as running, and its heartbeats stopped.
pub const STALE_GLYPH: char = '?';

/// The word for a run that is stale.
pub const STALE: &str = "stale";

/// How a status or a verdict is coloured. Each program has its own palette; which values share a colour is decided here.
///
/// Deliberately not `#[non_exhaustive]`: a palette should fail to compile when it lacks a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Success.
    Good,
    /// In progress.
    Active,
    /// Needs attention.
    Warn,
    /// Failure.
    Bad,
    /// Did not happen.
    Faint,
}

/// Returns the character that precedes the status's word, because a glyph is found faster than a word.
///
/// ```
/// use tracing_budget::{Status, present::status};
///
/// assert_eq!(status::glyph(Status::Failed), '✗');
/// assert_eq!(status::glyph(Status::Running), '…');
/// ```
#[must_use]
pub const fn glyph(status: Status) -> char {
    match status {
        Status::Completed => '✓',
        Status::Failed => '✗',
        Status::Running => '…',
        Status::NotRun => '·',
        Status::Cancelled | Status::Incomplete | Status::Interrupted => '!',
    }
}

/// Returns the word for people. JSON has [`Status::as_str`], which differs for `not_run` only.
///
/// ```
/// use tracing_budget::{Status, present::status};
///
/// assert_eq!(status::word(Status::NotRun), "not run");
/// assert_eq!(status::word(Status::Completed), "completed");
/// ```
#[must_use]
pub const fn word(status: Status) -> &'static str {
    match status {
        Status::NotRun => "not run",
        other => other.as_str(),
    }
}

/// Returns how a status is coloured.
///
/// ```
/// use tracing_budget::{Status, present::status::{Tone, tone}};
///
/// assert_eq!(tone(Status::Interrupted), Tone::Warn);
/// ```
#[must_use]
pub const fn tone(status: Status) -> Tone {
    match status {
        Status::Completed => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Running => Tone::Active,
        Status::Cancelled | Status::Incomplete | Status::Interrupted => Tone::Warn,
        Status::NotRun => Tone::Faint,
    }
}
