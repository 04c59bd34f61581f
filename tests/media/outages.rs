//! What viewers notice when a camera goes and comes, and when nobody wants it: nothing.

use crate::camera::{Camera, H264};
use crate::engine::{Room, resources, somebody, until};
use crate::sources::{open, picture, room, status, wish};
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{EndReason, FeedId, IngestState, IngestWish, PeerId, Sdp};
use millrace_bench::peer::Peer;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A viewer that is not GStreamer.
fn watch(room: &mut Room, runtime: &tokio::runtime::Runtime, feed: FeedId) -> (Peer, PeerId) {
    let peer = PeerId::next();
    room.ask(MediaRequest::Subscribe { peer, feed, viewer: somebody() });
    let offer = room.expect("an offer", |event| match event {
        MediaEvent::SubscribeOffered { offer, .. } => Some(offer.as_str().to_owned()),
        _ => None,
    });
    let (viewer, answer) = runtime.block_on(Peer::viewer([127, 0, 0, 1].into(), &offer)).expect("a viewer");
    room.ask(MediaRequest::Answer { peer, answer: Sdp::new(answer) });
    room.connected(peer);
    (viewer, peer)
}

/// The camera's server stays, its clients are thrown out: as a camera that loses its sessions.
#[test]
fn two_hundred_outages_leave_a_viewer_as_it_was() {
    let mut camera = Camera::of(&[H264]).start();
    let mut room = room();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (source, feed) = open(&room, wish(&camera.uri()));
    room.live(feed);
    let (viewer, peer) = watch(&mut room, &runtime, feed);
    let mut base = (0, 0);
    for flap in 1..=200u64 {
        match flap % 10 {
            // It is away for a moment, its port closed.
            0 => camera = camera.cut().start(),
            _ => camera.throw_out(),
        }
        let end = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            assert!(std::time::Instant::now() < end, "outage {flap}: {:?}", room.engine.ingest_status(source));
            match room.next("the return") {
                MediaEvent::IngestChanged { status, .. } if status.reconnects == flap => break,
                MediaEvent::SubscribeOffered { .. } => panic!("outage {flap}: the viewer is to negotiate"),
                MediaEvent::PeerEnded { detail, .. } => panic!("outage {flap}: {detail}"),
                _ => {}
            }
        }
        let seen = viewer.seen.video.load(Relaxed);
        until("pictures go on", || viewer.seen.video.load(Relaxed) > seen);
        if flap == 20 {
            base = resources();
        }
    }
    let streams = viewer.seen.streams.lock().expect("streams").clone();
    let (first, last, count) = *streams.values().next().expect("a stream");
    assert_eq!((streams.len(), last - first + 1), (1, count), "one SSRC and no gap");
    until("threads and descriptors are back", || {
        let now = resources();
        now.0 <= base.0 + 2 && now.1 <= base.1 + 2
    });
    room.ask(MediaRequest::Close { peer, reason: EndReason::Left });
    room.ask(MediaRequest::Close { peer: source, reason: EndReason::Left });
    until("all is gone", || room.engine.feed_stats(feed).is_none());
}

#[test]
fn a_camera_on_demand_is_open_while_somebody_wants_it() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    let (_, feed) = open(&room, IngestWish { on_demand: true, linger_ms: 300, ..wish(&camera.uri()) });
    room.live(feed);
    status(&mut room, "nobody wants it", |status| status.state == IngestState::Idle);
    until("it is closed", || camera.clients() == 0);
    assert!(picture(&room, feed).starts_with(&[0xff, 0xd8]));
    let woken = status(&mut room, "it is live again", |status| status.state == IngestState::Live);
    assert_eq!((woken.reconnects, camera.clients()), (0, 1));
    status(&mut room, "nobody wants it again", |status| status.state == IngestState::Idle);
}
