//! REST of the OpenVidu dialect to the letter: bodies of refusals, odd requests, changes of a connection, the configuration.

use super::harness::Server;
use super::openvidu::{Page, SECRET, delete, get, post, rest, session};
use millrace::config::OpenVidu;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn server(change: impl FnOnce(&mut OpenVidu)) -> Server {
    let mut settings = OpenVidu { secret: Some(SECRET.into()), ..OpenVidu::default() };
    change(&mut settings);
    Server::openvidu(settings).await
}

/// As it is, with credentials.
async fn send(server: &Server, method: Method, path: &str) -> reqwest::Response {
    let request = reqwest::Client::new().request(method, format!("http://{}{path}", server.address));
    request.basic_auth("OPENVIDUAPP", Some(SECRET)).send().await.unwrap()
}

#[tokio::test]
async fn refusals_with_words_say_where_and_when() {
    let server = server(|_| ()).await;
    let (status, body) = post(&server, "/sessions", json!({ "mediaMode": "X" })).await;
    assert_eq!((status, &body["status"], &body["error"]), (400, &json!(400), &json!("Bad Request")));
    assert_eq!(body["path"], "/openvidu/api/sessions");
    assert!(body["timestamp"].is_i64() && body["message"].as_str().unwrap().contains("mediaMode"), "{body}");
    let stranger = reqwest::get(format!("http://{}/openvidu/api/config", server.address)).await.unwrap();
    assert!(stranger.headers().contains_key("www-authenticate") && stranger.headers().contains_key("content-length"));
    assert_eq!(stranger.json::<Value>().await.unwrap()["path"], "/openvidu/api/config");
    for (method, path, status) in [
        (Method::PUT, "/openvidu/api/sessions", 405),
        (Method::POST, "/openvidu/api/config", 405),
        (Method::GET, "/openvidu/api/nothing", 404),
        (Method::POST, "/openvidu/api/broadcast/start", 404),
        (Method::GET, "/openvidu/cdr", 404),
    ] {
        assert_eq!(send(&server, method, path).await.status(), status, "{path}");
    }
    let unknown = reqwest::get(format!("http://{}/openvidu/api/nothing", server.address)).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED, "what is there is nobody's business");
    assert_eq!(get(&server, "/sessions?pendingConnections=perhaps").await.0, 400);
}

