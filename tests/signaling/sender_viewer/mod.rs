//! The sender/viewer dialect: every row of its tables, between two pages.

mod hostile;
mod through_server;

use crate::harness::{Client, Server, eventually, limits};
use futures::StreamExt;
use millrace::media::fake::FakeEngine;
use millrace::model::{EndReason, ParticipantId, RoomId};
use millrace::room::Command;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const OFFER: &str = "→ offer {sdp: {type: offer, sdp: v0, more: kept}}";
const OFFERED: &str = "← offer {sdp: {type: offer, sdp: v0, more: kept}}";

pub async fn page(server: &Server, name: &str) -> Client {
    server.flat("/ws", name).await
}

pub async fn joined(server: &Server, role: &str, room: &str) -> Client {
    let mut client = page(server, role).await;
    client.play(&format!("→ join {{role: {role}, room: {room}}}\n← joined {{role: {role}, room: {room}}}")).await;
    client
}

/// Both are there, and have offered and answered.
async fn paired(server: &Server) -> (Client, Client) {
    let mut sender = joined(server, "sender", "hall").await;
    let mut viewer = joined(server, "viewer", "hall").await;
    sender.play(&format!("← viewer-ready {{}}\n{OFFER}")).await;
    viewer.play(&format!("{OFFERED}\n→ answer {{sdp: {{type: answer, sdp: v1}}}}")).await;
    sender.play("← answer {sdp: {type: answer, sdp: v1}}").await;
    (sender, viewer)
}

/// Meanwhile the client answers pings, as every page does, and hears nothing else.
pub async fn answering<T>(client: &mut Client, meanwhile: impl Future<Output = T>) -> T {
    let hears = async { while let Some(Ok(Message::Ping(_))) = client.socket.next().await {} };
    tokio::select! {
        done = meanwhile => done,
        () = hears => panic!("it heard something"),
    }
}

/// Waits until the room has noticed: who is in it, by name.
pub async fn present(server: &Server, room: &str, who: &[&str]) {
    let room = RoomId::of_name(room);
    let is_so = || async {
        let Ok(room) = server.rooms.find(&room) else { return who.is_empty() };
        let Ok(view) = room.view().await else { return who.is_empty() };
        view.participants.iter().map(|p| p.name.as_str()).collect::<Vec<_>>() == who
    };
    eventually(&format!("{who:?} are there"), is_so).await;
}

#[tokio::test]
async fn the_whole_flow_with_the_sender_first() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    sender.play("→ ice-candidate {candidate: {candidate: c1, sdpMid: zero, sdpMLineIndex: 0}}").await;
    viewer
        .play(
            "← ice-candidate {candidate: {candidate: c1, sdpMid: zero, sdpMLineIndex: 0}}
             → ice-candidate {candidate: {candidate: c2}}
             → ice-candidate {candidate: null}",
        )
        .await;
    sender.play("← ice-candidate {candidate: {candidate: c2}}\n← ice-candidate {candidate: null}").await;
    sender.quiet().await;
    viewer.quiet().await;
    assert!(server.engine.requests().is_empty(), "the media goes from page to page");
}

#[tokio::test]
async fn the_viewer_may_be_first_and_a_number_stays_a_number() {
    let server = Server::start().await;
    let mut viewer = joined(&server, "viewer", "7").await;
    let mut sender = page(&server, "sender").await;
    sender.send(json!({"type": "join", "role": "sender", "room": "7"}).to_string()).await;
    sender.play("← joined {role: sender, room: _}\n← viewer-ready {}").await;
    viewer.play("← sender-ready {}").await;
    sender.play(OFFER).await;
    viewer.play(OFFERED).await;
}

#[tokio::test]
async fn what_is_offered_before_the_viewer_is_there_waits_for_it() {
    let server = Server::start().await;
    let mut sender = joined(&server, "sender", "hall").await;
    sender.play(&format!("{OFFER}\n→ ice-candidate {{candidate: {{candidate: c1}}}}")).await;
    sender.quiet().await;
    let mut viewer = joined(&server, "viewer", "hall").await;
    viewer.play(&format!("{OFFERED}\n← ice-candidate {{candidate: {{candidate: c1}}}}")).await;
    sender.play("← viewer-ready {}").await;
}

