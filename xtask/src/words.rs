//! Finds words that a reader has to decode, in names, comments, messages and pages.
//!
//! Only people are *who*, and only people speak. A value or a type that does either hides what the code does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sources::{collect, shown};
use crate::{Outcome, root};

/// Each word or phrase with what to write in its place. A word is also found in names: `told` in `is_told` and `ToldRun`.
const WORDS: &[(&str, &str)] = &[
    ("a face", "an interface"),
    ("anybody", "any caller, any user"),
    ("are none", "are not, have no"),
    ("asked", "requested, queried, called"),
    ("asks", "requests, queries, calls"),
    ("dearer", "more expensive"),
    ("faces", "interfaces, outputs"),
    ("hangs on", "depends on"),
    ("he", "the caller, the user"),
    ("hear", "receive, read"),
    ("heard", "received, read"),
    ("hears", "receives, reads"),
    ("him", "the caller, the user"),
    ("his", "the caller's, the user's"),
    ("is none", "is not, has no"),
    ("let go of", "dropped, released"),
    ("lets go of", "drops, releases"),
    ("nobody", "nothing, no caller, no user"),
    ("said", "recorded, stated, reported"),
    ("say", "state, report, print"),
    ("saying", "stating, reporting"),
    ("says", "states, reports, prints"),
    ("sign of life", "heartbeat"),
    ("signs of life", "heartbeats"),
    ("somebody", "a caller, a user"),
    ("speak", "record, apply"),
    ("speaks", "records, applies"),
    ("stands", "is, applies, represents"),
    ("tell", "record, report, pass"),
    ("telling", "recording, reporting, passing"),
    ("tells", "records, reports, passes"),
    ("told", "recorded, reported, given"),
    ("whoever", "a caller that, a user who"),
    ("whomever", "a caller that, a user who"),
    ("whose", "with, of which"),
    // Identifiers such as `CacheRead` are for programmers; a kind of token has a name for texts.
    ("{kind:?}", "{kind}"),
    ("{parts:?}", "the names of the parts"),
    ("{whole:?}", "{whole}"),
];

/// A file that may use a word, and why. An empty word allows all of them.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/journal/record.rs", "told", "format 1 of the journal has this kind of record"),
    ("docs/journal.md", "told", "the same kind of record, in the page of the format"),
    ("tests/journal_format.rs", "told", "the same kind of record, in the list of all kinds"),
    ("tests/table/names.json", "whose", "the author in this stage's name is a person"),
    ("xtask/src/words.rs", "", "it has the list itself"),
];

/// What is searched, beside the pages at the top.
const FOLDERS: &[&str] = &["src", "crates", "docs", "examples", "schema", "xtask", "tests", "benches"];
/// Folders, at any depth, of files that an earlier version wrote. Newer versions must read them as they are, so their words
/// are data.
const GOLDEN: &str = "golden";
/// What people write by hand, and what is generated from it.
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "js", "css", "html", "sql", "json"];

pub(crate) fn check() -> Outcome {
    let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
    let mut used = vec![false; EXCEPTIONS.len()];
    let (mut searched, mut found, mut golden) = (0, 0, 0);
    for file in files()? {
        let name = shown(&file);
        if is_golden(&name) {
            golden += 1;
            continue;
        }
        searched += 1;
        for (line, word, instead) in search(&fs::read_to_string(&file)?) {
            let allows = |(file, of, _): &(&str, &str, &str)| *file == name && (of.is_empty() || *of == word);
            if let Some(at) = EXCEPTIONS.iter().position(allows) {
                used[at] = true;
                continue;
            }
            println!("{name}:{line}: {word} (write: {instead})");
            *rooms.entry(room(&name)).or_default() += 1;
            found += 1;
        }
    }
    println!();
    for (room, count) in &rooms {
        println!("{count:6}  {room}");
    }
    println!("{found:6}  to replace, in {searched} files");
    println!("{golden:6}  golden files, which are not searched");
    if searched == 0 {
        return Err("no file was searched".into());
    }
    if let Some(at) = used.iter().position(|used| !used) {
        let (file, word, _) = EXCEPTIONS[at];
        return Err(
            format!("the exception of {file} for «{word}» is not needed: remove it from EXCEPTIONS").into()
        );
    }
    if found == 0 { Ok(()) } else { Err(format!("{found} words to replace").into()) }
}

fn files() -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(root())?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md" || extension == "toml"));
    for folder in FOLDERS {
        for extension in EXTENSIONS {
            collect(&root().join(folder), extension, &mut files)?;
        }
    }
    files.sort();
    Ok(files)
}

fn is_golden(file: &str) -> bool {
    Path::new(file).iter().any(|part| part == GOLDEN)
}

/// `src/layer/table.rs` is of the room `src/layer`.
fn room(file: &str) -> String {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let room: PathBuf = folder.components().take(2).collect();
    if room.as_os_str().is_empty() { file.to_owned() } else { room.display().to_string() }
}

/// Every line's number with the word found there and what to write instead.
fn search(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let parts = parts(line);
        for (word, instead) in WORDS {
            let is_there = if word.contains([' ', '{']) {
                has_phrase(line, word)
            } else {
                parts.iter().any(|part| part == word)
            };
            if is_there {
                found.push((at + 1, *word, *instead));
            }
        }
    }
    found
}

/// The words of a line in small letters: `is_told` and `IsTold` are two each.
fn parts(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for c in line.chars() {
        let starts_word = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || starts_word {
            parts.push(String::new());
        }
        if c.is_alphanumeric() {
            parts.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether prose has the phrase. `is None` and `is_none` are Rust, not prose.
fn has_phrase(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + phrase.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&'static str> {
        search(line).into_iter().map(|(_, word, _)| word).collect()
    }

    #[test]
    fn a_word_is_found_in_prose_and_in_names() {
        for line in ["What it told.", "fn is_told()", "struct ToldRun;", "// Told once", "mod told;"] {
            assert_eq!(words(line), ["told"], "{line}");
        }
    }

    #[test]
    fn a_part_of_another_word_is_not_found() {
        assert!(words("an essay, the sheet, this history, a toldo, heartbeat").is_empty());
    }

    #[test]
    fn the_identifier_of_a_kind_is_no_text() {
        let text = |variable: &str| format!("{{{variable}:?}} tokens");
        assert_eq!(words(&text("kind")), ["{kind:?}"]);
        assert!(words(&text("path")).is_empty());
    }

    #[test]
    fn a_phrase_of_prose_is_not_an_option_of_rust() {
        assert_eq!(words("a span that is none"), ["is none"]);
        assert!(words("if it is None, value.is_none()").is_empty());
    }

    #[test]
    fn the_room_of_a_file_has_at_most_two_folders() {
        assert_eq!(room("src/layer/table.rs"), "src/layer");
        assert_eq!(room("crates/tracing-budget-cli/src/a/b.rs"), "crates/tracing-budget-cli");
        assert_eq!(room("src/lib.rs"), "src");
        assert_eq!(room("README.md"), "README.md");
    }

    #[test]
    fn only_golden_files_are_left_out() {
        assert!(is_golden("tests/golden/summaries/failed.json"));
        assert!(is_golden("crates/tracing-budget-history/tests/golden/history.json"));
        assert!(!is_golden("crates/tracing-budget-history/tests/history/golden.rs"));
        assert!(!is_golden("tests/table.rs"));
    }
}
