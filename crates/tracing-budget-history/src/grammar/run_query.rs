//! The words of a filter.

use std::collections::BTreeMap;
use std::fmt::Display;

use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};

use super::error::{ValueError, WordError, one_of};
use super::when::When;
use super::zone::Zone;
use crate::{Cursor, Filter, Page, Scope, Sort};

/// One word of the grammar: for help texts, API descriptions and schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Word {
    /// The word: the same in an address, as an option (`--min-cost-usd`) and as a key of JSON.
    pub name: &'static str,
    /// What the value is, as help texts show it.
    pub value: &'static str,
    /// Whether the word may be given several times.
    pub repeatable: bool,
    /// The meaning, as a sentence without its full stop.
    pub description: &'static str,
}

const fn word(name: &'static str, value: &'static str, description: &'static str) -> Word {
    Word { name, value, repeatable: false, description }
}

const fn repeatable(name: &'static str, value: &'static str, description: &'static str) -> Word {
    Word { name, value, repeatable: true, description }
}

/// The statuses that a run can have, in the order in which they are offered. `not_run` is a status of stages only.
pub const STATUSES: &[Status] = &[
    Status::Running,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
    Status::Incomplete,
    Status::Interrupted,
];

/// Reads a status of a run.
///
/// ```
/// use tracing_budget::Status;
/// use tracing_budget_history::grammar::status;
///
/// assert_eq!(status("failed"), Ok(Status::Failed));
/// assert!(status("complete").unwrap_err().to_string().ends_with("did you mean \"completed\"?"));
/// ```
///
/// # Errors
///
/// If no run can have it.
pub fn status(text: &str) -> Result<Status, ValueError> {
    let wanted = text.trim();
    let found = STATUSES.iter().copied().find(|status| status.as_str().eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| {
        let words: Vec<_> = STATUSES.iter().map(|status| status.as_str()).collect();
        ValueError::new(one_of(&words), text).nearest_of(words)
    })
}

/// Reads a tag: `name=value`. The value may be empty, and may contain further `=`.
///
/// ```
/// use tracing_budget_history::grammar::tag;
///
/// assert_eq!(tag("branch=main"), Ok(("branch".to_owned(), "main".to_owned())));
/// assert!(tag("branch").is_err());
/// ```
///
/// # Errors
///
/// If there is no `=`, or nothing before it.
pub fn tag(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(ValueError::new("NAME=VALUE such as branch=main", text)),
    }
}

/// The words of a filter as they were typed: which runs, in which order, which page of them.
///
/// The fields may also be set one by one, as an argument parser does. All of them are optional.
///
/// ```
/// use tracing_budget_history::grammar::{RunQuery, Zone};
///
/// let query = RunQuery::from_pairs([("since", "7d"), ("min_cost_usd", "0.50"), ("sort", "cost")])?;
/// assert_eq!(
///     query.pairs(),
///     [("since", "7d".to_owned()), ("min_cost_usd", "0.5".to_owned()), ("sort", "cost:desc".to_owned())]
/// );
/// # Ok::<(), tracing_budget_history::grammar::WordError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunQuery {
    /// Only this project.
    pub project: Option<String>,
    /// Only this pipeline.
    pub pipeline: Option<String>,
    /// Runs that started at this time or later.
    pub since: Option<When>,
    /// Runs that started before this time; a day is itself included.
    pub until: Option<When>,
    /// The zone of days and local times; the caller's default where it is not set.
    pub tz: Option<Zone>,
    /// One of these statuses; any status if the list is empty.
    pub status: Vec<Status>,
    /// All of these tags, with these values.
    pub tags: BTreeMap<String, String>,
    /// Runs that began this stage.
    pub stage: Option<String>,
    /// Runs that called this model: `provider/model`, or the model's name alone.
    pub model: Option<String>,
    /// Runs with a verdict of this gate.
    pub gate: Option<String>,
    /// Runs with this verdict; with `gate`, of that gate.
    pub verdict: Option<Verdict>,
    /// Runs of at least this known cost.
    pub min_cost_usd: Option<Usd>,
    /// The order; the newest first where it is not set.
    pub sort: Option<Sort>,
    /// Maximum number of runs.
    pub limit: Option<usize>,
    /// The page after this one.
    pub cursor: Option<Cursor>,
}

