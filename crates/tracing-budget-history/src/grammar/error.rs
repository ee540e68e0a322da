//! The one form of every message about a filter: what failed, what was expected, what was given.

use std::fmt;

use tracing_budget::present::nearest;

/// A text that is not a value of the expected form.
///
/// ```
/// use tracing_budget_history::grammar::When;
///
/// let error = "yesterdy".parse::<When>().unwrap_err();
/// assert!(error.to_string().starts_with("expected a day ("));
/// assert!(error.to_string().ends_with("got \"yesterdy\"; did you mean \"yesterday\"?"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    expected: String,
    got: String,
    nearest: Option<String>,
}

impl ValueError {
    /// A text and the form that was expected in its place.
    #[must_use]
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into(), nearest: None }
    }

    /// The whole text, where only a part of it was compared with known words.
    pub(crate) fn of(mut self, text: &str) -> Self {
        text.clone_into(&mut self.got);
        self
    }

    /// Adds the known word that is most like the text, if one is near.
    #[must_use]
    pub fn nearest_of<'a>(mut self, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        // A beginning is many edits away from its word: `cancel` means `cancelled`. Two letters begin too many words.
        let begun = || known.iter().copied().find(|word| self.got.len() > 2 && word.starts_with(&self.got));
        self.nearest = nearest(&self.got, known.iter().copied()).or_else(begun).map(str::to_owned);
        self
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {:?}", self.expected, self.got)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ValueError {}

/// A filter that cannot be read: an unknown word, a word given twice, or a value of the wrong form.
///
/// ```
/// use tracing_budget_history::grammar::RunQuery;
///
/// let error = RunQuery::from_pairs([("statis", "failed")]).unwrap_err();
/// assert!(error.to_string().starts_with("cannot read the filter: unknown word; expected "));
/// assert!(error.to_string().ends_with("got \"statis\"; did you mean \"status\"?"));
///
/// let error = RunQuery::from_pairs([("min_cost_usd", "cheap")]).unwrap_err();
/// assert_eq!(error.to_string(), "cannot read min_cost_usd: expected USD such as 0.50, got \"cheap\"");
/// assert_eq!(error.word(), "min_cost_usd");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordError {
    word: String,
    cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Unknown(ValueError),
    Repeated,
    Value(ValueError),
}

impl WordError {
    /// A value of this word that cannot be read.
    #[must_use]
    pub fn value(word: impl Into<String>, error: ValueError) -> Self {
        Self { word: word.into(), cause: Cause::Value(error) }
    }

    pub(super) fn unknown(word: &str, known: &[&'static str]) -> Self {
        let error = ValueError::new(one_of(known), word).nearest_of(known.iter().copied());
        Self { word: word.to_owned(), cause: Cause::Unknown(error) }
    }

    pub(super) fn repeated(word: &str) -> Self {
        Self { word: word.to_owned(), cause: Cause::Repeated }
    }

    /// The word of the filter that cannot be read.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }
}

/// `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => "no word".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Unknown(error) => write!(f, "cannot read the filter: unknown word; {error}"),
            Cause::Repeated => write!(f, "cannot read {}: expected one value, got several", self.word),
            Cause::Value(error) => write!(f, "cannot read {}: {error}", self.word),
        }
    }
}

impl std::error::Error for WordError {}
