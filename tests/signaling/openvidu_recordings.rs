//! Recordings of the OpenVidu dialect over real HTTP and sockets, with the fake engine.

use super::eventually;
use super::harness::Server;
use super::openvidu::{Page, SECRET, delete, get, post, session};
use millrace::config::OpenVidu;
use millrace::media::MediaRequest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

struct Deployment {
    server: Server,
    record: tempfile::TempDir,
}

impl Deployment {
    async fn start(change: impl FnOnce(&mut OpenVidu)) -> Self {
        let record = tempfile::tempdir().unwrap();
        let (secret, cdr) = (Some(SECRET.into()), Some(record.path().into()));
        let mut settings = OpenVidu { secret, cdr, ..OpenVidu::default() };
        change(&mut settings);
        Self { server: Server::openvidu(settings).await, record }
    }

    /// With somebody who publishes in `S`.
    async fn publishing(change: impl FnOnce(&mut OpenVidu)) -> (Self, Page) {
        let deployment = Self::start(change).await;
        session(&deployment.server).await;
        let (mut ann, _) = Page::join(&deployment.server, "PUBLISHER", "ann").await;
        ann.publish().await;
        (deployment, ann)
    }

    /// `name status reason` of what the application was told.
    fn told(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.record.path()).unwrap().map(|file| file.unwrap().path());
        let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let line = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            let (name, fields) = event.as_object().unwrap().iter().next().unwrap();
            let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
            format!("{name} {} {}", field("status"), field("reason")).replace("  ", " ").trim_end().to_owned()
        };
        text.lines().map(line).collect()
    }

    async fn starts(&self, body: Value) -> (u16, Value) {
        post(&self.server, "/recordings/start", body).await
    }
    async fn stops(&self, id: &str) -> (u16, Value) {
        post(&self.server, &format!("/recordings/stop/{id}"), Value::Null).await
    }
}

fn individual() -> Value {
    json!({ "session": "S", "outputMode": "INDIVIDUAL", "name": "mine" })
}

#[tokio::test]
async fn switched_off_it_is_not_implemented() {
    let off = Deployment::start(|settings| settings.recording = false).await.server;
    let empty = |status| (status, Value::Null);
    assert_eq!(post(&off, "/recordings/start", json!({})).await, empty(501));
    assert_eq!(post(&off, "/recordings/stop/R", json!({})).await, empty(501));
    assert_eq!((get(&off, "/recordings").await, get(&off, "/recordings/R").await), (empty(501), empty(501)));
    assert_eq!(delete(&off, "/recordings/R").await, 501);
    let config = get(&off, "/config").await.1;
    assert_eq!((&config["OPENVIDU_RECORDING"], config.get("OPENVIDU_RECORDING_PATH")), (&json!(false), None));
}

#[tokio::test]
async fn what_is_wrong_with_a_start_has_its_order() {
    let deployment = Deployment::start(|_| ()).await;
    let status = async |body: Value| deployment.starts(body).await.0;
    assert_eq!(status(json!({})).await, 400);
    assert_eq!(status(json!({ "session": 1 })).await, 400);
    assert_eq!(deployment.starts(json!({ "session": "X", "outputMode": 1 })).await, (404, Value::Null));
    session(&deployment.server).await;
    assert_eq!(deployment.starts(json!({ "session": "S", "outputMode": 1 })).await, (406, Value::Null));
    let (_ann, _) = Page::join(&deployment.server, "PUBLISHER", "ann").await;
    for wrong in [
        json!({ "session": "S", "outputMode": 1 }),
        json!({ "session": "S", "outputMode": "X" }),
        json!({ "session": "S", "name": "a b" }),
        json!({ "session": "S", "recordingLayout": "CUSTOM" }),
        json!({ "session": "S", "recordingLayout": "CUSTOM", "customLayout": "nowhere" }),
    ] {
        assert_eq!(status(wrong.clone()).await, 400, "{wrong}");
    }
    for impossible in [
        json!({ "session": "S", "hasAudio": false, "hasVideo": false }),
        json!({ "session": "S", "resolution": "99x100" }),
        json!({ "session": "S", "frameRate": 0 }),
        json!({ "session": "S", "shmSize": 1 }),
    ] {
        assert_eq!(status(impossible.clone()).await, 422, "{impossible}");
    }
    let (one, other) = tokio::join!(deployment.starts(individual()), deployment.starts(individual()));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "one wins");
    assert_eq!(deployment.starts(json!({ "session": "S", "outputMode": 1 })).await, (409, Value::Null));
    let relayed = json!({ "customSessionId": "R", "mediaMode": "RELAYED" });
    assert_eq!(post(&deployment.server, "/sessions", relayed).await.0, 200);
    assert_eq!(status(json!({ "session": "R" })).await, 409);
}

