//! The files of an earlier version, for a comparison with the present ones.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Outcome, root, run};

/// The last version before the workspace was split into crates.
pub(crate) const BEFORE_THE_SPLIT: &str = "2897de8";

/// Unpacks a revision below the target folder, once.
pub(crate) fn unpack(revision: &str) -> Outcome<PathBuf> {
    let folder = root().join("target/xtask/revisions").join(revision);
    if folder.join("Cargo.toml").is_file() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder)?;
    let mut git = Command::new("git");
    // A clone made by another user is still the clone that is compared.
    git.args(["-c", "safe.directory=*", "archive", "--format=tar", revision]).current_dir(root());
    let mut archive = git.stdout(Stdio::piped()).spawn()?;
    let piped = archive.stdout.take().ok_or("git archive has no output")?;
    run(Command::new("tar").arg("-x").current_dir(&folder).stdin(piped))?;
    if !archive.wait()?.success() {
        fs::remove_dir_all(&folder)?;
        return Err(format!("git has no revision {revision}: a shallow clone lacks the history").into());
    }
    Ok(folder)
}
