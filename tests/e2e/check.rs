//! The connection check, in Chromium.

use crate::browser::{Browser, found};
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, quiet};
use crate::turn::Turn;
use millrace::auth::TokenRole;
use millrace::config::Config;
use std::time::Duration;

/// A whole run: where much is blocked, several of the page's own limits run out.
const RUN: Duration = Duration::from_secs(75);
const SECRET: &str = "a secret of at least sixteen bytes";
const OVERFLOW: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

async fn begun(page: &Browser, service: &Service, path: &str) {
    page.open(&service.at(path)).await;
    page.press("start").await;
}

/// The text for support, once the run is over.
async fn outcome(page: &Browser) -> String {
    page.wait(RUN, "the check ends", &format!("!{}.disabled", found("start"))).await;
    let text = page.text("report").await;
    println!("{text}\n");
    text
}

async fn checked(page: &Browser, service: &Service, path: &str) -> String {
    begun(page, service, path).await;
    outcome(page).await
}

async fn tone(page: &Browser, row: &str) -> String {
    page.value(&format!("{}.dataset.tone", found(row))).await.as_str().unwrap_or_default().to_owned()
}

/// Rows and their tones, `row=tone`.
async fn tones(page: &Browser, expected: &[&str], report: &str) {
    for pair in expected {
        let (row, wanted) = pair.split_once('=').expect("row=tone");
        assert_eq!(tone(page, &format!("row-{row}")).await, wanted, "{row}\n{report}");
    }
}

async fn photographed(page: &Browser, name: &str) {
    for (width, scheme) in [(360, "light"), (1280, "dark")] {
        page.screenshot_whole(&format!("check-{name}-{width}-{scheme}"), width, scheme).await;
        assert_eq!(page.value(OVERFLOW).await, 0, "at {width} px the page is wider than the screen");
    }
}

/// A viewer that came before the feed was live, and tried again.
fn is_early(line: &str) -> bool {
    line.contains("/whep/") && line.contains("404") && !line.contains("/sessions/")
}

