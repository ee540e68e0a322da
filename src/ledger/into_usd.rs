//! Money arguments: the one trait that every function with an amount of money takes.

use super::money::{Usd, UsdError};

/// An argument that is an amount of US dollars: a [`Usd`], a decimal text, or a number.
///
/// Implemented for `Usd`, `&str`, `String`, `&String`, the integers (whole dollars) and `f64`.
///
/// ```
/// use tracing_budget::Usd;
/// use tracing_budget::money::IntoUsd;
///
/// let half: Usd = "0.50".parse()?;
/// assert_eq!("$0.50".into_usd()?, half);
/// assert_eq!(0.5.into_usd()?, half);
/// assert_eq!(5.into_usd()?.to_string(), "5");
/// assert!("five".into_usd().is_err());
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
pub trait IntoUsd {
    /// Converts the argument into an exact amount.
    ///
    /// # Errors
    ///
    /// A text that is not a decimal number, and a number that is not finite or has a magnitude of 1e15 or more.
    fn into_usd(self) -> Result<Usd, UsdError>;
}

impl IntoUsd for Usd {
    fn into_usd(self) -> Result<Usd, UsdError> {
        Ok(self)
    }
}

impl IntoUsd for &str {
    fn into_usd(self) -> Result<Usd, UsdError> {
        self.parse()
    }
}

impl IntoUsd for String {
    fn into_usd(self) -> Result<Usd, UsdError> {
        self.parse()
    }
}

impl IntoUsd for &String {
    fn into_usd(self) -> Result<Usd, UsdError> {
        self.parse()
    }
}

impl IntoUsd for f64 {
    fn into_usd(self) -> Result<Usd, UsdError> {
        Usd::from_f64(self)
            .ok_or_else(|| UsdError::new(self.to_string(), "expected a finite number below 1e15"))
    }
}

macro_rules! whole_dollars {
    ($($integer:ty),*) => {$(
        impl IntoUsd for $integer {
            fn into_usd(self) -> Result<Usd, UsdError> {
                // The text's reader knows the bounds: one rule for `5` and `"5"`.
                self.to_string().parse()
            }
        }
    )*};
}

whole_dollars!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_integers_and_amounts_agree() {
        let five = Usd::from_pico(5_000_000_000_000);
        for amount in [
            five.into_usd(),
            "5".into_usd(),
            "5.00".to_owned().into_usd(),
            5.into_usd(),
            5_u8.into_usd(),
            5_i64.into_usd(),
            5.0.into_usd(),
        ] {
            assert_eq!(amount, Ok(five));
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_their_text() {
        for error in [f64::NAN.into_usd(), 1e15.into_usd(), u64::MAX.into_usd(), i128::MIN.into_usd()] {
            assert!(error.is_err(), "{error:?}");
        }
        assert!(u64::MAX.into_usd().is_err_and(|error| error.to_string().contains("18446744073709551615")));
    }
}
