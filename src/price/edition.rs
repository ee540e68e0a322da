//! The edition of the published prices in use: where they come from, how old they are, and what of them cannot be used.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::reason::BookName;
use crate::ledger::rfc3339;
use crate::present::numbers::counted;

/// The day on which the release was published that `data/genai-prices.json` was taken from: the prices of that day.
///
/// A test compares it with the newest price in the data, which began shortly before.
#[cfg(feature = "prices")]
pub(super) const BUNDLED_DATE: &str = "2026-10-30";

/// Prices are old after so many days: in a month or two, providers change prices and list new models.
const OLD_DAYS: u64 = 60;

/// Names the published prices of a program that names none itself.
pub(super) const VARIABLE: &str = "TRACING_BUDGET_PRICES";

const DAY: i128 = 86_400_000_000_000;

/// The edition of the published prices in a [`PriceBook`](crate::PriceBook), by [`PriceBook::edition`](crate::PriceBook::edition).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edition {
    /// The name of the prices, as a summary has it.
    pub name: BookName,
    /// Where they come from.
    pub origin: Origin,
    /// The day of the prices, such as `2026-10-30`: on which the list was published or fetched, else on which its newest price began.
    /// Unknown for a list without any date.
    pub date: Option<String>,
    /// Number of providers.
    pub providers: usize,
    /// Number of models of all providers.
    pub models: usize,
    /// Models that are listed without a price.
    pub without_price: usize,
    /// Models with prices of service tiers (batch, flex, priority). The first format of the data had none.
    pub with_tiers: usize,
    /// Keys of prices that this release cannot price, sorted. What they charge is missing in a cost.
    pub unknown_keys: Vec<String>,
}

/// Where published prices come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// This release of `tracing-budget` brings them.
    #[default]
    Bundled,
    /// The program passed their text.
    Given,
    /// The program named their file.
    File(PathBuf),
    /// The environment variable `TRACING_BUDGET_PRICES` names their file, or its directory.
    Environment(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.pad("bundled"),
            Self::Given => f.pad("given by the program"),
            Self::File(path) => f.pad(&path.display().to_string()),
            Self::Environment(path) => write!(f, "{} ({VARIABLE})", path.display()),
        }
    }
}

impl Edition {
    /// Returns how many days old the prices are at a time; 0 on their day and before, `None` if their day is unknown.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let edition = tracing_budget::PriceBook::builder().bundled_prices().build()?.edition();
    /// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
    /// # #[cfg(feature = "prices")]
    /// assert_eq!((edition.date.as_deref(), edition.age_days(at)), (Some("2026-10-30"), Some(31)));
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn age_days(&self, at: SystemTime) -> Option<u64> {
        let date = rfc3339::parse_date(self.date.as_deref()?).ok()?;
        Some(age_days(date, at))
    }

    /// Returns whether the prices are old at a time, so that summaries warn of it: over 60 days.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let edition = tracing_budget::PriceBook::builder().bundled_prices().build()?.edition();
    /// # #[cfg(feature = "prices")]
    /// assert!(edition.is_old(UNIX_EPOCH + Duration::from_secs(1_900_000_000)));
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn is_old(&self, at: SystemTime) -> bool {
        self.age_days(at).is_some_and(|days| days > OLD_DAYS)
    }
}

/// Whole days from a date, in nanoseconds since the Unix epoch, to a time.
fn age_days(date: i128, at: SystemTime) -> u64 {
    u64::try_from((super::rates::since_epoch(at) - date) / DAY).unwrap_or(0)
}

/// The warning of a run that prices of a day were old at a time.
pub(crate) fn age_warning(name: &str, date: i128, at: SystemTime) -> Option<String> {
    let days = Some(age_days(date, at)).filter(|days| *days > OLD_DAYS)?;
    Some(format!(
        "the prices of {name} are {days} days old, and may have changed: `tracing-budget prices update` fetches newer ones"
    ))
}

/// The warning of a run that calls of a model were priced without a part of their price.
pub(crate) fn unknown_keys_warning(model: &str, keys: &str, calls: u64) -> String {
    let calls = counted(calls, "call");
    format!("{model}: {calls} priced without {keys}, which this release of tracing-budget cannot price")
}

/// A date as text, from nanoseconds since the Unix epoch.
pub(super) fn date_text(nanoseconds: i128) -> Option<String> {
    struct Day(i64);
    impl fmt::Display for Day {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            rfc3339::write(f, self.0)
        }
    }
    let milliseconds = i64::try_from(nanoseconds / 1_000_000).ok()?;
    Day(milliseconds).to_string().split_once('T').map(|(date, _)| date.to_owned())
}

#[cfg(all(test, feature = "prices"))]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;
    use crate::price::published_models::PublishedModels;

    #[test]
    fn the_day_of_the_bundled_prices_is_that_of_their_data() {
        let data = PublishedModels::read(include_bytes!("../../data/genai-prices.json")).unwrap();
        let date = rfc3339::parse_date(BUNDLED_DATE).unwrap();
        // Upstream dates new prices every few days, so the newest one that had begun is of the weeks before the release.
        let newest = data.newest_start(date).unwrap();
        assert!(date - newest < 31 * DAY, "the newest price began {} days before", (date - newest) / DAY);
        // What begins later was announced ahead; a list full of later prices would be newer than its day.
        assert!(data.starts_after(date) < 50, "{} prices begin after it", data.starts_after(date));
    }

    #[test]
    fn a_day_is_written_as_it_is_read() {
        for day in ["1970-01-01", "2026-02-28", "2026-10-30", "2028-02-29"] {
            assert_eq!(date_text(rfc3339::parse_date(day).unwrap()).as_deref(), Some(day));
        }
    }
}
