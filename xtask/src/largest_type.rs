//! The type of a room with the most methods: how many it has, in how many files, and how many of its fields are open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::sources::rust_files;
use crate::tokens::{Token, tokens};

/// What a type has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) methods: usize,
    /// The files with an `impl` of it.
    pub(crate) files: BTreeSet<String>,
    pub(crate) fields: usize,
    /// Fields that other files can reach.
    pub(crate) open_fields: usize,
}

/// The largest type of a folder, by name.
pub(crate) fn of_folder(folder: &Path) -> Outcome<Option<(String, Size)>> {
    let mut types = BTreeMap::new();
    for file in rust_files(folder)? {
        read(&fs::read_to_string(&file)?, &file.display().to_string(), &mut types)?;
    }
    Ok(types.into_iter().max_by_key(|(_, size): &(String, Size)| size.methods))
}

fn read(text: &str, file: &str, types: &mut BTreeMap<String, Size>) -> Outcome {
    let tokens = tokens(text)?;
    let mut at = 0;
    while at < tokens.len() {
        let word = tokens[at].word();
        at += 1;
        if !matches!(word, Some("impl" | "struct")) {
            continue;
        }
        let Some(opened) = tokens[at..].iter().position(|token| token.is('{') || token.is(';')) else {
            break;
        };
        let (head, body) = (&tokens[at..at + opened], &tokens[at + opened..]);
        if body[0].is(';') {
            continue;
        }
        let end = body_end(body);
        let name = head.iter().filter_map(Token::word).find(|word| *word != "crate").unwrap_or_default();
        let size = types.entry(name.to_owned()).or_default();
        let body = &body[1..end];
        if word == Some("struct") {
            let (fields, open) = fields(body);
            size.fields += fields;
            size.open_fields += open;
        } else if !head.iter().any(|token| token.word() == Some("for")) {
            size.methods += body.iter().filter(|token| token.word() == Some("fn")).count();
            size.files.insert(file.to_owned());
        }
        at += opened + end;
    }
    Ok(())
}

/// Where the block ends that the first token opens.
fn body_end(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') if depth == 1 => return at,
            Token::Sign('}') => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The fields of a struct, and those with a `pub`. A field is a name before a single colon, outside of brackets.
fn fields(body: &[Token]) -> (usize, usize) {
    let (mut fields, mut open, mut depth, mut is_public) = (0, 0, 0_i32, false);
    for (at, token) in body.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{' | '<') => depth += 1,
            Token::Sign(')' | ']' | '}' | '>') => depth -= 1,
            Token::Sign(',') if depth == 0 => is_public = false,
            Token::Sign(':') if depth == 0 => {
                let is_path =
                    body.get(at + 1).is_some_and(|next| next.is(':')) || at > 0 && body[at - 1].is(':');
                if !is_path {
                    fields += 1;
                    open += usize::from(is_public);
                }
            }
            _ if depth == 0 && token.word() == Some("pub") => is_public = true,
            _ => {}
        }
    }
    (fields, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_files_and_open_fields_are_counted() {
        let mut types = BTreeMap::new();
        let text = "pub struct Core { pub(crate) a: Vec<(u8, std::io::Error)>, b: u8, pub c: [u8; 2] } struct Unit; \
                    impl Core { fn one(&self) { if true { loop {} } } pub(crate) fn two() {} } \
                    impl Drop for Core { fn drop(&mut self) {} }";
        read(text, "core.rs", &mut types).expect("Rust");
        read("impl Core { fn three() {} }", "more.rs", &mut types).expect("Rust");
        let files = ["core.rs", "more.rs"].map(str::to_owned).into();
        assert_eq!(types["Core"], Size { methods: 3, files, fields: 3, open_fields: 2 });
    }
}
