//! Mixes that are feeds: seen, watched, ended.

use crate::engine::{LIMIT, Room, somebody, until};
use crate::rtc::Client;
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{Codec, EndReason, FeedId, Layout, PeerId, RecordingId, Sdp};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

fn painter(room: &mut Room, colour: &str) -> (Client, FeedId) {
    let client = Client::painter(colour);
    let (peer, feed, answer) = room.publish(&client.offer());
    client.take_answer(&answer.expect("an answer"));
    room.connected(peer);
    room.live(feed);
    (client, feed)
}

fn live_mix(room: &mut Room, name: &str) -> (PeerId, FeedId, RecordingId) {
    let (peer, feed, mix) = (PeerId::next(), FeedId::next(), RecordingId::new(name));
    let layout = Layout::Named("grid".into());
    room.ask(MediaRequest::LiveMix { peer, feed, mix: mix.clone(), layout, title: String::new() });
    (peer, feed, mix)
}

fn join(room: &Room, mix: &RecordingId, feed: FeedId) {
    room.ask(MediaRequest::MixFeed { recording: mix.clone(), feed, name: Some(String::new()) });
}

/// The colours of two places of a JPEG: left and right of the middle.
fn colours(jpeg: &[u8]) -> [[u8; 3]; 2] {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "image2pipe", "-i", "-", "-vf", "scale=64:36", "-pix_fmt", "rgb24"])
        .args(["-f", "rawvideo", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg");
    ffmpeg.stdin.take().expect("its input").write_all(jpeg).expect("written");
    let raw = ffmpeg.wait_with_output().expect("decoded").stdout;
    let pixel = |x: usize| <[u8; 3]>::try_from(&raw[(18 * 64 + x) * 3..][..3]).expect("a pixel");
    [pixel(16), pixel(48)]
}

fn is_red([r, g, b]: [u8; 3]) -> bool {
    r > 180 && g < 80 && b < 80
}

fn is_blue([r, g, b]: [u8; 3]) -> bool {
    b > 180 && g < 80 && r < 80
}

#[test]
fn two_publishers_are_seen_side_by_side_and_codecs_are_a_browsers() {
    let mut room = Room::new();
    let ((_ann, ann), (_bob, bob)) = (painter(&mut room, "red"), painter(&mut room, "blue"));
    let (peer, feed, mix) = live_mix(&mut room, "show");
    join(&room, &mix, ann);
    join(&room, &mix, bob);
    let mut codecs: Vec<Codec> = room.live(feed).iter().map(|track| track.codec).collect();
    codecs.sort_by_key(|codec| codec.kind());
    assert_eq!(codecs, [Codec::Opus, Codec::H264]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    until("both are seen", || {
        let jpeg = runtime.block_on(room.engine.snapshot(feed, None)).unwrap_or_default();
        let [left, right] = if jpeg.is_empty() { return false } else { colours(&jpeg) };
        is_red(left) && is_blue(right)
    });
    room.ask(MediaRequest::Close { peer, reason: EndReason::Requested });
    until("the feed is gone", || room.engine.feed_stats(feed).is_none());
}

fn watch(room: &mut Room, feed: FeedId) -> (Client, PeerId, Receiver<(Instant, u8)>) {
    let (told, pictures) = channel();
    let (peer, viewer) = (PeerId::next(), Client::watcher(told));
    room.ask(MediaRequest::Subscribe { peer, feed, viewer: somebody() });
    let offer = room.expect("an offer", |event| match event {
        MediaEvent::SubscribeOffered { offer, .. } => Some(offer.as_str().to_owned()),
        _ => None,
    });
    room.ask(MediaRequest::Answer { peer, answer: Sdp::new(viewer.answer(&offer)) });
    room.connected(peer);
    (viewer, peer, pictures)
}

/// Waits for a picture that is as bright as this.
fn until_bright(pictures: &Receiver<(Instant, u8)>, bright: bool) -> Instant {
    let end = Instant::now() + LIMIT;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let (at, luma) = pictures.recv_timeout(left).expect("a picture of that brightness");
        if (luma > 180) == bright && !(60..180).contains(&luma) {
            return at;
        }
    }
}

#[test]
fn a_viewer_decodes_it_soon_after_it_happened_and_hears_of_its_end() {
    let mut room = Room::new();
    let (ann, feed) = painter(&mut room, "black");
    let (mixer, mixed, mix) = live_mix(&mut room, "show");
    join(&room, &mix, feed);
    room.live(mixed);
    let (_viewer, peer, pictures) = watch(&mut room, mixed);
    until_bright(&pictures, false);
    let mut delays = Vec::new();
    for (colour, bright) in [("white", true), ("black", false), ("white", true), ("black", false)] {
        let begun = Instant::now();
        ann.paint(colour);
        delays.push(until_bright(&pictures, bright) - begun);
    }
    delays.sort();
    eprintln!("from a change of the source to the viewer's decoded picture: {delays:?}");
    assert!(delays[1] < Duration::from_millis(700), "{delays:?}");
    room.ask(MediaRequest::Close { peer: mixer, reason: EndReason::Requested });
    assert_eq!(room.ended(peer), EndReason::FeedEnded);
}

#[test]
fn it_ends_by_itself_when_nobody_uses_it() {
    let mut room = Room::new();
    let (peer, feed, mix) = live_mix(&mut room, "show");
    room.live(feed);
    // Its own feed is no member, and no user.
    join(&room, &mix, feed);
    let begun = Instant::now();
    let reason = loop {
        if let MediaEvent::PeerEnded { peer: ended, reason, .. } = room.next_within("its end", Duration::from_secs(15))
        {
            assert_eq!(ended, peer);
            break reason;
        }
    };
    assert_eq!(reason, EndReason::Unused);
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(room.engine.feed_stats(feed).is_none());
    assert_eq!(room.engine.shutdown(Duration::from_secs(5)), 0);
}

#[test]
fn one_name_is_one_mix_and_a_layout_that_is_none_is_told() {
    let mut room = Room::new();
    let (_peer, feed, _) = live_mix(&mut room, "show");
    room.live(feed);
    let (second, ..) = live_mix(&mut room, "show");
    assert_eq!(room.ended(second), EndReason::EngineError);
    assert!(room.engine.feed_stats(feed).is_some(), "the first runs on");
    let (peer, feed, mix) = (PeerId::next(), FeedId::next(), RecordingId::new("odd"));
    let layout = Layout::Named("mosaic".into());
    room.ask(MediaRequest::LiveMix { peer, feed, mix, layout, title: String::new() });
    assert_eq!(room.ended(peer), EndReason::EngineError);
}