/// Nobody is left in the room of the check; the room itself closes after its time.
async fn nobody_is_left(service: &Service, token: &str) {
    let client = reqwest::Client::new();
    let begun = std::time::Instant::now();
    loop {
        let rooms = client.get(service.at("/api/v1/rooms")).bearer_auth(token).send().await.expect("an answer");
        let rooms: serde_json::Value = rooms.json().await.expect("rooms");
        let people = |room: &serde_json::Value| room["participants"].as_array().map_or(0, Vec::len);
        let left: usize = rooms.as_array().expect("a list").iter().map(people).sum();
        if left == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{left} participants are left: {rooms}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn told_of(config: &mut Config, turn: &Turn, secret: &str) {
    let port = turn.port;
    config.turn.servers = vec![
        format!("stun:127.0.0.1:{port}"),
        format!("turn:127.0.0.1:{port}?transport=udp"),
        format!("turn:127.0.0.1:{port}?transport=tcp"),
    ];
    config.turn.secret = Some(secret.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_it_says_so_and_leaves_nothing_behind() {
    let turn = Turn::start_sharing(SECRET).await;
    let service = start_server_with(|config| told_of(config, &turn, SECRET)).await;
    let page = Browser::start("check").await;
    let report = checked(&page, &service, "/check").await;
    let good = "browser camera microphone http socket stun turnUdp turnTcp udp tcp relay";
    let good: Vec<String> = good.split(' ').map(|row| format!("{row}=good")).collect();
    tones(&page, &good.iter().map(String::as_str).collect::<Vec<_>>(), &report).await;
    tones(&page, &["turnTls=none"], &report).await;
    // How fast and clean this machine is just now is its own affair.
    let summary = page.text("summary").await;
    let through = ["Everything works: camera, microphone, and media", "Media gets through in both directions"];
    assert!(through.iter().any(|words| summary.starts_with(words)), "{report}");
    assert!(report.contains("Bandwidth: Up: ") && report.contains("Round trip "), "{report}");
    assert!(report.contains("HeadlessChrome") && report.contains("Millrace 0."), "{report}");
    let servers = reqwest::get(service.at("/api/config")).await.expect("an answer").text().await.expect("a text");
    let servers: serde_json::Value = serde_json::from_str(&servers).expect("JSON");
    for server in servers["iceServers"].as_array().expect("servers") {
        for secret in ["username", "credential"].iter().filter_map(|key| server[key].as_str()) {
            assert!(!report.contains(secret), "the report holds credentials:\n{report}");
        }
    }
    nobody_is_left(&service, "any").await;
    photographed(&page, "good").await;
    let refused = page.severe().await.into_iter().filter(|line| !is_early(line)).collect::<Vec<_>>();
    assert!(refused.is_empty(), "the browser's console holds errors: {refused:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_stun_and_turn_pass_over_udp_tcp_and_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).expect("a certificate");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("the certificate is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("the key is written");
    let service = start_server_with(|config| {
        let here = vec!["127.0.0.1:0".parse().expect("an address")];
        (config.turn.listen, config.turn.listen_tls) = (here.clone(), here);
        (config.server.tls_cert, config.server.tls_key) = (Some(cert), Some(key));
    })
    .await;
    let page = Browser::start_trusting("check", "").await;
    let report = checked(&page, &service, "/check").await;
    tones(&page, &["stun=good", "turnUdp=good", "turnTcp=good", "turnTls=good", "udp=good", "relay=good"], &report)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_goes_in_the_middle_leaves_nothing_behind() {
    let (service, page) = (start_server().await, Browser::start("check").await);
    begun(&page, &service, "/check").await;
    page.wait(RUN, "the bandwidth is measured", "document.querySelector('[data-testid=row-speed][data-tone=wait]')")
        .await;
    page.open(&service.at("/")).await;
    nobody_is_left(&service, "any").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_camera_is_told_with_what_to_do() {
    let (service, page) = (start_server().await, Browser::start_refusing("check").await);
    let report = checked(&page, &service, "/check").await;
    tones(&page, &["camera=bad", "microphone=bad", "udp=good"], &report).await;
    assert!(report.contains("The camera is blocked for this page"), "{report}");
    let summary = page.text("summary").await;
    assert!(
        summary.contains("The connection works, but there is trouble with the camera and the microphone"),
        "{summary}"
    );
    photographed(&page, "no-camera").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_blocked_it_names_the_port_to_open() {
    let (service, page) = (start_server().await, Browser::start_without_udp("check").await);
    let report = checked(&page, &service, "/check").await;
    tones(&page, &["udp=bad", "tcp=good", "relay=none", "turnUdp=none"], &report).await;
    let summary = page.text("summary").await;
    assert!(summary.starts_with("Media gets through, but only over TCP"), "{summary}");
    assert!(summary.contains("open UDP port") && summary.contains("to 127.0.0.1"), "{summary}");
    photographed(&page, "no-udp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_servers_that_refuse_or_are_not_there_are_told_apart() {
    let turn = Turn::start_sharing("the other secret").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let service = start_server_with(|config| {
        config.turn.servers = vec![
            format!("turn:127.0.0.1:{}?transport=udp", turn.port),
            format!("turn:127.0.0.1:{}?transport=tcp", closed.port()),
            format!("turns:127.0.0.1:{}?transport=tcp", closed.port()),
        ];
        config.turn.secret = Some(SECRET.into());
    })
    .await;
    let page = Browser::start("check").await;
    let report = checked(&page, &service, "/check").await;
    tones(&page, &["turnUdp=bad", "turnTcp=bad", "turnTls=bad", "stun=none", "udp=good", "relay=none"], &report).await;
    assert!(page.text("words-turnUdp").await.contains("refuses the credentials"), "{report}");
    for row in ["words-turnTcp", "words-turnTls"] {
        assert!(page.text(row).await.contains("cannot be reached"), "{report}");
    }
    photographed(&page, "turn").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_midway_ends_the_check_with_words() {
    let (service, page) = (start_server().await, Browser::start("check").await);
    begun(&page, &service, "/check").await;
    page.wait(RUN, "the bandwidth is measured", "document.querySelector('[data-testid=row-speed][data-tone=wait]')")
        .await;
    service.stop().await;
    let report = outcome(&page).await;
    tones(&page, &["udp=good", "speed=bad"], &report).await;
    assert!(report.contains("The connection broke while it was measured"), "{report}");
    page.press("start").await;
    let report = outcome(&page).await;
    tones(&page, &["http=bad", "socket=none", "udp=none", "line=none"], &report).await;
    assert!(page.text("summary").await.starts_with("The server cannot be used"), "{report}");
    photographed(&page, "stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_it_asks_for_a_token_and_keeps_it_to_itself() {
    let turn = Turn::start_sharing(SECRET).await;
    let service = start_server_with(|config| {
        told_of(config, &turn, SECRET);
        config.auth.secret = Some(SECRET.into());
    })
    .await;
    let page = Browser::start("check").await;
    let report = checked(&page, &service, "/check").await;
    tones(&page, &["camera=good", "http=good", "socket=none", "stun=good", "turnUdp=none", "udp=none"], &report).await;
    assert!(page.text("summary").await.contains("that needs a token"), "{report}");
    photographed(&page, "secret").await;
    quiet(&[&page]).await;

    let device = service.token(TokenRole::Device).expect("a token");
    let report = checked(&page, &service, &format!("/check?token={device}")).await;
    tones(&page, &["socket=good", "turnUdp=good", "udp=warn"], &report).await;
    assert!(page.text("words-udp").await.contains("allows only part"), "{report}");

    let token = service.token(TokenRole::Admin).expect("a token");
    let report = checked(&page, &service, &format!("/check?token={token}")).await;
    tones(&page, &["socket=good", "turnUdp=good", "udp=good", "relay=good"], &report).await;
    assert!(!report.contains(&token) && !report.contains("token="), "the report holds the token:\n{report}");
    nobody_is_left(&service, &token).await;
}
