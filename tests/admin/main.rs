//! The REST API, health, metrics, pages and shutdown, over real HTTP.
// clippy.toml lets tests unwrap, but not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod events;
mod onvif;
#[path = "../harness/onvif_camera.rs"]
mod onvif_camera;
mod openvidu;
mod recordings;
mod support;
mod tokens;
mod viewing;

use millrace::model::{EndReason, Grants, ParticipantId, RoomId};
use millrace::room::EventKind;
use millrace::room::registry::Joining;
use reqwest::{Method, StatusCode};
use std::time::{Duration, Instant};
use support::{Service, answer};

#[tokio::test]
async fn rooms_are_made_listed_looked_at_and_closed() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let (status, made) = service.call(Method::POST, "/api/v1/rooms").await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(made["id"].as_str().unwrap().parse::<u64>().is_ok(), "the server's own names are integers: {made}");
    let again = service.request(Method::POST, "/api/v1/rooms").json(&serde_json::json!({ "id": "hall" }));
    assert_eq!(answer(again).await.0, StatusCode::OK, "a room that exists is returned");
    let (_, list) = service.call(Method::GET, "/api/v1/rooms").await;
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    assert_eq!(service.call(Method::DELETE, "/api/v1/rooms/hall").await.0, StatusCode::NO_CONTENT);
    let (status, error) = service.call(Method::GET, "/api/v1/rooms/hall").await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("room_not_found")));
}

#[tokio::test]
async fn refusals_are_json_with_code_and_message() {
    let service = Service::open().await;
    let bad_name = service.request(Method::POST, "/api/v1/rooms").json(&serde_json::json!({ "id": "a b" }));
    let bad_json = service.request(Method::POST, "/api/v1/rooms").body("{");
    let cases = [
        (bad_name, 400, "bad_request"),
        (bad_json, 400, "bad_request"),
        (service.get("/api/v1/rooms/none/feeds"), 404, "room_not_found"),
        (service.get("/api/v1/recordings/none"), 404, "recording_not_found"),
        (service.get("/api/v1/nothing"), 404, "not_found"),
        (service.request(Method::PATCH, "/api/v1/rooms"), 405, "method_not_allowed"),
    ];
    for (request, status, code) in cases {
        let (got, error) = answer(request).await;
        assert_eq!((got.as_u16(), error["code"].as_str()), (status, Some(code)), "{error}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
}

#[tokio::test]
async fn a_participant_is_shown_and_can_be_removed() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let room = service.running.rooms().find(&RoomId::new("hall")).unwrap();
    let who = Joining {
        id: ParticipantId::new("WEB:1"),
        name: "1".into(),
        dialect: "device",
        grants: Grants { control: true, publish: true, subscribe: true, room: None },
        leaves_with_its_feed: false,
        unique: false,
    };
    let mut events = room.join(who).await.unwrap();
    let (_, list) = service.call(Method::GET, "/api/v1/rooms/hall/participants").await;
    assert_eq!(list[0]["id"], "WEB:1", "{list}");
    let path = "/api/v1/rooms/hall/participants/WEB:1";
    assert_eq!(service.call(Method::DELETE, path).await.0, StatusCode::NO_CONTENT);
    let left = async {
        loop {
            let event = events.recv().await.expect("the stream ends with ParticipantLeft");
            if let EventKind::ParticipantLeft { reason, .. } = event.kind {
                return reason;
            }
        }
    };
    let reason = tokio::time::timeout(Duration::from_secs(5), left).await.expect("no ParticipantLeft within 5 s");
    assert_eq!(reason, EndReason::Kicked);
    let (status, error) = service.call(Method::DELETE, path).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("participant_not_found")));
}

#[tokio::test]
async fn the_graph_is_dot_and_svg() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let dot = service.get("/api/v1/rooms/hall/graph").send().await.unwrap();
    assert!(dot.headers()["content-type"].to_str().unwrap().starts_with("text/vnd.graphviz"));
    assert!(dot.text().await.unwrap().contains("digraph"));
    let by_header = service.get("/api/v1/rooms/hall/graph").header("accept", "image/svg+xml");
    let wishes =
        [by_header, service.get("/api/v1/rooms/hall/graph?format=svg"), service.get("/api/v1/rooms/hall/graph.svg")];
    for wish in wishes {
        let svg = wish.send().await.unwrap();
        assert_eq!(svg.headers()["content-type"], "image/svg+xml");
        assert!(svg.text().await.unwrap().contains("<svg"));
    }
}

