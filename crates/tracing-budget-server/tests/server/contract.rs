//! The API keeps to its OpenAPI document: schemathesis generates valid and invalid requests from the document, and compares
//! the answers with it.
//!
//! schemathesis is a Python program, installed from PyPI below `target/` with pinned versions. Without Python or PyPI the
//! test prints the reason and passes, unless `TRACING_BUDGET_NO_SKIP` is set, as it is in CI.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::TestServer;
use tracing_budget_server::ServeOptions;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder for the installation and its cache.
fn folder() -> PathBuf {
    here().join("../../target/schemathesis")
}

/// The program, or the reason why it is missing.
fn schemathesis() -> Result<PathBuf, String> {
    let folder = folder();
    let installed = Command::new("sh")
        .arg(here().join("tests/server/install-schemathesis"))
        .arg(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("sh: {error}"))?;
    if installed.status.success() {
        return Ok(folder.join("venv/bin/schemathesis"));
    }
    let stderr = String::from_utf8_lossy(&installed.stderr);
    Err(stderr.lines().last().unwrap_or("the installation failed without a message").to_owned())
}

fn checked(server: &TestServer, token: Option<&str>) {
    let program = match schemathesis() {
        Ok(program) => program,
        Err(reason) if std::env::var_os("TRACING_BUDGET_NO_SKIP").is_none() => {
            println!("skipped: no schemathesis ({reason})");
            return;
        }
        Err(reason) => panic!("no schemathesis, and TRACING_BUDGET_NO_SKIP is set: {reason}"),
    };
    let mut command = Command::new(program);
    command.arg("--config-file").arg(here().join("tests/server/schemathesis.toml"));
    command.args(["run", "--url", &server.url, "--no-color"]);
    command.arg(format!("{}/openapi.json", server.url));
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.stdin(Stdio::null()).current_dir(folder()).output().expect("schemathesis runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{stdout}");
    assert!(stdout.contains("No issues found"), "{stdout}");
}

#[test]
fn the_api_keeps_to_its_document() {
    checked(&TestServer::with_runs(ServeOptions::new()), None);
}

#[test]
fn the_api_keeps_to_its_document_behind_a_token() {
    let token = "a-token-for-this-test";
    checked(&TestServer::with_runs(ServeOptions::new().token(token)), Some(token));
}