#[tokio::test]
async fn it_is_started_then_stopped_then_ready() {
    let (deployment, mut ann) = Deployment::publishing(|_| ()).await;
    let server = &deployment.server;
    let (mut bob, _) = Page::join(server, "SUBSCRIBER", "bob").await;
    ann.hears("participantJoined").await;
    let (status, begun) = deployment.starts(individual()).await;
    assert_eq!((status, &begun["id"], &begun["status"]), (200, &json!("S"), &json!("started")), "{begun}");
    assert_eq!((&begun["url"], &begun["size"], &begun["duration"]), (&Value::Null, &json!(0), &json!(0.0)));
    assert_eq!(ann.hears("recordingStarted").await, json!({ "id": "S", "name": "mine" }));
    let (_eve, welcome) = Page::join(server, "PUBLISHER", "eve").await;
    assert_eq!((&welcome["recordingId"], &welcome["recordingName"]), (&json!("S"), &json!("mine")));
    assert_eq!(get(server, "/sessions/S").await.1["recording"], true);
    assert_eq!((deployment.stops("X").await.0, delete(server, "/recordings/S").await), (404, 409));
    let (status, ended) = deployment.stops("S").await;
    assert_eq!((status, &ended["status"], &ended["size"]), (200, &json!("ready"), &json!(1000)), "{ended}");
    ann.hears("participantJoined").await;
    let stopped = json!({ "id": "S", "name": "mine", "reason": "recordingStoppedByServer" });
    assert_eq!(ann.hears("recordingStopped").await, stopped);
    assert_eq!(bob.hears("participantJoined").await["id"], "con_eve", "who only watches is not told");
    assert_eq!(get(server, "/sessions/S").await.1["recording"], false);
    assert_eq!(deployment.stops("S").await, (404, Value::Null));
    assert_eq!(deployment.starts(json!({ "session": "S" })).await.1["id"], "S~1");
    assert_eq!(get(server, "/recordings").await.1["count"], 2);
    let statuses: Vec<String> = deployment.told().into_iter().filter(|told| told.starts_with("recording")).collect();
    assert_eq!(
        statuses[..3],
        [
            "recordingStatusChanged started",
            "recordingStatusChanged stopped recordingStoppedByServer",
            "recordingStatusChanged ready recordingStoppedByServer"
        ]
    );
    fetched(server, ended["url"].as_str().unwrap()).await;
    assert_eq!((delete(server, "/recordings/S").await, get(server, "/recordings/S").await.0), (204, 404));
}

