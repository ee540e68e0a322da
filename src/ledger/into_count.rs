//! Count arguments: the one trait of every function that sets a count of tokens.

/// An argument that is a count as clients have it: any integer, or an `Option` of one.
///
/// `None` is a count that was not reported, and so is a number below 0: unknown, and never 0.
///
/// ```
/// use tracing_budget::{Kind, Usage};
///
/// let (prompt_tokens, cached): (u32, Option<u32>) = (1_000, None);
/// let usage = Usage::new().input(prompt_tokens).cache_read(cached).output(-1_i64);
/// assert_eq!(usage.get(Kind::Input), Some(1_000));
/// assert_eq!((usage.get(Kind::CacheRead), usage.get(Kind::Output)), (None, None));
/// ```
pub trait IntoCount {
    /// The count; `None` if it was not reported.
    fn into_count(self) -> Option<u64>;
}

impl<T: IntoCount> IntoCount for Option<T> {
    fn into_count(self) -> Option<u64> {
        self.and_then(IntoCount::into_count)
    }
}

impl<T: IntoCount + Copy> IntoCount for &T {
    fn into_count(self) -> Option<u64> {
        (*self).into_count()
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl IntoCount for $integer {
            fn into_count(self) -> Option<u64> {
                u64::try_from(self).ok()
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_is_unknown() {
        assert_eq!(
            [7_u8.into_count(), 7_i64.into_count(), Some(7_u32).into_count(), (&7_usize).into_count()],
            [Some(7); 4]
        );
        assert_eq!([(-1_i32).into_count(), None::<u64>.into_count(), Some(-1_i64).into_count()], [None; 3]);
        assert_eq!(u128::MAX.into_count(), None);
    }
}