#[tokio::test]
async fn when_too_much_waits_the_sender_is_told() {
    let server = Server::start().await;
    let mut sender = joined(&server, "sender", "hall").await;
    sender.play(OFFER).await;
    for _ in 0..127 {
        sender.play("→ ice-candidate {candidate: {candidate: c1}}").await;
    }
    sender.quiet().await;
    sender.play("→ ice-candidate {candidate: {candidate: c1}}\n← error {reason: server-error, message: $limit}").await;
    assert!(server.word("limit").as_str().unwrap().starts_with("limit reached: 128 messages"));
    sender.quiet().await;
}

#[tokio::test]
async fn leaving_is_told_and_everybody_may_come_back_and_begin_anew() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    for _ in 0..6 {
        drop(viewer);
        sender.play("← viewer-left {}").await;
        viewer = joined(&server, "viewer", "hall").await;
        sender.play(&format!("← viewer-ready {{}}\n{OFFER}")).await;
        viewer.play(OFFERED).await;
        drop(sender);
        viewer.play("← sender-left {}").await;
        sender = joined(&server, "sender", "hall").await;
        viewer.play("← sender-ready {}").await;
        sender.play(&format!("← viewer-ready {{}}\n{OFFER}")).await;
        viewer.play(OFFERED).await;
    }
    viewer.quiet().await;
    sender.quiet().await;
}

#[tokio::test]
async fn an_old_senders_offer_never_reaches_a_new_viewer() {
    let server = Server::start().await;
    let mut sender = joined(&server, "sender", "hall").await;
    sender.play(OFFER).await;
    sender.quiet().await;
    drop(sender);
    present(&server, "hall", &[]).await;
    let mut viewer = joined(&server, "viewer", "hall").await;
    viewer.quiet().await;
    let mut newer = joined(&server, "sender", "hall").await;
    viewer.play("← sender-ready {}").await;
    newer.play("← viewer-ready {}").await;
    viewer.quiet().await;
}

#[tokio::test]
async fn one_who_joins_again_on_the_same_socket_begins_anew() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    sender.play("→ join {role: sender, room: hall}\n← joined {role: sender, room: hall}\n← viewer-ready {}").await;
    viewer.play("← sender-left {}\n← sender-ready {}").await;
    viewer.play("→ join {role: viewer, room: other}\n← joined {role: viewer, room: other}").await;
    sender.play("← viewer-left {}").await;
}

#[tokio::test]
async fn who_is_refused_another_seat_keeps_its_own() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    let refused = "→ join {role: sender, room: hall}\n← error {reason: sender-already-exists, message: _}";
    answering(&mut sender, viewer.play(refused)).await;
    viewer.play("→ join {role: viewer, room: hall, via: server}\n← error {reason: bad-request, message: _}").await;
    let mut elsewhere = joined(&server, "sender", "other").await;
    elsewhere.play(OFFER).await;
    answering(&mut sender, elsewhere.play(refused)).await;
    let mut third = joined(&server, "viewer", "other").await;
    third.play(OFFERED).await;
    viewer.play("→ ready {}").await;
    sender.play("← viewer-ready {}").await;
    sender.quiet().await;
}

#[tokio::test]
async fn who_is_alone_may_change_its_rooms_way_and_its_role() {
    let server = Server::start().await;
    let mut client = joined(&server, "sender", "hall").await;
    client.play("→ join {role: sender, room: hall, via: server}\n← joined {role: sender, room: hall}").await;
    client.play("← viewer-ready {}\n→ join {role: viewer, room: hall}\n← joined {role: viewer, room: hall}").await;
    client.quiet().await;
}

