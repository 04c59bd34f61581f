//! Subscribers.

use crate::engine::{Room, somebody, until};
use crate::rtc::Client;
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{EndReason, FeedId, PeerId, Sdp};
use std::time::Duration;

/// A publisher that is live.
fn live_feed(room: &mut Room) -> (Client, PeerId, FeedId) {
    let client = Client::publisher(true, true);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    (client, peer, feed)
}

fn subscribe(room: &mut Room, feed: FeedId) -> (PeerId, String) {
    let peer = PeerId::next();
    room.ask(MediaRequest::Subscribe { peer, feed, viewer: somebody() });
    let offer = room.expect("an offer", |event| match event {
        MediaEvent::SubscribeOffered { offer, .. } => Some(offer.as_str().to_owned()),
        _ => None,
    });
    (peer, offer)
}

#[test]
fn a_viewer_connects() {
    let mut room = Room::new();
    let (_publisher, _, feed) = live_feed(&mut room);
    let (peer, offer) = subscribe(&mut room, feed);
    let viewer = Client::viewer();
    let answer = viewer.answer(&offer);
    room.ask(MediaRequest::Answer { peer, answer: Sdp::new(answer) });
    room.connected(peer);
    assert_eq!(room.engine.peer_stats(peer).expect("a peer").state, "connected");
    room.close(peer);
}

#[test]
fn a_bad_answer_is_refused_and_a_good_one_still_taken() {
    let mut room = Room::new();
    let (_publisher, _, feed) = live_feed(&mut room);
    let (peer, offer) = subscribe(&mut room, feed);
    let viewer = Client::viewer();
    let answer = viewer.answer(&offer);
    for bad in ["nonsense".to_owned(), answer.replace("a=setup:active", "a=setup:actpass")] {
        room.ask(MediaRequest::Answer { peer, answer: Sdp::new(bad) });
        room.expect("the refusal", |event| matches!(event, MediaEvent::AnswerRefused { .. }).then_some(()));
    }
    room.ask(MediaRequest::Answer { peer, answer: Sdp::new(answer) });
    room.connected(peer);
}

#[test]
fn a_viewer_ends_with_its_feed() {
    let mut room = Room::new();
    let (_publisher, publishing, feed) = live_feed(&mut room);
    let (peer, _) = subscribe(&mut room, feed);
    room.close(publishing);
    assert_eq!(room.ended(peer), EndReason::FeedEnded);
    until("the viewer is gone", || room.engine.peer_stats(peer).is_none());
}

#[test]
fn a_feed_that_does_not_exist_cannot_be_watched() {
    let mut room = Room::new();
    let peer = PeerId::next();
    room.ask(MediaRequest::Subscribe { peer, feed: FeedId::next(), viewer: somebody() });
    assert_eq!(room.ended(peer), EndReason::FeedEnded);
}

#[test]
fn shutdown_ends_all() {
    let mut room = Room::new();
    let (_publisher, publishing, feed) = live_feed(&mut room);
    let (peer, _) = subscribe(&mut room, feed);
    assert_eq!(room.engine.shutdown(Duration::from_secs(5)), 0);
    assert!(room.engine.peer_stats(publishing).is_none() && room.engine.peer_stats(peer).is_none());
}
