//! The price check: `docs/price-check.md`, from two tables of other projects.
//!
//! Not part of continuous integration: it needs the network, and what others publish changes every day. The comparison is a test
//! (`tests/price_check.rs`), so that this crate of tasks needs neither the layer nor a reader of JSON.

use std::fs;
use std::process::Command;

use crate::{Outcome, cargo, root, run};

/// LiteLLM's table, and models.dev's history with corrections. Each is a file in a wheel on PyPI.
const PACKAGES: [&str; 2] = ["litellm", "model-prices"];

pub(crate) fn check() -> Outcome {
    let folder = root().join("target/prices");
    if folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    // Nothing is installed or run, so the wheels need not suit this machine's Python.
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--python-version", "3.13", "--dest"]).arg(&folder).args(PACKAGES);
    run(&mut pip)?;
    let wheels = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Outcome<Vec<_>>>()?;
    for wheel in wheels.iter().filter(|path| path.extension().is_some_and(|extension| extension == "whl")) {
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder))?;
    }
    let mut compare = cargo(&["test", "--locked", "-p", "tracing-budget", "--features", "price-files"]);
    compare.args(["--test", "price_check", "--", "--ignored"]);
    run(compare.env("PRICE_TABLES", &folder))?;
    println!("docs/price-check.md is written; what it has as open is decided in prices/decisions.toml");
    Ok(())
}
