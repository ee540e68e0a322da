//! Which crates a build consists of, as cargo resolves them.
//!
//! From `cargo tree`, not `cargo metadata`: metadata unites the features that every member, test and platform
//! requests, so it lists crates that a user's build never compiles.

use std::collections::BTreeMap;

use crate::{Outcome, cargo, read};

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The crates of a build, each with the licence expression it states.
pub(crate) type Crates = BTreeMap<Crate, String>;

/// The crates that `cargo tree` lists with these arguments.
pub(crate) fn resolve(arguments: &[&str]) -> Outcome<Crates> {
    let mut command = cargo(&["tree", "--quiet", "--prefix", "none", "--format", "{p}\t{l}"]);
    parse(&read(command.args(arguments))?)
}

/// Names that occur in more than one version, with those versions.
pub(crate) fn duplicates(crates: &Crates) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in crates.keys() {
        versions.entry(&one.name).or_default().push(&one.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn parse(listing: &str) -> Outcome<Crates> {
    let mut crates = Crates::new();
    for line in listing.lines().filter(|line| !line.is_empty()) {
        let unexpected =
            || format!("cargo tree printed `{line}`, expected a crate, its version and its licence");
        let (package, licence) = line.split_once('\t').ok_or_else(unexpected)?;
        let mut words = package.split(' ');
        let name = words.next().ok_or_else(unexpected)?.to_owned();
        let version = words.next().and_then(|word| word.strip_prefix('v')).ok_or_else(unexpected)?.to_owned();
        // A crate seen before is marked so instead of being listed with its dependencies again.
        let licence = licence.strip_suffix("(*)").unwrap_or(licence).trim().to_owned();
        crates.insert(Crate { name, version }, licence);
    }
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::{duplicates, parse};

    const LISTING: &str = "app v0.1.0 (/somewhere)\tMIT\n\
        syn v2.0.0\tMIT OR Apache-2.0\n\
        derive v1.0.0 (proc-macro)\tMIT\n\
        syn v3.0.0\tMIT\n\
        syn v3.0.0\tMIT (*)\n";

    #[test]
    fn a_crate_listed_twice_is_one_crate() {
        let crates = parse(LISTING).expect("a listing");
        assert_eq!(crates.len(), 4);
        assert!(crates.values().all(|licence| !licence.contains('*')));
    }

    #[test]
    fn two_versions_of_a_crate_are_a_duplicate() {
        let crates = parse(LISTING).expect("a listing");
        assert_eq!(duplicates(&crates).into_iter().collect::<Vec<_>>(), [("syn", vec!["2.0.0", "3.0.0"])]);
    }

    #[test]
    fn an_unknown_line_is_an_error() {
        assert!(parse("warning: something else\n").is_err());
    }
}