#[tokio::test]
async fn a_second_of_either_role_is_refused_while_the_first_lives() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    let mut third = page(&server, "third").await;
    let second = |role: &str| {
        format!("→ join {{role: {role}, room: hall}}\n← error {{reason: {role}-already-exists, message: _}}")
    };
    answering(&mut sender, third.play(&second("sender"))).await;
    answering(&mut viewer, third.play(&second("viewer"))).await;
    drop(sender);
    present(&server, "hall", &["viewer"]).await;
    third.play("→ join {role: sender, room: hall}\n← joined {role: sender, room: hall}\n← viewer-ready {}").await;
    drop(viewer);
    third.play("← viewer-left {}").await;
}

#[tokio::test]
async fn one_that_answers_no_ping_makes_place() {
    let heartbeat = Duration::from_millis(700);
    let server = Server::with(FakeEngine::automatic(), millrace::config::Rooms { heartbeat, ..limits() }, None).await;
    // Its socket stays open, and nobody reads it: no pong is sent.
    let _silent = joined(&server, "sender", "hall").await;
    present(&server, "hall", &[]).await;
    let mut newer = page(&server, "newer").await;
    newer.play("→ join {role: sender, room: hall}\n← joined {role: sender, room: hall}").await;
}

#[tokio::test]
async fn one_that_is_silent_when_its_seat_is_wanted_makes_place_at_once() {
    let server = Server::start().await;
    let mut viewer = joined(&server, "viewer", "hall").await;
    let mut silent = joined(&server, "sender", "hall").await;
    viewer.play("← sender-ready {}").await;
    let (mut newer, mut another) = (page(&server, "newer").await, page(&server, "another").await);
    let (join, begun) = (json!({"type": "join", "role": "sender", "room": "hall"}).to_string(), Instant::now());
    newer.send(join.clone()).await;
    another.send(join).await;
    let answers = tokio::join!(newer.text(), another.text());
    let answers = [answers.0, answers.1];
    assert_eq!(answers.iter().filter(|answer| answer.contains("joined")).count(), 1, "one of the two: {answers:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "before the pings have found it dead");
    viewer.play("← sender-left {}\n← sender-ready {}").await;
    silent.play("← viewer-ready {}").await;
    silent.closed().await;
    present(&server, "hall", &["sender", "viewer"]).await;
    viewer.quiet().await;
}

#[tokio::test]
async fn a_viewer_that_is_ready_again_is_offered_again() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    viewer.play("→ ready {}").await;
    sender.play(&format!("← viewer-ready {{}}\n{OFFER}\n→ ready {{}}")).await;
    viewer.play(OFFERED).await;
    sender.quiet().await;
    drop(sender);
    viewer.play("← sender-left {}\n→ ready {}").await;
    viewer.quiet().await;
}

