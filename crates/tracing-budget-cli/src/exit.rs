//! How the program ends: one number a kind of end, so that scripts need not read words.

use std::fmt;
use std::process::ExitCode;

use tracing_budget_history::StoreError;
use tracing_budget_server::ServeError;

/// How a command ended, short of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It did what was asked.
    Good,
    /// It did what was asked, and the answer is bad: a check failed, a project's health is critical.
    Bad,
}

/// The exit codes and what each stands for, as `--help` and the documents list them.
pub(super) const CODES: [(u8, &str); 6] = [
    (0, "done, and nothing is wrong"),
    (1, "a check failed, or health is as bad as --fail-on says"),
    (2, "the command line is wrong"),
    (3, "the run history cannot be opened, read or written"),
    (4, "what was asked for is not there: a run, a model, a baseline"),
    (5, "a file or standard input cannot be read, or a result cannot be written"),
];

/// What was asked for is not there, or is there more than once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Absent(pub(super) String);

/// Arguments that are each right and make no sense together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misused(pub(super) String);

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Good => Self::SUCCESS,
            End::Bad => Self::from(1),
        }
    }
}

/// The code that an error ends the program with.
pub(super) fn code_of(error: &anyhow::Error) -> u8 {
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
        () if error.is::<Absent>() => 4,
        () if error.is::<Misused>() => 2,
        () => 5,
    }
}

/// The table of exit codes at the end of a help text.
pub(super) struct Codes;

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exit codes:")?;
        CODES.iter().try_for_each(|(code, meaning)| write!(f, "\n  {code}  {meaning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_whatever_is_said_around_it() {
        use anyhow::Context as _;
        let absent = Err::<(), _>(Absent("no run".into())).context("while comparing").expect_err("an error");
        assert_eq!(code_of(&absent), 4);
        let store = Err::<(), _>(StoreError::NoDataDirectory).context("opening").expect_err("an error");
        assert_eq!(code_of(&store), 3);
        assert_eq!(code_of(&anyhow::anyhow!("anything else")), 5);
    }

    #[test]
    fn codes_are_told_in_order() {
        assert!(CODES.iter().enumerate().all(|(at, (code, _))| at == usize::from(*code)));
    }
}
