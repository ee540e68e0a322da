//! Names of the machine that a file was written on must not reach the repository: its folders, its package mirrors.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, read, root};

/// The only place that the lock file may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Environment variables that hold a mirror's or a proxy's address.
const MIRROR_VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "CARGO_HTTP_PROXY",
    "GOPROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NPM_CONFIG_REGISTRY",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_UPDATE_ROOT",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
];

/// Hosts that anybody may name.
const PUBLIC_HOSTS: &[&str] = &[
    "crates.io",
    "files.pythonhosted.org",
    "github.com",
    "index.crates.io",
    "proxy.golang.org",
    "pypi.org",
    "registry.npmjs.org",
    "static.crates.io",
    "static.rust-lang.org",
];

pub(crate) fn check() -> Outcome {
    let folders = folders();
    let hosts = mirrors();
    let mut found = Vec::new();
    let mut files = 0_usize;
    // A clone made by another user is still the clone that is checked.
    let mut list = Command::new("git");
    list.args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(root());
    for name in read(&mut list)?.split('\0').filter(|name| !name.is_empty()) {
        let path = root().join(name);
        // Deleted but not yet committed, or a link to a folder.
        if !path.is_file() {
            continue;
        }
        files += 1;
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            found.extend(
                folders
                    .iter()
                    .filter(|folder| names_folder(line, folder))
                    .map(|folder| format!("{place} names {folder}")),
            );
            found.extend(
                hosts
                    .iter()
                    .filter(|host| names_host(line, host))
                    .map(|host| format!("{place} names {host}")),
            );
            if name == "Cargo.lock" && foreign_source(line) {
                found.push(format!("{place} takes a crate from elsewhere than crates.io: {}", line.trim()));
            }
        }
    }
    if files == 0 {
        return Err("git lists no file: nothing was checked".into());
    }
    println!("{files} tracked files searched for {} folders and {} mirrors", folders.len(), hosts.len());
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}

fn folders() -> BTreeSet<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    [Some(root().to_owned()), root().canonicalize().ok(), home, cargo_home]
        .into_iter()
        .flatten()
        .filter_map(|folder| folder.to_str().map(|folder| folder.trim_end_matches('/').to_owned()))
        .filter(|folder| folder.len() > 1)
        .collect()
}

fn mirrors() -> BTreeSet<String> {
    let mut texts: Vec<String> = std::env::vars()
        .filter(|(name, _)| {
            let name = name.to_ascii_uppercase();
            MIRROR_VARIABLES.contains(&name.as_str())
                || name.starts_with("CARGO_REGISTRIES_")
                || name.starts_with("CARGO_SOURCE_")
        })
        .map(|(_, value)| value)
        .collect();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    let configurations = [
        cargo_home.map(|folder| folder.join("config.toml")),
        home.as_ref().map(|home| home.join(".npmrc")),
        home.as_ref().map(|home| home.join(".config/pip/pip.conf")),
        Some(PathBuf::from("/etc/pip.conf")),
    ];
    texts.extend(configurations.into_iter().flatten().filter_map(|path| fs::read_to_string(path).ok()));
    texts.iter().flat_map(|text| hosts(text)).filter(|host| !PUBLIC_HOSTS.contains(&host.as_str())).collect()
}

/// The hosts of every address in a text, without user, password and port.
fn hosts(text: &str) -> BTreeSet<String> {
    text.split("://")
        .skip(1)
        .filter_map(|rest| {
            let authority = rest.split(|c: char| c.is_whitespace() || "/\"',|?#".contains(c)).next()?;
            let host = authority.rsplit('@').next()?.split(':').next()?;
            (!host.is_empty()).then(|| host.to_ascii_lowercase())
        })
        .collect()
}

/// Whether a line names this very folder, and not one that merely ends or goes on like it.
fn names_folder(line: &str, folder: &str) -> bool {
    let part_of_a_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    names(line, folder, part_of_a_name)
}

fn names_host(line: &str, host: &str) -> bool {
    names(&line.to_ascii_lowercase(), host, |c| c.is_alphanumeric() || c == '-')
}

fn names(line: &str, wanted: &str, part_of_a_name: impl Fn(char) -> bool) -> bool {
    line.match_indices(wanted).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + wanted.len()..].chars().next();
        !before.is_some_and(&part_of_a_name) && !after.is_some_and(&part_of_a_name)
    })
}

fn foreign_source(line: &str) -> bool {
    line.trim().strip_prefix("source = ").is_some_and(|source| source.trim_matches('"') != REGISTRY)
}

#[cfg(test)]
mod tests {
    use super::{foreign_source, hosts, names_folder, names_host};

    #[test]
    fn a_folder_is_found_wherever_it_stands() {
        assert!(names_folder("see /srv/clone/src/lib.rs", "/srv/clone"));
        assert!(names_folder("dir = \"/srv/clone\"", "/srv/clone"));
    }

    #[test]
    fn a_longer_or_a_nested_name_is_another_folder() {
        assert!(!names_folder("/srv/clones", "/srv/clone"));
        assert!(!names_folder("a/srv/clone", "/srv/clone"));
    }

    #[test]
    fn hosts_lose_user_password_and_port() {
        let found =
            hosts("index-url = https://me:secret@mirror.example:8443/simple\nsparse+http://other.example/");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["mirror.example", "other.example"]);
    }

    #[test]
    fn a_host_is_found_whole() {
        assert!(names_host("registry = \"https://Mirror.example/npm\"", "mirror.example"));
        assert!(!names_host("not-mirror.example", "mirror.example"));
    }

    #[test]
    fn the_lock_file_may_only_name_crates_io() {
        assert!(!foreign_source("source = \"registry+https://github.com/rust-lang/crates.io-index\""));
        assert!(foreign_source("source = \"git+https://github.com/somebody/fork\""));
        assert!(!foreign_source("checksum = \"00\""));
    }
}