impl RunQuery {
    /// Every word, in canonical order.
    pub const WORDS: &[Word] = &[
        word("project", "NAME", "Only runs of this project"),
        word("pipeline", "NAME", "Only runs of this pipeline (the root span's name)"),
        word("since", "WHEN", "Only runs that started at this time or later"),
        word("until", "WHEN", "Only runs that started before this time; a day is itself included"),
        word("tz", "ZONE", "Time zone of days and local times: UTC, local, or an IANA name"),
        repeatable("status", "STATUS", "Only runs with this status (repeatable)"),
        repeatable("tag", "NAME=VALUE", "Only runs with this tag (repeatable; all must match)"),
        word("stage", "NAME", "Only runs that began this stage"),
        word("model", "NAME", "Only runs that called this model: provider/model, or the model alone"),
        word("gate", "NAME", "Only runs with a verdict of this gate"),
        word("verdict", "VERDICT", "Only runs with this verdict; with gate, of that gate"),
        word("min_cost_usd", "USD", "Only runs of at least this known cost in USD"),
        word("sort", "KEY[:ORDER]", "Order: started, cost, duration or tokens, then :desc or :asc"),
        word("limit", "N", "Maximum number of runs"),
        word("cursor", "CURSOR", "The page after: `next` of the page before"),
    ];

    /// The words that narrow by project, pipeline and time: those of sums over many runs.
    pub const SCOPE: &[&str] = &["project", "pipeline", "since", "until", "tz"];

    /// Days that sums go back without `since`: summing all of a history has to be requested.
    pub const WINDOW_DAYS: u16 = 30;

