//! Recordings over REST: life cycle, files with Range, download.

use crate::support::{Service, answer};
use jiff::Timestamp;
use millrace::model::{
    Codec, FeedId, FileFacts, Recording, RecordingFile, RecordingId, RecordingState, RecordingWish, RoomId,
};
use reqwest::{Method, StatusCode};
use std::process::Command;
use std::time::Duration;

const ID: &str = "20260102-030405-hall";

fn file(name: &str, codecs: Vec<Codec>) -> RecordingFile {
    RecordingFile {
        name: name.into(),
        feed: Some(FeedId(1)),
        publisher: "DEVICE:1".into(),
        segment: 1,
        state: RecordingState::Ready,
        codecs,
        started_at: Some(Timestamp::UNIX_EPOCH),
        duration_ms: 1000,
        bytes: 10,
        width: None,
        height: None,
        reason: None,
        detail: None,
        facts: FileFacts::default(),
        uploads: Vec::new(),
    }
}

/// A service that finds a finished recording on its disk.
async fn with_recording() -> Service {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("recordings").join(ID);
    std::fs::create_dir_all(&folder).unwrap();
    let (id, room) = (RecordingId::new(ID), RoomId::new("hall"));
    let recording = Recording {
        state: RecordingState::Ready,
        ended_at: Some(Timestamp::UNIX_EPOCH),
        files: vec![
            file("feed-1.webm", vec![Codec::Vp8, Codec::Opus]),
            file("feed-2.webm", vec![Codec::Opus]),
            file("feed-3.mp4", vec![Codec::H264]),
        ],
        ..Recording::new(id, room, RecordingWish::default(), Timestamp::UNIX_EPOCH)
    };
    std::fs::write(folder.join("manifest.json"), serde_json::to_vec(&recording).unwrap()).unwrap();
    for file in &recording.files {
        std::fs::write(folder.join(&file.name), b"0123456789").unwrap();
    }
    Service::start(dir, |_| ()).await
}

fn path(name: &str) -> String {
    format!("/api/v1/recordings/{ID}/files/{name}")
}

#[tokio::test]
async fn a_room_is_recorded_and_the_recording_stopped_listed_and_deleted() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let (status, begun) = service.call(Method::POST, "/api/v1/rooms/hall/recordings").await;
    assert_eq!((status, &begun["state"]), (StatusCode::CREATED, &"starting".into()), "{begun}");
    let one = format!("/api/v1/recordings/{}", begun["id"].as_str().unwrap());
    let (status, error) = service.call(Method::DELETE, &one).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::CONFLICT, Some("recording_running")));
    let (status, stopped) = service.call(Method::POST, &format!("{one}/stop")).await;
    assert_eq!(status, StatusCode::OK, "{stopped}");
    wait_until_over(&service, &one).await;
    let (_, of_room) = service.call(Method::GET, "/api/v1/rooms/hall/recordings").await;
    assert_eq!(of_room[0]["id"], begun["id"], "{of_room}");
    assert_eq!(service.call(Method::GET, "/api/v1/rooms/other/recordings").await.1, serde_json::json!([]));
    assert_eq!(service.call(Method::DELETE, &one).await.0, StatusCode::NO_CONTENT);
    let (_, binned) = service.call(Method::GET, &one).await;
    assert!(binned["deleted_at"].is_string(), "{binned}");
    assert_eq!(service.call(Method::GET, "/api/v1/recordings").await.1, serde_json::json!([]));
    let bin = service.call(Method::GET, "/api/v1/recordings?deleted=true").await.1;
    assert_eq!(bin[0]["id"], begun["id"], "{bin}");
    let (status, back) = service.call(Method::POST, &format!("{one}/restore")).await;
    assert_eq!((status, back["deleted_at"].is_null()), (StatusCode::OK, true), "{back}");
    assert_eq!(service.call(Method::POST, &format!("{one}/restore")).await.0, StatusCode::NOT_FOUND, "not in the bin");
    assert_eq!(service.call(Method::DELETE, &format!("{one}?purge=1")).await.0, StatusCode::NO_CONTENT);
    assert_eq!(service.call(Method::GET, &one).await.0, StatusCode::NOT_FOUND);
}

/// Files are completed after the answer to `stop`; the API is asked, as clients do.
async fn wait_until_over(service: &Service, one: &str) {
    let over = async {
        while !matches!(service.call(Method::GET, one).await.1["state"].as_str(), Some("ready" | "failed")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), over).await.expect("the recording is not over within 10 s");
}

