//! The sound of the others, as the engine gives it; and that who takes nothing else keeps the mix alive.

use super::*;
use crate::config::Config;
use crate::media::feed::{Source, SourceTrack, Upstream};
use crate::media::{Engine, GstEngine, MediaRequest};
use crate::model::Codec;

const LIMIT: Duration = Duration::from_secs(10);

struct Nowhere;

impl Upstream for Nowhere {
    fn send_rtcp(&self, _: &[u8]) {}
}

fn microphone() -> Source {
    let track = SourceTrack {
        codec: Codec::Opus,
        fmtp: String::new(),
        payload_type: 111,
        ssrc: Some(1),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    };
    Source { tracks: vec![track], upstream: Arc::new(Nowhere) }
}

/// Whether such an event comes in time.
fn until(told: &mut UnboundedReceiver<MediaEvent>, limit: Duration, is: impl Fn(&MediaEvent) -> bool) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let wanted = async { while !is(&told.recv().await.expect("the engine")) {} };
    runtime.block_on(async { tokio::time::timeout(limit, wanted).await }).is_ok()
}

#[test]
fn members_get_the_others_and_a_listener_alone_keeps_the_mix() {
    let mut config = Config::default();
    (config.media.bind, config.media.port) = ("127.0.0.1".parse().unwrap(), 0);
    let engine = GstEngine::start(&config).unwrap();
    let (events, mut told) = unbounded_channel();
    let (own, stranger, feed, peer) = (FeedId::next(), FeedId::next(), FeedId::next(), PeerId::next());
    engine.inner.make_feed(own, &events).set_source(microphone());
    engine.inner.make_feed(stranger, &events).set_source(microphone());
    let (mix, layout) = (RecordingId::new("show"), Layout::Named("grid".into()));
    engine.request(MediaRequest::LiveMix { peer, feed, mix: mix.clone(), layout, title: String::new() }, &events);
    engine.request(MediaRequest::MixFeed { recording: mix, feed: own, name: Some(String::new()) }, &events);
    assert!(until(&mut told, LIMIT, |event| matches!(event, MediaEvent::FeedLive { feed: live, .. } if *live == feed)));
    let without = |mix, own| engine.inner.live_mixes.without(mix, own);
    assert!(without(feed, stranger).is_none(), "not in it");
    assert!(without(own, own).is_none(), "no mix");
    let show = without(feed, own).expect("the others");
    assert!(show.feed.id() != feed && show.feed.ready().is_ok());
    let ended = |event: &MediaEvent| matches!(event, MediaEvent::PeerEnded { peer: ended, .. } if *ended == peer);
    assert!(!until(&mut told, LINGER + 2 * LOOK, ended), "somebody listens");
    drop(show);
    assert!(until(&mut told, LINGER + LIMIT, ended), "nobody does");
    assert!(without(feed, own).is_none());
    assert_eq!(engine.shutdown(LIMIT), 0);
}
