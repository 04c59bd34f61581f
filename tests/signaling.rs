//! The dialects over real sockets, with the fake engine. Here the device dialect: a transcript per row of the protocol
//! page's tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "signaling/addresses.rs"]
mod addresses;
#[path = "signaling/call.rs"]
mod call;
#[path = "signaling/conference.rs"]
mod conference;
#[path = "signaling/conference_data.rs"]
mod conference_data;
#[path = "harness/transcript.rs"]
mod harness;
#[path = "signaling/layers.rs"]
mod layers;
#[path = "signaling/openvidu.rs"]
mod openvidu;
#[path = "signaling/openvidu_recordings.rs"]
mod openvidu_recordings;
#[path = "signaling/openvidu_rest.rs"]
mod openvidu_rest;
#[path = "signaling/openvidu_webhooks.rs"]
mod openvidu_webhooks;
#[path = "signaling/ringing.rs"]
mod ringing;
#[path = "signaling/ringing_hostile.rs"]
mod ringing_hostile;
#[path = "signaling/sender_viewer/mod.rs"]
mod sender_viewer;
#[path = "signaling/sessions.rs"]
mod sessions;
#[path = "harness/socket_io.rs"]
mod socket_io;
#[path = "signaling/viewing.rs"]
mod viewing;

use futures::{SinkExt, StreamExt};
use harness::{Client, DEADLINE, Server, eventually, limits};
use millrace::auth::{Auth, TokenRole};
use millrace::media::fake::{FakeEngine, sdp};
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{Codec, EndReason, PeerId, TrackInfo};
use millrace::room::Command;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// A console in a room of its own.
async fn console(server: &Server) -> Client {
    let mut web = server.web("7").await;
    web.play(
        "→ create_room {}
         ← room_created {room_id: $room}
         → join_as_publisher {room_id: $room, inviter: 7}
         ← joined_as_publisher {room_id: $room}",
    )
    .await;
    web
}

/// A device that publishes in `$room`.
async fn publishing(server: &Server, id: &str) -> Client {
    let mut device = server.device(id).await;
    device.play("→ join_as_publisher {room_id: $room, inviter: 7}\n← joined_as_publisher {room_id: $room}").await;
    offer(&mut device, &offer_text("pub")).await;
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    device
}