    /// Reads all words.
    ///
    /// # Errors
    ///
    /// If a word is unknown or given twice, or a value is not of its form.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, WordError> {
        let all: Vec<&'static str> = Self::WORDS.iter().map(|word| word.name).collect();
        Self::from_pairs_among(&all, pairs)
    }

    /// Reads only these words: an API that takes fewer must refuse the others, not ignore them.
    ///
    /// ```
    /// use tracing_budget_history::grammar::RunQuery;
    ///
    /// let error = RunQuery::from_pairs_among(RunQuery::SCOPE, [("stage", "draft")]).unwrap_err();
    /// assert!(error.to_string().contains("unknown word; expected project, pipeline, since, until or tz"));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunQuery::from_pairs`].
    pub fn from_pairs_among<N: AsRef<str>, V: AsRef<str>>(
        words: &[&'static str],
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, WordError> {
        let mut query = Self::default();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            if !words.contains(&name) {
                return Err(WordError::unknown(name, words));
            }
            query.set(name, value)?;
        }
        Ok(query)
    }

    /// Reads the words of a JSON object. A repeatable word may be an array; null is as if the word were not there.
    ///
    /// ```
    /// use tracing_budget_history::grammar::RunQuery;
    ///
    /// let json = serde_json::json!({"status": ["failed", "running"], "min_cost_usd": 0.5, "since": "yesterday"});
    /// let query = RunQuery::from_json(json.as_object().unwrap())?;
    /// assert_eq!(query.status.len(), 2);
    /// # Ok::<(), tracing_budget_history::grammar::WordError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RunQuery::from_pairs`], and if a value is an object, a boolean or an array of arrays.
    pub fn from_json(words: &serde_json::Map<String, serde_json::Value>) -> Result<Self, WordError> {
        let mut pairs = Vec::new();
        for (name, value) in words {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::Array(values) => {
                    for value in values {
                        pairs.push((name, plain(name, value)?));
                    }
                }
                value => pairs.push((name, plain(name, value)?)),
            }
        }
        Self::from_pairs(pairs)
    }

    /// Sets one word.
    ///
    /// # Errors
    ///
    /// As [`RunQuery::from_pairs`].
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), WordError> {
        let wrong = |error| WordError::value(name, error);
        match name {
            "project" => once(&mut self.project, name, text.to_owned()),
            "pipeline" => once(&mut self.pipeline, name, text.to_owned()),
            "since" => once(&mut self.since, name, text.parse().map_err(wrong)?),
            "until" => once(&mut self.until, name, text.parse().map_err(wrong)?),
            "tz" => once(&mut self.tz, name, text.parse().map_err(wrong)?),
            "status" => {
                let status = status(text).map_err(wrong)?;
                if !self.status.contains(&status) {
                    self.status.push(status);
                }
                Ok(())
            }
            "tag" => {
                let (tag, value) = tag(text).map_err(wrong)?;
                match self.tags.insert(tag, value.clone()) {
                    // A run has one value for a tag: two would match no run, which looks like an empty history.
                    Some(other) if other != value => Err(WordError::repeated(&format!("tag {text:?}"))),
                    _ => Ok(()),
                }
            }
            "stage" => once(&mut self.stage, name, text.to_owned()),
            "model" => once(&mut self.model, name, text.to_owned()),
            "gate" => once(&mut self.gate, name, text.to_owned()),
            "verdict" => once(&mut self.verdict, name, Verdict::from(text)),
            "min_cost_usd" => {
                let usd = text.parse().map_err(|_| wrong(ValueError::new("USD such as 0.50", text)))?;
                once(&mut self.min_cost_usd, name, usd)
            }
            "sort" => once(&mut self.sort, name, text.parse().map_err(wrong)?),
            "limit" => {
                let limit = text.trim().parse().ok().filter(|limit| *limit > 0);
                let limit = limit.ok_or_else(|| wrong(ValueError::new("a whole number from 1", text)))?;
                once(&mut self.limit, name, limit)
            }
            "cursor" => once(&mut self.cursor, name, Cursor::from(text.to_owned())),
            _ => {
                let all: Vec<&'static str> = Self::WORDS.iter().map(|word| word.name).collect();
                Err(WordError::unknown(name, &all))
            }
        }
    }

    /// The words and their canonical texts, in the order of [`RunQuery::WORDS`]: what a link or a log line holds.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut push = |name, text: Option<String>| pairs.extend(text.map(|text| (name, text)));
        push("project", self.project.clone());
        push("pipeline", self.pipeline.clone());
        push("since", written(self.since.as_ref()));
        push("until", written(self.until.as_ref()));
        push("tz", written(self.tz.as_ref()));
        for status in &self.status {
            push("status", Some(status.as_str().to_owned()));
        }
        for (name, value) in &self.tags {
            push("tag", Some(format!("{name}={value}")));
        }
        push("stage", self.stage.clone());
        push("model", self.model.clone());
        push("gate", self.gate.clone());
        push("verdict", written(self.verdict.as_ref()));
        push("min_cost_usd", written(self.min_cost_usd.as_ref()));
        push("sort", written(self.sort.as_ref()));
        push("limit", written(self.limit.as_ref()));
        push("cursor", written(self.cursor.as_ref()));
        pairs
    }

    /// Whether the query leaves any run out; the order, the page and the zone do not.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.filter(Timestamp::from(std::time::UNIX_EPOCH), &Zone::utc()) != Filter::new()
    }

    /// The zone in which days are read: the one of the query, else the caller's.
    #[must_use]
    pub fn zone<'a>(&'a self, default: &'a Zone) -> &'a Zone {
        self.tz.as_ref().unwrap_or(default)
    }

    /// Project, pipeline and time; `zone` is the caller's, where the query names none.
    #[must_use]
    pub fn scope(&self, now: Timestamp, zone: &Zone) -> Scope {
        let zone = self.zone(zone);
        let mut scope = Scope::new();
        scope.project.clone_from(&self.project);
        scope.pipeline.clone_from(&self.pipeline);
        scope.since = self.since.and_then(|since| since.since(now, zone));
        scope.until = self.until.and_then(|until| until.until(now, zone));
        scope
    }

    /// As [`scope`](Self::scope), for sums: without a `since`, the last [`WINDOW_DAYS`](Self::WINDOW_DAYS) days.
    #[must_use]
    pub fn window(&self, now: Timestamp, zone: &Zone) -> Scope {
        let since = self.since.unwrap_or_else(|| When::days_ago(Self::WINDOW_DAYS));
        let since = since.since(now, self.zone(zone));
        Scope { since, ..self.scope(now, zone) }
    }

    /// Which runs; `zone` is the caller's, where the query names none.
    #[must_use]
    pub fn filter(&self, now: Timestamp, zone: &Zone) -> Filter {
        let mut filter = Filter::from(self.scope(now, zone));
        filter.status.clone_from(&self.status);
        filter.tags.clone_from(&self.tags);
        filter.stage.clone_from(&self.stage);
        filter.model.clone_from(&self.model);
        filter.gate.clone_from(&self.gate);
        filter.verdict.clone_from(&self.verdict);
        filter.min_cost_usd = self.min_cost_usd;
        filter
    }

    /// Which page: `default` runs where the query has no limit, at most `most`.
    ///
    /// # Errors
    ///
    /// If the limit is above `most`.
    pub fn page(&self, default: usize, most: usize) -> Result<Page, WordError> {
        let limit = self.limit.unwrap_or_else(|| default.min(most));
        if limit > most {
            let expected = format!("a whole number from 1 to {most}");
            return Err(WordError::value("limit", ValueError::new(expected, limit.to_string())));
        }
        Ok(Page { limit, cursor: self.cursor.clone() })
    }
}

fn once<T>(word: &mut Option<T>, name: &str, value: T) -> Result<(), WordError> {
    match word.replace(value) {
        None => Ok(()),
        Some(_) => Err(WordError::repeated(name)),
    }
}

