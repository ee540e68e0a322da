//! The `type` of every problem is the URL of a section that the crate's documentation has.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use tracing_budget_server::ServeOptions;

use crate::harness::{TestServer, read};

/// The page that docs.rs shows for the crate, and the path of the same page below `target/doc`.
const PAGE: &str = "https://docs.rs/tracing-budget-server/latest/";
const FILE: &str = "tracing_budget_server/index.html";

/// The crate's page, built by rustdoc. Cargo does nothing if the page is current, and it releases the target folder's lock
/// before it runs tests, so both can use one folder.
fn crate_page() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // This program is `target/debug/deps/server-…`.
    let program = env::current_exe().expect("a path");
    let target = program.ancestors().nth(3).expect("the target folder");
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "doc",
            "--no-deps",
            "--offline",
            "--quiet",
            "--package",
            "tracing-budget-server",
            "--target-dir",
        ])
        .arg(target)
        .current_dir(here)
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    fs::read_to_string(target.join("doc").join(FILE)).expect("rustdoc has written the page")
}

/// The kinds of problems, read from the source: an enum has no list of its variants, and a list here would be forgotten.
fn titles() -> BTreeSet<String> {
    let source = include_str!("../../src/problem.rs");
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    arms.map(|(_, title)| title.trim_end_matches("\",").to_owned()).collect()
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

#[tokio::test]
async fn every_problem_has_a_section() {
    let page = tokio::task::spawn_blocking(crate_page).await.expect("no panic");
    let titles = titles();
    assert!(titles.len() >= 15, "the kinds are not found in the source: {titles:?}");
    for title in &titles {
        assert!(page.contains(&format!("id=\"{}\"", anchor(title))), "the page has no section {title:?}");
    }

    // The URL that a server sends leads to that page.
    let server = TestServer::empty(ServeOptions::new());
    let problem = read(server.get("/nothing").send().await.expect("an answer")).await;
    let url = problem["type"].as_str().expect("a URL");
    let (file, anchor_of_url) = url.strip_prefix(PAGE).and_then(|rest| rest.split_once('#')).expect(url);
    assert_eq!((file, anchor_of_url), (FILE, "no-such-path"));
}
