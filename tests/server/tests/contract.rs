//! The API does what its OpenAPI document says: schemathesis makes questions from the document, good and bad, and checks
//! the answers against it.
//!
//! It is a program of its own (Python, from PyPI), installed below `target/` with pinned versions. Where there is no Python,
//! or nowhere to install from, the test says so and passes, unless `TRACING_BUDGET_NO_SKIP` is set, as it is in CI.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tracing_budget_server::ServeOptions;
use tracing_budget_server_tests::House;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where it is installed, and where it leaves what it remembers.
fn folder() -> PathBuf {
    here().join("../../target/schemathesis")
}

/// The program, or why there is none.
fn schemathesis() -> Result<PathBuf, String> {
    let folder = folder();
    let installed = Command::new("sh")
        .arg(here().join("install-schemathesis"))
        .arg(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("sh: {error}"))?;
    if installed.status.success() {
        return Ok(folder.join("venv/bin/schemathesis"));
    }
    let said = String::from_utf8_lossy(&installed.stderr);
    Err(said.lines().last().unwrap_or("the installation failed and said nothing").to_owned())
}

fn checked(house: &House, token: Option<&str>) {
    let program = match schemathesis() {
        Ok(program) => program,
        Err(reason) if std::env::var_os("TRACING_BUDGET_NO_SKIP").is_none() => {
            println!("skipped: no schemathesis ({reason})");
            return;
        }
        Err(reason) => panic!("no schemathesis, and TRACING_BUDGET_NO_SKIP is set: {reason}"),
    };
    let mut command = Command::new(program);
    command.arg("--config-file").arg(here().join("schemathesis.toml"));
    command.args(["run", "--url", &house.url, "--no-color"]);
    command.arg(format!("{}/openapi.json", house.url));
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.stdin(Stdio::null()).current_dir(folder()).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(said.contains("No issues found"), "{said}");
}

#[test]
fn the_api_does_what_its_document_says() {
    checked(&House::with_runs(ServeOptions::new()), None);
}

#[test]
fn the_api_does_what_its_document_says_behind_a_token() {
    let token = "a-token-for-this-test";
    checked(&House::with_runs(ServeOptions::new().token(token)), Some(token));
}
