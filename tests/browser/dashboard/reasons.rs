//! From the list, the reason of a failure is one click away; from a run's page, its document and a comparison are.

use fantoccini::Locator;

use crate::browser::{Browser, Scripts};
use crate::pictures::{BEFORE, FAILED, STALE};
use crate::site::Site;

#[tokio::test]
async fn one_click_from_the_list_to_the_reason() {
    reads(Scripts::On).await;
}

#[tokio::test]
async fn one_click_from_the_list_to_the_reason_without_scripts() {
    reads(Scripts::Off).await;
}

async fn reads(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/")).await;
    browser.click(&format!("a[href='/runs/{FAILED}#failure']")).await;
    browser.until("the run is open", |page| page.contains("id=\"failure\"")).await;
    let why = browser.text("#failure").await;
    for text in
        ["failed", "implementation", "3 of 41 tests failed: ledger::rows_add_up", "could not read deny.toml"]
    {
        assert!(why.contains(text), "{text:?} is not in {why}");
    }
    // A link leads to the gate, which is marked as failed by more than a colour.
    browser
        .client
        .find(Locator::Css("#failure a[href='#gate-3']"))
        .await
        .expect("the gate")
        .click()
        .await
        .expect("a click");
    let gate = browser.text("tr.failed#gate-3").await;
    assert!(gate.contains("tests") && gate.contains("fail") && gate.contains("blocking"), "{gate}");
    browser.close().await;
}

#[tokio::test]
async fn a_run_leads_to_its_document_and_to_the_run_before_it() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::seeded();
    let page = site.at(&format!("/runs/{FAILED}"));
    browser.open(&page).await;
    browser
        .client
        .find(Locator::LinkText("Raw JSON"))
        .await
        .expect("the document")
        .click()
        .await
        .expect("a click");
    browser
        .until("the document is open", |page| page.contains("gate_verdicts") && page.contains(FAILED))
        .await;
    browser.open(&page).await;
    let compare = browser.client.find(Locator::LinkText("Compare with the previous run")).await;
    compare.expect("a comparison").click().await.expect("a click");
    browser.until("both are there", |page| page.contains("id=\"totals\"")).await;
    let address = browser.address().await;
    assert!(
        address.contains(&format!("a={BEFORE}")) && address.contains(&format!("b={FAILED}")),
        "{address}"
    );
    let totals = browser.text("section[aria-labelledby=totals] table").await;
    assert!(totals.contains("$0.2823 $0.3594 +$0.0771 (+27%)"), "{totals}");
    browser.close().await;
}

#[tokio::test]
async fn a_run_with_an_overdue_heartbeat_is_stale() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    browser.open(&site.at(&format!("/runs/{STALE}"))).await;
    assert_eq!(browser.texts("h1 + .badge").await, ["stale"]);
    assert!(browser.text("#failure").await.contains("Its process has died or hangs"));
    browser.open(&site.at("/now")).await;
    assert_eq!(browser.texts("section[aria-labelledby=stale] tbody tr").await.len(), 1);
    assert!(browser.texts(".flying").await.is_empty());
    browser.close().await;
}
