//! Own usage of a span that was recorded several times: old clients record each of their calls on the stage's span. The figures add up
//! (A4), and each recording is priced by its own size: ten small calls are not one that is large.

use super::inclusive::has_counts;
use crate::ledger::{Kind, Usage};

/// Recordings that a span remembers. Own usage of more is priced as one call.
const REMEMBERED: usize = 1_000;

/// The sums before each recording of a figure that was known already.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    sums: Vec<(Kind, Usage)>,
    are_too_many: bool,
}

impl Recordings {
    /// Whether a recording may begin with a kind: one of the two wholes.
    // Inlined: a comparison, once for every count of a stage's own usage.
    #[inline]
    pub(super) fn may_begin_with(kind: Kind) -> bool {
        matches!(kind, Kind::Input | Kind::Output)
    }

    /// Keeps the sum before a figure is recorded again.
    pub(super) fn begin(&mut self, kind: Kind, sum: &Usage) {
        if self.sums.len() < 2 * REMEMBERED && !self.are_too_many {
            self.sums.push((kind, sum.clone()));
        } else {
            (self.sums, self.are_too_many) = (Vec::new(), true);
        }
    }

    /// The recordings that make a usage; none if it was recorded once, or not in parts of which each is whole: the output of a stream
    /// may come in pieces beside one input.
    pub(super) fn parts_of(&self, usage: &Usage) -> Vec<Usage> {
        let found = [Kind::Input, Kind::Output].map(|first| self.parts_from(first, usage));
        found.into_iter().find(|parts| is_whole(parts, usage)).unwrap_or_default()
    }

    fn parts_from(&self, first: Kind, usage: &Usage) -> Vec<Usage> {
        let sums = self.sums.iter().filter(|(kind, _)| *kind == first).map(|(_, sum)| sum);
        let mut before = Usage::new();
        let parts = sums.chain([usage]).map(|sum| {
            let part = sum.excess_over(&before);
            before = sum.clone();
            part
        });
        parts.collect()
    }
}

/// Whether parts are more than one, have each whole that the usage has, no part of it beyond that, and make the usage together.
fn is_whole(parts: &[Usage], usage: &Usage) -> bool {
    let has_wholes = |part: &Usage| {
        let is_known = |kind| usage.get(kind).is_none() || part.get(kind).is_some();
        is_known(Kind::Input) && is_known(Kind::Output) && !has_counts(&part.clone().split_parts())
    };
    let mut sum = Usage::new();
    parts.iter().for_each(|part| sum.merge(part));
    let is_same = usage.excess_over(&sum).is_empty() && sum.excess_over(usage).is_empty();
    parts.len() > 1 && usage.count(Kind::Tokens) == 0 && is_same && parts.iter().all(has_wholes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a usage that was recorded so, each as its input and output.
    fn parts(recorded: &[(Kind, u64)]) -> Vec<(u64, u64)> {
        let (mut recordings, mut usage) = (Recordings::default(), Usage::new());
        for &(kind, count) in recorded {
            if Recordings::may_begin_with(kind) && usage.get(kind).is_some() {
                recordings.begin(kind, &usage);
            }
            usage.add(kind, count);
        }
        let parts = recordings.parts_of(&usage);
        parts.iter().map(|part| (part.count(Kind::Input), part.count(Kind::Output))).collect()
    }

    #[test]
    fn each_recording_is_a_part_in_either_order() {
        use Kind::{CacheRead, Input, Output};
        assert_eq!(parts(&[(Input, 3), (Output, 1), (Input, 5), (Output, 2)]), [(3, 1), (5, 2)]);
        assert_eq!(parts(&[(Output, 1), (Input, 3), (Output, 2), (Input, 5)]), [(3, 1), (5, 2)]);
        assert_eq!(parts(&[(Input, 3), (Input, 5), (Input, 7)]), [(3, 0), (5, 0), (7, 0)]);
        let cached = [(Input, 3), (CacheRead, 2), (Output, 1), (Input, 5), (CacheRead, 4), (Output, 2)];
        assert_eq!(parts(&cached), [(3, 1), (5, 2)]);
    }

    #[test]
    fn what_is_not_recorded_in_wholes_has_no_parts() {
        use Kind::{CacheRead, Input, Output};
        assert_eq!(parts(&[(Input, 3), (Output, 1)]), []);
        // The output of a stream comes in pieces.
        assert_eq!(parts(&[(Input, 3), (Output, 1), (Output, 2), (Output, 3)]), []);
        assert_eq!(parts(&[(Input, 3), (Output, 1), (Input, 5)]), []);
        assert_eq!(parts(&[(Input, 3), (CacheRead, 4), (Input, 5)]), []);
        let many: Vec<_> = (0..3_000).map(|_| (Input, 1)).collect();
        assert_eq!(parts(&many), []);
    }
}
