//! Sources that are no WebRTC publishers: what they become, judged by decoded pictures.

use crate::engine::{Room, config, until};
use millrace::config::{Config, Ingests, Reach};
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{Codec, FeedId, IngestState, IngestStatus, IngestWish, PeerId};
use std::time::Duration;

/// An engine that may open what is on this machine, with short waits.
pub fn room() -> Room {
    let loopback = "127.0.0.0/8".parse().expect("a network");
    let reach = Reach { special: vec![loopback], ..Reach::default() };
    let (min, max) = (Duration::from_millis(50), Duration::from_millis(400));
    let ingest = Ingests { retry_min: min, retry_max: max, ..Ingests::default() };
    Room::of(Config { media: config(), reach, ingest, ..Config::default() })
}

pub fn wish(uri: &str) -> IngestWish {
    IngestWish { uri: uri.into(), ..IngestWish::default() }
}

pub fn open(room: &Room, wish: IngestWish) -> (PeerId, FeedId) {
    let (peer, feed) = (PeerId::next(), FeedId::next());
    room.ask(MediaRequest::Ingest { peer, feed, wish: Box::new(wish) });
    (peer, feed)
}

/// The next status that `pick` takes.
pub fn status(room: &mut Room, what: &str, pick: impl Fn(&IngestStatus) -> bool) -> IngestStatus {
    room.expect(what, |event| match event {
        MediaEvent::IngestChanged { status, .. } if pick(status) => Some((**status).clone()),
        _ => None,
    })
}

/// A live picture, decoded by the engine and once more here.
pub fn picture(room: &Room, feed: FeedId) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(room.engine.snapshot(feed, Some(160))).expect("a picture").to_vec()
}

#[test]
fn a_pattern_is_a_feed() {
    let mut room = room();
    let (peer, feed) = open(&room, wish("test://ball?size=320x240&fps=15"));
    let tracks: Vec<Codec> = room.live(feed).iter().map(|track| track.codec).collect();
    assert_eq!(tracks, [Codec::Opus, Codec::H264]);
    assert!(picture(&room, feed).starts_with(&[0xff, 0xd8]));
    until("figures", || {
        let status = room.engine.ingest_status(peer).expect("a source");
        let video = status.tracks.iter().find(|track| track.encoding == "H264");
        video.is_some_and(|track| (10.0..20.0).contains(&track.framerate) && track.passthrough)
    });
    assert_eq!(room.engine.ingest_status(peer).expect("a source").state, IngestState::Live);
    room.ask(MediaRequest::Close { peer, reason: millrace::model::EndReason::Requested });
    until("it is gone", || room.engine.ingest_status(peer).is_none() && room.engine.feed_stats(feed).is_none());
}
