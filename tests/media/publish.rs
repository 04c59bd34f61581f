//! Publishers.

use crate::engine::{Room, config, resources, until};
use crate::rtc::Client;
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{Codec, EndReason, PeerId, Sdp};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

fn codecs(tracks: &[millrace::model::TrackInfo]) -> Vec<Codec> {
    let mut codecs: Vec<Codec> = tracks.iter().map(|track| track.codec).collect();
    codecs.sort_by_key(|codec| codec.kind());
    codecs
}

#[test]
fn a_publisher_connects_and_its_feed_goes_live() {
    let mut room = Room::new();
    let client = Client::publisher(true, true);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    assert_eq!(codecs(&room.live(feed)), [Codec::Opus, Codec::Vp8]);
    until("100 packets", || {
        room.engine.feed_stats(feed).expect("a feed").tracks.iter().map(|track| track.packets).sum::<u64>() > 100
    });
    let stats = room.engine.peer_stats(peer).expect("a peer");
    assert_eq!(stats.state, "connected");
    assert!(stats.remote_address.expect("an address").starts_with("127.0.0.1:"));
    assert!(stats.packets > 50);
    let graph = room.engine.graph(&[peer], &[feed]);
    assert!(graph.contains("webrtcbin") || graph.contains("GstWebRTCBin"));
    room.close(peer);
    assert!(room.engine.feed_stats(feed).is_none());
    assert_eq!(room.engine.graph(&[peer], &[feed]).matches("subgraph").count(), 0);
}

#[test]
fn audio_alone_and_video_alone_are_feeds_too() {
    let mut room = Room::new();
    for (video, audio, codec) in [(true, false, Codec::Vp8), (false, true, Codec::Opus)] {
        let client = Client::publisher(video, audio);
        let (peer, feed, answer) = room.publish(&client.offer());
        client.take_answer(&answer.expect("an answer"));
        room.connected(peer);
        assert_eq!(codecs(&room.live(feed)), [codec]);
        room.close(peer);
    }
}

/// An SDP with the fingerprint of somebody else.
fn with_false_fingerprint(sdp: &str) -> String {
    let false_line = format!("a=fingerprint:sha-256 {}", ["AA"; 32].join(":"));
    sdp.lines().map(|l| if l.starts_with("a=fingerprint:") { &*false_line } else { l }.to_owned() + "\r\n").collect()
}

#[test]
fn another_certificate_ends_the_peer_before_media() {
    let mut room = Room::new();
    let client = Client::publisher(true, false);
    let (peer, feed, answer) = room.publish(&with_false_fingerprint(&client.offer()));
    client.take_answer(&answer.expect("an answer"));
    match room.next("the end") {
        MediaEvent::PeerEnded { peer: p, reason, .. } => {
            assert_eq!((p, reason), (peer, EndReason::FingerprintMismatch));
        }
        other => panic!("before the end came {other:?}"),
    }
    until("the feed is gone", || room.engine.feed_stats(feed).is_none());
}

#[test]
fn rtp_of_an_unannounced_ssrc_is_dropped_and_counted() {
    let mut room = Room::new();
    let client = Client::publisher(true, true);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    let dropped = || room.engine.ice_counters().unannounced_ssrc.load(SeqCst);
    assert_eq!(dropped(), 0);
    client.falsify_ssrc(111, 0x1234_5678);
    until("20 are dropped", || dropped() > 20);
    assert!(room.engine.peer_stats(peer).is_some(), "the peer lives on");
}

#[test]
fn bad_offers_are_refused_in_words() {
    let mut room = Room::new();
    let good = Client::publisher(true, false).offer();
    for (bad, words) in [
        ("no SDP at all".to_owned(), "session description"),
        (String::new(), "session description"),
        (good.replace("VP8/90000", "H265/90000"), "no codec in common"),
        (good.replace("a=sendrecv", "a=inactive"), "no audio and no video"),
        (good.replace("a=ice-ufrag", "a=x"), "ice-ufrag"),
        (good.replace("a=fingerprint", "a=x"), "fingerprint"),
        (good + &"a=x\r\n".repeat(20_000), "64 kB"),
    ] {
        let (peer, feed, answer) = room.publish(&bad);
        let error = answer.expect_err("a refusal");
        assert!(error.contains(words), "{error}");
        until("nothing is left", || room.engine.peer_stats(peer).is_none() && room.engine.feed_stats(feed).is_none());
    }
}

