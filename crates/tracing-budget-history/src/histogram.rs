//! Durations counted by bin, so that the quantiles of any number of runs take little space.
//!
//! The borders of the bins grow by 2 %, so that the middle of a bin is within 1 % of every duration in it (as DDSketch
//! does it: Masson, Rim, Lee, "DDSketch", VLDB 2019). Unlike a sample it can be added to another, and what was added
//! can be taken away again.

use std::cmp::Ordering;

/// How much wider a bin reaches than the one before.
const GROWTH: f64 = 1.02;

/// Seconds below this are counted as 0: a microsecond is as fine as times are taken.
const LEAST: f64 = 1e-6;

/// The bin of what took no time.
const NO_TIME: i32 = i32::MIN;

/// Counts by bin, sorted by bin; no count is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram(Vec<(i32, i64)>);

impl Histogram {
    pub(super) fn of(seconds: f64) -> Self {
        Self(vec![(bin(seconds), 1)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the counts of another; `sign` is -1 to take them away.
    pub(super) fn add(&mut self, other: &Self, sign: i64) {
        match *other.0 {
            [] => {}
            [(bin, count)] => self.add_one(bin, sign * count),
            _ => self.add_many(&other.0, sign),
        }
    }

    fn add_one(&mut self, bin: i32, count: i64) {
        match self.0.binary_search_by_key(&bin, |&(bin, _)| bin) {
            Ok(at) => {
                self.0[at].1 = self.0[at].1.saturating_add(count);
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) => self.0.insert(at, (bin, count)),
        }
    }

    /// Both are sorted: one pass through both, where adding one by one would move the rest each time.
    fn add_many(&mut self, theirs: &[(i32, i64)], sign: i64) {
        let mut sums = Vec::with_capacity(self.0.len() + theirs.len());
        let (mut ours, mut theirs) = (self.0.iter().copied().peekable(), theirs.iter().copied().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some((our, _)), Some((their, _))) => our.cmp(their),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let one = if order.is_le() { ours.next() } else { None };
            let two = if order.is_ge() { theirs.next() } else { None };
            let count = one.map_or(0, |(_, count)| count) + sign * two.map_or(0, |(_, count)| count);
            if let Some((bin, _)) = one.or(two).filter(|_| count != 0) {
                sums.push((bin, count));
            }
        }
        self.0 = sums;
    }

    /// The value that this part of the values does not pass, within 1 %: of `n` values, the one at `part * (n - 1)`
    /// rounded down, counted from 0.
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        let counts = || self.0.iter().filter(|(_, count)| *count > 0);
        let all: i64 = counts().map(|(_, count)| count).sum();
        let rank = (part.clamp(0.0, 1.0) * (all - 1) as f64).floor() as i64;
        let mut before = 0;
        counts()
            .find(|(_, count)| {
                before += count;
                before > rank
            })
            .map(|&(bin, _)| middle(bin))
    }

    /// The counts in few bytes: from bin to bin the distance, then the count.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 3);
        let mut last = 0;
        for &(bin, count) in &self.0 {
            write(&mut bytes, i64::from(bin) - last);
            write(&mut bytes, count);
            last = i64::from(bin);
        }
        bytes
    }

    /// What was written by [`to_bytes`](Self::to_bytes); `None` if it was not.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = bytes.iter().copied();
        let mut bins = Vec::new();
        let mut last = 0i64;
        while bytes.len() > 0 {
            last = last.checked_add(read(&mut bytes)?)?;
            bins.push((i32::try_from(last).ok()?, read(&mut bytes)?));
        }
        Some(Self(bins))
    }
}

fn bin(seconds: f64) -> i32 {
    // NaN is not greater than anything either.
    if seconds > LEAST { (seconds.ln() / GROWTH.ln()).ceil() as i32 } else { NO_TIME }
}

/// The value from which the borders of a bin are equally far, as a part of themselves.
fn middle(bin: i32) -> f64 {
    if bin == NO_TIME { 0.0 } else { 2.0 * GROWTH.powi(bin) / (GROWTH + 1.0) }
}

/// Seven bits a byte, the lowest first; the sign in the lowest bit.
fn write(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut all = Histogram::default();
        values.iter().for_each(|value| all.add(&Histogram::of(*value), 1));
        all
    }

    #[test]
    fn quantiles_are_within_one_per_cent() {
        let values: Vec<f64> = (1..=1_000).map(|n| f64::from(n * n) / 1_000.0).collect();
        let all = of(&values);
        for (part, exact) in [(0.0, 0.001), (0.5, 250.0), (0.95, 902.5), (1.0, 1_000.0)] {
            let found = all.quantile(part).expect("a value");
            assert!((found - exact).abs() <= exact * 0.0101, "{part}: {found} for {exact}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(of(&[0.0, 0.0, 5.0]).quantile(0.5), Some(0.0));
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut all = of(&[1.0, 2.0, 2.0, 3.0]);
        all.add(&of(&[2.0, 3.0]), -1);
        assert_eq!(all, of(&[1.0, 2.0]));
        all.add(&of(&[1.0, 2.0]), -1);
        assert_eq!(all, Histogram::default());
    }

    #[test]
    fn bytes_keep_every_count() {
        let mut all = of(&[0.0, 1e-9, 1e-5, 1.0, 1.0, 47.27, 1e9, f64::MAX, f64::NAN]);
        for _ in 0..20 {
            let twice = all.clone();
            all.add(&twice, 1);
        }
        assert_eq!(Histogram::from_bytes(&all.to_bytes()), Some(all));
        assert_eq!(Histogram::from_bytes(&[]), Some(Histogram::default()));
        for broken in [&[0x80][..], &[1], &[0xff; 20]] {
            assert_eq!(Histogram::from_bytes(broken), None);
        }
    }
}
