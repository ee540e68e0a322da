//! Every page opens without errors, fits its window, and is kept as a picture.

use tracing_budget_browser_tests::going_on;
use tracing_budget_server::ServeOptions;

use crate::browser::{Browser, LOOKS, Scripts};
use crate::site::Site;

/// The last of the month, and the one that failed after it.
pub(crate) const BEFORE: &str = "0193c0de-7a11-7000-8000-000000a00000";
pub(crate) const FAILED: &str = "0193c0de-7a11-7000-8000-0000000fa17e";
pub(crate) const STALE: &str = "0193c0de-7a11-7000-8000-00000057a1e0";

/// Each page with its heading.
pub(crate) fn pages() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("runs", "/".to_owned(), "Runs"),
        ("runs-filtered", "/?status=failed&stage=implementation&sort=cost%3Adesc".to_owned(), "Runs"),
        ("runs-none", "/?stage=nowhere".to_owned(), "Runs"),
        ("run-failed", format!("/runs/{FAILED}"), "apprentice_pipeline"),
        ("run-completed", format!("/runs/{BEFORE}"), "apprentice_pipeline"),
        ("run-stale", format!("/runs/{STALE}"), "apprentice_pipeline"),
        ("trends", "/trends".to_owned(), "Trends"),
        ("trends-model", "/trends?by=model&days=7&project=apprentice".to_owned(), "Trends"),
        ("compare-choose", "/compare".to_owned(), "Compare"),
        ("compare", format!("/compare?a={BEFORE}&b={FAILED}"), "Compare"),
        ("live", "/now".to_owned(), "Live"),
        ("no-such-run", "/runs/missing".to_owned(), "No such run"),
    ]
}

#[tokio::test]
async fn every_page_opens_fits_and_is_kept() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    site.put(&going_on(site.now, 1));
    for look in LOOKS {
        browser.look(look).await;
        for (name, path, heading) in pages() {
            opens(&browser, &site, name, &path, heading, look.name).await;
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn a_history_without_runs_shows_what_to_do() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::empty();
    for look in LOOKS {
        browser.look(look).await;
        for (name, path, heading) in [
            ("empty", "/", "Runs"),
            ("empty-trends", "/trends", "Trends"),
            ("empty-live", "/now", "Live"),
            ("empty-compare", "/compare", "Compare"),
        ] {
            opens(&browser, &site, name, path, heading, look.name).await;
            let program = browser.text("pre").await;
            assert!(program.contains("tracing_budget::layer()"), "{path} shows {program}");
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn a_missing_token_gets_a_form() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::with(ServeOptions::new().token("sesame-sesame-sesame"));
    browser.open(&site.at("/trends")).await;
    assert_eq!(browser.text("h1").await, "Token needed");
    browser.keep("token-light").await;
    let field = browser.client.find(fantoccini::Locator::Css("#token")).await.expect("a field for the token");
    field.send_keys("sesame-sesame-sesame").await.expect("it is typed");
    browser.click("main button").await;
    browser.until("the token has opened the runs", |page| page.contains("No runs yet")).await;
    browser.close().await;
}

async fn opens(browser: &Browser, site: &Site, name: &str, path: &str, heading: &str, look: &str) {
    browser.open(&site.at(path)).await;
    assert_eq!(browser.text("h1").await, heading, "{path}");
    let title = browser.client.title().await.expect("a title");
    assert!(title.ends_with("· tracing-budget") && title.len() > 16, "{path} is titled {title:?}");
    browser.keep(&format!("{name}-{look}")).await;
    // The browser itself logs the 404 of a missing page.
    let errors: Vec<String> =
        browser.errors().await.into_iter().filter(|error| !error.contains("404 (Not Found)")).collect();
    assert!(errors.is_empty(), "{path} in {look}: {errors:?}");
    let beyond = browser
        .script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        .await;
    assert_eq!(beyond, 0, "{path} in {look} is wider than its window");
}
