//! Rooms whose media goes through the server: the same messages, and the server is the peer of each.

use super::{joined, page, present};
use crate::harness::{Client, DEADLINE, Server, limits};
use millrace::media::fake::{FakeEngine, sdp};
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{Codec, EndReason, PeerId, TrackInfo};
use serde_json::json;

/// Of a publisher.
fn description(kind: &str) -> serde_json::Value {
    json!({"type": kind, "sdp": {"type": kind, "sdp": sdp(PeerId(1), "sendonly", "actpass").as_str()}})
}

pub async fn through(server: &Server, role: &str, room: &str) -> Client {
    let mut client = page(server, role).await;
    client
        .play(&format!("→ join {{role: {role}, room: {room}, via: server}}\n← joined {{role: {role}, room: {room}}}"))
        .await;
    client
}

/// A sender whose media flows.
async fn sending(server: &Server) -> Client {
    let mut sender = through(server, "sender", "hall").await;
    sender.play("← viewer-ready {}").await;
    sender.send(description("offer").to_string()).await;
    sender.play("← answer {sdp: {type: answer, sdp: _}}").await;
    sender
}

async fn asked<T>(server: &Server, what: &str, fits: impl FnMut(&MediaRequest) -> Option<T>) -> T {
    let found = tokio::time::timeout(DEADLINE, server.engine.wait_for(fits)).await;
    found.unwrap_or_else(|_| panic!("the engine was not asked: {what}"))
}

fn peers(server: &Server, fits: impl Fn(&MediaRequest) -> Option<PeerId>) -> Vec<PeerId> {
    server.engine.requests().iter().filter_map(fits).collect()
}

fn subscriptions(server: &Server) -> Vec<PeerId> {
    peers(server, |request| if let MediaRequest::Subscribe { peer, .. } = request { Some(*peer) } else { None })
}

fn publisher(server: &Server) -> PeerId {
    peers(server, |request| if let MediaRequest::Publish { peer, .. } = request { Some(*peer) } else { None })[0]
}

#[tokio::test]
async fn one_sender_and_many_viewers() {
    let server = Server::start().await;
    let mut early = through(&server, "viewer", "hall").await;
    let mut sender = sending(&server).await;
    early.play("← sender-ready {}\n← offer {sdp: {type: offer, sdp: _}}").await;
    let mut late = through(&server, "viewer", "hall").await;
    late.play("← offer {sdp: {type: offer, sdp: _}}").await;
    early.send(description("answer").to_string()).await;
    asked(&server, "Answer", |r| matches!(r, MediaRequest::Answer { .. }).then_some(())).await;
    present(&server, "hall", &["sender", "viewer", "viewer"]).await;
    for (client, candidate) in [(&mut sender, "of-sender"), (&mut early, "of-viewer")] {
        client.play(&format!("→ ice-candidate {{candidate: {{candidate: {candidate}, sdpMid: zero}}}}")).await;
        client.quiet().await;
    }
    let candidates = server.engine.requests().into_iter().filter_map(|request| match request {
        MediaRequest::Candidate { peer, candidate } => Some((peer, candidate.unwrap().candidate)),
        _ => None,
    });
    let expected = [(publisher(&server), "of-sender".to_owned()), (subscriptions(&server)[0], "of-viewer".into())];
    assert_eq!(candidates.collect::<Vec<_>>(), expected);
    drop(early);
    drop(sender);
    late.play("← sender-left {}").await;
    let _again = sending(&server).await;
    late.play("← sender-ready {}\n← offer {sdp: {type: offer, sdp: _}}").await;
}

#[tokio::test]
async fn a_viewer_that_is_ready_gets_another_offer() {
    let server = Server::start().await;
    let mut sender = sending(&server).await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("← offer {sdp: _}\n→ ready {}\n← offer {sdp: _}").await;
    viewer.send(description("answer").to_string()).await;
    viewer.quiet().await;
    assert_eq!(subscriptions(&server).len(), 2);
    sender.play("→ ready {}").await;
    sender.quiet().await;
}

