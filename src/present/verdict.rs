//! The glyph and the tone of a gate's verdict. The word is [`Verdict::as_str`].

use super::status::Tone;
use crate::ledger::Verdict;

/// Returns the character that precedes the verdict's word.
///
/// ```
/// use tracing_budget::{Verdict, present::verdict};
///
/// assert_eq!(verdict::glyph(&Verdict::Pass), '✓');
/// assert_eq!(verdict::glyph(&Verdict::from("meh")), '?');
/// ```
#[must_use]
pub const fn glyph(verdict: &Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Fail | Verdict::Error => '✗',
        Verdict::Warn => '!',
        Verdict::Skipped => '·',
        Verdict::Other(_) => '?',
    }
}

/// Returns how a verdict is coloured.
///
/// ```
/// use tracing_budget::{Verdict, present::{status::Tone, verdict}};
///
/// assert_eq!(verdict::tone(&Verdict::Error), Tone::Bad);
/// ```
#[must_use]
pub const fn tone(verdict: &Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail | Verdict::Error => Tone::Bad,
        Verdict::Warn | Verdict::Other(_) => Tone::Warn,
        Verdict::Skipped => Tone::Faint,
    }
}
