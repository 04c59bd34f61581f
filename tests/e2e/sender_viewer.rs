//! The pages of sender and viewer in Chromium: from page to page, through the server, and with pages of somebody else's.

use crate::browser::{Browser, found};
use crate::looks::SETTLED;
use crate::page::serve;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, plays_on, quiet};
use millrace::auth::{Auth, TokenRole};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const OLD: &str = include_str!("old_pair.html");
/// All five reconnects, and what a busy machine adds.
const RECONNECTED: Duration = Duration::from_secs(40);

async fn is(page: &Browser, state: &str) {
    let so = format!("{}.dataset.state === '{state}'", found("lens"));
    page.wait(RECONNECTED, &format!("the page is {state}"), &so).await;
}

async fn open(service: &Service, page: &Browser, path: &str, state: &str) {
    page.open(&service.at(path)).await;
    is(page, state).await;
}

/// The picture flows; from page to page no part of it goes through the server.
async fn shows(sender: &Browser, viewer: &Browser) {
    is(viewer, "ACTIVE").await;
    is(sender, "ACTIVE").await;
    plays_on(viewer, 30).await;
}

async fn photographed(page: &Browser, name: &str) {
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.look(width, 844, scheme).await;
        page.wait(PATIENCE, "colours settle", SETTLED).await;
        page.value("scrollTo(0, 0)").await;
        page.screenshot(&format!("{name}-{width}-{scheme}")).await;
        let overflow = page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "{name} at {width} px is wider than the screen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_goes_from_page_to_page_and_comes_back_after_each_reload() {
    let service = start_server().await;
    let (sender, viewer) = tokio::join!(Browser::start("sender"), Browser::start("viewer"));
    open(&service, &sender, "/sender/hall", "WAITING").await;
    assert_eq!(sender.value(&format!("{}.value", found("viewer-link"))).await, service.at("/viewer/hall"));
    open(&service, &viewer, "/viewer/hall", "ACTIVE").await;
    shows(&sender, &viewer).await;
    viewer.press("sound").await;
    viewer.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
    let health: Value = get(&service, "/health").await;
    assert_eq!(health["peers"], 0, "the server is no part of it");
    figures(&sender).await;
    figures(&viewer).await;
    photographed(&sender, "sender").await;
    photographed(&viewer, "viewer").await;

    switched(&sender, &viewer).await;
    viewer.reload().await;
    shows(&sender, &viewer).await;
    sender.reload().await;
    shows(&sender, &viewer).await;
    viewer.open("about:blank").await;
    is(&sender, "WAITING").await;

    let second = &viewer;
    open(&service, second, "/sender/hall", "ERROR").await;
    assert!(second.text("detail").await.starts_with("Another page sends into this room already"));
    quiet(&[&sender, second]).await;
}

/// What is measured is shown.
async fn figures(page: &Browser) {
    let shown = format!(
        "/^[1-9]/.test({}.textContent) && /\\d×\\d/.test({}.textContent) && /^[1-9]/.test({}.textContent)",
        found("bitrate"),
        found("resolution"),
        found("fps")
    );
    page.wait(PATIENCE, "bit rate, size and frames are shown", &shown).await;
}

/// The camera off and on again, on the same connection: the viewer's picture stands and goes on.
async fn switched(sender: &Browser, viewer: &Browser) {
    let peers = sender.value("window.__peers.length").await;
    choose(sender, "camera", "off").await;
    sender.wait(PATIENCE, "no picture is told", &format!("!{}.hidden", found("no-picture"))).await;
    let first = sender.value(&format!("{}.options[0].value", found("camera"))).await;
    choose(sender, "camera", first.as_str().expect("a camera")).await;
    sender.wait(PATIENCE, "a picture again", &format!("{}.hidden", found("no-picture"))).await;
    plays_on(viewer, 30).await;
    assert_eq!(sender.value("window.__peers.length").await, peers, "nothing was negotiated again");
}

async fn choose(page: &Browser, list: &str, value: &str) {
    let set = format!(
        "(() => {{ const list = {}; list.value = '{value}'; list.dispatchEvent(new Event('change')); return true; }})()",
        found(list)
    );
    page.value(&set).await;
}