#[tokio::test]
async fn a_sender_may_offer_anew_and_its_viewers_stay() {
    let server = Server::start().await;
    let mut sender = sending(&server).await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("← offer {sdp: _}").await;
    sender.send(description("offer").to_string()).await;
    sender.play("← answer {sdp: {type: answer, sdp: _}}").await;
    viewer.quiet().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_told_and_changes_nothing() {
    let server = Server::start().await;
    let mut sender = through(&server, "sender", "hall").await;
    sender.play("← viewer-ready {}").await;
    sender.play("→ offer {sdp: {type: offer, sdp: nonsense}}\n← error {reason: bad-request, message: _}").await;
    sender.send(description("offer").to_string()).await;
    sender.play("← answer {sdp: _}").await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("← offer {sdp: _}\n→ answer {sdp: {type: answer, sdp: nonsense}}").await;
    viewer.play("← error {reason: bad-request, message: _}").await;
    viewer.send(description("answer").to_string()).await;
    viewer.play("→ answer {sdp: {type: answer, sdp: again}}\n← error {reason: bad-request, message: _}").await;
    viewer.quiet().await;
}

#[tokio::test]
async fn a_viewer_without_anything_to_watch_waits() {
    let server = Server::start().await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("→ ready {}\n→ ice-candidate {candidate: null}").await;
    viewer.play("→ answer {sdp: {type: answer, sdp: v1}}\n← error {reason: bad-request, message: _}").await;
    let mut sender = through(&server, "sender", "hall").await;
    sender.play("← viewer-ready {}").await;
    viewer.quiet().await;
    let mut second = page(&server, "second").await;
    second
        .play(
            "→ join {role: sender, room: hall, via: server}
             ← error {reason: sender-already-exists, message: _}",
        )
        .await;
}

#[tokio::test]
async fn a_room_has_one_way_and_it_is_its_first_joiners() {
    let server = Server::start().await;
    let sender = through(&server, "sender", "hall").await;
    let mut old = page(&server, "old page").await;
    for role in ["viewer", "sender"] {
        old.play(&format!("→ join {{role: {role}, room: hall}}\n← error {{reason: bad-request, message: $way}}")).await;
    }
    assert!(server.word("way").as_str().unwrap().contains("through the server"));
    drop(sender);
    present(&server, "hall", &[]).await;
    old.play("→ join {role: viewer, room: hall}\n← joined {role: viewer, room: hall}").await;
    let mut newer = page(&server, "newer").await;
    newer.play("→ join {role: sender, room: hall, via: server}\n← error {reason: bad-request, message: _}").await;
    let _other_dialects = joined(&server, "sender", "hall").await;
}

#[tokio::test]
async fn a_feed_of_another_dialect_is_a_feed() {
    let server = Server::start().await;
    let mut viewer = through(&server, "viewer", "hall").await;
    let (camera, _) = crate::sessions::opened(&server, "/whip/hall?name=camera").await;
    viewer.play("← sender-ready {}\n← offer {sdp: _}").await;
    let mut sender = sending(&server).await;
    viewer.play("← sender-left {}\n← sender-ready {}\n← offer {sdp: _}").await;
    sender.quiet().await;
    drop(sender);
    viewer.play("← sender-left {}\n← sender-ready {}\n← offer {sdp: _}").await;
    assert_eq!(crate::sessions::ask(&server, "DELETE", &camera, &[], "").await.status(), 200);
    viewer.play("← sender-left {}").await;
}

#[tokio::test]
async fn media_lost_on_the_way_is_asked_for_again() {
    let server = Server::start().await;
    let mut sender = sending(&server).await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("← offer {sdp: _}").await;
    viewer.send(description("answer").to_string()).await;
    viewer.quiet().await;
    let lost = |peer| MediaEvent::PeerEnded { peer, reason: EndReason::MediaTimeout, detail: String::new() };
    server.engine.emit(lost(subscriptions(&server)[0]));
    viewer.play("← offer {sdp: _}").await;
    server.engine.emit(lost(publisher(&server)));
    sender.play("← viewer-left {}\n← viewer-ready {}").await;
    viewer.play("← sender-left {}").await;
    sender.send(description("offer").to_string()).await;
    sender.play("← answer {sdp: _}").await;
    viewer.play("← sender-ready {}\n← offer {sdp: _}").await;
}

#[tokio::test]
async fn media_that_never_came_is_told_in_words() {
    let server = Server::with(FakeEngine::manual(), limits(), None).await;
    let mut sender = through(&server, "sender", "hall").await;
    sender.play("← viewer-ready {}").await;
    sender.send(description("offer").to_string()).await;
    let peer = asked(&server, "Publish", |request| match request {
        MediaRequest::Publish { peer, .. } => Some(*peer),
        _ => None,
    })
    .await;
    server.engine.emit(MediaEvent::PublishAnswered { peer, answer: sdp(peer, "recvonly", "active") });
    sender.play("← answer {sdp: {type: answer, sdp: _}}").await;
    server.engine.emit(MediaEvent::PeerEnded { peer, reason: EndReason::NegotiationTimeout, detail: String::new() });
    sender.play("← error {reason: server-error, message: _}").await;
    sender.quiet().await;
}

#[tokio::test]
async fn a_feed_whose_tracks_change_is_offered_anew() {
    let server = Server::start().await;
    let _sender = sending(&server).await;
    let mut viewer = through(&server, "viewer", "hall").await;
    viewer.play("← offer {sdp: _}").await;
    let feed = asked(&server, "Publish", |request| match request {
        MediaRequest::Publish { feed, .. } => Some(*feed),
        _ => None,
    })
    .await;
    server.engine.emit(MediaEvent::FeedLive { feed, tracks: vec![TrackInfo { codec: Codec::H264 }] });
    viewer.play("← offer {sdp: _}").await;
}
