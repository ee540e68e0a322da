//! The name of a file of published prices.

use crate::ledger::rfc3339;

/// Why published prices cannot be used.
pub(super) type LoadError = String;

/// The name of a file of published prices. That of a file which `prices update` keeps has the day of its prices, and a fingerprint:
/// `genai-prices-2026-11-10-6c62272e07bb0142.json`.
pub(super) struct FileName<'a>(pub(super) &'a str);

impl FileName<'_> {
    /// The date and the fingerprint in the name of a kept file.
    fn kept(&self) -> Option<(&str, u64)> {
        let middle = self.0.strip_prefix("genai-prices-")?.strip_suffix(".json")?;
        let (date, print) = middle.rsplit_once('-')?;
        rfc3339::parse_date(date).ok()?;
        Some((date, u64::from_str_radix(print, 16).ok().filter(|_| print.len() == 16)?))
    }

    /// The day of the prices, in nanoseconds since the Unix epoch.
    pub(super) fn date(&self) -> Option<i128> {
        rfc3339::parse_date(self.kept()?.0).ok()
    }

    /// What a summary calls the prices.
    pub(super) fn book_name(&self, print: u64) -> Result<String, LoadError> {
        match self.kept() {
            None => Ok(format!("{}#{print:016x}", self.0)),
            Some((date, kept)) if kept == print => Ok(format!("genai-prices@{date}#{print:016x}")),
            Some((_, kept)) => Err(format!(
                "its content was changed after it was kept: expected the fingerprint {kept:016x}, got {print:016x}"
            )),
        }
    }
}
