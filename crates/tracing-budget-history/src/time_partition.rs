//! The partition of a period into whole days and hours, which have sums, and ends, which have not.

/// An hour in milliseconds.
pub(super) const HOUR: i64 = 3_600_000;

/// A day in milliseconds.
pub(super) const DAY: i64 = 24 * HOUR;

/// The source of the sums of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// The runs themselves.
    Runs,
    /// The sums of hours.
    Hours,
    /// The sums of days.
    Days,
}

/// From `from` on and before `to`, in milliseconds after the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) grain: Grain,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Beyond every timestamp, and a whole number of days: it has to be the border of a piece.
const END: i64 = DAY * 10_000_000;

/// The pieces of a period, in order, without gaps and without overlap. With `by_hour`, days are left in hours.
pub(super) fn partition(since: Option<i64>, until: Option<i64>, by_hour: bool) -> Vec<Piece> {
    let (from, to) = (since.unwrap_or(-END).max(-END), until.unwrap_or(END).min(END));
    let up =
        |at: i64, unit: i64| at.div_euclid(unit) * unit + if at.rem_euclid(unit) == 0 { 0 } else { unit };
    let down = |at: i64, unit: i64| at.div_euclid(unit) * unit;
    let (hours_from, hours_to) = (up(from, HOUR), down(to, HOUR));
    if hours_from >= hours_to {
        return pieces([(Grain::Runs, from, to)]);
    }
    let (days_from, days_to) = (up(from, DAY), down(to, DAY));
    if by_hour || days_from >= days_to {
        return pieces([
            (Grain::Runs, from, hours_from),
            (Grain::Hours, hours_from, hours_to),
            (Grain::Runs, hours_to, to),
        ]);
    }
    pieces([
        (Grain::Runs, from, hours_from),
        (Grain::Hours, hours_from, days_from),
        (Grain::Days, days_from, days_to),
        (Grain::Hours, days_to, hours_to),
        (Grain::Runs, hours_to, to),
    ])
}

fn pieces<const N: usize>(pieces: [(Grain, i64, i64); N]) -> Vec<Piece> {
    let pieces = pieces.into_iter().filter(|(_, from, to)| from < to);
    pieces.map(|(grain, from, to)| Piece { grain, from, to }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(grain: Grain, from: i64, to: i64) -> Piece {
        Piece { grain, from, to }
    }

    #[test]
    fn all_time_is_days() {
        assert_eq!(partition(None, None, false), [piece(Grain::Days, -END, END)]);
        assert_eq!(partition(None, None, true), [piece(Grain::Hours, -END, END)]);
    }

    #[test]
    fn ends_that_lie_within_an_hour_are_runs() {
        let (since, until) = (DAY - 90 * 60_000, 2 * DAY + 150 * 60_000);
        assert_eq!(
            partition(Some(since), Some(until), false),
            [
                piece(Grain::Runs, since, DAY - HOUR),
                piece(Grain::Hours, DAY - HOUR, DAY),
                piece(Grain::Days, DAY, 2 * DAY),
                piece(Grain::Hours, 2 * DAY, 2 * DAY + 2 * HOUR),
                piece(Grain::Runs, 2 * DAY + 2 * HOUR, until),
            ]
        );
        assert_eq!(partition(Some(5), Some(HOUR + 5), false), [piece(Grain::Runs, 5, HOUR + 5)]);
        assert_eq!(partition(Some(5), Some(5), false), []);
        assert_eq!(partition(Some(9), Some(5), false), []);
    }

    proptest! {
        #[test]
        fn pieces_cover_everything_once(
            since in -5 * DAY..5 * DAY,
            length in 0..5 * DAY,
            by_hour: bool,
        ) {
            let until = since + length;
            let pieces = partition(Some(since), Some(until), by_hour);
            let mut at = since;
            for piece in &pieces {
                prop_assert_eq!(piece.from, at);
                let unit = match piece.grain {
                    Grain::Runs => 1,
                    Grain::Hours => HOUR,
                    Grain::Days => DAY,
                };
                prop_assert!(piece.from % unit == 0 && piece.to % unit == 0);
                prop_assert!(piece.grain != Grain::Runs || piece.to - piece.from < 2 * HOUR);
                at = piece.to;
            }
            prop_assert_eq!(at, until);
        }
    }
}