/// By the secret, whole and in part, and by `HEAD`.
async fn fetched(server: &Server, url: &str) {
    assert_eq!(url, format!("http://{}/openvidu/recordings/S/mine.zip", server.address));
    let client = reqwest::Client::new();
    assert_eq!(client.get(url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let ask = |method| client.request(method, url).basic_auth("OPENVIDUAPP", Some(SECRET));
    let whole = ask(Method::GET).send().await.unwrap();
    assert_eq!(
        (whole.status(), &whole.headers()["content-type"]),
        (StatusCode::OK, &"application/zip".parse().unwrap())
    );
    let length = whole.headers()["content-length"].clone();
    assert!(whole.bytes().await.unwrap().starts_with(b"PK"));
    let part = ask(Method::GET).header("Range", "bytes=0-1").send().await.unwrap();
    assert_eq!((part.status(), part.bytes().await.unwrap().as_ref()), (StatusCode::PARTIAL_CONTENT, &b"PK"[..]));
    assert_eq!(ask(Method::HEAD).send().await.unwrap().headers()["content-length"], length);
}

#[tokio::test]
async fn only_streams_that_may_be_recorded_are_and_later_ones_too() {
    let (deployment, mut ann) = Deployment::publishing(|_| ()).await;
    let server = &deployment.server;
    let recorded = || {
        let count = |request: &MediaRequest| matches!(request, MediaRequest::Record { only: None, .. });
        server.engine.requests().iter().filter(|request| count(request)).count()
    };
    let mut secret = Page::join_with(server, json!({ "record": false })).await;
    secret.publish().await;
    assert_eq!((deployment.starts(individual()).await.0, recorded()), (200, 1));
    let (mut bob, _) = Page::join(server, "PUBLISHER", "bob").await;
    bob.publish().await;
    eventually("the later stream is recorded", || async { recorded() == 2 }).await;
    ann.ask("unpublishVideo", json!({})).await;
    assert_eq!((deployment.stops("S").await.1["status"].clone(), recorded()), (json!("ready"), 2));
}

#[tokio::test]
async fn a_session_that_is_closed_waits_for_its_recording() {
    let (deployment, _ann) = Deployment::publishing(|_| ()).await;
    assert_eq!(deployment.starts(individual()).await.0, 200);
    assert_eq!(delete(&deployment.server, "/sessions/S").await, 204);
    assert_eq!(get(&deployment.server, "/recordings/S").await.1["status"], "ready");
    session(&deployment.server).await;
    eventually("all is written down", || async { deployment.told().last().is_some_and(|l| l == "sessionCreated") })
        .await;
    let told = deployment.told();
    let last = &told[told.len() - 6..told.len() - 1];
    let reason = "sessionClosedByServer";
    assert_eq!(
        last,
        [
            format!("webrtcConnectionDestroyed {reason}"),
            format!("participantLeft {reason}"),
            format!("recordingStatusChanged stopped {reason}"),
            format!("recordingStatusChanged ready {reason}"),
            format!("sessionDestroyed {reason}"),
        ]
    );
}

#[tokio::test]
async fn nobody_is_recorded_for_long() {
    for (limit, reason) in [(Duration::from_millis(50), "automaticStop"), (Duration::ZERO, "lastParticipantLeft")] {
        let (deployment, mut ann) = Deployment::publishing(|settings| settings.recording_autostop = limit).await;
        assert_eq!(deployment.starts(individual()).await.0, 200);
        ann.ask("unpublishVideo", json!({})).await;
        assert_eq!(get(&deployment.server, "/sessions/S").await.1["recording"], true, "people stay");
        ann.ask("leaveRoom", json!({})).await;
        let gone = || async { get(&deployment.server, "/sessions/S").await.0 == 404 };
        eventually("the session ends with its recording", gone).await;
        assert_eq!(get(&deployment.server, "/recordings/S").await.1["status"], "ready");
        let destroyed = format!("sessionDestroyed {reason}");
        eventually("it is told", || async { deployment.told().last() == Some(&destroyed) }).await;
        assert!(deployment.told().contains(&format!("recordingStatusChanged ready {reason}")));
    }
}

#[tokio::test]
async fn always_begins_with_the_first_stream_and_not_again() {
    let deployment = Deployment::start(|_| ()).await;
    let server = &deployment.server;
    let defaults = json!({ "outputMode": "INDIVIDUAL", "name": "all" });
    let always = json!({ "customSessionId": "S", "recordingMode": "ALWAYS", "defaultRecordingProperties": defaults });
    assert_eq!(post(server, "/sessions", always).await.0, 200);
    let (mut ann, _) = Page::join(server, "PUBLISHER", "ann").await;
    ann.publish().await;
    assert_eq!(ann.hears("recordingStarted").await, json!({ "id": "S", "name": "all" }));
    assert_eq!(deployment.stops("S").await.0, 200);
    ann.hears("recordingStopped").await;
    ann.ask("unpublishVideo", json!({})).await;
    ann.publish().await;
    let (_bob, welcome) = Page::join(server, "MODERATOR", "bob").await;
    assert_eq!((welcome.get("recordingId"), get(server, "/recordings").await.1["count"].clone()), (None, json!(1)));
}

#[tokio::test]
async fn what_records_from_a_page_is_nobody() {
    let (deployment, mut ann) = Deployment::publishing(|_| ()).await;
    let server = &deployment.server;
    let params =
        |secret: &str| json!({ "session": "S", "secret": secret, "recorder": true, "metadata": "", "platform": "" });
    let mut recorder = Page::dial(server).await;
    assert_eq!(recorder.ask("joinRoom", params("MY_SECREX")).await["error"]["code"], 401);
    let welcome = recorder.ask("joinRoom", params(SECRET)).await["result"].clone();
    assert_eq!((&welcome["id"], &welcome["role"]), (&json!("RECORDER"), &json!("SUBSCRIBER")));
    assert_eq!(welcome["value"][0]["id"], "con_ann");
    assert_eq!(get(server, "/sessions/S/connection").await.1["numberOfElements"], 1);
    assert_eq!(get(server, "/sessions/S/connection/RECORDER").await.0, 404);
    assert!(
        recorder
            .ask("forceUnpublish", json!({ "streamId": welcome["value"][0]["streams"][0]["id"] }))
            .await
            .get("result")
            .is_some()
    );
    assert_eq!(ann.hears("participantUnpublished").await["reason"], "forceUnpublishByUser", "nothing was said of it");
    recorder.hears("participantUnpublished").await;
    assert_eq!(deployment.starts(individual()).await.0, 200);
    assert_eq!(deployment.stops("S").await.0, 200);
    assert_eq!(recorder.hears("participantEvicted").await, json!({ "connectionId": "RECORDER", "reason": "" }));
    let mut again = Page::dial(server).await;
    again.ask("joinRoom", params(SECRET)).await;
    ann.ask("leaveRoom", json!({})).await;
    eventually("it does not keep the session", || async { get(server, "/sessions/S").await.0 == 404 }).await;
    assert!(!deployment.told().iter().any(|told| told.contains("RECORDER")));
}
