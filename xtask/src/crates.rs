//! Which crates a build consists of, as cargo resolves them.
//!
//! From `cargo tree`, not `cargo metadata`: metadata unites the features that every member, test and platform
//! requests, so it lists crates that a user's build never compiles.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Outcome, cargo, read};

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
}

pub(crate) type Crates = BTreeSet<Crate>;

/// The crates that `cargo tree` lists with these arguments.
pub(crate) fn resolve(arguments: &[&str]) -> Outcome<Crates> {
    let mut command = cargo(&["tree", "--quiet", "--prefix", "none", "--format", "{p}"]);
    parse(&read(command.args(arguments))?)
}

/// Names that occur in more than one version, with those versions.
pub(crate) fn duplicates(crates: &Crates) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in crates {
        versions.entry(&one.name).or_default().push(&one.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn parse(listing: &str) -> Outcome<Crates> {
    let mut crates = Crates::new();
    for line in listing.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let version = version
            .ok_or_else(|| format!("cargo tree printed `{line}`, expected a crate and its version"))?;
        crates.insert(Crate { name, version: version.to_owned() });
    }
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::{duplicates, parse};

    const LISTING: &str =
        "app v0.1.0 (/somewhere)\nsyn v2.0.0\nderive v1.0.0 (proc-macro)\nsyn v3.0.0\nsyn v3.0.0 (*)\n";

    #[test]
    fn a_crate_listed_twice_is_one_crate() {
        assert_eq!(parse(LISTING).expect("a listing").len(), 4);
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
