//! What a WHEP viewer wants at most, over real HTTP with the fake engine: the layer extension, and limits by PATCH.

use crate::harness::{Server, eventually};
use crate::sessions::{ask, opened, post, text};
use millrace::media::MediaRequest;
use millrace::model::ViewLimits;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

async fn say(server: &Server, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
    let response = ask(server, method, path, &[("content-type", kind)], body).await;
    let status = response.status().as_u16();
    assert_eq!(text(response.headers(), "access-control-allow-origin"), "*");
    (status, response.json().await.unwrap())
}

/// Limits that the engine was told, newest last.
fn told(server: &Server) -> Vec<ViewLimits> {
    let limits = |request| if let MediaRequest::Limit { limits, .. } = request { Some(limits) } else { None };
    server.engine.requests().into_iter().filter_map(limits).collect()
}

#[tokio::test]
async fn the_layer_extension_bounds_the_pictures() {
    let server = Server::start().await;
    let _publishing = opened(&server, "/whip/hall").await;
    let created = post(&server, "/whep/hall").await;
    let session = text(created.headers(), "location");
    let layer = format!("{session}/layer");
    let links: Vec<&str> = created.headers().get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    assert!(links.contains(&format!("<{layer}>; rel=\"urn:ietf:params:whep:ext:core:layer\"").as_str()), "{links:?}");
    let bounded = say(&server, "POST", &layer, JSON, r#"{"mediaId": "1", "maxWidth": 640, "maxKbps": 400}"#).await;
    let limits = json!({"max_width": 640, "max_kbps": 400, "paused": false, "audio_only": false, "pinned": false});
    assert_eq!(bounded, (200, limits));
    let (status, free) = say(&server, "POST", &layer, JSON, "{}").await;
    assert_eq!((status, &free["max_width"]), (200, &Value::Null));
    let expected = ViewLimits { max_width: Some(640), max_kbps: Some(400), ..ViewLimits::default() };
    eventually("the engine knows", || async { told(&server) == [expected, ViewLimits::default()] }).await;
    let options = ask(&server, "OPTIONS", &layer, &[("origin", "https://example.org")], "").await;
    assert_eq!((options.status().as_u16(), text(options.headers(), "accept-post")), (204, JSON.into()));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let server = Server::start().await;
    let (publishing, _) = opened(&server, "/whip/hall").await;
    let (session, tag) = opened(&server, "/whep/hall").await;
    let (status, limits) = say(&server, "PATCH", &session, MERGE, r#"{"max_kbps": 300, "paused": true}"#).await;
    assert_eq!((status, &limits["max_kbps"], &limits["paused"]), (200, &json!(300), &json!(true)));
    let (_, limits) = say(&server, "PATCH", &session, MERGE, r#"{"max_kbps": null, "audio_only": true}"#).await;
    assert_eq!(
        limits,
        json!({"max_width": null, "max_kbps": null, "paused": true, "audio_only": true, "pinned": false})
    );
    let options = ask(&server, "OPTIONS", &session, &[], "").await;
    assert!(text(options.headers(), "accept-patch").contains(MERGE));
    let fragment = [("content-type", "application/trickle-ice-sdpfrag"), ("if-match", &tag)];
    let trickled = ask(&server, "PATCH", &session, &fragment, "a=mid:0\r\na=end-of-candidates\r\n").await;
    assert_eq!(trickled.status(), 204, "candidates go the way they went");
    let (status, problem) = say(&server, "PATCH", &publishing, MERGE, r#"{"paused": true}"#).await;
    assert_eq!((status, &problem["code"]), (415, &json!("unsupported_media_type")));
}

#[tokio::test]
async fn limits_that_cannot_be_are_told_in_words() {
    let server = Server::start().await;
    let _publishing = opened(&server, "/whip/hall").await;
    let (session, _) = opened(&server, "/whep/hall").await;
    let layer = format!("{session}/layer");
    let large = format!("{{\"mediaId\": \"{}\"}}", "1".repeat(5000));
    for (method, path, kind, body, status, words) in [
        ("POST", layer.as_str(), JSON, r#"{"encodingId": "hd"}"#, 422, "maxWidth"),
        ("POST", &layer, JSON, r#"{"maxWidth": 3}"#, 400, "max_width: 16 to 8192"),
        ("POST", &layer, JSON, r#"{"maxWidth": -1}"#, 400, "expected u32"),
        ("POST", &layer, JSON, r#"{"height": 360}"#, 400, "unknown field"),
        ("POST", &layer, JSON, "[", 400, "not what is expected"),
        ("POST", &layer, JSON, &large, 413, "length limit"),
        ("POST", &layer, "application/sdp", "v=0", 415, "application/json"),
        ("GET", &layer, JSON, "", 405, "layer"),
        ("POST", "/whep/hall/sessions/nonsense/layer", JSON, "{}", 404, "no such session"),
        ("POST", &layer.replace("hall", "other"), JSON, "{}", 404, "no such session"),
        ("PATCH", &session, MERGE, r#"{"max_width": 9000}"#, 400, "max_width: 16 to 8192"),
        ("PATCH", &session, MERGE, r#"{"max_height": 9}"#, 400, "unknown field"),
    ] {
        let (got, problem) = say(&server, method, path, kind, body).await;
        assert_eq!(got, status, "{method} {path} {body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{problem}");
    }
    assert!(told(&server).is_empty());
}
