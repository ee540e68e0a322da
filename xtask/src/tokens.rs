//! Rust source as a flat list of tokens, so that a search never matches a comment or a string.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::Outcome;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// Punctuation and brackets.
    Sign(char),
    /// A string, a character or a number: only its place matters.
    Literal,
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is(&self, sign: char) -> bool {
        *self == Token::Sign(sign)
    }
}

pub(crate) fn tokens(text: &str) -> Outcome<Vec<Token>> {
    let stream = TokenStream::from_str(text).map_err(|error| format!("does not parse as Rust: {error}"))?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) => tokens.push(Token::Word(ident.to_string())),
            TokenTree::Punct(punct) => tokens.push(Token::Sign(punct.as_char())),
            TokenTree::Literal(_) => tokens.push(Token::Literal),
            TokenTree::Group(group) => {
                let brackets = match group.delimiter() {
                    Delimiter::Parenthesis => Some(('(', ')')),
                    Delimiter::Brace => Some(('{', '}')),
                    Delimiter::Bracket => Some(('[', ']')),
                    Delimiter::None => None,
                };
                tokens.extend(brackets.map(|(open, _)| Token::Sign(open)));
                flatten(group.stream(), tokens);
                tokens.extend(brackets.map(|(_, close)| Token::Sign(close)));
            }
        }
    }
}

/// The index after the bracket that closes the one at `open`.
pub(crate) fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::{after_group, tokens};

    #[test]
    fn comments_and_strings_have_no_words() {
        let found = tokens("// crate::a\nlet x = \"crate::b\"; /* crate::c */").expect("Rust");
        let words: Vec<_> = found.iter().filter_map(|token| token.word()).collect();
        assert_eq!(words, ["let", "x"]);
    }

    #[test]
    fn a_group_ends_after_its_own_bracket() {
        let found = tokens("a { b { c } } d").expect("Rust");
        assert_eq!(found[after_group(&found, 1)].word(), Some("d"));
    }
}
