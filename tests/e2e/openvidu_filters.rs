//! Filters of the OpenVidu dialect by the unmodified `openvidu-browser` in Chromium: what viewers see, read from their pictures.

use crate::browser::Browser;
use crate::page;
use crate::service::{Service, start_server_with};
use crate::stage::PATIENCE;

const NEW: &str = include_str!("openvidu/openvidu-browser-2.32.2.js");
const PAGE: &str = include_str!("openvidu/filters.html");

async fn service() -> Service {
    start_server_with(|config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        config.renditions.cpu_percent = 100;
    })
    .await
}

async fn visitor(name: &str, service: &Service) -> Browser {
    let browser = Browser::start_after(name, "").await;
    let page = page::serve_with(PAGE, NEW).await;
    browser.open(&format!("{page}?server={}", service.at(""))).await;
    browser.press("start").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_seen_by_viewers_and_by_its_owner_until_it_is_removed() {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service), visitor("bob", &service));
    ann.value("await join('F', 'PUBLISHER', ['GStreamerFilter'])").await;
    ann.value("await publish(true)").await;
    bob.value("await join('F', 'MODERATOR')").await;
    bob.wait(PATIENCE, "a viewer sees red", "isRed('#theirs')").await;
    ann.wait(PATIENCE, "the stream comes back red", "isRed('#mine')").await;
    assert_eq!(ann.value("await grey()").await, "done");
    bob.wait(PATIENCE, "a viewer sees grey", "isGrey('#theirs')").await;
    ann.wait(PATIENCE, "the owner sees grey", "isGrey('#mine')").await;
    bob.wait(PATIENCE, "it is told", "heard.some((one) => one.reason === 'applyFilter')").await;
    assert_ne!(ann.value("await grey()").await, "done", "it has one already");
    assert_eq!(ann.value("await set('1.0')").await, "done");
    bob.wait(PATIENCE, "red again by a property", "isRed('#theirs')").await;
    assert_eq!(ann.value("await set(0)").await, "done");
    bob.wait(PATIENCE, "grey again", "isGrey('#theirs')").await;
    // A moderator, on another's stream.
    assert_eq!(bob.value("await remove()").await, "done");
    bob.wait(PATIENCE, "a viewer sees red", "isRed('#theirs')").await;
    ann.wait(
        PATIENCE,
        "the owner sees red, and heard why",
        "isRed('#mine') && heard.some((one) => one.reason === 'removeFilter')",
    )
    .await;
    assert_eq!(bob.value("await grey()").await, "done");
    ann.wait(PATIENCE, "grey by a moderator", "isGrey('#mine')").await;
}

/// 4006381333931 in EAN-13.
const BITS: &str = "10100011010100111010111101111010001001011001101010100001010000101000010111010010000101100110101";

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_code_is_told_to_who_listens() {
    let service = service().await;
    let ann = visitor("ann", &service).await;
    ann.value("await join('Z', 'PUBLISHER', ['ZBarFilter'])").await;
    ann.value(&format!("barcode('{BITS}')")).await;
    ann.value("await publish(true)").await;
    let refused = ann.value("await grey()").await;
    assert!(
        refused.as_str().is_some_and(|words| words.contains("PERMISSION") || words.starts_with("401")),
        "{refused}"
    );
    assert_eq!(ann.value("await failure(publisher.stream.applyFilter('ZBarFilter', {}))").await, "done");
    assert_eq!(ann.value("await listen()").await, "done");
    ann.wait(PATIENCE, "the code is read", "codes.some((code) => JSON.stringify(code).includes('4006381333931'))")
        .await;
}
