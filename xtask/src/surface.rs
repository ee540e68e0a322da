//! The names that a reader finds at a crate's root.

use crate::Outcome;
use crate::imports::expand;
use crate::tokens::{Token, tokens};

/// Counts the public items of a `lib.rs`, re-exports and modules among them, without those that its documentation hides.
pub(crate) fn count(text: &str) -> Outcome<usize> {
    let tokens = tokens(text)?;
    let (mut count, mut depth, mut hidden) = (0, 0_usize, false);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign('}' | ')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let rest = &tokens[at..];
        if is_hidden(rest) {
            hidden = true;
        }
        if depth > 0 {
            continue;
        }
        if token.word() == Some("pub") && !rest.get(1).is_some_and(|next| next.is('(')) {
            count += if hidden { 0 } else { names(rest) };
        }
        if is_exported_macro(rest) && !hidden {
            count += 1;
        }
        if matches!(token, Token::Sign(';' | '}')) {
            hidden = false;
        }
    }
    Ok(count)
}

/// How many names a public item has: a `use` has one for each of its branches.
fn names(item: &[Token]) -> usize {
    if item.get(1).and_then(Token::word) != Some("use") {
        return 1;
    }
    let end = item.iter().position(|token| token.is(';')).unwrap_or(item.len());
    let mut found = Vec::new();
    expand(&item[2..end], &[], &mut found);
    found.len()
}

/// `doc(hidden)`, of an attribute.
fn is_hidden(tokens: &[Token]) -> bool {
    let [doc, bracket, hidden, ..] = tokens else { return false };
    doc.word() == Some("doc") && bracket.is('(') && hidden.word() == Some("hidden")
}

fn is_exported_macro(tokens: &[Token]) -> bool {
    let [hash, _, export, ..] = tokens else { return false };
    hash.is('#') && export.word() == Some("macro_export")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn items_modules_and_reexports_count() {
        let text = "pub mod a; mod b; pub use b::{C, d::{E, F as G}}; pub fn h() { pub use x::Y; } pub(crate) use b::I;";
        assert_eq!(count(text).expect("Rust"), 5);
    }

    #[test]
    fn hidden_items_do_not_count_and_exported_macros_do() {
        let text = "#[doc(hidden)] pub mod a; pub mod b; #[macro_export] macro_rules! c { () => {} }";
        assert_eq!(count(text).expect("Rust"), 2);
    }
}
