//! The unmodified `openvidu-browser`, oldest and newest, in Chromium, on a page of another origin.

#[path = "openvidu/cameras.rs"]
mod cameras;
#[path = "openvidu/kinds.rs"]
mod kinds;
#[path = "openvidu/meeting.rs"]
mod meeting;
#[path = "openvidu/mending.rs"]
mod mending;
#[path = "openvidu/seed.rs"]
mod seed;
#[path = "openvidu/visitor.rs"]
mod visitor;

use crate::browser::Browser;
use crate::page;
use crate::service::{Service, start_server_with};
use crate::stage::PATIENCE;
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = include_str!("openvidu/openvidu-browser-2.32.2.js");
const PAGE: &str = include_str!("openvidu/page.html");

/// Keeps every socket that the page opens, so that it can be cut.
const SOCKETS: &str = r"
    window.__sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...args) { super(...args); window.__sockets.push(this); }
    };";

async fn service() -> Service {
    start_server_with(|config| config.openvidu.secret = Some("MY_SECRET".into())).await
}

/// A page with the newest client.
pub(crate) async fn visitor(name: &str, service: &Service) -> Browser {
    visitor_with(name, service, NEW).await
}

/// A page with this client.
pub(crate) async fn visitor_with(name: &str, service: &Service, script: &'static str) -> Browser {
    let browser = Browser::start_after(name, SOCKETS).await;
    let page = page::serve_with(PAGE, script).await;
    browser.open(&format!("{page}?server={}", service.at(""))).await;
    // Sound plays only where a visitor has done something.
    browser.press("start").await;
    browser
}

pub(crate) async fn joins(browser: &Browser, session: &str, role: &str) -> String {
    let joined = browser.value(&format!("await join('{session}', 'x', '{role}')")).await;
    joined.as_str().expect("a connection").to_owned()
}

pub(crate) async fn rest(service: &Service, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, service.at(&format!("/openvidu/api{path}")));
    let request = request.basic_auth("OPENVIDUAPP", Some("MY_SECRET"));
    let response = body.into_iter().fold(request, |request, body| request.json(&body)).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_of_the_newest_client_see_each_other() {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service), visitor("bob", &service));
    joins(&ann, "S", "MODERATOR").await;
    let stream = ann.value("await publish()").await;
    let bob_id = joins(&bob, "S", "PUBLISHER").await;
    bob.value("await publish()").await;
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "the other's picture plays", "plays()").await;
        page.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 30 && now.audio_energy > 0.0).await;
    }
    bob.value("await session.signal({ type: 'chat', data: 'hello', to: [] })").await;
    ann.wait(PATIENCE, "a signal", "told('signal:chat')[0]?.data === 'hello'").await;
    ann.value("publisher.publishVideo(false)").await;
    bob.wait(PATIENCE, "a property", "told('streamPropertyChanged').some((one) => one.value === false)").await;
    ann.value(
        "await session.forceDisconnect(session.remoteConnections.get ? \
        session.remoteConnections.values().next().value : Object.values(session.remoteConnections)[0])",
    )
    .await;
    bob.wait(PATIENCE, "an eviction", "told('sessionDisconnected')[0]?.reason === 'forceDisconnectByUser'").await;
    let (status, _) =
        rest(&service, reqwest::Method::DELETE, &format!("/sessions/S/stream/{}", stream.as_str().unwrap()), None)
            .await;
    assert_eq!(status, 204, "{bob_id}");
    ann.wait(PATIENCE, "the unpublished hears of it", "told('mineDestroyed')[0]?.reason === 'forceUnpublishByServer'")
        .await;
    assert_eq!(ann.value("told('exception').length").await, json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_socket_is_cut_comes_back_and_plays_on() {
    let service = service().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service), visitor("bob", &service));
    joins(&ann, "S", "PUBLISHER").await;
    ann.value("await publish()").await;
    joins(&bob, "S", "SUBSCRIBER").await;
    bob.wait(PATIENCE, "the picture plays", "plays()").await;
    for page in [&ann, &bob] {
        page.value("cut()").await;
        page.wait(PATIENCE, "it came back", "told('reconnected').length > 0").await;
    }
    let before = bob.received().await.frames_decoded;
    bob.receives(PATIENCE, "it plays on", |now| now.frames_decoded > before + 30).await;
    ann.value("await session.signal({ type: 'chat', data: 'again' })").await;
    bob.wait(PATIENCE, "a signal", "told('signal:chat').length > 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_each_stream_is_a_zip_with_its_sheet() {
    let service = service().await;
    let ann = visitor("ann", &service).await;
    joins(&ann, "S", "PUBLISHER").await;
    let stream = ann.value("await publish()").await;
    let begin = json!({ "session": "S", "outputMode": "INDIVIDUAL", "name": "mine" });
    let (status, begun) = rest(&service, reqwest::Method::POST, "/recordings/start", Some(begin.clone())).await;
    assert_eq!((status, &begun["status"], &begun["id"]), (200, &json!("started"), &json!("S")), "{begun}");
    ann.wait(PATIENCE, "it is told", "told('recordingStarted').length === 1").await;
    assert_eq!(rest(&service, reqwest::Method::POST, "/recordings/start", Some(begin)).await.0, 409);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (status, ended) = rest(&service, reqwest::Method::POST, "/recordings/stop/S", None).await;
    assert_eq!((status, &ended["status"]), (200, &json!("ready")), "{ended}");
    assert!(ended["duration"].as_f64().unwrap() > 1.5 && ended["size"].as_u64().unwrap() > 10_000, "{ended}");
    let url = ended["url"].as_str().unwrap();
    assert!(url.ends_with("/openvidu/recordings/S/mine.zip"), "{url}");
    let request = reqwest::Client::new().get(url).basic_auth("OPENVIDUAPP", Some("MY_SECRET"));
    let zip = request.send().await.expect("the file").bytes().await.expect("the file");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.zip"), &zip).unwrap();
    let unzip =
        std::process::Command::new("unzip").args(["-q", "mine.zip"]).current_dir(folder.path()).status().unwrap();
    assert!(unzip.success());
    let sheet: Value = serde_json::from_slice(&std::fs::read(folder.path().join("mine.json")).unwrap()).unwrap();
    assert_eq!(sheet["files"][0]["streamId"], stream);
    let media = folder.path().join(sheet["files"][0]["name"].as_str().unwrap());
    let probe = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-select_streams",
            "v",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
        ])
        .arg(&media)
        .output()
        .unwrap();
    let frames: u64 = String::from_utf8_lossy(&probe.stdout).trim().parse().expect("a number of pictures");
    assert!(frames > 30, "{frames} pictures");
    assert_eq!(rest(&service, reqwest::Method::GET, "/recordings", None).await.1["count"], 1);
    assert_eq!(rest(&service, reqwest::Method::DELETE, "/recordings/S", None).await.0, 204);
    assert_eq!(rest(&service, reqwest::Method::GET, "/recordings/S", None).await.0, 404);
}
