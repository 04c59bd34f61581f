//! The conference dialect: every row of its tables, and those who mean no good.

use crate::harness::{Client, Server, eventually, limits};
use futures::{SinkExt, StreamExt};
use millrace::auth::{Auth, TokenRole};
use millrace::config::{GuestDialect, Guests};
use millrace::media::fake::FakeEngine;
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{EndReason, RoomId};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const CREATED: &str = "webRtcTransportCreated {id: _, data: {id: $transport, direction: _, iceParameters: {iceLite: true, ..}, \
                       iceCandidates: _, dtlsParameters: {role: auto, fingerprints: _}}}";

pub async fn page(server: &Server, name: &str) -> Client {
    server.flat("/ws/conference", name).await
}

/// In room `hall`; what it was told is swallowed.
pub async fn joined(server: &Server, name: &str) -> Client {
    let mut client = page(server, name).await;
    client.play(&format!("→ join-room {{data: {{roomId: hall, username: {name}}}}}\n← joined {{data: _}}")).await;
    client
}

fn capabilities() -> Value {
    millrace::signaling::conference::ortc::router::capabilities()
}

async fn send(client: &mut Client, kind: &str, id: u32, data: Value) {
    client.send(json!({ "type": kind, "id": id, "data": data }).to_string()).await;
}

async fn transport(client: &mut Client, direction: &str) {
    client.play(&format!("→ create-transport {{id: 1, data: {{direction: {direction}}}}}\n← {CREATED}")).await;
}

fn produced(transport: &Value, kind: &str, source: &str) -> Value {
    let (mime, rate) = if kind == "audio" { ("audio/opus", 48_000) } else { ("video/VP8", 90_000) };
    json!({
        "transportId": transport, "kind": kind, "appData": { "source": source },
        "rtpParameters": { "codecs": [{ "mimeType": mime, "payloadType": 96, "clockRate": rate }], "encodings": [{ "ssrc": 7 }] },
    })
}

/// Forgets what a name stands for, so that it may stand for something else.
pub fn forget(server: &Server, name: &str) {
    server.words.lock().unwrap().remove(name);
}

/// Nobody is left in the hall.
async fn all_gone(server: &Server) {
    let is_so = || async {
        let Ok(room) = server.rooms.find(&RoomId::new("hall")) else { return true };
        room.view().await.is_ok_and(|view| view.participants.is_empty())
    };
    eventually("all are gone", is_so).await;
}

#[tokio::test]
async fn people_come_talk_and_go() {
    let server = Server::start().await;
    let mut ann = page(&server, "ann").await;
    ann.play(
        "→ join-room {id: 5, data: {roomId: hall, username: ann}}
         ← joined {id: 5, data: {roomId: hall, users: [ann], you: {id: _, username: ann}, peers: [], routerRtpCapabilities: _, iceServers: _}}
         → chat-message {data: {from: mallory, text: hello, timestamp: then}}
         ← chat-message {data: {from: ann, text: hello, timestamp: _}}",
    )
    .await;
    let mut bob = page(&server, "bob").await;
    bob.play(
        "→ join-room {data: {roomId: hall, username: bob}}
         ← joined {data: {users: [bob, ann], peers: $peers, ..}}
         ← chat-history {data: {messages: $said}}",
    )
    .await;
    assert_eq!(server.word("peers")[0]["username"], "ann");
    assert_eq!((&server.word("said")[0]["from"], &server.word("said")[0]["text"]), (&json!("ann"), &json!("hello")));
    ann.play("← user-joined {data: {user: bob, id: _}}").await;
    bob.play("→ chat-message {data: {text: hi}}\n← chat-message {data: {from: bob, text: hi, timestamp: _}}").await;
    ann.play("← chat-message {data: {from: bob, text: hi, timestamp: _}}").await;
    bob.play("→ leave-room {data: {roomId: hall, username: bob}}").await;
    ann.play("← user-left {data: {user: bob, id: _}}").await;
    bob.play("→ chat-message {data: {text: hi}}\n← error {data: {code: not_in_room, message: _}}").await;
    drop(ann);
    all_gone(&server).await;
}

