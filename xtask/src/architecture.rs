//! Dependencies between the rooms of `src/` run one way only, as ARCHITECTURE.md draws them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, root};

/// Each room with the rooms that it may name. `lib.rs` is no room: it names all of them and nobody names it.
const ROOMS: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("price", &["ledger"]),
    ("summary", &["ledger"]),
    ("history", &["ledger", "sink", "summary"]),
    ("journal", &["ledger", "sink", "summary"]),
    ("reprice", &["ledger", "price", "summary"]),
    ("cli", &["history", "journal", "ledger", "mcp", "price", "reprice", "server", "summary", "tui"]),
    // Of twenty lines, which name the library from outside.
    ("bin", &[]),
    ("limit", &["ledger", "price", "summary"]),
    ("sink", &["limit", "summary"]),
    ("server", &["history", "ledger", "summary"]),
    ("record", &["ledger"]),
    ("tracker", &["ledger", "record", "summary"]),
    ("layer", &["history", "journal", "ledger", "limit", "price", "record", "sink", "summary"]),
    ("tui", &["ledger", "summary"]),
    ("mcp", &["history", "ledger", "price", "summary"]),
    ("emit", &["layer", "ledger", "limit", "price", "record", "summary"]),
];

pub(crate) fn check() -> Outcome {
    let source = root().join("src");
    let mut files = Vec::new();
    collect(&source, &mut files)?;
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    for file in &files {
        let path = file.strip_prefix(&source)?;
        if path == Path::new("lib.rs") {
            continue;
        }
        let modules = modules(path);
        let room = modules.first().ok_or_else(|| format!("{} is in no room", path.display()))?.clone();
        let faults = faults(&room, modules.len(), &fs::read_to_string(file)?);
        found.extend(faults.into_iter().map(|fault| format!("src/{}: {fault}", path.display())));
        met.insert(room);
    }
    // A room that is gone from `src/` and not from here would be checked for ever without anything to check.
    let gone = ROOMS.iter().filter(|(room, _)| !met.contains(*room));
    found.extend(gone.map(|(room, _)| format!("room {room} is on the map and not in src/")));
    println!("{} files in {} rooms", files.len(), met.len());
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The module that a file is, from the room inward.
fn modules(path: &Path) -> Vec<String> {
    let mut modules: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if modules.last().is_some_and(|last| last == "mod") {
        modules.pop();
    }
    modules
}

/// What a file of a room names that it must not. `depth` is how many modules deep it is.
fn faults(room: &str, depth: usize, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "room {room} is not on the map: add it to xtask/src/architecture.rs and ARCHITECTURE.md"
        )];
    };
    let code = without_comments(text);
    let mut faults: Vec<String> = named(&code)
        .into_iter()
        .filter(|name| name != room && !allowed.contains(&name.as_str()))
        .map(|name| format!("{room} must not name crate::{name}"))
        .collect();
    if code.contains(&"super::".repeat(depth)) {
        faults.push(format!("{room} is left through super::, name the other room by crate:: instead"));
    }
    faults
}

/// What stands after each `crate::`, braces opened.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        // `$crate::` and `my_crate::` are other paths.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut start) = (1, 0);
        for (end, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if c == ',' && depth == 1 || depth == 0 {
                names.insert(word(group[start..end].trim_start()));
                start = end + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    names.remove("");
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Documentation may link anywhere.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{faults, modules};

    #[test]
    fn what_the_map_allows_is_no_fault() {
        let text =
            "//! See [`Layer`](crate::layer::Core).\nuse crate::ledger::{Usd, Kind};\nuse super::rows::Rows;";
        assert!(faults("summary", 2, text).is_empty());
        assert!(faults("summary", 2, "crate::summary::StageRow::default()").is_empty());
    }

    #[test]
    fn a_room_that_must_not_be_named_is_a_fault_however_it_is_named() {
        for text in [
            "use crate::layer::Core;",
            "use crate::{\n    ledger::{Usd, Kind},\n    layer,\n};",
            "let core = crate::layer::Core::new();",
            "use crate::RunSummary;",
            "use super::super::layer::Core;",
        ] {
            assert_eq!(faults("summary", 2, text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_room_that_nobody_mapped_is_a_fault() {
        assert_eq!(faults("cellar", 2, "").len(), 1);
    }

    #[test]
    fn a_folders_own_file_is_as_deep_as_the_folder() {
        assert_eq!(modules(Path::new("sink/mod.rs")), ["sink"]);
        assert_eq!(modules(Path::new("sink/worker/outlet.rs")), ["sink", "worker", "outlet"]);
    }
}
