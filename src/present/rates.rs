//! Rates of a price: for which calls they are, and at which hours.

use super::numbers::count;

/// Returns for which calls a rate is: of a tier, and with more input than so many tokens. Empty for the list price of any call.
///
/// ```
/// use tracing_budget::present::rates::condition;
///
/// assert_eq!(condition(Some("batch"), Some(200_000)), "batch, above 200,000 tokens");
/// assert_eq!(condition(None, None), "");
/// ```
#[must_use]
pub fn condition(tier: Option<&str>, above: Option<u64>) -> String {
    let above = above.map(|tokens| format!("above {} tokens", count(tokens)));
    let parts: Vec<String> = tier.map(str::to_owned).into_iter().chain(above).collect();
    parts.join(", ")
}

/// Returns the hours of each day, given as seconds since midnight UTC. Empty for the whole day.
///
/// ```
/// use tracing_budget::present::rates::hours;
///
/// assert_eq!(hours(&[(3_600, 14_400), (81_000, 86_400)]), "01:00–04:00 and 22:30–24:00 UTC");
/// ```
#[must_use]
pub fn hours(hours: &[(u32, u32)]) -> String {
    let time = |seconds: u32| format!("{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60);
    let parts: Vec<String> =
        hours.iter().map(|(start, end)| format!("{}–{}", time(*start), time(*end))).collect();
    match &parts[..] {
        [] => String::new(),
        [one] => format!("{one} UTC"),
        [first @ .., last] => format!("{} and {last} UTC", first.join(", ")),
    }
}