#[tokio::test]
async fn the_mesh_passes_messages_to_the_one_named() {
    let server = Server::start().await;
    let (mut ann, mut bob) = (joined(&server, "ann").await, joined(&server, "bob").await);
    ann.play("← user-joined {data: {user: bob, id: $bob}}").await;
    let mut cid = joined(&server, "cid").await;
    for client in [&mut ann, &mut bob] {
        client.play("← user-joined {data: {user: cid, id: _}}").await;
    }
    for kind in ["webrtc-offer", "webrtc-answer", "webrtc-ice-candidate"] {
        ann.play(&format!("→ {kind} {{data: {{target: bob, payload: {{x: [1]}}}}}}")).await;
        bob.play(&format!("← {kind} {{data: {{from: ann, fromId: _, target: bob, payload: {{x: [1]}}}}}}")).await;
    }
    ann.play("→ webrtc-offer {id: 9, data: {target: $bob, payload: 1}}\n← ok {id: 9, data: {}}").await;
    bob.play("← webrtc-offer {data: {from: ann, fromId: _, target: $bob, payload: 1}}").await;
    ann.play("→ webrtc-offer {data: {target: nobody}}\n← error {data: {code: target_not_found, message: _}}").await;
    cid.play("→ dance {}\n← error {data: {code: unknown_type, message: _}}").await;
}

#[tokio::test]
async fn what_one_produces_another_consumes() {
    let server = Server::start().await;
    let (mut ann, mut bob) = (joined(&server, "ann").await, joined(&server, "bob").await);
    ann.play("← user-joined {data: _}").await;
    transport(&mut ann, "send").await;
    let hashes = json!([{ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) }]);
    server.words.lock().unwrap().insert("hashes".into(), hashes);
    ann.play(
        "→ connect-transport {id: 2, data: {transportId: $transport, dtlsParameters: {role: server, fingerprints: $hashes}}}
         ← transport-connected {id: 2, data: {transportId: $transport}}",
    )
    .await;
    send(&mut ann, "produce", 3, produced(&server.word("transport"), "video", "webcam")).await;
    ann.play("← produced {id: 3, data: {id: $video, kind: video}}").await;
    bob.play("← new-producer {data: {producerId: $video, kind: video, source: camera, user: ann, peerId: _}}").await;
    send(&mut ann, "produce", 4, produced(&server.word("transport"), "video", "screen")).await;
    ann.play("← produced {id: 4, data: {id: $screen, kind: video}}").await;
    bob.play("← new-producer {data: {producerId: $screen, kind: video, source: screen, user: ann, peerId: _}}").await;
    forget(&server, "transport");
    transport(&mut bob, "recv").await;
    let asked = json!({ "transportId": server.word("transport"), "producerId": server.word("video"), "rtpCapabilities": capabilities() });
    send(&mut bob, "consume", 5, asked).await;
    // The fake engine answers with no SSRCs: nothing to tell a client by.
    bob.play("← error {id: 5, data: {code: cannot_consume, message: _}}").await;
    let mut late = page(&server, "late").await;
    late.play(
        "→ join-room {data: {roomId: hall, username: late}}
         ← joined {data: {users: _, peers: $peers, ..}}
         ← new-producer {data: {producerId: $video, ..}}
         ← new-producer {data: {producerId: $screen, ..}}",
    )
    .await;
    let peers = server.word("peers");
    let found: Vec<&Value> = peers[0]["producers"].as_array().unwrap().iter().map(|p| &p["producerId"]).collect();
    assert_eq!(found, [&server.word("video"), &server.word("screen")]);
    ann.play("← user-joined {data: _}\n→ pause-producer {id: 6, data: {producerId: $video}}\n← ok {id: 6, data: {}}")
        .await;
    bob.play("← user-joined {data: _}\n← producer-paused {data: {producerId: $video}}").await;
    late.play("← producer-paused {data: {producerId: $video}}").await;
    bob.play(
        "→ pause-producer {id: 7, data: {producerId: $video}}\n← error {id: 7, data: {code: producer_not_found, ..}}",
    )
    .await;
    bob.play(
        "→ close-producer {id: 8, data: {producerId: $video}}\n← error {id: 8, data: {code: producer_not_found, ..}}",
    )
    .await;
    ann.play("→ close-producer {id: 9, data: {producerId: $screen}}\n← ok {id: 9, data: {}}").await;
    for client in [&mut bob, &mut late] {
        client.play("← producer-closed {data: {producerId: $screen}}").await;
    }
    ann.play("→ leave-room {id: 10, data: {}}\n← ok {id: 10, data: {}}").await;
    bob.play("← producer-closed {data: {producerId: $video}}\n← user-left {data: {user: ann, id: _}}").await;
}

