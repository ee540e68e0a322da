//! No page has serious findings of axe-core.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tracing_budget_browser_tests::going_on;

use crate::browser::{Browser, LOOKS, Scripts, find, skip, target};
use crate::pictures::pages;
use crate::site::Site;

const RUN: &str = "const done = arguments[arguments.length - 1]; \
                   axe.run(document, { resultTypes: ['violations'] }).then(done, (error) => done({ error: String(error) }))";

#[tokio::test]
async fn no_page_has_serious_findings() {
    let Some(axe) = axe() else { return };
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let (site, empty) = (Site::seeded(), Site::empty());
    site.put(&going_on(site.now, 1));
    let mut addresses: Vec<String> = pages().iter().map(|(_, path, _)| site.at(path)).collect();
    addresses.push(empty.at("/"));
    for look in LOOKS {
        browser.look(look).await;
        for address in &addresses {
            browser.open(address).await;
            // Hidden parts are checked too.
            browser
                .script("document.querySelectorAll('details').forEach((details) => { details.open = true })")
                .await;
            browser.script(&axe).await;
            let answer = browser.client.execute_async(RUN, Vec::new()).await.expect("axe runs");
            let violations = answer["violations"].as_array().unwrap_or_else(|| panic!("{address}: {answer}"));
            let serious: Vec<String> =
                violations.iter().filter(|found| matters(found)).map(described).collect();
            assert!(serious.is_empty(), "{address} in {}:\n{}", look.name, serious.join("\n"));
        }
    }
    browser.close().await;
}

fn matters(found: &Value) -> bool {
    matches!(found["impact"].as_str(), Some("serious" | "critical") | None)
}

fn described(found: &Value) -> String {
    let nodes = found["nodes"].as_array().into_iter().flatten().take(5);
    let places: Vec<String> =
        nodes.map(|node| format!("  {} {}", node["target"], node["failureSummary"])).collect();
    format!("{} ({}): {}\n{}", found["id"], found["impact"], found["help"], places.join("\n"))
}

/// The checker's source; it is installed first where it is missing.
fn axe() -> Option<String> {
    let root = target();
    let file = root.join("axe/node_modules/axe-core/axe.min.js");
    if !file.is_file() {
        let Some(_) = find("npm") else {
            skip("npm, which installs axe-core, is not installed");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install-axe");
        let installed = Command::new(script).arg(&root).status().is_ok_and(|status| status.success());
        if !installed {
            skip("axe-core could not be installed");
            return None;
        }
    }
    Some(fs::read_to_string(&file).expect("what was installed can be read"))
}