#[tokio::test]
async fn the_description_names_every_route() {
    let service = Service::open().await;
    let (status, api) = service.call(Method::GET, "/api/openapi.json").await;
    assert_eq!((status, api["openapi"].as_str().map(|v| v.starts_with("3."))), (StatusCode::OK, Some(true)));
    let wanted = [
        ("/api/v1/rooms", "get post"),
        ("/api/v1/rooms/{id}", "get delete"),
        ("/api/v1/rooms/{id}/settings", "put"),
        ("/api/v1/rooms/{id}/graph", "get"),
        ("/api/v1/rooms/{id}/graph.svg", "get"),
        ("/api/v1/rooms/{id}/participants", "get"),
        ("/api/v1/rooms/{id}/participants/{participant}", "delete"),
        ("/api/v1/rooms/{id}/invite", "post"),
        ("/api/v1/rooms/{id}/feeds", "get"),
        ("/api/v1/rooms/{id}/feeds/{feed}", "get"),
        ("/api/v1/rooms/{id}/subscriptions", "get"),
        ("/api/v1/rooms/{id}/recordings", "get post"),
        ("/api/v1/recordings", "get"),
        ("/api/v1/recordings/{id}", "get delete"),
        ("/api/v1/recordings/{id}/stop", "post"),
        ("/api/v1/recordings/{id}/pause", "post"),
        ("/api/v1/recordings/{id}/resume", "post"),
        ("/api/v1/recordings/{id}/layout", "put"),
        ("/api/v1/recordings/{id}/archive.zip", "get"),
        ("/api/v1/recordings/{id}/restore", "post"),
        ("/api/v1/recordings/{id}/upload", "post"),
        ("/api/v1/recordings/{id}/files/{name}/clip", "get"),
        ("/api/v1/rooms/{id}/recordings/cost", "get"),
        ("/api/v1/recording-layouts", "get"),
        ("/api/v1/rooms/{id}/feeds/{feed}/snapshot.jpg", "get"),
        ("/api/v1/rooms/{id}/feeds/{feed}/clip", "get"),
        ("/api/v1/rooms/{id}/ingests", "get post"),
        ("/api/v1/rooms/{id}/ingests/{name}", "get delete"),
        ("/api/v1/rooms/{id}/ingests/{name}/restart", "post"),
        ("/api/v1/rooms/{id}/ingests/{name}/ptz", "post"),
        ("/api/v1/rooms/{id}/ingests/{name}/presets", "get"),
        ("/api/v1/rooms/{id}/broadcasts", "get post"),
        ("/api/v1/rooms/{id}/broadcasts/{broadcast}", "get delete"),
        ("/api/v1/onvif/discover", "post"),
        ("/api/v1/onvif/profiles", "post"),
        ("/api/v1/onvif/snapshot", "post"),
        ("/api/v1/onvif/presets", "post"),
        ("/api/v1/onvif/ptz", "post"),
        ("/api/v1/rooms/{id}/subscriptions/{peer}", "patch"),
        ("/api/v1/rooms/{id}/subscriptions/{peer}/explain", "get"),
        ("/api/v1/transcodes", "get"),
        ("/api/v1/players", "get"),
        ("/api/v1/events", "get"),
        ("/api/v1/recordings/{id}/files/{name}", "get"),
        ("/api/v1/clients", "get"),
        ("/api/v1/devices", "get"),
        ("/health", "get"),
        ("/metrics", "get"),
    ];
    let paths = api["paths"].as_object().unwrap();
    for (path, verbs) in wanted {
        for verb in verbs.split(' ') {
            assert!(api["paths"][path][verb].is_object(), "{verb} {path} is not described");
        }
    }
    assert_eq!(paths.len(), wanted.len(), "a new route needs a line here: {:?}", paths.keys());
    let unresolved = api.to_string().split("\"#/components/schemas/").skip(1).find_map(|rest| {
        let name = rest.split('"').next()?;
        api["components"]["schemas"][name].is_null().then(|| name.to_owned())
    });
    assert_eq!(unresolved, None, "a schema is referred to but not there");
    assert_eq!(service.get("/api/docs/").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn health_and_metrics_tell_of_rooms_and_requests() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let (status, health) = service.call(Method::GET, "/health").await;
    assert_eq!((status, &health["status"], &health["rooms"]), (StatusCode::OK, &"ok".into(), &1.into()), "{health}");
    let metrics = service.get("/metrics").send().await.unwrap().text().await.unwrap();
    let needed = ["media_rooms ", "media_peers{kind=\"publisher\"}", "http_requests_total{", "route=\"/api/v1/rooms\""];
    for name in needed {
        assert!(metrics.contains(name), "{name} is missing in:\n{metrics}");
    }
}

#[tokio::test]
async fn https_serves_with_a_self_signed_certificate() {
    let service = Service::open().await;
    let address = service.running.https().unwrap();
    let health = service.http.get(format!("https://{address}/health")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.headers()["access-control-allow-origin"], "*", "pages of elsewhere may look whether it is up");
}

#[tokio::test]
async fn pages_have_their_rules_and_are_not_sent_twice() {
    let service = Service::open().await;
    for path in ["/", "/check", "/console", "/device"] {
        let page = service.get(path).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
        let tag = page.headers()["etag"].clone();
        let again = service.get(path).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
    assert_eq!(service.get("/web/../Cargo.toml").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(service.get("/web/%2e%2e/Cargo.toml").send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_secret_foreign_pages_are_refused() {
    let service = Service::open().await;
    let foreign = service.request(Method::POST, "/api/v1/rooms").header("origin", "https://example.org");
    let (status, error) = answer(foreign).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::FORBIDDEN, Some("foreign_page")));
    let rebound = service.get("/api/v1/rooms").header("host", "rebound.example.org");
    assert_eq!(answer(rebound).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn shutdown_is_bounded_and_frees_the_port() {
    let service = Service::open().await;
    service.make_room("hall").await;
    let http = service.running.http();
    // A connection kept open by the client does not hold it up.
    let idle = tokio::net::TcpStream::connect(http).await.unwrap();
    let begun = Instant::now();
    service.running.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(11), "took {:?}", begun.elapsed());
    std::net::TcpListener::bind(http).expect("the port is free again");
    drop(idle);
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_remedy() {
    let first = Service::open().await;
    let taken = first.running.http();
    let mut config = millrace::config::Config::default();
    config.server.http = taken;
    config.server.https = None;
    config.server.data_dir = first.dir.path().into();
    let engine = support::idle_engine();
    let error = millrace::app::App::start_with(config, engine).await.err().expect("the port is taken").to_string();
    assert!(error.contains(&taken.to_string()) && error.contains("--http") && error.contains("remedy"), "{error}");
}
