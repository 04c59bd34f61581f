//! IPCAM connections: each row of their tables, bad input included.

use super::*;
use crate::harness::eventually;
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{EndReason, FeedId, IngestWish, RoomId};
use millrace::room::Command;
use std::time::{Duration, Instant};

const DOOR: &str = "rtsp://admin:pw@127.0.0.1:554/cam-1";

fn camera(more: Value) -> Value {
    let mut body = json!({ "type": "IPCAM", "rtspUri": DOOR, "data": "door" });
    more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
    body
}

/// Adds one; its connection.
async fn add(server: &Server, more: Value) -> Value {
    let (status, made) = post(server, "/sessions/S/connection", camera(more)).await;
    assert_eq!(status, 200, "{made}");
    made
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// What the engine was asked to open.
async fn opened(server: &Server) -> (PeerId, FeedId, IngestWish) {
    let asked = server.engine.wait_for(|request| match request {
        MediaRequest::Ingest { peer, feed, wish } => Some((*peer, *feed, (**wish).clone())),
        _ => None,
    });
    tokio::time::timeout(DEADLINE, asked).await.expect("the engine is asked")
}

async fn ends(server: &Server, peer: PeerId) {
    let closed = server.engine.wait_for(|request| match request {
        MediaRequest::Close { peer: of, .. } if *of == peer => Some(()),
        _ => None,
    });
    tokio::time::timeout(DEADLINE, closed).await.expect("its ingest is closed");
}

#[tokio::test]
async fn what_cannot_be_a_camera_is_refused() {
    let server = server().await;
    assert_eq!(post(&server, "/sessions/S/connection", camera(json!({}))).await, (404, Value::Null));
    session(&server).await;
    for wrong in [
        json!({ "rtspUri": null }),
        json!({ "rtspUri": 5 }),
        json!({ "rtspUri": "" }),
        json!({ "rtspUri": "/dev/video0" }),
        json!({ "rtspUri": "gopher://127.0.0.1/x" }),
        json!({ "rtspUri": "rtsp://" }),
        json!({ "rtspUri": format!("rtsp://127.0.0.1/{}", "x".repeat(3000)) }),
        json!({ "adaptativeBitrate": "yes" }),
        json!({ "onlyPlayWithSubscribers": 1 }),
        json!({ "networkCache": "2000" }),
        json!({ "data": {} }),
        json!({ "record": "no" }),
        json!({ "type": "CAMERA" }),
    ] {
        let (status, body) = post(&server, "/sessions/S/connection", camera(wrong.clone())).await;
        assert_eq!((status, &body["status"]), (400, &json!(400)), "{wrong}: {body}");
    }
    assert_eq!(get(&server, "/sessions/S/connection").await.1["numberOfElements"], 0);
    let (status, token) = post(&server, "/tokens", json!({ "session": "S", "type": "IPCAM", "rtspUri": DOOR })).await;
    assert_eq!((status, token["role"].as_str()), (200, Some("PUBLISHER")), "a token is always a client's: {token}");
}

#[tokio::test]
async fn it_is_active_at_once_and_the_session_with_it() {
    let server = server().await;
    session(&server).await;
    let begun = Instant::now();
    let made = add(&server, json!({})).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    let (_, _, wish) = opened(&server).await;
    assert_eq!((wish.uri.as_str(), wish.user.as_str()), ("rtsp://127.0.0.1:554/cam-1", "admin"));
    assert_eq!((wish.on_demand, wish.lazy, wish.latency_ms, wish.audio), (true, true, 2000, true));
    assert!(id(&made).starts_with("ipc_IPCAM_rtsp_") && id(&made).ends_with("_127_0_0_1_554_cam1"), "{made}");
    let expected = json!({
        "object": "connection", "type": "IPCAM", "status": "active", "sessionId": "S", "location": "unknown",
        "ip": "127.0.0.1", "platform": "IPCAM", "token": null, "serverData": "door", "record": true, "role": null,
        "kurentoOptions": null, "customIceServers": [], "rtspUri": DOOR, "adaptativeBitrate": true,
        "onlyPlayWithSubscribers": true, "networkCache": 2000, "clientData": null, "subscribers": [],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(made.get(name), Some(value), "{name}: {made}");
    }
    let options = json!({
        "hasAudio": true, "audioActive": true, "hasVideo": true, "videoActive": true, "typeOfVideo": "IPCAM", "frameRate": null,
        "videoDimensions": null, "filter": {}, "adaptativeBitrate": true, "onlyPlayWithSubscribers": true, "networkCache": 2000,
    });
    let published = &made["publishers"][0];
    assert_eq!((&published["mediaOptions"], &published["rtspUri"]), (&options, &json!(DOOR)));
    assert_eq!(get(&server, &format!("/sessions/S/connection/{}", id(&made))).await, (200, made.clone()));
    let (_, shown) = get(&server, "/sessions/S").await;
    assert_eq!(shown["connections"]["content"], json!([made]));
    // Nobody else is here, and the session stays: a page joins and leaves again.
    let (mut ann, welcome) = Page::join(&server, "SUBSCRIBER", "ann").await;
    assert_eq!(welcome["value"][0]["streams"][0]["typeOfVideo"], "IPCAM", "{welcome}");
    assert!(ann.ask("leaveRoom", json!({})).await["result"].get("sessionId").is_some());
    assert_eq!(get(&server, "/sessions/S").await.0, 200);
}

#[tokio::test]
async fn all_hear_of_it_once_watch_it_and_hear_of_its_end() {
    let server = server().await;
    session(&server).await;
    let (mut ann, _) = Page::join(&server, "SUBSCRIBER", "ann").await;
    let made = add(&server, json!({ "onlyPlayWithSubscribers": false, "networkCache": 120 })).await;
    let (peer, feed, wish) = opened(&server).await;
    assert_eq!((wish.on_demand, wish.lazy, wish.latency_ms), (false, false, 120));
    let joined = ann.hears("participantJoined").await;
    assert_eq!((&joined["id"], &joined["metadata"]), (&made["id"], &json!("door")));
    let published = ann.hears("participantPublished").await;
    let stream = published["streams"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!((&published["id"], &made["publishers"][0]["streamId"]), (&made["id"], &json!(stream)));
    let offer = sdp(PeerId(7), "recvonly", "actpass");
    let answer = ann.ask("receiveVideoFrom", json!({ "sender": stream, "sdpOffer": offer.as_str() })).await;
    assert!(answer["result"]["sdpAnswer"].as_str().is_some_and(|sdp| sdp.starts_with("v=0")), "{answer}");
    let (_, now) = get(&server, "/sessions/S").await;
    assert_eq!(now["connections"]["content"][0]["subscribers"][0]["streamId"], stream);
    assert_eq!(delete(&server, &format!("/sessions/S/stream/{stream}")).await, 405);
    assert_eq!(delete(&server, &format!("/sessions/S/connection/{}", id(&made))).await, 204);
    // Nothing was told of its feed besides: it is no stranger.
    for told in ["participantLeft", "participantEvicted"] {
        let told = ann.hears(told).await;
        assert_eq!((&told["connectionId"], &told["reason"]), (&made["id"], &json!("forceDisconnectByServer")));
    }
    ends(&server, peer).await;
    assert_eq!(delete(&server, &format!("/sessions/S/connection/{}", id(&made))).await, 404);
    assert!(
        server
            .engine
            .requests()
            .iter()
            .any(|request| matches!(request, MediaRequest::SubscribeWith { feed: of, .. } if *of == feed))
    );
}

#[tokio::test]
async fn a_moderator_ends_it_and_the_session_ends_it() {
    let server = server().await;
    session(&server).await;
    let (mut ann, _) = Page::join(&server, "MODERATOR", "ann").await;
    let made = add(&server, json!({})).await;
    let (peer, ..) = opened(&server).await;
    let stream = made["publishers"][0]["streamId"].clone();
    let refused = ann.ask("forceUnpublish", json!({ "streamId": stream })).await;
    assert_eq!(refused["error"]["code"], 10);
    let done = ann.ask("forceDisconnect", json!({ "connectionId": made["id"] })).await;
    assert!(done.get("result").is_some(), "{done}");
    ends(&server, peer).await;
    let other = add(&server, json!({ "rtspUri": "rtsp://127.0.0.1/other" })).await;
    assert_eq!(get(&server, "/sessions/S").await.1["connections"]["numberOfElements"], 2, "{other}");
    assert_eq!(delete(&server, "/sessions/S").await, 204);
    let room = RoomId::of_name("S");
    eventually("no ingest is left", async || match server.rooms.find(&room) {
        Ok(room) => room.view().await.is_ok_and(|view| view.ingests.is_empty()),
        Err(_) => true,
    })
    .await;
}

#[tokio::test]
async fn what_the_operator_removes_is_gone_even_if_nobody_is_here_to_see() {
    let server = server().await;
    session(&server).await;
    let (made, other) = (add(&server, json!({})).await, add(&server, json!({ "rtspUri": "http://localhost/x" })).await);
    let room = server.rooms.find(&RoomId::of_name("S")).unwrap();
    room.request(None, Command::RemoveIngest { name: id(&made) }).await.unwrap();
    eventually("its connection is gone", async || {
        get(&server, "/sessions/S/connection").await.1["content"] == json!([other])
    })
    .await;
    // A source that comes to its end, too; with the last of them the session is over.
    let last = room.view().await.unwrap().ingests[0].peer;
    let (reason, detail) = (EndReason::SourceEnded, String::new());
    assert!(server.engine.emit(MediaEvent::PeerEnded { peer: last, reason, detail }));
    eventually("the session is over", async || get(&server, "/sessions/S").await.0 == 404).await;
}

#[tokio::test]
async fn a_room_takes_so_many_cameras_and_says_when_it_is_full() {
    let server = server().await;
    session(&server).await;
    for _ in 0..64 {
        add(&server, json!({})).await;
    }
    let (status, body) = post(&server, "/sessions/S/connection", camera(json!({}))).await;
    assert_eq!((status, &body["status"]), (500, &json!(500)), "{body}");
    assert_eq!(get(&server, "/sessions/S/connection").await.1["numberOfElements"], 64);
}