#[tokio::test]
async fn files_have_their_types_and_understand_range() {
    let service = with_recording().await;
    for (name, kind) in [("feed-1.webm", "video/webm"), ("feed-2.webm", "audio/webm"), ("feed-3.mp4", "video/mp4")] {
        let response = service.get(&path(name)).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], kind, "{name}");
        assert_eq!(response.bytes().await.unwrap(), "0123456789");
    }
    let part = service.get(&path("feed-1.webm")).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
    assert_eq!(part.text().await.unwrap(), "234");
    let beyond = service.get(&path("feed-1.webm")).header("range", "bytes=99-").send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_file_is_saved_when_asked_for() {
    let service = with_recording().await;
    let plain = service.get(&path("feed-1.webm")).send().await.unwrap();
    assert!(!plain.headers().contains_key("content-disposition"));
    let saved = service.get(&format!("{}?download=1", path("feed-1.webm"))).send().await.unwrap();
    let disposition = saved.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, format!("attachment; filename=\"{ID}-feed-1.webm\""));
}

#[tokio::test]
async fn nothing_else_on_the_disk_is_served() {
    let service = with_recording().await;
    for name in ["manifest.json", "..%2fmanifest.json", "%2e%2e%2f%2e%2e%2ftls%2fkey.pem", "feed-9.webm"] {
        assert_eq!(answer(service.get(&path(name))).await.0, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn a_wish_is_checked_and_kept_and_states_are_told() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let path = "/api/v1/rooms/hall/recordings";
    for (body, wanted) in [
        (serde_json::json!({"kind": "film"}), "film"),
        (serde_json::json!({"max_length": 5}), "max_length"),
        (serde_json::json!({"feeds": [77]}), "no such feed"),
    ] {
        let (status, error) = answer(service.request(Method::POST, path).json(&body)).await;
        assert!(status.is_client_error(), "{status} {error}");
        assert!(error["message"].as_str().unwrap().contains(wanted), "{error}");
    }
    let body = serde_json::json!({"kind": "audio", "max_length_ms": 60_000});
    let (status, begun) = answer(service.request(Method::POST, path).json(&body)).await;
    assert_eq!((status, &begun["wish"]["kind"]), (StatusCode::CREATED, &"audio".into()), "{begun}");
    let one = format!("/api/v1/recordings/{}", begun["id"].as_str().unwrap());
    let (status, error) = service.call(Method::POST, &format!("{one}/pause")).await;
    assert_eq!((status, &error["code"]), (StatusCode::CONFLICT, &"wrong_state".into()), "nothing is written yet");
    let layout = service.request(Method::PUT, &format!("{one}/layout")).json(&serde_json::json!({"layout": "grid"}));
    assert_eq!(answer(layout).await.0, StatusCode::CONFLICT, "sound has no layout");
}

#[tokio::test]
async fn a_rooms_settings_are_kept_and_checked() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let settings = serde_json::json!({"record": "always", "preroll_ms": 10_000});
    let path = "/api/v1/rooms/hall/settings";
    let (status, room) = answer(service.request(Method::PUT, path).json(&settings)).await;
    assert_eq!((status, &room["settings"]["record"]), (StatusCode::OK, &"always".into()), "{room}");
    let (status, error) = answer(service.request(Method::PUT, path).json(&serde_json::json!({"record": 1}))).await;
    assert_eq!((status, &error["code"]), (StatusCode::BAD_REQUEST, &"bad_request".into()));
}

#[tokio::test]
async fn all_files_come_as_one_zip_that_unpacks() {
    let service = with_recording().await;
    let response = service.get(&format!("/api/v1/recordings/{ID}/archive.zip")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/zip");
    let path = service.dir.path().join("archive.zip");
    std::fs::write(&path, response.bytes().await.unwrap()).unwrap();
    let unzip = |option| Command::new("unzip").arg(option).arg(&path).output().expect("unzip runs");
    let tested = unzip("-tqq");
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let listed = String::from_utf8(unzip("-Z1").stdout).unwrap();
    let names: Vec<_> = listed.lines().collect();
    let wanted = ["feed-1.webm", "feed-2.webm", "feed-3.mp4", "manifest.json"].map(|name| format!("{ID}/{name}"));
    assert_eq!(names, wanted);
}
