//! The token, and the cookie that stands for it in a browser.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::ServeError;
use crate::options::ServeOptions;

const LEAST_CHARACTERS: usize = 16;

/// What opens the door; without a token it stands open.
pub(crate) struct Keys {
    token: Option<String>,
    session: String,
}

impl Keys {
    /// # Errors
    ///
    /// If the token is too weak, or there is none and others than this machine could reach the server.
    pub(crate) fn new(options: &ServeOptions) -> Result<Self, ServeError> {
        let token = options.token.as_ref().map(|token| token.0.clone());
        if let Some(token) = &token {
            let weakness = if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                Some("has a character that no header can hold")
            } else if token.len() < LEAST_CHARACTERS {
                Some("is easily guessed")
            } else {
                None
            };
            if let Some(reason) = weakness {
                return Err(ServeError::Token { reason });
            }
        } else if !options.address.ip().is_loopback() {
            return Err(ServeError::TokenRequired { address: options.address });
        }
        Ok(Self { token, session: Uuid::new_v4().simple().to_string() })
    }

    pub(super) fn needed(&self) -> bool {
        self.token.is_some()
    }

    pub(super) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| same(token, given))
    }

    pub(super) fn is_session(&self, given: &str) -> bool {
        same(&self.session, given)
    }

    /// The cookie's value: not the token, as browsers show a host's cookies to all of its ports.
    pub(super) fn session(&self) -> &str {
        &self.session
    }
}

/// Takes as long for a near miss as for a far one.
fn same(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_there_must_be_a_token() {
        let everywhere = ServeOptions::new().address(([0, 0, 0, 0], 0));
        assert!(matches!(Keys::new(&everywhere), Err(ServeError::TokenRequired { .. })));
        assert!(Keys::new(&everywhere.token("0123456789abcdef")).is_ok());
        assert!(Keys::new(&ServeOptions::new()).is_ok_and(|keys| !keys.needed()));
    }

    #[test]
    fn a_weak_token_is_refused_on_loopback_too() {
        for token in ["", "short", "with a blank in the middle", "ümlaut-ümlaut-ümlaut"] {
            assert!(
                matches!(Keys::new(&ServeOptions::new().token(token)), Err(ServeError::Token { .. })),
                "{token}"
            );
        }
    }

    #[test]
    fn only_the_very_token_opens() {
        let keys = Keys::new(&ServeOptions::new().token("0123456789abcdef")).expect("a good token");
        assert!(keys.is_token("0123456789abcdef"));
        for given in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
            assert!(!keys.is_token(given), "{given}");
        }
        assert!(!keys.is_token(keys.session()));
    }
}