async fn offer(device: &mut Client, sdp: &str) {
    device.send(json!({ "event": "offer_from_device", "data": { "sdp": sdp } }).to_string()).await;
}
async fn answer(web: &mut Client, sdp: &str, feed: Option<serde_json::Value>) {
    web.send(json!({ "event": "start_receiving", "data": { "sdp": sdp, "feed": feed } }).to_string()).await;
}
fn offer_text(ufrag: &str) -> String {
    sdp(PeerId(1), "sendonly", "actpass").as_str().replace("fake1\r", &format!("{ufrag}\r"))
}
async fn asked<T>(server: &Server, what: &str, fits: impl FnMut(&MediaRequest) -> Option<T>) -> T {
    let found = tokio::time::timeout(DEADLINE, server.engine.wait_for(fits)).await;
    found.unwrap_or_else(|_| panic!("the engine was not asked: {what}"))
}
fn candidates(server: &Server) -> Vec<(PeerId, Option<String>)> {
    let requests = server.engine.requests().into_iter();
    requests
        .filter_map(|request| match request {
            MediaRequest::Candidate { peer, candidate } => Some((peer, candidate.map(|c| c.candidate))),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn the_whole_flow() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let mut device = server.device("42").await;
    web.play("→ invite_devices {room_id: $room}").await;
    device
        .play(
            r#"← start_streaming {room_id: $room, inviter: "7"}
               → join_as_publisher {room_id: $room, inviter: "7"}
               ← joined_as_publisher {room_id: $room}"#,
        )
        .await;
    offer(&mut device, &offer_text("pub")).await;
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    web.play(
        r#"← start_listening {feed: $feed, room_id: $room, publisher: "42", kinds: [audio, video]}
           → join_as_subscriber {room_id: $room, feed: $feed}
           ← offer_to_subscriber {type: offer, sdp: _, feed: $feed}"#,
    )
    .await;
    answer(&mut web, &offer_text("sub"), Some(server.word("feed"))).await;
    asked(&server, "Answer", |r| matches!(r, MediaRequest::Answer { .. }).then_some(())).await;
    device.play("→ unpublish {}").await;
    web.play("← stop_listening {feed: $feed, room_id: $room, reason: unpublished}").await;
    device
        .play("→ leave {}\n→ join_as_publisher {room_id: $room, inviter: 7}\n← joined_as_publisher {room_id: $room}")
        .await;
    web.quiet().await;
}

#[tokio::test]
async fn a_late_console_hears_of_every_live_feed_and_a_leaving_device_ends_its_own() {
    let server = Server::start().await;
    let _web = console(&server).await;
    let mut device = publishing(&server, "42").await;
    let mut late = server.web("8").await;
    late.play(
        "→ join_as_publisher {room_id: $room, inviter: 8}
         ← joined_as_publisher {room_id: $room}
         ← start_listening {feed: $feed, ..}",
    )
    .await;
    device.play("→ leave {}").await;
    late.play("← stop_listening {feed: $feed, room_id: $room, reason: left}").await;
}

#[tokio::test]
async fn ids_may_be_numbers_or_numeric_strings() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let _device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    let (room, feed) = (server.word("room").to_string(), server.word("feed").to_string());
    let join = json!({ "event": "join_as_subscriber", "data": { "room_id": room, "feed": feed } });
    web.send(join.to_string()).await;
    web.play("← offer_to_subscriber {type: offer, sdp: _, feed: $feed}").await;
}

#[tokio::test]
async fn inviting_twice_invites_once_and_busy_devices_are_left_alone() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let _busy = publishing(&server, "1").await;
    web.play("← start_listening {feed: _, ..}").await;
    let mut free = server.device("2").await;
    web.play("→ invite_devices {room_id: $room}\n→ invite_devices {room_id: $room}").await;
    web.quiet().await;
    free.play("← start_streaming {room_id: $room, inviter: _}").await;
    free.quiet().await;
}

