//! Recordings of OpenVidu sessions, by the unmodified client in Chromium: what comes out is decoded.

use crate::openvidu::{joins, rest, visitor};
use crate::service::{Service, start_server_with};
use crate::stage::PATIENCE;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What ffprobe says of a file's streams, pictures counted.
fn probe(path: &Path) -> Vec<Value> {
    let entries = "stream=codec_type,codec_name,width,height,r_frame_rate,nb_read_frames,duration";
    let args = ["-v", "error", "-count_frames", "-show_entries", entries, "-of", "json"];
    let output = Command::new("ffprobe").args(args).arg(path).output().expect("ffprobe");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    found["streams"].as_array().expect("streams").clone()
}

fn of_kind<'a>(streams: &'a [Value], kind: &str) -> Option<&'a Value> {
    streams.iter().find(|stream| stream["codec_type"] == kind)
}

fn pictures(stream: &Value) -> u64 {
    stream["nb_read_frames"].as_str().and_then(|count| count.parse().ok()).expect("a number of pictures")
}

/// A file of a recording, into the folder.
async fn fetch(url: &str, to: &Path) {
    let request = reqwest::Client::new().get(url).basic_auth("OPENVIDUAPP", Some("MY_SECRET"));
    let response = request.send().await.expect("an answer");
    assert!(response.status().is_success(), "{url}: {}", response.status());
    std::fs::write(to, response.bytes().await.expect("the file")).expect("to be written");
}

async fn ready(service: &Service, id: &str) -> Value {
    let (status, ended) = rest(service, Method::POST, &format!("/recordings/stop/{id}"), None).await;
    assert_eq!((status, &ended["status"]), (200, &json!("ready")), "{ended}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_are_a_film_in_the_operators_layout_and_the_wished_size() {
    let folder = tempfile::tempdir().unwrap();
    let boxes = r#"[{"x":0,"y":0,"width":0.5,"height":1},{"x":0.5,"y":0,"width":0.5,"height":1}]"#;
    std::fs::create_dir(folder.path().join("halves")).unwrap();
    std::fs::write(folder.path().join("halves/layout.json"), boxes).unwrap();
    let layouts = folder.path().to_owned();
    let service = start_server_with(|config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        config.openvidu.layouts = Some(layouts);
    })
    .await;
    let (ann, bob) = tokio::join!(visitor("film-ann", &service), visitor("film-bob", &service));
    joins(&ann, "S", "PUBLISHER").await;
    ann.value("await publish()").await;
    joins(&bob, "S", "PUBLISHER").await;
    bob.value("await publish()").await;
    bob.wait(PATIENCE, "the other's picture plays", "plays()").await;
    let begin = json!({ "session": "S", "resolution": "641x360", "frameRate": 15, "name": "film",
        "recordingLayout": "CUSTOM", "customLayout": "halves" });
    let (status, begun) = rest(&service, Method::POST, "/recordings/start", Some(begin)).await;
    assert_eq!(
        (status, &begun["resolution"], &begun["customLayout"]),
        (200, &json!("641x360"), &json!("halves")),
        "{begun}"
    );
    ann.wait(PATIENCE, "it is told", "told('recordingStarted').length === 1").await;
    let before = bob.received().await.frames_decoded;
    bob.receives(PATIENCE, "some seconds pass", |now| now.frames_decoded > before + 90).await;
    let ended = ready(&service, "S").await;
    ann.wait(PATIENCE, "it is told", "told('recordingStopped')[0]?.reason === 'recordingStoppedByServer'").await;
    assert_eq!((&ended["resolution"], &ended["frameRate"]), (&json!("640x360"), &json!(15)), "as it came out: {ended}");
    let url = ended["url"].as_str().unwrap();
    assert!(url.ends_with("/openvidu/recordings/S/film.mp4"), "{url}");
    let film = folder.path().join("film.mp4");
    fetch(url, &film).await;
    let streams = probe(&film);
    let video = of_kind(&streams, "video").expect("pictures");
    assert_eq!((&video["width"], &video["height"], &video["r_frame_rate"]), (&json!(640), &json!(360), &json!("15/1")));
    let counted = pictures(video) as f64 / 15.0;
    assert!((counted - ended["duration"].as_f64().unwrap()).abs() < 0.5 && counted > 2.0, "{counted} s: {ended}");
    assert!(of_kind(&streams, "audio").is_some() && ended["hasAudio"] == true, "{streams:?}");
    assert_eq!(std::fs::metadata(&film).unwrap().len(), ended["size"].as_u64().unwrap());
    let picture = folder.path().join("S.jpg");
    fetch(&service.at("/openvidu/recordings/S/S.jpg"), &picture).await;
    let picture = probe(&picture);
    assert_eq!(
        (&picture[0]["codec_name"], &picture[0]["width"], &picture[0]["height"]),
        (&json!("mjpeg"), &json!(480), &json!(270))
    );
    let part =
        reqwest::Client::new().get(url).basic_auth("OPENVIDUAPP", Some("MY_SECRET")).header("Range", "bytes=4-7");
    let part = part.send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, &b"ftyp"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_session_is_always_recorded_and_only_its_sound() {
    let service = start_server_with(|config| config.openvidu.secret = Some("MY_SECRET".into())).await;
    let properties = json!({ "outputMode": "INDIVIDUAL", "hasVideo": false });
    let always = json!({ "recordingMode": "ALWAYS", "defaultRecordingProperties": properties });
    let made = rest(&service, Method::POST, "/sessions", Some(always)).await.1;
    let id = made["id"].as_str().expect("a name");
    let ann = visitor("sound-ann", &service).await;
    joins(&ann, id, "PUBLISHER").await;
    let stream = ann.value("await publish()").await;
    ann.wait(PATIENCE, "it begins by itself", "told('recordingStarted').length === 1").await;
    let running = rest(&service, Method::GET, &format!("/recordings/{id}"), None).await.1;
    assert_eq!((&running["status"], &running["hasVideo"]), (&json!("started"), &json!(false)), "{running}");
    ann.value("await new Promise((done) => setTimeout(done, 2500))").await;
    let ended = ready(&service, id).await;
    let folder = tempfile::tempdir().unwrap();
    fetch(ended["url"].as_str().unwrap(), &folder.path().join("all.zip")).await;
    let unzip = Command::new("unzip").args(["-q", "all.zip"]).current_dir(folder.path()).status().unwrap();
    assert!(unzip.success());
    let sheet: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join(format!("{id}.json"))).unwrap()).unwrap();
    let file = &sheet["files"][0];
    assert_eq!((&file["streamId"], &file["hasAudio"], &file["hasVideo"]), (&stream, &json!(true), &json!(false)));
    assert_eq!(
        (file["name"].as_str().unwrap(), file.get("typeOfVideo")),
        (&*format!("{}.webm", stream.as_str().unwrap()), None)
    );
    let streams = probe(&folder.path().join(file["name"].as_str().unwrap()));
    assert_eq!((streams.len(), &streams[0]["codec_name"]), (1, &json!("opus")), "{streams:?}");
    assert!(pictures(&streams[0]) > 50, "packets of sound: {streams:?}");
    ann.value("publisher && await session.unpublish(publisher)").await;
    ann.value("await publish()").await;
    assert_eq!(
        rest(&service, Method::GET, "/recordings", None).await.1["count"],
        1,
        "stopped by hand it stays stopped"
    );
}
