//! The time zone of a page: `tz=` in the URL, else the browser's zone from a cookie, else UTC.
//!
//! `assets/zone.js` stores the browser's zone in the cookie. Without scripts, pages show UTC and name it in the footer.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::grammar::{WordError, Zone};

use super::query::Query;
use crate::problem::Problem;

/// The cookie that `assets/zone.js` sets.
const COOKIE: &str = "tracing_budget_tz=";

/// The zone in which a page shows times and reads days.
#[derive(Clone)]
pub(super) struct PageZone {
    zone: Zone,
    rules: TimeZone,
    /// The URL names the zone, so the script must not replace it by the browser's.
    from_url: bool,
}

impl<S: Sync> FromRequestParts<S> for PageZone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(text) = Query::read(parts.uri.query()).get("tz") {
            let zone: Zone = text.parse().map_err(|error| WordError::value("tz", error))?;
            return Ok(Self { from_url: true, ..Self::new(zone) });
        }
        let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let name =
            cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE));
        // A zone that this server does not know is not the user's mistake, so it is no error.
        let zone = name.and_then(|name| name.replace("%2F", "/").parse().ok());
        Ok(Self::new(zone.unwrap_or_else(Zone::utc)))
    }
}

impl PageZone {
    fn new(zone: Zone) -> Self {
        let rules = match zone.to_string().as_str() {
            "UTC" => TimeZone::UTC,
            "local" => TimeZone::system(),
            name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        };
        Self { zone, rules, from_url: false }
    }

    pub(super) fn utc() -> Self {
        Self::new(Zone::utc())
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The zone's name, which `tz=` accepts.
    pub(super) fn name(&self) -> String {
        self.zone.to_string()
    }

    /// The zone that the script compares with the browser's; `None` if the URL names the zone.
    pub(super) fn replaceable(&self) -> Option<String> {
        (!self.from_url).then(|| self.name())
    }

    /// A time: `2026-04-19 09:12:03`, with the exact time in UTC for machines and in the tooltip.
    pub(super) fn time(&self, at: Timestamp) -> Markup {
        let exact = at.to_string();
        html! { time.nowrap datetime=(exact) title=(exact) { (self.seconds(at)) } }
    }

    /// `2026-04-19 09:12:03`.
    pub(super) fn seconds(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S")
    }

    /// `Apr 19`.
    pub(super) fn day(&self, at: Timestamp) -> String {
        self.format(at, "%b %-d")
    }

    fn format(&self, at: Timestamp, format: &str) -> String {
        match jiff::Timestamp::from_millisecond(at.unix_ms()) {
            Ok(instant) => instant.to_zoned(self.rules.clone()).strftime(format).to_string(),
            Err(_) => at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn zone_of(url: &str, cookie: &str) -> Result<PageZone, Problem> {
        let request =
            axum::http::Request::builder().uri(url).header("cookie", cookie).body(()).expect("a request");
        PageZone::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn the_url_overrides_the_cookie_and_the_default_is_utc() {
        let at = "2026-04-19T22:30:00Z".parse().expect("a time");
        let berlin = zone_of("/?tz=Europe/Berlin", "tracing_budget_tz=Asia%2FTokyo").await.expect("a zone");
        assert_eq!((berlin.seconds(at).as_str(), berlin.day(at).as_str()), ("2026-04-20 00:30:00", "Apr 20"));
        assert_eq!(berlin.replaceable(), None);
        let tokyo = zone_of("/", "a=b; tracing_budget_tz=Asia%2FTokyo").await.expect("a zone");
        assert_eq!(tokyo.seconds(at), "2026-04-20 07:30:00");
        for cookie in ["", "tracing_budget_tz=Mars/Olympus"] {
            let utc = zone_of("/", cookie).await.expect("a zone");
            assert_eq!((utc.name().as_str(), utc.seconds(at).as_str()), ("UTC", "2026-04-19 22:30:00"));
        }
        let problem =
            zone_of("/?tz=Europe/Berln", "").await.map(|zone| zone.name()).expect_err("no such zone");
        assert!(problem.detail().contains("Europe/Berln"), "{}", problem.detail());
    }
}
