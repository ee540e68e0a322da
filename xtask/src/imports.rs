//! What one Rust file names of its own crate: imports and paths, as module paths from the crate's root.

use std::collections::BTreeSet;

use crate::Outcome;
use crate::tokens::{Token, after_group, tokens};

/// A file's module path, from the crate's root.
pub(crate) type Module = Vec<String>;

#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// Every path into the own crate.
    pub(crate) paths: BTreeSet<Named>,
    /// What `use` brings into the file's own module: the name with the path behind it. A glob has the name `*`.
    pub(crate) aliases: Vec<(String, Module)>,
    /// The items that the file itself defines at its top level.
    pub(crate) items: BTreeSet<String>,
    /// The words outside of `use`: a re-export without its name among them is not used here.
    words: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) path: Module,
    /// Only in `#[cfg(test)]`.
    pub(crate) test: bool,
    /// Re-exported and not used by the file itself.
    pub(crate) passed_on: bool,
}

/// Reads the file that is `module`.
pub(crate) fn read(module: &[String], text: &str) -> Outcome<Imports> {
    let tokens = tokens(text)?;
    let mut reader = Reader { imports: Imports::default(), exports: Vec::new(), children: children(&tokens) };
    reader.body(&tokens, module, module.len(), false);
    let Reader { mut imports, exports, .. } = reader;
    for (name, path, test) in exports {
        let passed_on = !imports.words.contains(&name);
        imports.paths.insert(Named { path, test, passed_on });
    }
    Ok(imports)
}

/// The files' modules that this file declares: `mod name;`. In the file itself, their names begin paths.
fn children(tokens: &[Token]) -> BTreeSet<String> {
    tokens
        .windows(3)
        .filter(|window| window[0].word() == Some("mod") && window[2].is(';'))
        .filter_map(|window| window[1].word().map(str::to_owned))
        .collect()
}

struct Reader {
    imports: Imports,
    /// `pub use`, decided when all words are known.
    exports: Vec<(String, Module, bool)>,
    children: BTreeSet<String>,
}

