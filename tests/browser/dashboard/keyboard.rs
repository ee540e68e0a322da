//! Every part of a page is reachable with the keyboard.

use fantoccini::key::Key;

use crate::browser::{Browser, Scripts};
use crate::pictures::FAILED;
use crate::site::Site;

const FOCUSED: &str = "const focused = document.activeElement; \
                       return `${focused.getAttribute('href') ?? focused.id}|${getComputedStyle(focused).outlineStyle}`";

#[tokio::test]
async fn the_first_stop_leads_past_the_navigation() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/")).await;
    press(&browser, Key::Tab).await;
    assert_eq!(browser.script(FOCUSED).await, "#main|solid", "the focus is seen");
    press(&browser, Key::Enter).await;
    press(&browser, Key::Tab).await;
    assert_eq!(browser.script(FOCUSED).await, "project|solid", "the first thing of the page itself");
    browser.close().await;
}

#[tokio::test]
async fn a_reason_is_reached_by_keys_alone() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::seeded();
    browser.open(&site.at("/?status=failed")).await;
    let wanted = format!("/runs/{FAILED}#failure|solid");
    let mut stops = 0;
    while browser.script(FOCUSED).await != wanted.as_str() {
        press(&browser, Key::Tab).await;
        stops += 1;
        assert!(stops < 40, "the reason of the newest failure is not among the first 40 stops");
    }
    press(&browser, Key::Enter).await;
    browser.until("the reason is open", |page| page.contains("id=\"failure\"")).await;
    browser.close().await;
}

async fn press(browser: &Browser, key: Key) {
    let focused = browser.client.active_element().await.expect("something has the focus");
    focused.send_keys(&char::from(key).to_string()).await.expect("a key");
}
