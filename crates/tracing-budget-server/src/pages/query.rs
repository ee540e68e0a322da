//! The query string of a page's URL.

use form_urlencoded::Serializer;
use tracing_budget_history::grammar::{RunQuery, WordError};

/// The parameters in their order. Empty ones, which a form sends for an empty field, are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

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

    /// A URL with some parameters changed; `None` removes one.
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

    /// The parameters that are words of the grammar. `own` are the parameters that only this page has.
    ///
    /// # Errors
    ///
    /// If a value is malformed, or a name is neither a word nor in `own`: a misspelt filter must not show every run.
    pub(super) fn words(&self, own: &[&str]) -> Result<RunQuery, WordError> {
        // The page's length is fixed, so `limit` is not a word here.
        let words: Vec<_> =
            RunQuery::WORDS.iter().map(|word| word.name).filter(|name| *name != "limit").collect();
        self.words_among(&words, own)
    }

    /// As [`words`](Self::words), for a page that takes only these words.
    ///
    /// # Errors
    ///
    /// As [`words`](Self::words).
    pub(super) fn words_among(&self, words: &[&'static str], own: &[&str]) -> Result<RunQuery, WordError> {
        // Mail programs and chats add `utm_` parameters to links.
        let is_foreign = |name: &str| own.contains(&name) || name.starts_with("utm_");
        let pairs = self.0.iter().filter(|(name, _)| !is_foreign(name));
        RunQuery::from_pairs_among(words, pairs.map(|(name, value)| (name, value)))
    }

    /// Whether a parameter narrows the list.
    pub(super) fn narrows(&self) -> bool {
        self.0.iter().any(|(name, _)| !matches!(name.as_str(), "sort" | "cursor" | "tz"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::read(Some(raw))
    }

    #[test]
    fn empty_fields_narrow_nothing() {
        let query = query("project=&status=&min_cost_usd=+&sort=cost&tz=UTC");
        assert!(!query.narrows());
        assert!(query.words(&[]).is_ok_and(|words| !words.narrows()));
    }

    #[test]
    fn the_words_of_the_grammar_are_read_and_others_ignored() {
        let words =
            query("project=p&status=failed&status=running&tag=a%3Db&days=7&by=model").words(&["days", "by"]);
        let words = words.expect("all of them are right").pairs();
        let words: Vec<String> = words.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(words, ["project=p", "status=failed", "status=running", "tag=a=b"]);
    }

    #[test]
    fn a_malformed_value_is_named() {
        for raw in [
            "status=dead",
            "since=tomorrow",
            "min_cost_usd=much",
            "tag=main",
            "until=2026-13-01",
            "sort=best",
        ] {
            let error = query(raw).words(&[]).expect_err(raw).to_string();
            let value = raw.split('=').nth(1).expect("a value");
            assert!(error.contains(value), "{error}");
        }
    }

    #[test]
    fn changing_one_parameter_keeps_the_others() {
        let query = query("status=failed&status=running&cursor=abc&project=a+b");
        assert_eq!(
            query.with("/", &[("cursor", None), ("sort", Some("cost:asc"))]),
            "/?status=failed&status=running&project=a+b&sort=cost%3Aasc"
        );
    }
}