#[tokio::test]
async fn requests_may_look_odd() {
    let server = server(|_| ()).await;
    let form = |method, path: &str| {
        let request = reqwest::Client::new().request(method, format!("http://{}/openvidu/api{path}", server.address));
        request.basic_auth("OPENVIDUAPP", Some(SECRET)).header("Content-Type", "application/x-www-form-urlencoded")
    };
    let nulls = json!({ "customSessionId": "S", "mediaMode": null, "recordingMode": null, "forcedVideoCodec": null,
        "defaultRecordingProperties": null, "allowTranscoding": null, "mediaNode": null, "unknown": 1 });
    assert_eq!(form(Method::POST, "/sessions").body(nulls.to_string()).send().await.unwrap().status(), 200);
    assert_eq!(form(Method::GET, "/sessions/S").send().await.unwrap().status(), 200);
    assert_eq!(form(Method::POST, "/sessions/S/connection").body("null").send().await.unwrap().status(), 200);
    assert_eq!(form(Method::POST, "/sessions/S/connection").body("x=1").send().await.unwrap().status(), 400);
    let signal = form(Method::POST, "/signal").body(r#"{"session":"S","to":null}"#).send().await.unwrap();
    assert_eq!((signal.status().as_u16(), signal.text().await.unwrap()), (406, String::new()));
    assert_eq!(form(Method::DELETE, "/sessions/S").send().await.unwrap().status(), 204);
    let url = send(&server, Method::HEAD, "/openvidu/api/config/openvidu-publicurl").await;
    assert_eq!(url.status(), 200);
    let page = reqwest::get(format!("http://{}/openvidu/accept-certificate", server.address)).await.unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn a_connection_may_be_changed_and_its_room_follows() {
    let server = server(|_| ()).await;
    session(&server).await;
    let (mut ann, _) = Page::join(&server, "SUBSCRIBER", "ann").await;
    let offer = millrace::media::fake::sdp(millrace::model::PeerId(1), "sendonly", "actpass");
    let publish = json!({ "sdpOffer": offer.as_str(), "hasAudio": true, "hasVideo": true, "typeOfVideo": "CAMERA" });
    assert_eq!(ann.ask("publishVideo", publish).await["error"]["code"], 401);
    let path = "/sessions/S/connection/con_ann";
    let change = |body: Value| rest(&server, Method::PATCH, path, Some(body));
    let (status, changed) = change(json!({ "role": "MODERATOR", "record": false })).await;
    assert_eq!((status, &changed["role"], &changed["record"]), (200, &json!("MODERATOR"), &json!(false)));
    assert_eq!(ann.hears("connectionPropertyChanged").await, json!({ "property": "role", "newValue": "MODERATOR" }));
    assert_eq!(ann.hears("connectionPropertyChanged").await, json!({ "property": "record", "newValue": "false" }));
    ann.publish().await;
    assert_eq!(change(json!({ "role": "MODERATOR" })).await.0, 200);
    assert_eq!((change(json!({ "role": "KING" })).await.0, change(json!({ "record": "yes" })).await.0), (400, 400));
    assert_eq!(rest(&server, Method::PATCH, "/sessions/S/connection/con_x", None).await.0, 404);
    assert_eq!(rest(&server, Method::PATCH, "/sessions/X/connection/con_x", None).await.0, 404);
    let stats = get(&server, "/sessions/S?webRtcStats=true").await.1;
    let publisher = &stats["connections"]["content"][0]["publishers"][0];
    assert_eq!(publisher["webrtcEndpointName"], publisher["streamId"]);
}

#[tokio::test]
async fn the_configuration_is_told_in_the_originals_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(|settings| {
        settings.public_url = Some("https://video.example.org".into());
        settings.cdr = Some(folder.path().join("cdr"));
        settings.webhook = Some("http://127.0.0.1:9/hook".into());
        settings.webhook_headers = vec!["X-Mine: 1".into()];
        settings.webhook_events = vec!["signalSent".into()];
    })
    .await;
    let (_, config) = get(&server, "/config").await;
    for (name, value) in [
        ("VERSION", json!("2.32.2")),
        ("DOMAIN_OR_PUBLIC_IP", json!("video.example.org")),
        ("HTTPS_PORT", json!(443)),
        ("OPENVIDU_PUBLICURL", json!("https://video.example.org")),
        ("OPENVIDU_CDR", json!(true)),
        ("OPENVIDU_CDR_PATH", json!(folder.path().join("cdr"))),
        ("OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", json!("MEDIA_SERVER_PREFERRED")),
        ("OPENVIDU_STREAMS_ALLOW_TRANSCODING", json!(false)),
        ("OPENVIDU_WEBRTC_SIMULCAST", json!(false)),
        ("OPENVIDU_SESSIONS_GARBAGE_INTERVAL", json!(900)),
        ("OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", json!(3600)),
        ("OPENVIDU_RECORDING", json!(true)),
        ("OPENVIDU_RECORDING_NOTIFICATION", json!("publisher_moderator")),
        ("OPENVIDU_WEBHOOK", json!(true)),
        ("OPENVIDU_WEBHOOK_ENDPOINT", json!("http://127.0.0.1:9/hook")),
        ("OPENVIDU_WEBHOOK_HEADERS", json!(["X-Mine: 1"])),
        ("OPENVIDU_WEBHOOK_EVENTS", json!(["signalSent"])),
    ] {
        assert_eq!(config[name], value, "{name}");
    }
    for (path, text) in [
        ("openvidu-version", "2.32.2"),
        ("openvidu-publicurl", "https://video.example.org/"),
        ("openvidu-recording", "true"),
        ("openvidu-recording-path", config["OPENVIDU_RECORDING_PATH"].as_str().unwrap()),
        ("openvidu-cdr", "true"),
    ] {
        let answer = send(&server, Method::GET, &format!("/openvidu/api/config/{path}")).await;
        assert_eq!(answer.text().await.unwrap(), text, "{path}");
    }
}

#[tokio::test]
async fn the_record_is_listed_and_read_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.txt"), "x").unwrap();
    let server = server(|settings| settings.cdr = Some(folder.path().into())).await;
    session(&server).await;
    let name = || async {
        let names = send(&server, Method::GET, "/openvidu/cdr").await.json::<Vec<String>>().await.unwrap();
        names.into_iter().next().unwrap_or_default()
    };
    super::eventually("the file is there", || async { !name().await.is_empty() }).await;
    let path = format!("/openvidu/cdr/{}", name().await);
    let text = || async { send(&server, Method::GET, &path).await.text().await.unwrap() };
    super::eventually("the event is written", || async { text().await.starts_with(r#"{"sessionCreated":{"#) }).await;
    for other in ["/openvidu/cdr/secret.txt", "/openvidu/cdr/..%2Fsecret.txt", "/openvidu/cdr/CDR.nothing.log"] {
        assert_eq!(send(&server, Method::GET, other).await.status(), 404, "{other}");
    }
}

#[tokio::test]
async fn connections_without_ice_servers_are_given_the_deployments() {
    let server = server(|settings| settings.ice_servers = vec!["stun:h".into(), "turn:h:3478 0123456789".into()]).await;
    session(&server).await;
    let ice = |body: Value| {
        let server = &server;
        async move { post(server, "/sessions/S/connection", body).await.1["customIceServers"].clone() }
    };
    let given = ice(json!({})).await;
    assert_eq!((&given[0], &given[1]["url"]), (&json!({ "url": "stun:h" }), &json!("turn:h:3478")));
    assert!(given[1]["credential"].is_string() && !given.to_string().contains("0123456789"), "{given}");
    let own = json!([{ "url": "stun:mine" }]);
    assert_eq!(ice(json!({ "customIceServers": own })).await, own);
}

#[tokio::test]
async fn sessions_that_nobody_joins_are_forgotten_and_those_that_end_are_waited_for() {
    let server = server(|settings| {
        settings.unused_limit = Duration::from_millis(100);
        settings.unused_interval = Duration::from_millis(50);
    })
    .await;
    session(&server).await;
    super::eventually("it is forgotten", || async { get(&server, "/sessions/S").await.0 == 404 }).await;
    session(&server).await;
    let (mut ann, _) = Page::join(&server, "PUBLISHER", "ann").await;
    ann.ask("leaveRoom", json!({})).await;
    session(&server).await;
    assert_eq!(delete(&server, "/sessions/S").await, 204);
}

#[tokio::test]
async fn the_dashboards_socket_stays_open_and_is_closed_with_the_service() {
    use futures::StreamExt;
    let server = server(|_| ()).await;
    let url = format!("ws://{}/openvidu/info", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    server.closing.cancel();
    let frame = tokio::time::timeout(super::DEADLINE, socket.next()).await.expect("a frame").unwrap().unwrap();
    assert!(frame.is_close(), "{frame:?}");
}
