//! The page of a run in flight follows it to its end: by events with scripts, by reloading without.

use tracing_budget_browser_tests::going_on;

use crate::browser::{Browser, Scripts};
use crate::site::Site;

/// Number of stages of the run.
const STAGES: usize = 3;

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    let run = going_on(site.now, 0);
    site.put(&run);
    browser.open(&site.at(&format!("/runs/{}", run.run_id))).await;
    assert_eq!(browser.texts("h1 + .badge").await, ["running"]);
    browser.script("window.kept = true").await;
    for settled in 1..=STAGES {
        site.put(&going_on(site.now, settled));
        let expected = if settled < STAGES {
            ["implementation", "assessment"][settled - 1]
        } else {
            "✓ live_pipeline"
        };
        browser.until(expected, |page| page.contains(expected)).await;
    }
    assert_eq!(browser.texts("h1 + .badge").await, ["completed"]);
    assert_eq!(browser.text(".tiles .big").await, "$0.0595", "the cost of all three stages");
    assert_eq!(browser.script("return window.kept").await, true, "the page was not loaded anew");
    assert!(browser.errors().await.is_empty());
    browser.close().await;
}

#[tokio::test]
async fn the_live_page_shows_starts_and_ends() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/now")).await;
    assert!(browser.texts(".flying").await.is_empty(), "nothing is in flight yet");
    browser.script("window.kept = true").await;
    let run = going_on(site.now, 1);
    site.put(&run);
    let card = format!("data-run=\"{}\"", run.run_id);
    browser.until("the run has come", |page| page.contains(&card)).await;
    assert!(browser.client.title().await.expect("a title").starts_with("(1) Live"));
    let stages = browser.texts(".flying tbody th").await;
    assert_eq!(stages, ["discovery", "implementation"]);
    site.put(&going_on(site.now, STAGES));
    browser.until("the run has gone", |page| !page.contains(&card)).await;
    let last = browser.text("section[aria-labelledby=ended] tbody tr").await;
    assert!(last.contains("live_pipeline") && last.contains("completed"), "{last}");
    assert_eq!(browser.script("return window.kept").await, true, "the page was not loaded anew");
    browser.close().await;
}

#[tokio::test]
async fn without_scripts_the_page_loads_itself_again() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::seeded();
    let run = going_on(site.now, 1);
    site.put(&run);
    browser.open(&site.at(&format!("/runs/{}", run.run_id))).await;
    assert_eq!(browser.texts("h1 + .badge").await, ["running"]);
    site.put(&going_on(site.now, STAGES));
    browser.until("the end is shown", |page| page.contains("✓ live_pipeline")).await;
    assert_eq!(browser.texts("h1 + .badge").await, ["completed"]);
    browser.close().await;
}