#[tokio::test]
async fn a_transport_restarts_closes_and_may_be_lost() {
    let server = Server::start().await;
    let mut ann = joined(&server, "ann").await;
    transport(&mut ann, "recv").await;
    ann.play(
        "→ restart-ice {id: 2, data: {transportId: $transport}}
         ← ice-restarted {id: 2, data: {iceParameters: {usernameFragment: _, password: _, iceLite: true}}}
         → close-transport {id: 3, data: {transportId: $transport}}
         ← ok {id: 3, data: {}}
         → restart-ice {id: 4, data: {transportId: $transport}}
         ← error {id: 4, data: {code: transport_not_found, message: _}}",
    )
    .await;
    forget(&server, "transport");
    transport(&mut ann, "send").await;
    let opened = |r: &MediaRequest| if let MediaRequest::OpenTransport { peer, .. } = r { Some(*peer) } else { None };
    let peer = server.engine.requests().iter().filter_map(opened).next_back().expect("a transport");
    server.engine.emit(MediaEvent::PeerEnded { peer, reason: EndReason::IceFailed, detail: "silence".into() });
    ann.play("← transport-closed {data: {transportId: $transport, reason: ice_failed, message: silence}}").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_ends_nothing() {
    let server = Server::start().await;
    let mut ann = page(&server, "ann").await;
    for (text, code) in [
        ("not json", "bad_request"),
        ("[]", "bad_request"),
        (r#"{"type":7}"#, "bad_request"),
        (r#"{"type":"join-room","data":[]}"#, "bad_request"),
        (r#"{"type":"join-room","data":{"roomId":"x"}}"#, "bad_request"),
        (r#"{"type":"join-room","data":{"roomId":"x","username":"\u0007"}}"#, "bad_request"),
        (r#"{"type":"dance"}"#, "not_in_room"),
    ] {
        ann.send(text.into()).await;
        ann.play(&format!("← error {{data: {{code: {code}, message: _}}}}")).await;
    }
    ann.play(
        "→ get-router-rtp-capabilities {id: 1}
         ← router-rtp-capabilities {id: 1, data: {rtpCapabilities: {codecs: _, headerExtensions: _}}}
         → join-room {data: {roomId: hall, username: ann}}
         ← joined {data: _}
         → join-room {id: 2, data: {roomId: other, username: ann}}
         ← error {id: 2, data: {code: bad_request, message: _}}
         → dance {id: x}
         ← error {id: x, data: {code: unknown_type, message: _}}
         → produce {data: {transportId: nothing}}
         ← error {data: {code: transport_not_found, message: _}}
         → consume {data: {}}
         ← error {data: {code: bad_request, message: _}}",
    )
    .await;
    ann.send("x".repeat(limits().max_message_bytes + 1)).await;
    ann.play("← error {data: {code: bad_request, message: _}}").await;
    ann.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    ann.play("← error {data: {code: bad_request, message: _}}").await;
}

#[tokio::test]
async fn a_name_is_its_holders_while_he_lives() {
    let server = Server::start().await;
    let mut ann = joined(&server, "ann").await;
    let mut thief = page(&server, "thief").await;
    thief.send(json!({ "type": "join-room", "data": { "roomId": "hall", "username": "ann" } }).to_string()).await;
    // She answers pings, as every page does.
    let refused = async { thief.play("← error {data: {code: name_taken, message: _}}").await };
    let pings = async { while let Some(Ok(Message::Ping(_))) = ann.socket.next().await {} };
    tokio::select! {
        () = refused => {}
        () = pings => panic!("she heard something"),
    }
}

#[tokio::test]
async fn a_name_whose_holder_is_dead_is_free() {
    let server = Server::start().await;
    // It never reads, and so never answers a ping.
    let _dead = joined(&server, "ann").await;
    let mut alive = page(&server, "ann").await;
    alive.play("→ join-room {data: {roomId: hall, username: ann}}\n← joined {data: {users: [ann], ..}}").await;
}

#[tokio::test]
async fn guests_need_a_token_where_there_is_a_secret() {
    let secret = "a secret of at least sixteen bytes";
    let token =
        Auth::new(Some(secret)).issue(TokenRole::Web, Some(RoomId::new("hall")), Duration::from_secs(60)).unwrap();
    let server = Server::with(FakeEngine::automatic(), limits(), Some(secret)).await;
    let status = async |query: &str| Server::status_at(format!("ws://{}/ws/conference{query}", server.address)).await;
    assert_eq!((status("").await, status(&format!("?token={token}")).await), (401, 101));
    let mut ann = server.flat(&format!("/ws/conference?token={token}"), "ann").await;
    ann.play(
        "→ join-room {data: {roomId: other, username: ann}}
         ← error {data: {code: bad_request, message: _}}
         → join-room {data: {roomId: hall, username: ann}}
         ← joined {data: _}",
    )
    .await;
    let guests = Guests { dialects: vec![GuestDialect::Conference], ..Guests::default() };
    let open = Server::hosting(FakeEngine::automatic(), limits(), Some(secret), guests).await;
    assert_eq!(Server::status_at(format!("ws://{}/ws/conference", open.address)).await, 101);
}

#[tokio::test]
async fn a_flood_is_answered_by_errors_and_others_are_served() {
    let server = Server::start().await;
    let mut ann = joined(&server, "ann").await;
    let mut mallory = joined(&server, "mallory").await;
    ann.play("← user-joined {data: {user: mallory, id: _}}").await;
    let chat = json!({ "type": "chat-message", "data": { "text": "x".repeat(7000) } }).to_string();
    for _ in 0..200 {
        mallory.send(chat.clone()).await;
    }
    let heard = |message: Message| matches!(message, Message::Text(text) if text.contains("\"error\""));
    let limited = async {
        loop {
            if heard(mallory.socket.next().await.expect("a message").expect("a frame")) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), limited).await.expect("it is told to wait");
    let mut bob = page(&server, "bob").await;
    bob.play("→ join-room {data: {roomId: elsewhere, username: bob}}\n← joined {data: _}").await;
}

#[tokio::test]
async fn a_hundred_come_and_go_and_leave_nothing() {
    let server = Server::start().await;
    for n in 0..100 {
        let mut one = joined(&server, &format!("n{n}")).await;
        transport(&mut one, "send").await;
        forget(&server, "transport");
        drop(one);
    }
    all_gone(&server).await;
    let count = |wanted: fn(&MediaRequest) -> bool| server.engine.requests().iter().filter(|r| wanted(r)).count();
    let opened = count(|r| matches!(r, MediaRequest::OpenTransport { .. }));
    assert_eq!((opened, count(|r| matches!(r, MediaRequest::Close { .. }))), (100, 100));
}