#[tokio::test]
async fn malformed_messages_are_told_and_never_close_the_socket() {
    let server = Server::start().await;
    let mut client = page(&server, "client").await;
    let cases = [
        ("not json", "the message"),
        ("[]", "the message"),
        ("{}", "`type`"),
        (r#"{"type":7}"#, "`type`"),
        (r#"{"type":"dance"}"#, "`type`"),
        (r#"{"type":"join"}"#, "`role`"),
        (r#"{"type":"join","role":"king","room":1}"#, "`role`"),
        (r#"{"type":"join","role":"viewer"}"#, "`room`"),
        (r#"{"type":"join","role":"viewer","room":""}"#, "`room`"),
        (r#"{"type":"join","role":"viewer","room":[]}"#, "`room`"),
        (r#"{"type":"join","role":"viewer","room":1,"via":"moon"}"#, "`via`"),
        (r#"{"type":"offer"}"#, "`sdp`"),
        (r#"{"type":"offer","sdp":"v=0"}"#, "`sdp`"),
        (r#"{"type":"offer","sdp":{"type":"answer","sdp":"v=0"}}"#, "`sdp`"),
        (r#"{"type":"answer","sdp":{"type":"answer","sdp":7}}"#, "`sdp`"),
        (r#"{"type":"ice-candidate"}"#, "`candidate`"),
        (r#"{"type":"ice-candidate","candidate":"c"}"#, "`candidate`"),
        (r#"{"type":"ice-candidate","candidate":{"candidate":7}}"#, "`candidate`"),
    ];
    for (text, begins) in cases {
        client.send(text.into()).await;
        client.play("← error {reason: bad-request, message: $message}").await;
        let message = server.words.lock().unwrap().remove("message").unwrap();
        assert!(message.as_str().unwrap().starts_with(begins), "{text}: {message}");
    }
    client.send("x".repeat(limits().max_message_bytes + 1)).await;
    client.play("← error {reason: bad-request, message: _}").await;
    client.socket.send_binary().await;
    client.play("← error {reason: bad-request, message: _}").await;
    client.quiet().await;
}

trait SendBinary {
    async fn send_binary(&mut self);
}

impl<S> SendBinary for tokio_tungstenite::WebSocketStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    async fn send_binary(&mut self) {
        futures::SinkExt::send(self, Message::binary(vec![1, 2, 3])).await.unwrap();
    }
}

#[tokio::test]
async fn one_must_join_and_keep_to_its_role() {
    let server = Server::start().await;
    let mut client = page(&server, "client").await;
    let (offer, answer) = (OFFER, "→ answer {sdp: {type: answer, sdp: v1}}");
    for said in [offer, answer, "→ ice-candidate {candidate: null}", "→ ready {}"] {
        client.play(&format!("{said}\n← error {{reason: not-joined, message: _}}")).await;
    }
    let mut viewer = joined(&server, "viewer", "hall").await;
    for said in [answer, "→ ice-candidate {candidate: null}"] {
        viewer.play(&format!("{said}\n← error {{reason: bad-request, message: _}}")).await;
    }
    viewer.play(&format!("{offer}\n← error {{reason: wrong-role, message: _}}")).await;
    let mut sender = joined(&server, "sender", "hall").await;
    sender.play(&format!("← viewer-ready {{}}\n{answer}\n← error {{reason: wrong-role, message: _}}")).await;
    sender.quiet().await;
}

#[tokio::test]
async fn who_is_put_out_is_told_and_may_join_again() {
    let server = Server::start().await;
    let (mut sender, mut viewer) = paired(&server).await;
    let room = server.rooms.find(&RoomId::new("hall")).unwrap();
    room.request(None, Command::Kick { participant: ParticipantId::new("sender") }).await.unwrap();
    sender
        .play("← error {reason: server-error, message: _}\n→ ready {}\n← error {reason: not-joined, message: _}")
        .await;
    viewer.play("← sender-left {}").await;
    room.close(EndReason::Requested).await;
    viewer.play("← error {reason: server-error, message: _}").await;
    viewer.play("→ join {role: viewer, room: hall}\n← joined {role: viewer, room: hall}").await;
    sender.play("→ join {role: sender, room: hall}\n← joined {role: sender, room: hall}\n← viewer-ready {}").await;
    server.closing.cancel();
    assert_eq!(u16::from(sender.closed().await.unwrap().code), 1001, "pages come back when the service does");
}

#[tokio::test]
async fn operators_see_who_is_where() {
    let server = Server::start().await;
    let _sender = joined(&server, "sender", "hall").await;
    let _pair = (joined(&server, "viewer", "2").await, joined(&server, "sender", "2").await);
    server.rooms.create(Some(RoomId::new("elsewhere"))).unwrap();
    let listed = rooms(&server, None).await;
    let side = |here: bool| json!({"connected": here, "online": here});
    let expected = json!([
        {"roomId": "hall", "sender": side(true), "viewer": side(false)},
        {"roomId": "2", "sender": side(true), "viewer": side(true)},
    ]);
    assert_eq!(listed.json::<Value>().await.unwrap(), expected);
}

pub async fn rooms(server: &Server, token: Option<&str>) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("http://{}/api/rooms", server.address));
    token.into_iter().fold(request, |request, token| request.bearer_auth(token)).send().await.unwrap()
}
