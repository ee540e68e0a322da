//! Dependencies run one way: between the crates, between the rooms of the root crate, and between files.

use std::collections::BTreeSet;
use std::path::Path;

use crate::circles::Modules;
use crate::crates::resolve;
use crate::sources::{Package, packages, shown};
use crate::{Outcome, root};

/// Each crate with those of ours that it may depend on.
const CRATES: &[(&str, &[&str])] = &[
    ("tracing-budget", &[]),
    ("tracing-budget-history", &["tracing-budget"]),
    ("tracing-budget-server", &["tracing-budget", "tracing-budget-history"]),
    ("tracing-budget-tui", &["tracing-budget"]),
    (
        "tracing-budget-cli",
        &["tracing-budget", "tracing-budget-history", "tracing-budget-server", "tracing-budget-tui"],
    ),
];

/// Each room of the root crate with the rooms that it may name. `lib.rs` is no room: it names all of them.
const ROOMS: &[(&str, &[&str])] = &[
    ("api", &["layer", "ledger", "limit", "price", "reply", "summary"]),
    ("testing", &["layer", "ledger", "present", "sink", "summary"]),
    ("layer", &["attribution", "journal", "ledger", "limit", "price", "sink", "summary"]),
    ("journal", &["ledger", "sink", "summary"]),
    ("sink", &["fnv", "limit", "present", "summary"]),
    ("limit", &["ledger", "present", "price", "summary"]),
    ("reply", &["generated", "ledger", "price"]),
    ("price", &["fnv", "ledger", "present"]),
    ("present", &["ledger", "summary"]),
    ("summary", &["ledger"]),
    ("attribution", &["generated", "ledger"]),
    ("ledger", &["fnv"]),
    ("fnv", &[]),
    ("generated", &[]),
];

/// A circle of more files than this is one file in pieces: none can be read without the others.
const LARGEST_CIRCLE: usize = 3;

pub(crate) fn check() -> Outcome {
    let mut faults = Vec::new();
    for package in packages(root())? {
        let own =
            resolve(&["--locked", "--package", &package.name, "--all-features", "--edges", "normal,build"])?;
        let names: BTreeSet<&str> = own.iter().map(|one| one.name.as_str()).collect();
        faults.extend(upward(&package.name, &names));
        let modules = Modules::read(&package.folder.join("src"))?;
        if package.folder == root() {
            faults.extend(rooms(&modules));
        }
        faults.extend(circles(&package, &modules));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Our crates in the build of one of them that it must not depend on.
fn upward(package: &str, build: &BTreeSet<&str>) -> Vec<String> {
    let Some((_, allowed)) = CRATES.iter().find(|(name, _)| *name == package) else {
        return vec![format!("crate {package} is not in CRATES: add it to xtask/src/architecture.rs")];
    };
    let ours = CRATES.iter().map(|(name, _)| *name).filter(|name| build.contains(name) && *name != package);
    let upward = ours.filter(|name| !allowed.contains(name));
    upward.map(|name| format!("{package} must not depend on {name}")).collect()
}

fn rooms(modules: &Modules) -> Vec<String> {
    let mut faults = Vec::new();
    let mut met = BTreeSet::new();
    let mut files = 0;
    for (module, file, imports) in modules.files() {
        let Some(room) = module.first() else { continue };
        let named: BTreeSet<&str> =
            imports.paths.iter().filter_map(|named| named.path.first()).map(String::as_str).collect();
        faults.extend(room_faults(room, &named).into_iter().map(|fault| format!("{}: {fault}", shown(file))));
        met.insert(room.as_str());
        files += 1;
    }
    // A room that is gone from `src/` and not from here would be checked for ever without anything to check.
    let gone = ROOMS.iter().filter(|(room, _)| !met.contains(room));
    faults.extend(gone.map(|(room, _)| format!("room {room} is in ROOMS and not in src/")));
    println!("tracing-budget: {files} files in {} rooms", met.len());
    faults
}

/// What a file of `room` names at the crate's root and must not.
fn room_faults(room: &str, named: &BTreeSet<&str>) -> Vec<String> {
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "room {room} is not in ROOMS: add it to xtask/src/architecture.rs and ARCHITECTURE.md"
        )];
    };
    let forbidden = named.iter().filter(|name| **name != room && !allowed.contains(name));
    forbidden.map(|name| format!("{room} must not name crate::{name}")).collect()
}

/// Prints the circles of a crate and returns those that are too large. Files are named from its `src`.
fn circles(package: &Package, modules: &Modules) -> Vec<String> {
    let name = &package.name;
    let source = package.folder.join("src");
    let short = |file: &Path| file.strip_prefix(&source).unwrap_or(file).display().to_string();
    let list = |files: &[&Path]| files.iter().map(|file| short(file)).collect::<Vec<_>>().join(" ");
    let mut faults = Vec::new();
    for circle in modules.circles() {
        let files: Vec<&Path> = circle.iter().map(|(file, _)| *file).collect();
        println!("{name}: circle of {} files: {}", files.len(), list(&files));
        if files.len() <= LARGEST_CIRCLE {
            continue;
        }
        let mut fault =
            format!("{name}: a circle of {} files, expected at most {LARGEST_CIRCLE}", files.len());
        for (file, imports) in circle {
            fault.push_str(&format!("\n  {} imports {}", short(file), list(&imports)));
        }
        faults.push(fault);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{room_faults, upward};

    #[test]
    fn an_arrow_of_the_map_is_no_fault() {
        assert!(room_faults("summary", &["ledger", "summary"].into()).is_empty());
        assert!(
            upward("tracing-budget-server", &["serde", "tracing-budget", "tracing-budget-history"].into())
                .is_empty()
        );
    }

    #[test]
    fn any_other_arrow_is_one() {
        assert_eq!(room_faults("summary", &["ledger", "layer"].into()).len(), 1);
        assert_eq!(room_faults("summary", &["RunSummary"].into()).len(), 1);
        assert_eq!(upward("tracing-budget-tui", &["tracing-budget-history"].into()).len(), 1);
    }

    #[test]
    fn a_room_or_a_crate_without_an_entry_is_a_fault() {
        assert_eq!(room_faults("cellar", &[].into()).len(), 1);
        assert_eq!(upward("tracing-budget-attic", &[].into()).len(), 1);
    }
}
