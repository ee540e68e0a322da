//! The token, and the session that replaces it in a browser's cookie.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::error::ServeError;
use crate::options::ServeOptions;

/// 16 random letters and digits have 95 bits: beyond guessing, also without a limit on attempts.
const MIN_TOKEN_CHARACTERS: usize = 16;

/// The secrets that a request may present. Without a token, every request is allowed.
pub(crate) struct Keys {
    token: Option<String>,
    session: String,
}

impl Keys {
    /// # Errors
    ///
    /// If the token is too weak, or is missing and the address is reachable from other machines.
    pub(crate) fn new(options: &ServeOptions) -> Result<Self, ServeError> {
        let token = options.token.as_ref().map(|token| token.0.clone());
        if let Some(token) = &token {
            let weakness = if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                Some("contains a blank or a non-ASCII character")
            } else if token.len() < MIN_TOKEN_CHARACTERS {
                Some("is too short")
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

    pub(crate) fn needed(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| same(token, given))
    }

    pub(crate) fn is_session(&self, given: &str) -> bool {
        same(&self.session, given)
    }

    /// The cookie's value. It is not the token: browsers send a host's cookies to all its ports, so another server on
    /// this host could read the token.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }
}

/// Compares in constant time. Otherwise the time of a refusal would show how many leading characters were right.
fn same(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_than_loopback_needs_a_token() {
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
    fn only_the_exact_token_is_accepted() {
        let keys = Keys::new(&ServeOptions::new().token("0123456789abcdef")).expect("a good token");
        assert!(keys.is_token("0123456789abcdef"));
        for given in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
            assert!(!keys.is_token(given), "{given}");
        }
        assert!(!keys.is_token(keys.session()));
    }
}
