//! The URL filters, orders and pages the list of runs, with scripts and without.

use fantoccini::Locator;

use crate::browser::{Browser, Scripts};
use crate::site::Site;

#[tokio::test]
async fn the_form_narrows_the_list() {
    narrows(Scripts::On).await;
}

#[tokio::test]
async fn the_form_narrows_the_list_without_scripts() {
    narrows(Scripts::Off).await;
}

async fn narrows(scripts: Scripts) {
    let Some(browser) = Browser::start(scripts).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/")).await;
    browser.click("input[name=status][value=failed]").await;
    let project = browser.client.find(Locator::Css("#project")).await.expect("a choice of projects");
    project.select_by_value("librarian").await.expect("the project is offered");
    browser.click("form.filters button").await;
    browser.until("the list is narrowed", |page| page.contains("value=\"librarian\" selected")).await;
    let address = browser.address().await;
    assert!(address.contains("status=failed") && address.contains("project=librarian"), "{address}");
    let rows = browser.client.find_all(Locator::Css("table.cards tbody tr")).await.expect("rows").len();
    let failed =
        browser.client.find_all(Locator::Css("table.cards tbody tr.failed")).await.expect("rows").len();
    assert!(rows > 0, "the sample has failures of this project");
    assert_eq!(rows, failed);
    let statuses = browser.texts("table.cards tbody .badge").await;
    assert!(statuses.iter().all(|status| status == "failed"), "{statuses:?}");
    browser
        .client
        .find(Locator::LinkText("Clear"))
        .await
        .expect("a way back")
        .click()
        .await
        .expect("a click");
    browser.until("everything is there again", |page| page.contains("50 runs")).await;
    browser.close().await;
}

#[tokio::test]
async fn a_heading_orders_and_the_next_page_goes_on() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/")).await;
    browser.click("thead a[href*='sort=cost']").await;
    browser.until("the most expensive come first", |page| page.contains("most expensive first")).await;
    let first = costs(&browser).await;
    assert!(first.is_sorted_by(|one, two| one >= two), "{first:?}");
    browser
        .client
        .find(Locator::LinkText("Next page"))
        .await
        .expect("a next page")
        .click()
        .await
        .expect("a click");
    browser.until("the next page is there", |page| page.contains("First page")).await;
    let second = costs(&browser).await;
    assert!(second.is_sorted_by(|one, two| one >= two) && second[0] <= first[49], "{second:?}");
    browser.close().await;
}

async fn costs(browser: &Browser) -> Vec<f64> {
    let texts = browser.texts("table.cards td[data-label=Cost]").await;
    let number =
        |text: &String| text.trim_start_matches(['≥', '<']).trim_start_matches('$').parse().expect(text);
    texts.iter().map(number).collect()
}
