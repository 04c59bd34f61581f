//! The home page, in Chromium.

use crate::browser::Browser;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, quiet};
use millrace::auth::TokenRole;
use serde_json::{Value, json};

const SECRET: &str = "a secret of at least sixteen bytes";
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

async fn opened(service: &Service, path: &str) -> Browser {
    let page = Browser::start("home").await;
    page.open(&service.at(path)).await;
    running(&page).await;
    page
}

async fn running(page: &Browser) {
    let running = "document.querySelector('[data-testid=state][data-tone=good]')";
    page.wait(PATIENCE, "the service's state", running).await;
}

async fn says(page: &Browser, part: &str, words: &str) {
    let there = format!(
        "[...document.querySelectorAll('[data-testid={part}]')].some((one) => one.checkVisibility() && \
         one.textContent.includes('{words}'))"
    );
    page.wait(PATIENCE, &format!("{part} says {words:?}"), &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_runs_and_fits_a_phone_and_a_desk() {
    let service = start_server().await;
    let room = reqwest::Client::new().post(service.at("/api/v1/rooms")).json(&json!({"id": "hall"})).send().await;
    room.and_then(reqwest::Response::error_for_status).expect("a room");
    let page = opened(&service, "/").await;
    says(&page, "room", "Room hall").await;
    says(&page, "state-text", "1 room, 0 connections").await;
    let badges = page.value("document.querySelectorAll('.ways .badge').length").await;
    assert_eq!(badges, 0, "nothing asks for a token here");
    for (width, scheme) in [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")] {
        page.screenshot_whole(&format!("home-{width}-{scheme}"), width, scheme).await;
        assert_eq!(page.value(OVERFLOW).await, 0, "at {width} px the page is wider than the screen");
    }
    quiet(&[&page]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_somewhere() {
    let service = start_server().await;
    let page = opened(&service, "/").await;
    let links = page.value("[...new Set([...document.querySelectorAll('a[href]')].map((a) => a.pathname))]").await;
    let forms = ["/sender/42", "/viewer/42", "/video_call/call/42/"].map(Value::from);
    let links: Vec<Value> = links.as_array().into_iter().flatten().cloned().chain(forms).collect();
    assert!(links.len() > 9, "{links:?}");
    for link in links.iter().filter_map(Value::as_str) {
        let status = reqwest::get(service.at(link)).await.expect("an answer").status();
        assert!(status.is_success(), "{link} is dead: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_or_a_code_leads_to_its_page() {
    let service = start_server().await;
    for (field, text, button, path) in [
        ("role-room", "42", "as-sender", "/sender/42"),
        ("role-room", "my room", "as-viewer", "/viewer/my%20room"),
        ("dial-code", "a/b", "dial-go", "/video_call/call/a%2Fb/"),
    ] {
        let page = opened(&service, "/").await;
        page.type_into(field, text).await;
        page.press(button).await;
        page.wait(PATIENCE, &format!("{path} opens"), &format!("location.pathname === '{path}'")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_token_is_needed_it_says_so_and_takes_one() {
    let service = start_server_with(|config| config.auth.secret = Some(SECRET.into())).await;
    let page = opened(&service, "/").await;
    says(&page, "notice-text", "asks for a token").await;
    says(&page, "rooms-empty", "No room is open").await;
    let badges = "document.querySelectorAll('.ways .badge').length === 8";
    page.wait(PATIENCE, "what needs a token is marked", badges).await;
    page.screenshot_whole("home-secret", 1280, "light").await;
    quiet(&[&page]).await;
    page.type_into("token", "nonsense\n").await;
    says(&page, "notice-text", "does not accept this token").await;
    page.press("forget").await;
    says(&page, "notice-text", "asks for a token").await;
    let token = service.token(TokenRole::Admin).expect("a token");
    page.type_into("token", &format!("{token}\n")).await;
    says(&page, "rooms-empty", "No room is open. One is made").await;
    let open = "document.querySelector('[data-testid=notice]').hidden && !document.querySelector('.ways .badge')";
    page.wait(PATIENCE, "the page is open", open).await;
    let shown = page.value("location.href").await;
    assert!(!shown.as_str().unwrap_or_default().contains("token"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_of_the_demo_device() {
    let service = start_server_with(|config| config.demo = true).await;
    let page = opened(&service, "/").await;
    says(&page, "demo", "A demo camera is connected").await;
    page.screenshot("home-demo").await;
}
