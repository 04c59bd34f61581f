//! WHIP and WHEP over real HTTP, with the fake engine: what each verb answers, and what is left behind.

use crate::harness::{DEADLINE, Server, eventually, limits};
use millrace::auth::{Auth, TokenRole};
use millrace::media::fake::{FakeEngine, sdp};
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{EndReason, ParticipantId, PeerId, RoomId};
use millrace::room::Command;
use reqwest::{Method, Response, header::HeaderMap};
use std::time::Duration;

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const CANDIDATE: &str = "a=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n";
const RESTART: &str = "a=ice-ufrag:again\r\na=ice-pwd:againagainagainagainag\r\n";

fn offer() -> String {
    sdp(PeerId(1), "sendonly", "actpass").as_str().to_owned()
}

/// One request; a header's value is `name: value`.
pub async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = reqwest::Client::new().request(method, format!("http://{}{path}", server.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = tokio::time::timeout(DEADLINE, request.body(body.to_owned()).send()).await;
    sent.unwrap_or_else(|_| panic!("no answer to {path}")).unwrap()
}
pub async fn post(server: &Server, path: &str) -> Response {
    ask(server, "POST", path, &[("content-type", "application/sdp")], &offer()).await
}
async fn patch(server: &Server, path: &str, tag: &str, body: &str) -> Response {
    ask(server, "PATCH", path, &[("content-type", FRAGMENT), ("if-match", tag)], body).await
}
async fn delete(server: &Server, path: &str) -> u16 {
    ask(server, "DELETE", path, &[], "").await.status().as_u16()
}
pub fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Address and tag of a session that was opened.
pub async fn opened(server: &Server, path: &str) -> (String, String) {
    let response = post(server, path).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.text().await.unwrap();
    assert_eq!(status, 201, "{body}");
    assert_eq!(text(&headers, "content-type"), "application/sdp");
    assert!(body.starts_with("v=0") && text(&headers, "etag").starts_with('"'), "{headers:?}");
    (text(&headers, "location"), text(&headers, "etag"))
}
/// The token sends and watches in that room by WHIP and WHEP, and opens nothing else.
pub async fn is_a_guests(server: &Server, room: &str, token: &str) {
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/sdp"), ("authorization", bearer.as_str())];
    for (path, status) in [
        (format!("/whip/{room}?name=caller"), 201),
        (format!("/whep/{room}/caller"), 201),
        ("/whip/elsewhere".to_owned(), 403),
        ("/whep/elsewhere".to_owned(), 403),
    ] {
        assert_eq!(ask(server, "POST", &path, &headers, &offer()).await.status(), status, "{path}");
    }
    for role in ["WEB", "DEVICE"] {
        assert_eq!(server.status(role, "7", token).await, 403, "{role}");
    }
}
/// Dialects of who is in the room.
async fn dialects(server: &Server, room: &str) -> Vec<String> {
    let Ok(room) = server.rooms.find(&RoomId::new(room)) else { return Vec::new() };
    let participants = room.view().await.map(|view| view.participants).unwrap_or_default();
    participants.into_iter().map(|p| p.dialect).collect()
}
async fn gone(server: &Server, session: &str) {
    eventually("the session is gone", || async { delete(server, session).await == 404 }).await;
}

#[tokio::test]
async fn whip_from_offer_to_end() {
    let server = Server::start().await;
    let (session, tag) = opened(&server, "/whip/hall?name=obs").await;
    assert!(session.starts_with("/whip/hall/sessions/") && session.len() > 60, "{session}");
    assert_eq!(dialects(&server, "hall").await, ["whip"]);
    assert_eq!(patch(&server, &session, &tag, CANDIDATE).await.status(), 204);
    let candidates = server.engine.requests().iter().filter(|r| matches!(r, MediaRequest::Candidate { .. })).count();
    assert_eq!(candidates, 2, "one, and the end");
    let restarted = patch(&server, &session, "*", RESTART).await;
    assert_eq!((restarted.status().as_u16(), text(restarted.headers(), "content-type")), (200, FRAGMENT.into()));
    let newer = text(restarted.headers(), "etag");
    assert_ne!(newer, tag);
    let fragment = restarted.text().await.unwrap();
    assert!(fragment.contains("a=ice-ufrag:fake") && fragment.contains("a=candidate:"), "{fragment}");
    let again = server.engine.requests().into_iter().find_map(|request| match request {
        MediaRequest::Republish { offer, .. } => Some(offer.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(again.unwrap().matches("a=ice-ufrag:again").count(), 2, "the client's offer with its new names");
    assert_eq!(patch(&server, &session, &tag, CANDIDATE).await.status(), 412);
    assert_eq!(patch(&server, &session, &newer, CANDIDATE).await.status(), 204);
    assert_eq!(delete(&server, &session).await, 200);
    assert_eq!(delete(&server, &session).await, 404);
    assert_eq!(patch(&server, &session, &newer, CANDIDATE).await.status(), 404);
    assert!(dialects(&server, "hall").await.is_empty());
}

#[tokio::test]
async fn whep_from_offer_to_end() {
    let server = Server::start().await;
    let _publishing = opened(&server, "/whip/hall?name=stage").await;
    for path in ["/whep/hall", "/whep/hall/stage"] {
        let (session, tag) = opened(&server, path).await;
        assert_eq!(dialects(&server, "hall").await, ["whep", "whip"]);
        assert_eq!(patch(&server, &session, &tag, CANDIDATE).await.status(), 204);
        let restarted = patch(&server, &session, "*", RESTART).await;
        assert_eq!(restarted.status(), 200);
        assert_ne!(text(restarted.headers(), "etag"), tag);
        assert_eq!(delete(&server, &session).await, 200);
        assert_eq!(delete(&server, &session).await, 404);
    }
    let mut restarts = server.engine.requests();
    restarts.retain(|r| matches!(r, MediaRequest::SubscribeWith { .. }));
    assert_eq!(restarts.len(), 4, "two sessions, each with one restart");
    assert_eq!(post(&server, "/whep/hall/nobody").await.status(), 404);
    assert_eq!(post(&server, "/whep/elsewhere").await.status(), 404);
}

#[tokio::test]
async fn without_a_feed_in_the_address_several_feeds_are_a_mix() {
    let server = Server::start().await;
    let _one = opened(&server, "/whip/hall").await;
    let _two = opened(&server, "/whip/hall").await;
    let _mix = opened(&server, "/whep/hall").await;
    assert!(server.engine.requests().iter().any(|r| matches!(r, MediaRequest::LiveMix { .. })));
}

#[tokio::test]
async fn a_feed_that_ends_ends_its_viewers_sessions() {
    let server = Server::start().await;
    let (publishing, _) = opened(&server, "/whip/hall").await;
    let (watching, tag) = opened(&server, "/whep/hall").await;
    assert_eq!(delete(&server, &publishing).await, 200);
    gone(&server, &watching).await;
    assert_eq!(patch(&server, &watching, &tag, CANDIDATE).await.status(), 404);
    eventually("the viewer has left", || async { dialects(&server, "hall").await.is_empty() }).await;
}

#[tokio::test]
async fn a_publisher_without_media_ends_its_session() {
    let server = Server::start().await;
    let (session, _) = opened(&server, "/whip/hall").await;
    let peer = published(&server);
    let (reason, detail) = (EndReason::MediaTimeout, "no RTP".into());
    assert!(server.engine.emit(MediaEvent::PeerEnded { peer, reason, detail }));
    gone(&server, &session).await;
    assert!(dialects(&server, "hall").await.is_empty());
}

fn published(server: &Server) -> PeerId {
    let peer = |request| if let MediaRequest::Publish { peer, .. } = request { Some(peer) } else { None };
    server.engine.requests().into_iter().find_map(peer).unwrap()
}

#[tokio::test]
async fn who_is_kicked_has_no_session_any_more() {
    let server = Server::start().await;
    let (session, _) = opened(&server, "/whip/hall?name=obs").await;
    let room = server.rooms.find(&RoomId::new("hall")).unwrap();
    let participant = ParticipantId::new("WHIP:obs");
    room.request(None, Command::Kick { participant }).await.unwrap();
    gone(&server, &session).await;
}

#[tokio::test]
async fn the_same_name_again_takes_over_the_feed() {
    let server = Server::start().await;
    let (older, _) = opened(&server, "/whip/hall?name=obs").await;
    let (watching, tag) = opened(&server, "/whep/hall").await;
    let (newer, _) = opened(&server, "/whip/hall?name=obs").await;
    gone(&server, &older).await;
    assert_eq!(dialects(&server, "hall").await, ["whep", "whip"]);
    assert_eq!(patch(&server, &watching, &tag, CANDIDATE).await.status(), 204, "viewers stay");
    assert_eq!(delete(&server, &newer).await, 200);
}

#[tokio::test]
async fn a_client_that_does_not_wait_leaves_nobody_behind() {
    let server = Server::with(FakeEngine::manual(), limits(), None).await;
    let request = tokio::time::timeout(Duration::from_millis(300), post(&server, "/whip/hall"));
    assert!(request.await.is_err(), "the engine does not answer yet");
    assert_eq!(dialects(&server, "hall").await, ["whip"]);
    let peer = published(&server);
    server.engine.emit(MediaEvent::PublishAnswered { peer, answer: sdp(peer, "recvonly", "active") });
    eventually("it has left", || async { dialects(&server, "hall").await.is_empty() }).await;
}

#[tokio::test]
async fn tokens_say_who_publishes_and_who_watches() {
    const SECRET: &str = "a secret of at least sixteen bytes";
    let server = Server::with(FakeEngine::automatic(), limits(), Some(SECRET)).await;
    let auth = Auth::new(Some(SECRET));
    let token = |role, room: Option<&str>| {
        let token = auth.issue(role, room.map(RoomId::new), Duration::from_secs(60)).unwrap();
        format!("Bearer {token}")
    };
    let bearer = async |path: &str, token: &str| {
        let headers = [("content-type", "application/sdp"), ("authorization", token)];
        ask(&server, "POST", path, &headers, &offer()).await
    };
    let refused = post(&server, "/whip/hall").await;
    assert_eq!((refused.status().as_u16(), text(refused.headers(), "www-authenticate")), (401, "Bearer".into()));
    assert_eq!(text(refused.headers(), "access-control-allow-origin"), "*", "a page may read why");
    for (path, role, room, status) in [
        ("/whip/hall", TokenRole::Web, None, 403),
        ("/whip/hall", TokenRole::Device, Some("other"), 403),
        ("/whep/hall", TokenRole::Web, None, 404),
        ("/whip/hall", TokenRole::Device, None, 201),
        ("/whip/own", TokenRole::Device, Some("own"), 201),
        ("/whep/hall", TokenRole::Device, None, 403),
        ("/whep/hall", TokenRole::Web, None, 201),
        ("/whep/hall", TokenRole::Admin, None, 201),
    ] {
        assert_eq!(bearer(path, &token(role, room)).await.status(), status, "{path} {role:?} {room:?}");
    }
    assert_eq!(bearer("/whip/hall", "Bearer nonsense").await.status(), 401);
    assert_eq!(bearer("/whip/hall", "Basic Zm9v").await.status(), 401);
}

#[tokio::test]
async fn pages_from_anywhere_may_ask() {
    let server = Server::start().await;
    for (path, kind, header) in [
        ("/whip/hall", "application/sdp", "accept-post"),
        ("/whep/hall/stage", "application/sdp", "accept-post"),
        ("/whip/hall/sessions/x", FRAGMENT, "accept-patch"),
    ] {
        let origin = [("origin", "https://example.org"), ("access-control-request-method", "POST")];
        let response = ask(&server, "OPTIONS", path, &origin, "").await;
        assert_eq!(response.status(), 204, "{path}");
        let headers = response.headers();
        assert_eq!((text(headers, header), text(headers, "access-control-allow-origin")), (kind.into(), "*".into()));
        assert!(text(headers, "access-control-allow-headers").contains("Authorization"));
        assert!(text(headers, "access-control-allow-methods").contains("PATCH"));
        assert!(text(headers, "access-control-expose-headers").contains("Location, ETag, Link"));
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_in_words() {
    let server = Server::start().await;
    let _publishing = opened(&server, "/whip/hall").await;
    let (session, tag) = opened(&server, "/whep/hall").await;
    let (sdp, json) = ("application/sdp", "application/json");
    let large = "a".repeat(70_000);
    let no_codec = offer().replace("opus", "g722").replace("VP8", "H263");
    for (method, path, headers, body, status) in [
        ("POST", "/whip/hall", vec![("content-type", json)], "{}", 415),
        ("POST", "/whip/hall", vec![], "v=0", 415),
        ("POST", "/whip/hall", vec![("content-type", sdp)], " ", 400),
        ("POST", "/whip/hall", vec![("content-type", sdp)], "hello", 400),
        ("POST", "/whip/hall", vec![("content-type", sdp)], large.as_str(), 413),
        ("POST", "/whip/hall", vec![("content-type", sdp)], no_codec.as_str(), 422),
        ("POST", "/whep/hall", vec![("content-type", sdp)], no_codec.as_str(), 406),
        ("POST", "/whip/hall", vec![("content-type", sdp), ("accept", json)], "v=0", 406),
        ("POST", "/whip/a%20b", vec![("content-type", sdp)], "v=0", 400),
        ("GET", "/whip/hall", vec![], "", 405),
        ("PUT", "/whep/hall/stage", vec![], "", 405),
        ("POST", &session, vec![("content-type", sdp)], "v=0", 405),
        ("PATCH", &session, vec![("content-type", sdp), ("if-match", &tag)], "v=0", 415),
        ("PATCH", &session, vec![("content-type", FRAGMENT), ("if-match", &tag)], "hello", 400),
        ("PATCH", &session, vec![("content-type", FRAGMENT)], CANDIDATE, 428),
        ("PATCH", &session, vec![("content-type", FRAGMENT), ("if-match", "*")], "a=ice-ufrag:again", 400),
        ("DELETE", "/whip/hall/sessions/nonsense", vec![], "", 404),
    ] {
        let response = ask(&server, method, path, &headers, body).await;
        assert_eq!(response.status(), status, "{method} {path} {headers:?}");
        assert_eq!(text(response.headers(), "content-type"), "application/problem+json");
        assert_eq!(text(response.headers(), "allow").is_empty(), status != 405);
        let problem: serde_json::Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().is_some_and(|words| words.len() > 10), "{problem}");
        assert_eq!(problem["status"], status);
    }
    assert_eq!(dialects(&server, "hall").await, ["whep", "whip"], "refused offers leave nobody behind");
}
