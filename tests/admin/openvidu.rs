//! Applications of OpenVidu beside our own API: older addresses, demo mode, one port for HTTPS and HTTP.

use crate::support::{SECRET, Service, answer};
use millrace::config::Config;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

async fn service(change: impl FnOnce(&mut Config)) -> Service {
    Service::start(tempfile::tempdir().unwrap(), |config| {
        config.openvidu.secret = Some("MY_SECRET".into());
        change(config);
    })
    .await
}

fn theirs(request: RequestBuilder) -> RequestBuilder {
    request.basic_auth("OPENVIDUAPP", Some("MY_SECRET"))
}

#[tokio::test]
async fn older_addresses_lead_to_the_dialect() {
    let service = service(|_| ()).await;
    let made = theirs(service.request(Method::POST, "/api/sessions")).body(r#"{"customSessionId":"S"}"#);
    assert_eq!(answer(made).await.1["id"], "S");
    assert_eq!(answer(theirs(service.get("/api/sessions?pendingConnections=true"))).await.1["numberOfElements"], 1);
    assert_eq!(answer(theirs(service.get("/api/recordings"))).await.1["count"], 0);
    for config in ["/config", "/api/config"] {
        assert_eq!(answer(theirs(service.get(config))).await.1["VERSION"], "2.32.2", "{config}");
    }
    for (path, status) in [
        ("/api/sessions", 401),
        ("/config/openvidu-publicurl", 200),
        ("/config/openvidu-version", 401),
        ("/accept-certificate", 200),
        ("/recordings/S/S.mp4", 401),
        ("/cdr", 401),
    ] {
        assert_eq!(service.get(path).send().await.unwrap().status(), status, "{path}");
    }
    assert_eq!(theirs(service.get("/cdr")).send().await.unwrap().status(), 404, "no record is kept");
}

/// What our own addresses answer, as status and the kind of JSON.
async fn ours(service: &Service) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    for path in [
        "/config",
        "/api/config",
        "/api/check",
        "/api/v1/rooms",
        "/api/v1/recordings",
        "/recordings",
        "/recordings/x",
        "/api/nothing",
    ] {
        let answer = service.get(path).bearer_auth("x").send().await.unwrap();
        let (status, html) = (answer.status().as_u16(), answer.text().await.unwrap());
        let keys = serde_json::from_str::<Value>(&html).unwrap_or(json!("a page"));
        answers.push((status, keys.as_object().map_or(keys.clone(), |keys| json!(keys.keys().collect::<Vec<_>>()))));
    }
    answers
}

#[tokio::test]
async fn our_own_addresses_are_as_they_were() {
    let secret = |config: &mut Config| config.auth.secret = Some(SECRET.into());
    let (with, without) = (service(secret).await, Service::with_secret().await);
    assert_eq!(ours(&with).await, ours(&without).await);
    let preflight = |service: &Service, path: &str, headers: &str| {
        let request = service.request(Method::OPTIONS, path).header("Origin", "https://elsewhere.example");
        request
            .header("Access-Control-Request-Method", "DELETE")
            .header("Access-Control-Request-Headers", headers)
            .send()
    };
    for path in ["/api/v1/rooms/x", "/api/v1/recordings/x", "/recordings/x", "/config"] {
        let answer = preflight(&with, path, "content-type").await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    for path in ["/api/sessions", "/openvidu/api/sessions", "/api/recordings/x", "/recordings/x/x.mp4", "/config"] {
        let answer = preflight(&with, path, "authorization").await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
    }
    let read = with.get("/config").header("Origin", "https://elsewhere.example").send().await.unwrap();
    assert!(!read.headers().contains_key("access-control-allow-origin"), "what a preflight grants is not read");
}

#[tokio::test]
async fn one_port_speaks_tls_and_plain_http() {
    let service = service(|_| ()).await;
    let port = service.running.https().unwrap().port();
    for (scheme, socket) in [("https", "wss"), ("http", "ws")] {
        let at = |path: &str| format!("{scheme}://localhost:{port}{path}");
        let url = service.http.get(at("/openvidu/api/config/openvidu-publicurl")).send().await.unwrap();
        assert_eq!(url.text().await.unwrap(), at("/"));
        let made = theirs(service.http.post(at("/openvidu/api/sessions")))
            .body(format!(r#"{{"customSessionId":"{scheme}"}}"#));
        assert_eq!(answer(made).await.0, 200);
        let path = format!("/openvidu/api/sessions/{scheme}/connection");
        let token = answer(theirs(service.http.post(at(&path)))).await.1["token"].clone();
        assert!(
            token.as_str().unwrap().starts_with(&format!("{socket}://localhost:{port}?sessionId={scheme}")),
            "{token}"
        );
    }
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://localhost:{port}/openvidu")).await.unwrap();
    drop(socket);
}

#[tokio::test]
async fn without_the_dialect_the_tls_port_speaks_tls_alone() {
    let service = Service::open().await;
    let port = service.running.https().unwrap().port();
    assert!(service.http.get(format!("http://localhost:{port}/health")).send().await.is_err());
    assert_eq!(service.http.get(format!("https://localhost:{port}/health")).send().await.unwrap().status(), 200);
    assert_eq!(theirs(service.get("/openvidu/api/sessions")).send().await.unwrap().status(), 404);
}
