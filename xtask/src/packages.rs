//! Whether the crates build from what would be published: a file that `include` forgets fails here and not at a user's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, process};

use crate::{Outcome, cargo, root, run};

/// In the order of their dependencies. Several at once: each is built against the packed ones before it, not against
/// the registry.
const PUBLISHED: &[&str] = &[
    "tracing-budget",
    "tracing-budget-history",
    "tracing-budget-server",
    "tracing-budget-tui",
    "tracing-budget-cli",
];

pub(crate) fn verify() -> Outcome {
    let unpacked_before = unpacked();
    let target = TargetOfOneUse::new()?;
    let mut package = cargo(&["package", "--locked", "--allow-dirty"]);
    package.arg("--target-dir").arg(&target.0);
    for name in PUBLISHED {
        package.args(["-p", name]);
    }
    let outcome = run(&mut package);
    for folder in unpacked().difference(&unpacked_before) {
        fs::remove_dir_all(folder)?;
    }
    outcome
}

/// The target folder under a path that was never used.
///
/// Cargo takes the crates packed before for a registry named by the path of the target folder, and holds what it
/// once unpacked or compiled from a registry to be final. Under the same path, a second run with the same version would
/// build against the sources of the first.
struct TargetOfOneUse(PathBuf);

impl TargetOfOneUse {
    fn new() -> Outcome<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let path = target.join(format!("packages-{}-{now}", process::id()));
        // A second name of the same folder, so that the dependencies are not built again.
        #[cfg(unix)]
        std::os::unix::fs::symlink(".", &path)?;
        Ok(Self(path))
    }
}

impl Drop for TargetOfOneUse {
    fn drop(&mut self) {
        // Elsewhere it is a folder of its own, as a link takes a privilege there.
        let _ = if self.0.is_symlink() { fs::remove_file(&self.0) } else { fs::remove_dir_all(&self.0) };
    }
}

/// Where cargo has unpacked our packed crates: registries of a path have a name without a host, `-HASH`.
fn unpacked() -> BTreeSet<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registries = home.map(|home| entries(&home.join("registry/src"))).unwrap_or_default();
    registries
        .into_iter()
        .filter(|(name, folder)| {
            let inside = entries(folder);
            name.to_string_lossy().starts_with('-')
                && !inside.is_empty()
                && inside.iter().all(|(name, _)| name.to_string_lossy().starts_with("tracing-budget"))
        })
        .map(|(_, folder)| folder)
        .collect()
}

fn entries(folder: &Path) -> Vec<(OsString, PathBuf)> {
    let Ok(folder) = fs::read_dir(folder) else { return Vec::new() };
    folder.flatten().map(|entry| (entry.file_name(), entry.path())).collect()
}
