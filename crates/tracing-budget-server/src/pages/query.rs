//! What stands after the `?` of a page's address.

use form_urlencoded::Serializer;

use crate::problem::{Kind, Problem};
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::{Cursor, Filter, Scope, Sort};

/// The parameters of an address, in their order; those without a value, as an empty field sends them, are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

const DAY_MS: i64 = 86_400_000;

impl Query {
    pub(super) fn read(raw: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned();
        Self(
            pairs
                .map(|(name, value)| (name, value.trim().to_owned()))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|known| known == value)
    }

    /// The same page with some parameters changed; `None` takes one away.
    pub(super) fn with(&self, path: &str, changes: &[(&str, Option<&str>)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in &self.0 {
            if !changes.iter().any(|(changed, _)| changed == name) {
                query.append_pair(name, value);
            }
        }
        for (name, value) in changes {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// Project, pipeline and time.
    ///
    /// # Errors
    ///
    /// If a time is none.
    pub(super) fn scope(&self) -> Result<Scope, Problem> {
        let mut scope = Scope::new();
        scope.project = self.get("project").map(str::to_owned);
        scope.pipeline = self.get("pipeline").map(str::to_owned);
        scope.since = self.get("since").map(|text| time("since", text, 0)).transpose()?;
        // Who says “to April 19” means that day, too.
        scope.until = self.get("until").map(|text| time("until", text, DAY_MS)).transpose()?;
        Ok(scope)
    }

    /// Everything that narrows the list of runs.
    ///
    /// # Errors
    ///
    /// If a value is not what it should be.
    pub(super) fn filter(&self) -> Result<Filter, Problem> {
        let mut filter = Filter::from(self.scope()?);
        for word in self.all("status") {
            filter.status.push(status(word)?);
        }
        for tag in self.all("tag") {
            let (name, value) = tag
                .split_once('=')
                .ok_or_else(|| wrong("tag", tag, "a name and a value such as branch=main"))?;
            filter.tags.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        filter.stage = self.get("stage").map(str::to_owned);
        filter.model = self.get("model").map(str::to_owned);
        filter.gate = self.get("gate").map(str::to_owned);
        filter.verdict = self.get("verdict").map(Verdict::from);
        filter.min_cost_usd = self
            .get("min_cost")
            .map(|text| text.parse::<Usd>().map_err(|_| wrong("min_cost", text, "USD such as 0.50")))
            .transpose()?;
        Ok(filter)
    }

    /// # Errors
    ///
    /// If it is no order.
    pub(super) fn sort(&self) -> Result<Sort, Problem> {
        let sort = self.get("sort").map(str::parse).transpose();
        Ok(sort
            .map_err(|error: tracing_budget_history::grammar::ValueError| {
                Problem::new(Kind::BadRequest, error.to_string())
            })?
            .unwrap_or_default())
    }

    pub(super) fn after(&self) -> Option<Cursor> {
        self.get("after").map(|text| Cursor::from(text.to_owned()))
    }

    /// Whether anything narrows the list.
    pub(super) fn narrows(&self) -> bool {
        self.0.iter().any(|(name, _)| !matches!(name.as_str(), "sort" | "after"))
    }
}

/// The statuses that a run may have, in the order in which they are offered.
pub(super) const STATUSES: [Status; 6] = [
    Status::Running,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
    Status::Incomplete,
    Status::Interrupted,
];

fn status(word: &str) -> Result<Status, Problem> {
    STATUSES.into_iter().find(|status| status.as_str() == word).ok_or_else(|| {
        wrong("status", word, "running, completed, failed, cancelled, incomplete or interrupted")
    })
}

/// A day, or a point in time; of a day, the point this long after its beginning.
fn time(name: &str, text: &str, into_day_ms: i64) -> Result<Timestamp, Problem> {
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10);
    let point = match day {
        Some(day) => day
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .and_then(|at| Timestamp::from_unix_ms(at.timestamp().as_millisecond() + into_day_ms)),
        None => text.parse().ok(),
    };
    point.ok_or_else(|| wrong(name, text, "a day such as 2026-04-19, or a time such as 2026-04-19T09:12:03Z"))
}

fn wrong(name: &str, value: &str, expected: &str) -> Problem {
    Problem::new(Kind::BadRequest, format!("{name} is {value:?}, expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::read(Some(raw))
    }

    #[test]
    fn empty_fields_narrow_nothing() {
        let query = query("project=&status=&min_cost=+&sort=cost");
        assert!(!query.narrows());
        assert_eq!(query.filter().ok(), Some(Filter::new()));
    }

    #[test]
    fn everything_that_the_form_sends_is_read() {
        let filter = query(
            "project=p&pipeline=q&status=failed&status=running&since=2026-04-19&until=2026-04-19&stage=s&model=m&gate=g\
             &verdict=fail&min_cost=0.5&tag=a%3Db",
        )
        .filter()
        .expect("all of it is right");
        let expected = Filter::new()
            .project("p")
            .pipeline("q")
            .status(Status::Failed)
            .status(Status::Running)
            .since("2026-04-19T00:00:00Z".parse().expect("a time"))
            .until("2026-04-20T00:00:00Z".parse().expect("a time"))
            .stage("s")
            .model("m")
            .gate("g", Verdict::Fail)
            .min_cost_usd("0.5".parse().expect("USD"))
            .tag("a", "b");
        assert_eq!(filter, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for raw in ["status=dead", "since=yesterday", "min_cost=much", "tag=main", "until=2026-13-01"] {
            let problem = query(raw).filter().expect_err(raw);
            let value = raw.split('=').nth(1).expect("a value");
            assert!(problem.detail().contains(value), "{}", problem.detail());
        }
        assert!(query("sort=best").sort().is_err());
    }

    #[test]
    fn changing_one_parameter_keeps_the_others() {
        let query = query("status=failed&status=running&after=abc&project=a+b");
        assert_eq!(
            query.with("/", &[("after", None), ("sort", Some("cost:asc"))]),
            "/?status=failed&status=running&project=a+b&sort=cost%3Aasc"
        );
    }
}