#[tokio::test]
async fn malformed_messages_name_the_field_and_never_close_the_socket() {
    let server = Server::start().await;
    let mut web = server.web("7").await;
    let cases = [
        ("not json", "message"),
        ("[]", "message"),
        (r#"{"data":{}}"#, "event"),
        (r#"{"event":7}"#, "event"),
        (r#"{"event":"create_room","data":[]}"#, "data"),
        (r#"{"event":"join_as_publisher","data":{}}"#, "room_id"),
        (r#"{"event":"join_as_publisher","data":{"room_id":-1}}"#, "room_id"),
        (r#"{"event":"join_as_publisher","data":{"room_id":"a b"}}"#, "room_id"),
        (r#"{"event":"join_as_publisher","data":{"room_id":1,"inviter":{}}}"#, "inviter"),
        (r#"{"event":"join_as_subscriber","data":{"room_id":1}}"#, "feed"),
        (r#"{"event":"join_as_subscriber","data":{"room_id":1,"feed":[]}}"#, "feed"),
        (r#"{"event":"start_receiving","data":{}}"#, "sdp"),
        (r#"{"event":"start_receiving","data":{"sdp":7}}"#, "sdp"),
        (r#"{"event":"ice","data":{"candidate":7}}"#, "candidate"),
        (r#"{"event":"ice","data":{"candidate":"c","typ":"x"}}"#, "typ"),
        (r#"{"event":"ice","data":{"candidate":"c","sdpMid":0}}"#, "sdpMid"),
        (r#"{"event":"ice","data":{"candidate":"c","sdpMLineIndex":"0"}}"#, "sdpMLineIndex"),
    ];
    for (text, field) in cases {
        web.send(text.into()).await;
        web.play("← error {code: bad_request, message: $message}").await;
        let message = server.words.lock().unwrap().remove("message").unwrap();
        assert!(message.as_str().unwrap().starts_with(&format!("`{field}` ")), "{text}: {message}");
    }
    web.send("x".repeat(limits().max_message_bytes + 1)).await;
    web.play("← error {code: bad_request, message: _}").await;
    web.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    web.play("← error {code: bad_request, message: _}").await;
    web.quiet().await;
}

#[tokio::test]
async fn roles_may_send_only_what_is_theirs() {
    let server = Server::start().await;
    let (mut web, mut device) = (server.web("7").await, server.device("42").await);
    for event in ["create_room", "invite_devices", "join_as_subscriber", "start_receiving"] {
        device.play(&format!("→ {event} {{}}\n← error {{code: forbidden, message: _}}")).await;
    }
    for event in ["offer_from_device", "unpublish"] {
        web.play(&format!("→ {event} {{}}\n← error {{code: forbidden, message: _}}")).await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    web.play(
        "→ join_as_publisher {room_id: 1000000000, inviter: 7}
         ← error {code: room_not_found, message: _}
         → invite_devices {room_id: 1000000000}
         ← error {code: room_not_found, message: _}
         → join_as_subscriber {room_id: 1000000000, feed: 1}
         ← error {code: room_not_found, message: _}
         → join_as_subscriber {room_id: $room, feed: 999999}
         ← error {code: feed_not_found, message: _}
         → start_receiving {sdp: v}
         ← error {code: no_pending_offer, message: _}",
    )
    .await;
    let mut other = server.web("8").await;
    other
        .play(
            "→ join_as_subscriber {room_id: $room, feed: 1}
             ← error {code: not_in_room, message: _}
             → leave {}
             ← error {code: not_in_room, message: _}
             → ice {typ: sub}
             ← error {code: not_in_room, message: _}",
        )
        .await;
    let mut device = server.device("42").await;
    device
        .play(
            "→ offer_from_device {sdp: v}
             ← error {code: not_in_room, message: _}
             → join_as_publisher {room_id: $room}
             ← joined_as_publisher {room_id: $room}
             → unpublish {}
             ← error {code: not_publishing, message: _}",
        )
        .await;
}

#[tokio::test]
async fn a_bad_offer_leaves_what_runs_untouched() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let mut device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    offer(&mut device, "v=0 and nothing else").await;
    device.play("← error {code: bad_sdp, message: _}").await;
    offer(&mut device, "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 H265/90000\r\n").await;
    device.play("← error {code: no_common_codec, message: _}").await;
    offer(&mut device, &offer_text("again")).await;
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    web.play("→ join_as_subscriber {room_id: $room, feed: $feed}\n← offer_to_subscriber {feed: $feed, ..}").await;
    let again = server.engine.requests().iter().filter(|r| matches!(r, MediaRequest::Republish { .. })).count();
    assert_eq!(again, 3, "each further offer renegotiates the same feed");
}

#[tokio::test]
async fn a_refused_answer_leaves_the_offer_open() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let _device = publishing(&server, "42").await;
    web.play(
        "← start_listening {feed: $feed, ..}
         → join_as_subscriber {room_id: $room, feed: $feed}
         ← offer_to_subscriber {feed: $feed, ..}
         → start_receiving {sdp: nonsense}
         ← error {code: bad_sdp, message: _, feed: $feed}",
    )
    .await;
    answer(&mut web, &offer_text("sub"), None).await;
    web.play("→ start_receiving {sdp: nonsense}\n← error {code: no_pending_offer, message: _}").await;
}

#[tokio::test]
async fn several_subscriptions_and_their_candidates_on_one_socket() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let _one = publishing(&server, "1").await;
    web.play("← start_listening {feed: $one, ..}").await;
    let _two = publishing(&server, "2").await;
    web.play(
        r#"← start_listening {feed: $two, ..}
           → join_as_subscriber {room_id: $room, feed: $one}
           ← offer_to_subscriber {feed: $one, ..}
           → join_as_subscriber {room_id: $room, feed: $two}
           ← offer_to_subscriber {feed: $two, ..}
           // Before the answers: told apart by usernameFragment, by the attribute inside, or (neither) for the newest.
           → ice {candidate: "candidate:early-one", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: u1, typ: sub}
           → ice {candidate: {candidate: "candidate:early-two 1 udp 1 host.local 9 typ host ufrag u2"}, typ: sub}
           → ice {candidate: "candidate:newest", typ: sub}"#,
    )
    .await;
    answer(&mut web, &offer_text("u1"), Some(server.word("one"))).await;
    answer(&mut web, &offer_text("u2"), None).await;
    web.play(
        r#"→ ice {candidate: "candidate:late-one", usernameFragment: u1, typ: sub}
           → ice {candidate: "", typ: sub}
           → ice {typ: sub}
           → ice {}"#,
    )
    .await;
    web.send(r#"{"event":"ice","data":{"candidate":null,"typ":"sub"}}"#.into()).await;
    web.quiet().await;
    let subscriber = |request| match request {
        MediaRequest::Subscribe { peer, .. } => Some(peer),
        _ => None,
    };
    let subscriptions: Vec<_> = server.engine.requests().into_iter().filter_map(subscriber).collect();
    let of = |peer| candidates(&server).into_iter().filter(|(p, _)| *p == peer).map(|(_, c)| c).collect::<Vec<_>>();
    let text = |words: &str| Some(format!("candidate:{words}"));
    assert_eq!(of(subscriptions[0]), [text("early-one"), text("late-one")]);
    let early = [text("newest"), text("early-two 1 udp 1 host.local 9 typ host ufrag u2")];
    assert_eq!(of(subscriptions[1]), [early.as_slice(), &[None, None, None, None]].concat());
}

#[tokio::test]
async fn publisher_candidates_may_come_before_the_offer() {
    let server = Server::start().await;
    let _web = console(&server).await;
    let mut device = server.device("42").await;
    device
        .play(
            r#"→ join_as_publisher {room_id: $room}
               ← joined_as_publisher {room_id: $room}
               → ice {candidate: "candidate:early", sdpMid: "0", sdpMLineIndex: 0}"#,
        )
        .await;
    offer(&mut device, &offer_text("pub")).await;
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    asked(&server, "Candidate", |r| matches!(r, MediaRequest::Candidate { .. }).then_some(())).await;
    assert_eq!(candidates(&server)[0].1.as_deref(), Some("candidate:early"));
}

#[tokio::test]
async fn a_feed_is_told_only_when_media_flows_and_again_when_its_tracks_change() {
    let server = Server::with(FakeEngine::manual(), limits(), None).await;
    let mut web = console(&server).await;
    let mut device = server.device("42").await;
    device.play("→ join_as_publisher {room_id: $room}\n← joined_as_publisher {room_id: $room}").await;
    offer(&mut device, &offer_text("pub")).await;
    let (peer, feed) = asked(&server, "Publish", |r| match r {
        MediaRequest::Publish { peer, feed, .. } => Some((*peer, *feed)),
        _ => None,
    })
    .await;
    server.engine.emit(MediaEvent::PublishAnswered { peer, answer: sdp(peer, "recvonly", "active") });
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    server.engine.emit(MediaEvent::Connected { peer });
    web.quiet().await;
    let video = TrackInfo { codec: Codec::H264 };
    server.engine.emit(MediaEvent::FeedLive { feed, tracks: vec![video] });
    web.play("← start_listening {feed: $feed, kinds: [video], ..}").await;
    server.engine.emit(MediaEvent::FeedLive { feed, tracks: vec![video, TrackInfo { codec: Codec::Opus }] });
    web.play("← start_listening {feed: $feed, kinds: [audio, video], ..}").await;
    server.engine.emit(MediaEvent::PeerEnded { peer, reason: EndReason::MediaTimeout, detail: "10 s".into() });
    web.play("← stop_listening {feed: $feed, room_id: $room, reason: media_timeout}").await;
    device.play("← error {code: media_lost, message: _, feed: $feed}").await;
    // It is out of the room, and can be invited again.
    web.play("→ invite_devices {room_id: $room}").await;
    device.play("← start_streaming {room_id: $room, inviter: _}").await;
}

#[tokio::test]
async fn a_subscription_that_fails_is_told_and_disturbs_nobody() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let _device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    web.play("→ join_as_subscriber {room_id: $room, feed: $feed}\n← offer_to_subscriber {feed: $feed, ..}").await;
    let peer = asked(&server, "Subscribe", |r| match r {
        MediaRequest::Subscribe { peer, .. } => Some(*peer),
        _ => None,
    })
    .await;
    let reason = EndReason::NegotiationTimeout;
    server.engine.emit(MediaEvent::PeerEnded { peer, reason, detail: "no answer".into() });
    web.play("← error {code: negotiation_timeout, message: _, feed: $feed}").await;
    web.play("→ join_as_subscriber {room_id: $room, feed: $feed}\n← offer_to_subscriber {feed: $feed, ..}").await;
}

#[tokio::test]
async fn the_newer_socket_wins_and_has_the_membership() {
    let server = Server::start().await;
    let mut older = console(&server).await;
    let mut newer = server.web("7").await;
    older.play("← error {code: replaced, message: _}").await;
    assert_eq!(u16::from(older.closed().await.unwrap().code), 4000);
    let _device = publishing(&server, "42").await;
    newer.play("← start_listening {feed: $feed, ..}").await;
}

#[tokio::test]
async fn a_lost_socket_may_come_back_within_the_grace_time() {
    let limits = millrace::config::Rooms { reconnect_grace: Duration::from_secs(60), ..limits() };
    let server = Server::with(FakeEngine::automatic(), limits, None).await;
    let mut web = console(&server).await;
    let device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    drop(device);
    eventually("the device is away", || async { server.lobby.list().iter().any(|p| p.id == "42" && !p.connected) })
        .await;
    let mut device = server.device("42").await;
    offer(&mut device, &offer_text("again")).await;
    device.play("← answer_to_client {type: answer, sdp: _}").await;
    web.quiet().await;
    assert!(!server.engine.requests().iter().any(|r| matches!(r, MediaRequest::Close { .. })), "its peer was kept");
}

#[tokio::test]
async fn a_lost_socket_that_stays_away_ends_its_feed() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    drop(device);
    web.play("← stop_listening {feed: $feed, room_id: $room, reason: connection_lost}").await;
    eventually("the lobby forgets it", || async { server.lobby.list().len() == 1 }).await;
}

#[tokio::test]
async fn joining_another_room_leaves_the_first() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    web.play(
        "→ create_room {}
         ← room_created {room_id: $other}
         → join_as_publisher {room_id: $other}
         ← joined_as_publisher {room_id: $other}",
    )
    .await;
    let first = server.rooms.find(&millrace::model::RoomId::new(server.word("room").to_string())).unwrap();
    assert!(first.view().await.unwrap().participants.is_empty());
}

#[tokio::test]
async fn who_is_removed_is_told_why() {
    let server = Server::start().await;
    let mut web = console(&server).await;
    let mut device = publishing(&server, "42").await;
    web.play("← start_listening {feed: $feed, ..}").await;
    let room = server.rooms.find(&millrace::model::RoomId::new(server.word("room").to_string())).unwrap();
    let participant = millrace::model::ParticipantId::new("DEVICE:42");
    room.request(None, Command::Kick { participant }).await.unwrap();
    device.play("← error {code: kicked, message: _}").await;
    web.play("← stop_listening {feed: $feed, room_id: $room, reason: kicked}").await;
    room.close(EndReason::RoomClosed).await;
    web.play("← error {code: room_closed, message: _}\n→ leave {}\n← error {code: not_in_room, message: _}").await;
}

#[tokio::test]
async fn shutdown_is_told_to_everybody() {
    let server = Server::start().await;
    let (mut web, mut idle) = (console(&server).await, server.device("42").await);
    server.closing.cancel();
    for client in [&mut web, &mut idle] {
        client.play("← error {code: shutting_down, message: _}").await;
        assert_eq!(u16::from(client.closed().await.unwrap().code), 1001);
    }
    assert_eq!(server.status("WEB", "9", "any").await, 503);
}

#[tokio::test]
async fn authentication_comes_before_the_upgrade() {
    let secret = "a secret of at least sixteen bytes";
    let server = Server::with(FakeEngine::automatic(), limits(), Some(secret)).await;
    let token = |role| Auth::new(Some(secret)).issue(role, None, Duration::from_secs(60)).unwrap();
    assert_eq!(server.status("WEB", "7", "rubbish").await, 401);
    assert_eq!(server.status("WEB", "7", &token(TokenRole::Device)).await, 403);
    assert_eq!(server.status("WEB", "7", &token(TokenRole::Web)).await, 101);
    assert_eq!(server.status("DEVICE", "7", &token(TokenRole::Device)).await, 101);
    assert_eq!(server.status("ROBOT", "7", &token(TokenRole::Web)).await, 404);
}

#[tokio::test]
async fn a_token_for_one_room_opens_only_that_room() {
    let secret = "a secret of at least sixteen bytes";
    let server = Server::with(FakeEngine::automatic(), limits(), Some(secret)).await;
    let only = millrace::model::RoomId::new("lobby-1");
    server.rooms.create(Some(millrace::model::RoomId::new("77"))).unwrap();
    let token = Auth::new(Some(secret)).issue(TokenRole::Web, Some(only), Duration::from_secs(60)).unwrap();
    let mut web = server.client("WEB", "7", &token).await;
    web.play(
        r#"→ join_as_publisher {room_id: 77}
           ← error {code: forbidden, message: _}
           → create_room {}
           ← room_created {room_id: "lobby-1"}
           → join_as_publisher {room_id: "lobby-1"}
           ← joined_as_publisher {room_id: "lobby-1"}"#,
    )
    .await;
}

#[tokio::test]
async fn a_thousand_garbage_frames_get_a_thousand_errors() {
    let server = Server::start().await;
    let mut web = server.web("7").await;
    for n in 0..1000 {
        web.send(format!("{{garbage {n}")).await;
    }
    for _ in 0..1000 {
        web.play("← error {code: bad_request, message: _}").await;
    }
    web.quiet().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_holds_up_nobody() {
    let limits = millrace::config::Rooms { heartbeat: Duration::from_secs(1), ..limits() };
    let server = Server::with(FakeEngine::automatic(), limits, None).await;
    let mut web = console(&server).await;
    let mut slow = server.web("slow").await;
    // Far more answers than the socket's buffers take; the client never reads one.
    let flood = async {
        let event = json!({ "event": "x".repeat(2000), "data": {} }).to_string();
        while slow.socket.send(Message::text(event.clone())).await.is_ok() {}
    };
    let dropped =
        eventually("the slow client is dropped", || async { !server.lobby.list().iter().any(|p| p.id == "slow") });
    // Meanwhile another client is served as ever.
    let others = async {
        loop {
            web.quiet().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = async { tokio::join!(flood, dropped); } => {}
        () = others => {}
    }
}

#[tokio::test]
async fn a_client_that_answers_no_pings_is_dead() {
    let limits = millrace::config::Rooms { heartbeat: Duration::from_millis(100), ..limits() };
    let server = Server::with(FakeEngine::automatic(), limits, None).await;
    // Pongs are sent while reading only: this client does not.
    let mut silent = server.device("silent").await;
    eventually("the silent client is gone", || async { server.lobby.list().is_empty() }).await;
    assert!(silent.socket.next().await.is_some());
}