async fn get(service: &Service, path: &str) -> Value {
    reqwest::get(service.at(path)).await.expect("an answer").json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_may_be_first_and_a_restarted_server_is_found_again() {
    let mut service = start_server().await;
    let (sender, viewer) = tokio::join!(Browser::start("sender"), Browser::start("viewer"));
    open(&service, &viewer, "/viewer/hall", "INIT").await;
    let waits = format!("{}.textContent === 'Waiting for the sender'", found("headline"));
    viewer.wait(PATIENCE, "it waits for the sender", &waits).await;
    open(&service, &sender, "/sender/hall", "ACTIVE").await;
    shows(&sender, &viewer).await;
    let lost = async {
        is(&sender, "WAITING").await;
        is(&viewer, "WAITING").await;
        photographed(&viewer, "viewer-waiting").await;
    };
    service.restart_after(lost).await;
    shows(&sender, &viewer).await;

    let given_up = async {
        tokio::join!(is(&sender, "ERROR"), is(&viewer, "ERROR"));
        assert!(viewer.text("detail").await.starts_with("The server cannot be reached"));
    };
    service.restart_after(given_up).await;
    sender.press("retry").await;
    viewer.press("retry").await;
    shows(&sender, &viewer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_token_is_needed_it_is_asked_for_and_is_no_part_of_the_link() {
    const SECRET: &str = "a secret of at least sixteen bytes";
    let service = start_server_with(|config| config.auth.secret = Some(SECRET.into())).await;
    let token = Auth::new(Some(SECRET)).issue(TokenRole::Device, None, Duration::from_secs(600)).expect("a token");
    let (sender, viewer) = tokio::join!(Browser::start("sender"), Browser::start("viewer"));
    open(&service, &sender, "/sender/hall", "ERROR").await;
    sender.wait(PATIENCE, "a token is asked for", &format!("!{}.hidden", found("token-form"))).await;
    sender.type_into("token", &format!("{token}\n")).await;
    is(&sender, "WAITING").await;
    assert_eq!(sender.value(&format!("{}.value", found("viewer-link"))).await, service.at("/viewer/hall"));
    open(&service, &viewer, &format!("/viewer/hall?token={token}"), "ACTIVE").await;
    shows(&sender, &viewer).await;
    assert_eq!(viewer.value("location.search").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_the_server_two_watch_and_the_room_is_recorded() {
    let service = start_server().await;
    let (sender, viewer) = tokio::join!(Browser::start("sender"), Browser::start("viewer"));
    open(&service, &viewer, "/viewer/hall?via=server", "INIT").await;
    open(&service, &sender, "/sender/hall", "ERROR").await;
    assert!(sender.text("detail").await.contains("goes through the server"), "{}", sender.text("detail").await);
    sender.press("via-server").await;
    shows(&sender, &viewer).await;
    let second = Browser::start("second viewer").await;
    open(&service, &second, "/viewer/hall?via=server", "ACTIVE").await;
    plays_on(&second, 30).await;
    photographed(&sender, "sender-via-server").await;

    let post = async |path: &str| -> Value {
        let answer = reqwest::Client::new().post(service.at(path)).send().await.expect("an answer");
        answer.error_for_status().expect("done").json().await.expect("JSON")
    };
    let recording = post("/api/v1/rooms/hall/recordings").await;
    plays_on(&viewer, 90).await;
    let one = format!("/api/v1/recordings/{}", recording["id"].as_str().expect("an id"));
    post(&format!("{one}/stop")).await;
    sender.reload().await;
    shows(&sender, &viewer).await;
    plays_on(&second, 30).await;
    let file = finished(&service, &one).await;
    let pictures = decoded(&service.at(&format!("{one}/files/{file}"))).await;
    assert!(pictures >= 40, "{pictures} pictures in some three seconds");
    println!("{pictures} pictures of the recording are decoded");
}

/// The name of the one file of a recording that is over.
async fn finished(service: &Service, one: &str) -> String {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let recording = get(service, one).await;
        if recording["state"] == "ready" {
            return recording["files"][0]["name"].as_str().expect("a file").to_owned();
        }
        assert!(tokio::time::Instant::now() < end, "the recording is not ready: {recording}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many pictures of a file a decoder gets.
async fn decoded(url: &str) -> u64 {
    let bytes = reqwest::get(url).await.expect("a download").error_for_status().expect("the file").bytes().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes.expect("the whole file")).expect("the file is written");
    let asked = "-v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of json";
    let output = Command::new("ffprobe").args(asked.split(' ')).arg(file.path()).output().expect("ffprobe runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    found["streams"][0]["nb_read_frames"].as_str().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{found}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_from_before_play_with_each_other_and_with_ours() {
    let service = start_server().await;
    let url = serve(OLD).await;
    let old = |role: &str| format!("{url}?server={}&role={role}&room=7", service.at(""));
    let (sender, viewer) = tokio::join!(Browser::start("sender"), Browser::start("viewer"));
    sender.open(&old("sender")).await;
    viewer.open(&old("viewer")).await;
    active(&sender).await;
    active(&viewer).await;
    plays_on(&viewer, 30).await;
    viewer.reload().await;
    active(&viewer).await;
    plays_on(&viewer, 30).await;

    open(&service, &viewer, "/viewer/7", "ACTIVE").await;
    plays_on(&viewer, 30).await;
    open(&service, &sender, "/sender/7", "ACTIVE").await;
    plays_on(&viewer, 30).await;
    viewer.open(&old("viewer")).await;
    active(&viewer).await;
    plays_on(&viewer, 30).await;
    let rooms = get(&service, "/api/rooms").await;
    let here = json!({"connected": true, "online": true});
    assert_eq!(rooms, json!([{"roomId": "7", "sender": here, "viewer": here}]));
}

async fn active(page: &Browser) {
    page.wait(PATIENCE, "the old page is active", "state === 'ACTIVE'").await;
}