fn written<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

fn plain(name: &str, value: &serde_json::Value) -> Result<String, WordError> {
    match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        other => Err(WordError::value(name, ValueError::new("a text or a number", other.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_WORD: &[(&str, &str)] = &[
        ("project", "p"),
        ("pipeline", "q"),
        ("since", "2026-04-19"),
        ("until", "2026-04-19"),
        ("tz", "UTC"),
        ("status", "failed"),
        ("status", "running"),
        ("tag", "a=b"),
        ("tag", "c=d=e"),
        ("stage", "s"),
        ("model", "m"),
        ("gate", "g"),
        ("verdict", "fail"),
        ("min_cost_usd", "0.5"),
        ("sort", "cost:asc"),
        ("limit", "7"),
        ("cursor", "abc"),
    ];

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn every_word_is_read_and_written_back() {
        let query = RunQuery::from_pairs(EVERY_WORD.iter().copied()).expect("all words are right");
        let pairs = query.pairs();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(pairs, EVERY_WORD);
        for word in RunQuery::WORDS {
            let given = pairs.iter().filter(|(name, _)| *name == word.name).count();
            assert_eq!(given > 1, word.repeatable, "{}", word.name);
        }
    }

    #[test]
    fn every_word_is_in_the_filter() {
        let query = RunQuery::from_pairs(EVERY_WORD.iter().copied()).expect("all words are right");
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
            .tag("a", "b")
            .tag("c", "d=e");
        assert_eq!(query.filter(now(), &Zone::local()), expected);
        assert_eq!(query.page(50, 200), Ok(Page { limit: 7, cursor: Some(Cursor::from("abc".to_owned())) }));
    }

    #[test]
    fn a_word_that_cannot_be_read_is_named() {
        let long = "x".repeat(100);
        for (name, value, message) in [
            ("after", "abc", "got \"after\""),
            ("min_cost", "1", "did you mean \"min_cost_usd\"?"),
            ("statis", "failed", "did you mean \"status\"?"),
            ("x", "y", "cannot read the filter: unknown word; expected project, pipeline, "),
            (long.as_str(), "y", "or cursor, got"),
            ("status", "complete", "did you mean \"completed\"?"),
            ("status", "not_run", "cannot read status: expected running, completed, failed, "),
            ("status", "", "cannot read status: expected running, "),
            ("since", "yesterdy", "did you mean \"yesterday\"?"),
            ("until", long.as_str(), "cannot read until: expected a day ("),
            ("tz", "Mars", "cannot read tz: expected a time zone (UTC, local, "),
            ("tag", "main", "cannot read tag: expected NAME=VALUE such as branch=main, got \"main\""),
            ("min_cost_usd", "much", "cannot read min_cost_usd: expected USD such as 0.50, got \"much\""),
            ("sort", "best", "cannot read sort: expected started, cost, duration or tokens"),
            ("sort", "cots", "did you mean \"cost\"?"),
            ("limit", "0", "cannot read limit: expected a whole number from 1, got \"0\""),
        ] {
            let error = RunQuery::from_pairs([(name, value)]).expect_err(name).to_string();
            assert!(error.contains(message), "{error}");
        }
        for twice in [("project", "p"), ("since", "7d"), ("limit", "3")] {
            let error = RunQuery::from_pairs([twice, twice]).expect_err(twice.0).to_string();
            assert_eq!(error, format!("cannot read {}: expected one value, got several", twice.0));
        }
        assert!(RunQuery::from_pairs([("tag", "a=b"), ("tag", "a=c")]).is_err());
    }

    #[test]
    fn sums_go_back_thirty_days_unless_a_bound_is_given() {
        let since = |text: Option<&str>| {
            let query = RunQuery::from_pairs(text.map(|text| ("since", text))).expect("a time");
            query.window(now(), &Zone::utc()).since.map(|at| at.to_string())
        };
        assert_eq!(since(None).as_deref(), Some("2026-10-23T12:00:00.000Z"));
        assert_eq!(since(Some("1d")).as_deref(), Some("2026-11-21T12:00:00.000Z"));
        assert_eq!(since(Some("ever")), None);
    }

    #[test]
    fn order_and_page_narrow_nothing() {
        let narrows = |name, text| RunQuery::from_pairs([(name, text)]).expect("a word").narrows();
        assert!(
            !narrows("sort", "cost")
                && !narrows("limit", "5")
                && !narrows("cursor", "abc")
                && !narrows("tz", "UTC")
        );
        assert!(narrows("project", "p") && narrows("until", "now") && narrows("tag", "a=b"));
    }
}