impl Reader {
    /// Reads the items of `module`; its file is `file` modules deep.
    fn body(&mut self, tokens: &[Token], module: &[String], file: usize, test: bool) {
        let (mut at, mut depth, mut next_is_test) = (0, 0_usize, test);
        while at < tokens.len() {
            let token = &tokens[at];
            match token {
                Token::Sign('{' | '(' | '[') => depth += 1,
                Token::Sign('}' | ')' | ']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if is_cfg_test(&tokens[at..]) {
                next_is_test = true;
                at += 7;
                continue;
            }
            let starts_path = at == 0 || !tokens[at - 1].is(':');
            match token.word() {
                Some("use") => {
                    let end = end_of_use(tokens, at);
                    let public = at > 0 && (tokens[at - 1].word() == Some("pub") || tokens[at - 1].is(')'));
                    self.import(&tokens[at + 1..end], module, file, next_is_test, public);
                    next_is_test = test;
                    at = end;
                    continue;
                }
                Some("mod") if tokens.get(at + 2).is_some_and(|token| token.is('{')) => {
                    let end = after_group(tokens, at + 2);
                    let mut inner = module.to_vec();
                    inner.extend(tokens[at + 1].word().map(str::to_owned));
                    self.body(&tokens[at + 3..end - 1], &inner, file, next_is_test);
                    next_is_test = test;
                    at = end;
                    continue;
                }
                // `pub(in path)` limits who sees an item; it imports nothing.
                Some("pub") if tokens.get(at + 2).and_then(Token::word) == Some("in") => {
                    at = after_group(tokens, at + 1);
                    continue;
                }
                Some(first) if starts_path && is_path(&tokens[at..]) && self.begins(first, module, file) => {
                    let mut path = Vec::new();
                    let mut end = at;
                    while let Some(word) = tokens.get(end).and_then(Token::word) {
                        path.push(word.to_owned());
                        if !is_path(&tokens[end..]) {
                            break;
                        }
                        end += 3;
                    }
                    if let Some(path) = absolute(&path, module) {
                        self.imports.paths.insert(Named { path, test: next_is_test, passed_on: false });
                    }
                }
                Some(word) => {
                    self.imports.words.insert(word.to_owned());
                    if depth == 0 && module.len() == file && at > 0 {
                        self.item(&tokens[at - 1], word);
                    }
                }
                None => {}
            }
            if depth == 0 && matches!(token, Token::Sign(';' | '}')) {
                next_is_test = test;
            }
            at += 1;
        }
    }

    fn item(&mut self, before: &Token, word: &str) {
        const KEYWORDS: &[&str] = &["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
        if before.word().is_some_and(|before| KEYWORDS.contains(&before)) {
            self.imports.items.insert(word.to_owned());
        }
    }

    fn begins(&self, word: &str, module: &[String], file: usize) -> bool {
        matches!(word, "crate" | "super" | "self") || (module.len() == file && self.children.contains(word))
    }

    fn import(&mut self, tree: &[Token], module: &[String], file: usize, test: bool, public: bool) {
        let mut found = Vec::new();
        expand(tree, &[], &mut found);
        for (path, name) in found {
            let Some(first) = path.first() else { continue };
            if !self.begins(first, module, file) {
                continue;
            }
            let Some(path) = absolute(&path, module) else { continue };
            if module.len() == file {
                self.imports.aliases.push((name.clone(), path.clone()));
            }
            if public {
                self.exports.push((name, path, test));
            } else {
                self.imports.paths.insert(Named { path, test, passed_on: false });
            }
        }
    }
}

/// Opens the braces of a `use` tree: each path with the name it brings.
pub(crate) fn expand(tree: &[Token], before: &[String], found: &mut Vec<(Module, String)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tree.len() {
        match &tree[at] {
            Token::Sign('{') => {
                let inside = &tree[at + 1..after_group(tree, at) - 1];
                branches(inside).into_iter().for_each(|branch| expand(branch, &path, found));
                return;
            }
            Token::Sign('*') => return found.push((path, "*".to_owned())),
            Token::Word(word) if word == "as" => {
                let name = tree.get(at + 1).and_then(Token::word).unwrap_or("_").to_owned();
                return found.push((path, name));
            }
            // `a::{self}` is `a`.
            Token::Word(word) if word == "self" && !path.is_empty() => {}
            Token::Word(word) => path.push(word.clone()),
            _ => {}
        }
        at += 1;
    }
    if let Some(name) = path.last().cloned() {
        found.push((path, name));
    }
}

fn branches(inside: &[Token]) -> Vec<&[Token]> {
    let (mut depth, mut start, mut branches) = (0_i32, 0, Vec::new());
    for (at, token) in inside.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            Token::Sign(',') if depth == 0 => {
                branches.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&inside[start..]);
    branches
}

/// A path as seen from `module`, from the crate's root. `None` leads out of the crate.
fn absolute(path: &[String], module: &[String]) -> Option<Module> {
    let mut at = module.to_vec();
    let mut rest = path.iter().peekable();
    if rest.next_if(|first| *first == "crate").is_some() {
        at.clear();
    }
    for word in rest {
        match word.as_str() {
            "self" => {}
            "super" => {
                at.pop()?;
            }
            name => at.push(name.to_owned()),
        }
    }
    Some(at)
}

fn end_of_use(tokens: &[Token], at: usize) -> usize {
    at + tokens[at..].iter().position(|token| token.is(';')).unwrap_or(tokens.len() - at)
}

/// Whether the word at the start goes on with `::` and another word.
fn is_path(tokens: &[Token]) -> bool {
    matches!(tokens, [Token::Word(_), Token::Sign(':'), Token::Sign(':'), Token::Word(_), ..])
}

fn is_cfg_test(tokens: &[Token]) -> bool {
    let [hash, open, cfg, bracket, test, ..] = tokens else { return false };
    hash.is('#')
        && open.is('[')
        && cfg.word() == Some("cfg")
        && bracket.is('(')
        && test.word() == Some("test")
}

#[cfg(test)]
mod tests {
    use super::read;

    fn module(path: &str) -> Vec<String> {
        path.split("::").map(str::to_owned).collect()
    }

    fn paths(file: &str, text: &str) -> Vec<String> {
        let imports = read(&module(file), text).expect("Rust");
        imports
            .paths
            .into_iter()
            .filter(|named| !named.test && !named.passed_on)
            .map(|n| n.path.join("::"))
            .collect()
    }

    #[test]
    fn a_path_is_found_however_it_is_written() {
        for text in [
            "use crate::room::file::Name;",
            "use crate::{room::{file::Name}};",
            "use super::file::Name;",
            "use super::{file::{Name}};",
            "use super::super::room::file::Name;",
            "fn f() { super::file::Name }",
            "fn f() { html! { (crate::room::file::Name) } }",
            "mod inner { use super::super::file::Name; }",
        ] {
            assert_eq!(paths("room::here", text), ["room::file::Name"], "{text}");
        }
    }

    #[test]
    fn other_crates_and_comments_are_not_paths() {
        assert!(
            paths("room::here", "use std::fs; /// [`crate::room`]\nfn f() { my::crate_name() }").is_empty()
        );
    }

    #[test]
    fn a_group_names_each_of_its_members_and_the_module_itself() {
        assert_eq!(paths("a::b", "use super::c::{self, D, e::*};"), ["a::c", "a::c::D", "a::c::e"]);
    }

    #[test]
    fn a_reexport_is_an_import_only_where_the_file_uses_it() {
        assert!(paths("room", "mod file; pub use file::Name;").is_empty());
        assert_eq!(paths("room", "mod file; pub use file::Name; fn f(_: Name) {}"), ["room::file::Name"]);
    }

    #[test]
    fn what_tests_import_is_marked() {
        let text = "#[cfg(test)] mod tests { use super::super::file::Name; } use super::other::Name;";
        assert_eq!(paths("room::here", text), ["room::other::Name"]);
    }

    #[test]
    fn a_file_knows_its_own_items() {
        let imports = read(&module("room"), "pub struct A; fn b() { struct C; }").expect("Rust");
        assert_eq!(imports.items.into_iter().collect::<Vec<_>>(), ["A", "b"]);
    }
}
