//! The connection check, in Chromium.

use crate::browser::{Browser, found};
use crate::service::{Service, start_server_with};

use std::time::Duration;

/// A whole run: with everything blocked, several limits of the page's own run out.
const RUN: Duration = Duration::from_secs(75);

async fn begun(service: &Service, page: &Browser, path: &str) {
    page.open(&service.at(path)).await;
    page.press("start").await;
}

async fn ended(page: &Browser) {
    page.wait(RUN, "the check ends", &format!("!{}.disabled", found("start"))).await;
}

async fn tone(page: &Browser, row: &str) -> String {
    page.value(&format!("{}.dataset.tone", found(row))).await.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_it_says_so() {
    let (service, page) = (start_server_with(|_| ()).await, Browser::start("check").await);
    begun(&service, &page, "/check").await;
    ended(&page).await;
    println!("{}", page.text("report").await);
    page.screenshot("check-good").await;
    assert_eq!(tone(&page, "verdict").await, "good", "{}", page.text("report").await);
}
