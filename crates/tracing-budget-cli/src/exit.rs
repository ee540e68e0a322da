//! Exit codes: one number per kind of end, so that scripts need not parse messages.

use std::fmt;
use std::process::ExitCode;

use tracing_budget_history::StoreError;
use tracing_budget_server::ServeError;

/// How a command ended, if without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command worked, and found nothing wrong.
    Success,
    /// The command worked, and its finding is negative: a check failed, health is critical.
    Negative,
}

/// The exit codes and their meanings, for `--help` and docs/cli.md.
pub(crate) const CODES: [(u8, &str); 6] = [
    (0, "success"),
    (
        1,
        "a check failed, health reached --fail-on, newer prices were refused, or a sum of the history is wrong",
    ),
    (2, "invalid arguments"),
    (3, "the run history cannot be opened, read or written"),
    (4, "not found, or not unique: a run, a model, a baseline"),
    (5, "a file or standard input cannot be read, or a result cannot be written"),
];

/// A run, model or file that does not exist, or is not unique.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotFound(pub(crate) String);

/// An argument that is invalid, or does not go with the others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Negative => Self::from(1),
        }
    }
}

/// Returns the exit code of an error.
pub(crate) fn code_of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::NoSuchRun { .. }) => return 4,
        Some(StoreError::Cursor { .. } | StoreError::Series { .. }) => return 2,
        Some(_) => return 3,
        None => {}
    }
    if let Some(ServeError::TokenRequired { .. } | ServeError::Token { .. } | ServeError::Origin { .. }) =
        error.downcast_ref()
    {
        return 2;
    }
    match () {
        () if error.is::<NotFound>() => 4,
        () if error.is::<UsageError>() => 2,
        () => 5,
    }
}

/// The table of exit codes at the end of a help text.
pub(crate) struct ExitCodes;

impl fmt::Display for ExitCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exit codes:")?;
        CODES.iter().try_for_each(|(code, meaning)| write!(f, "\n  {code}  {meaning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_around_an_error_keeps_its_code() {
        use anyhow::Context as _;
        let missing =
            Err::<(), _>(NotFound("no run".into())).context("while comparing").expect_err("an error");
        assert_eq!(code_of(&missing), 4);
        let store = Err::<(), _>(StoreError::NoDataDirectory).context("opening").expect_err("an error");
        assert_eq!(code_of(&store), 3);
        assert_eq!(code_of(&anyhow::anyhow!("anything else")), 5);
    }

    #[test]
    fn codes_are_listed_in_order() {
        assert!(CODES.iter().enumerate().all(|(at, (code, _))| at == usize::from(*code)));
    }
}