#[test]
fn a_refused_second_offer_leaves_the_first_running() {
    let mut room = Room::new();
    let client = Client::publisher(true, true);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    room.ask(MediaRequest::Republish { peer, offer: Sdp::new("nonsense") });
    room.expect("the refusal", |event| matches!(event, MediaEvent::PublishRefused { .. }).then_some(()));
    let before = room.engine.peer_stats(peer).expect("a peer").packets;
    until("packets go on", || room.engine.peer_stats(peer).expect("a peer").packets > before + 20);
}

#[test]
fn another_peer_connection_takes_over_the_feed() {
    let mut room = Room::new();
    let first = Client::publisher(true, true);
    let (peer, feed, answer) = room.publish(&first.offer());
    first.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    let second = Client::publisher(true, true);
    room.ask(MediaRequest::Republish { peer, offer: Sdp::new(second.offer()) });
    let answer = room.expect("the second answer", |event| match event {
        MediaEvent::PublishAnswered { answer, .. } => Some(answer.as_str().to_owned()),
        _ => None,
    });
    second.take_answer(&answer);
    room.connected(peer);
    drop(first);
    until("packets of the second", || room.engine.peer_stats(peer).expect("a peer").packets > 20);
    assert!(room.engine.feed_stats(feed).is_some());
}

#[test]
fn the_same_offer_again_is_answered_on_the_same_transport() {
    let mut room = Room::new();
    let client = Client::publisher(true, true);
    let offer = client.offer();
    let (peer, feed, answer) = room.publish(&offer);
    let first = answer.expect("an answer");
    client.take_answer(&first);
    room.connected(peer);
    room.live(feed);
    room.ask(MediaRequest::Republish { peer, offer: Sdp::new(&offer) });
    let second = room.expect("the second answer", |event| match event {
        MediaEvent::PublishAnswered { answer, .. } => Some(answer.as_str().to_owned()),
        _ => None,
    });
    let line = |sdp: &str, start| sdp.lines().find(|l| l.starts_with(start)).map(str::to_owned);
    assert_eq!(line(&first, "a=ice-ufrag"), line(&second, "a=ice-ufrag"));
    assert_ne!(line(&first, "o="), line(&second, "o="), "the version rises");
    let before = room.engine.peer_stats(peer).expect("a peer").packets;
    until("packets go on", || room.engine.peer_stats(peer).expect("a peer").packets > before + 20);
}

#[test]
fn a_publisher_that_falls_silent_is_gone() {
    let mut room = Room::with(millrace::config::Media { liveness: Duration::from_secs(1), ..config() });
    let client = Client::publisher(false, true);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    drop(client);
    assert_eq!(room.ended(peer), EndReason::MediaTimeout);
}

#[test]
fn a_publisher_that_never_connects_is_gone() {
    let limit = Duration::from_millis(300);
    let mut room = Room::with(millrace::config::Media { negotiation_limit: limit, ..config() });
    let (peer, ..) = room.publish(&Client::publisher(false, true).offer());
    assert_eq!(room.ended(peer), EndReason::NegotiationTimeout);
}

#[test]
fn requests_for_unknown_peers_are_ignored() {
    let room = Room::new();
    let peer = PeerId::next();
    room.ask(MediaRequest::Close { peer, reason: EndReason::Left });
    room.ask(MediaRequest::Answer { peer, answer: Sdp::new("x") });
    room.ask(MediaRequest::Candidate { peer, candidate: None });
    assert!(room.engine.peer_stats(peer).is_none());
    assert_eq!(room.engine.shutdown(Duration::from_secs(1)), 0);
}

#[test]
fn thirty_publishers_leave_nothing_behind() {
    let mut room = Room::new();
    let mut base = None;
    for round in 0..32 {
        let client = Client::publisher(false, true);
        let (peer, feed, answer) = room.publish(&client.offer());
        client.take_answer(&answer.expect("an answer"));
        room.connected(peer);
        room.live(feed);
        room.close(peer);
        drop(client);
        // The first rounds start what stays: thread pools of GLib, GStreamer and the runtime.
        if round == 1 {
            std::thread::sleep(Duration::from_secs(2));
            base = Some(resources());
        }
    }
    let (threads, descriptors) = base.expect("a base");
    until("threads and descriptors are back", || {
        let (now_threads, now_descriptors) = resources();
        now_threads <= threads && now_descriptors <= descriptors
    });
}
