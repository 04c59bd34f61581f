//! IPCAM connections, watched by the unmodified client.

use super::*;
use crate::camera::{Camera, H264, OPUS};
use std::time::Instant;

/// A service that may open what is on this machine.
async fn with_cameras() -> Service {
    start_server_with(|config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        config.reach.special = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await
}

/// A session of these properties with a camera in it, nobody else; the camera's connection.
async fn camera_in(service: &Service, properties: Value, camera: Value) -> Value {
    let post = |path: &'static str, body| rest(service, reqwest::Method::POST, path, Some(body));
    assert_eq!(post("/sessions", properties).await.0, 200);
    let begun = Instant::now();
    let (status, made) = post("/sessions/S/connection", camera).await;
    assert_eq!((status, &made["status"]), (200, &json!("active")), "{made}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    made
}

async fn is_there(service: &Service) -> bool {
    rest(service, reqwest::Method::GET, "/sessions/S", None).await.0 == 200
}

async fn clients(camera: &crate::camera::Running, wanted: usize, what: &str) {
    let end = Instant::now() + PATIENCE;
    while camera.clients() != wanted {
        assert!(Instant::now() < end, "{what}: {} clients", camera.clients());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// It speaks H264 and no sound, the session VP8; it is dead when it is added and when it is subscribed to.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_camera_is_subscribed_to_and_plays_once_it_is_there_and_after_an_outage() {
    let service = with_cameras().await;
    let camera = Camera::of(&[H264]).start();
    let (uri, away) = (camera.uri(), camera.cut());
    let asked = json!({ "type": "IPCAM", "rtspUri": uri, "data": "door", "networkCache": 200 });
    let made = camera_in(&service, json!({ "customSessionId": "S" }), asked).await;
    assert!(is_there(&service).await);
    let bob = visitor("bob", &service).await;
    joins(&bob, "S", "SUBSCRIBER").await;
    let answered = "subscribers[0]?.stream?.getRTCPeerConnection()?.iceConnectionState";
    bob.wait(PATIENCE, "it is answered and connected", &format!("['connected', 'completed'].includes({answered})"))
        .await;
    assert_eq!(bob.value("told('exception').length").await, json!(0));
    assert_eq!(bob.value("subscribers[0].stream.connection.data").await, json!("door"));
    let camera = away.start();
    bob.wait(PATIENCE, "the picture plays", "plays()").await;
    bob.receives(PATIENCE, "pictures", |now| now.frames_decoded > 30).await;
    bob.screenshot("openvidu-camera").await;
    let away = camera.cut();
    let camera = away.start();
    clients(&camera, 1, "it is opened again").await;
    let before = bob.received().await.frames_decoded;
    bob.receives(PATIENCE, "pictures after the outage", |now| now.frames_decoded > before + 30).await;
    let shown = rest(&service, reqwest::Method::GET, "/sessions/S", None).await.1;
    let watched = &shown["connections"]["content"][1]["subscribers"][0]["streamId"];
    assert_eq!(*watched, made["publishers"][0]["streamId"], "{shown}");
    bob.value("session.disconnect()").await;
    clients(&camera, 0, "nobody watches").await;
    assert!(is_there(&service).await, "the camera keeps its session");
    let path = format!("/sessions/S/connection/{}", made["id"].as_str().unwrap());
    assert_eq!(rest(&service, reqwest::Method::DELETE, &path, None).await.0, 204);
    assert!(!is_there(&service).await, "nobody is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_with_sound_is_opened_for_its_viewer_alone_and_evicted() {
    let service = with_cameras().await;
    let camera = Camera::of(&[H264, OPUS]).start();
    let asked = json!({ "type": "IPCAM", "rtspUri": camera.uri(), "adaptativeBitrate": false, "networkCache": 200 });
    let made = camera_in(&service, json!({ "customSessionId": "S", "forcedVideoCodec": "NONE" }), asked).await;
    let ann = visitor("ann", &service).await;
    assert_eq!(camera.clients(), 0, "nobody watches");
    joins(&ann, "S", "MODERATOR").await;
    ann.wait(PATIENCE, "the picture plays", "plays()").await;
    ann.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 30 && now.audio_energy > 0.0).await;
    let codec = "(async () => [...(await subscribers[0].stream.getRTCPeerConnection().getStats()).values()] \
        .find((one) => one.type === 'codec' && one.mimeType.startsWith('video/')).mimeType)()";
    assert_eq!(ann.value(&format!("await {codec}")).await, json!("video/H264"), "as it comes");
    let id = made["id"].as_str().unwrap();
    ann.value(&format!("session.forceDisconnect(subscribers[0].stream.connection).then(() => '{id}')")).await;
    ann.wait(PATIENCE, "it is gone", "told('streamDestroyed')[0]?.reason === 'forceDisconnectByUser'").await;
    clients(&camera, 0, "it is closed").await;
}

/// Nobody watches: the recording opens the camera, and keeps it open.
#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_nobody_watches_is_recorded() {
    let service = with_cameras().await;
    let camera = Camera::of(&[H264, OPUS]).start();
    let asked = json!({ "type": "IPCAM", "rtspUri": camera.uri(), "networkCache": 200 });
    let made = camera_in(&service, json!({ "customSessionId": "S" }), asked).await;
    assert_eq!(camera.clients(), 0);
    let begin = json!({ "session": "S", "outputMode": "INDIVIDUAL" });
    let (status, begun) = rest(&service, reqwest::Method::POST, "/recordings/start", Some(begin)).await;
    assert_eq!((status, &begun["status"]), (200, &json!("started")), "{begun}");
    clients(&camera, 1, "it is recorded").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (status, ended) = rest(&service, reqwest::Method::POST, "/recordings/stop/S", None).await;
    assert_eq!((status, &ended["status"]), (200, &json!("ready")), "{ended}");
    let request = reqwest::Client::new().get(ended["url"].as_str().expect("an address"));
    let zip = request.basic_auth("OPENVIDUAPP", Some("MY_SECRET")).send().await.expect("the file").bytes().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("S.zip"), zip.expect("the file")).unwrap();
    let mut unzip = std::process::Command::new("unzip");
    assert!(unzip.args(["-q", "S.zip"]).current_dir(folder.path()).status().unwrap().success());
    let sheet: Value = serde_json::from_slice(&std::fs::read(folder.path().join("S.json")).unwrap()).unwrap();
    let file = &sheet["files"][0];
    assert_eq!(
        (&file["connectionId"], &file["streamId"]),
        (&made["id"], &made["publishers"][0]["streamId"]),
        "{sheet}"
    );
    let mut decode = std::process::Command::new("ffmpeg");
    decode.args(["-v", "error", "-xerror", "-i"]).arg(folder.path().join(file["name"].as_str().unwrap()));
    let frames = decode.args(["-map", "0:v", "-f", "framemd5", "-"]).output().unwrap();
    let pictures = String::from_utf8_lossy(&frames.stdout).lines().filter(|line| !line.starts_with('#')).count();
    assert!(frames.status.success() && pictures > 20, "{pictures} pictures");
    clients(&camera, 0, "it is closed again").await;
}
