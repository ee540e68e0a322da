//! Dependencies run one way: between the crates, between the rooms of the root crate, and between files.

use std::collections::BTreeSet;
use std::path::Path;

use crate::circles::Modules;
use crate::crates::resolve;
use crate::sources::{packages, shown};
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
    ("ledger", &[]),
    ("price", &["ledger"]),
    ("summary", &["ledger"]),
    ("history", &["ledger", "sink", "summary"]),
    ("journal", &["ledger", "sink", "summary"]),
    ("reprice", &["ledger", "price", "summary"]),
    ("cli", &["history", "journal", "ledger", "mcp", "price", "reprice", "server", "summary", "tui"]),
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

/// A circle of more files than this is one file in pieces: none can be read without the others.
const LARGEST_CIRCLE: usize = 3;
/// The layer's structure changes together with the attribution rules. Until then its circles are printed only.
const FREE_OF_CIRCLES_LATER: &str = "src/layer";

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
        faults.extend(circles(&package.name, &modules));
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

/// Prints the circles of a crate and returns those that are too large.
fn circles(package: &str, modules: &Modules) -> Vec<String> {
    let mut faults = Vec::new();
    for circle in modules.circles() {
        let files = circle.len();
        let list: Vec<String> = circle.iter().map(|(file, _)| shown(file)).collect();
        println!("{package}: circle of {files} files: {}", list.join(" "));
        if files <= LARGEST_CIRCLE || circle.iter().all(|(file, _)| in_layer(file)) {
            continue;
        }
        let mut fault = format!("{package}: a circle of {files} files, expected at most {LARGEST_CIRCLE}");
        for (file, imports) in circle {
            let imports: Vec<String> = imports.into_iter().map(shown).collect();
            fault.push_str(&format!("\n  {} imports {}", shown(file), imports.join(" ")));
        }
        faults.push(fault);
    }
    faults
}

fn in_layer(file: &Path) -> bool {
    file.starts_with(root().join(FREE_OF_CIRCLES_LATER))
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
