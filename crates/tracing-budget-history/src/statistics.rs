//! Medians, quantiles and the median absolute deviation of values in memory.

/// The quantile of the values, interpolated between neighbours; `None` of an empty slice.
///
/// The definition is the usual one of spreadsheets and numpy (linear interpolation, "type 7").
pub(super) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = part.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64))
}

/// The values that are numbers, smallest first.
pub(super) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle value; the mean of the two in the middle where their number is even.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The middle amount, exact; half a unit is rounded down.
pub(super) fn median_whole(values: impl IntoIterator<Item = i128>) -> Option<i128> {
    let mut values: Vec<i128> = values.into_iter().collect();
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    let (low, high) = (values[last / 2], values[values.len() / 2]);
    Some(low + (high - low).div_euclid(2))
}

/// The median absolute deviation: the median distance from the median.
pub(super) fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values.iter().copied())?;
    median(values.iter().map(|value| (value - middle).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = sorted([40.0, 10.0, 30.0, 20.0, f64::NAN]);
        for (part, expected) in [(0.0, 10.0), (0.25, 17.5), (0.5, 25.0), (0.95, 38.5), (1.0, 40.0)] {
            assert_eq!(quantile(&values, part), Some(expected), "{part}");
        }
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median_whole([5, 1, 3]), Some(3));
        assert_eq!(median_whole([1, 4]), Some(2));
        assert_eq!(median_whole([-1, -4]), Some(-3));
        assert_eq!(median_whole([]), None);
    }

    #[test]
    fn one_far_value_does_not_move_the_mad() {
        // The median is 7, the distances from it 1, 1, 3, 3, 4, 4, 6 and 993.
        assert_eq!(mad(&[1.0, 3.0, 3.0, 6.0, 8.0, 10.0, 10.0, 1_000.0]), Some(3.5));
        assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), Some(1.0));
        assert_eq!(mad(&[]), None);
    }
}
