//! Viewers whose own offer is answered before their camera was ever seen.

use crate::camera::{Camera, H264, OPUS};
use crate::engine::{Room, somebody, until};
use crate::rtc::Client;
use crate::sources::{open, room, status, wish};
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection as Direction};
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{EndReason, FeedId, IngestState, IngestWish, PeerId, Sdp};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const OPUS_ONLY: &str =
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2";
const VP8_ONLY: &str = "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000";
const H264_ONLY: &str = "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,\
    packetization-mode=(string)1,profile-level-id=(string)42e01f";

type Pictures = Receiver<(Instant, u8)>;

/// A viewer that offers to receive these; its pictures are decoded.
fn viewer(sections: &[&str]) -> (Client, Pictures) {
    let (told, pictures) = channel();
    let client = Client::watcher(told);
    for caps in sections {
        let caps: gst::Caps = caps.parse().expect("caps");
        let add = ("add-transceiver", [&Direction::Recvonly as &dyn gst::prelude::ToValue, &caps]);
        use gst::prelude::ObjectExt;
        client.webrtcbin.emit_by_name::<WebRTCRTPTransceiver>(add.0, &add.1);
    }
    (client, pictures)
}

/// It offers and is answered, camera or not.
fn watches(room: &mut Room, client: &Client, feed: FeedId) -> (PeerId, String) {
    let peer = PeerId::next();
    let offer = Sdp::new(client.offer());
    room.ask(MediaRequest::SubscribeWith { peer, feed, offer, viewer: somebody() });
    let answer = room.expect("the answer", |event| match event {
        MediaEvent::SubscribeAnswered { answer, .. } => Some(answer.as_str().to_owned()),
        MediaEvent::SubscribeRefused { error, .. } => panic!("refused: {error}"),
        _ => None,
    });
    client.take_answer(&answer);
    room.connected(peer);
    (peer, answer)
}

fn pictures_come(pictures: &Pictures, what: &str) {
    pictures.try_iter().for_each(drop);
    let end = Instant::now() + Duration::from_secs(20);
    for _ in 0..15 {
        let left = end.saturating_duration_since(Instant::now());
        pictures.recv_timeout(left).unwrap_or_else(|_| panic!("no pictures: {what}"));
    }
}

fn lazy(uri: &str) -> IngestWish {
    IngestWish { on_demand: true, lazy: true, linger_ms: 300, ..wish(uri) }
}

#[test]
fn a_camera_that_was_never_seen_plays_once_it_is_there_and_after_each_outage() {
    let camera = Camera::of(&[H264, OPUS]).start();
    let (uri, away) = (camera.uri(), camera.cut());
    let mut room = room();
    let (source, feed) = open(&room, lazy(&uri));
    status(&mut room, "nobody wants it", |status| status.state == IngestState::Idle);
    let (client, pictures) = viewer(&[OPUS_ONLY, H264_ONLY]);
    let (peer, answer) = watches(&mut room, &client, feed);
    assert_eq!(answer.matches("a=sendonly").count(), 2, "{answer}");
    status(&mut room, "it is tried", |status| status.state == IngestState::Waiting);
    assert!(room.engine.ingest_status(source).is_some_and(|status| status.users == 1), "who waits counts");
    let camera = away.start();
    pictures_come(&pictures, "it appears");
    until("the viewer gets it as it comes", || room.engine.explain(peer).is_some_and(|e| e.gets.name == "source"));
    let away = camera.cut();
    status(&mut room, "it is away", |status| status.state == IngestState::Waiting);
    let camera = away.start();
    status(&mut room, "it is back", |status| status.state == IngestState::Live && status.reconnects == 1);
    pictures_come(&pictures, "it came back");
    room.close(peer);
    status(&mut room, "nobody wants it again", |status| status.state == IngestState::Idle);
    until("it is closed", || camera.clients() == 0);
}

#[test]
fn a_lazy_camera_is_left_alone_until_somebody_wants_it() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    let (source, feed) = open(&room, lazy(&camera.uri()));
    status(&mut room, "nobody wants it", |status| status.state == IngestState::Idle);
    assert_eq!(camera.clients(), 0);
    assert!(room.engine.ingest_status(source).is_some_and(|status| status.tracks.is_empty()), "it was never opened");
    room.ask(MediaRequest::WakeIngest { peer: source });
    room.live(feed);
    status(&mut room, "nobody took it", |status| status.state == IngestState::Idle);
    until("it is closed", || camera.clients() == 0);
    // Now it is known that it has no sound.
    let (client, pictures) = viewer(&[OPUS_ONLY, H264_ONLY]);
    let (_, answer) = watches(&mut room, &client, feed);
    assert!(answer.contains("a=inactive") && answer.contains("a=sendonly"), "{answer}");
    pictures_come(&pictures, "a second viewer");
}

#[test]
fn a_viewer_of_another_codec_gets_it_made_and_a_missing_kind_keeps_nothing_waiting() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    let (source, feed) = open(&room, lazy(&camera.uri()));
    let (client, pictures) = viewer(&[OPUS_ONLY, VP8_ONLY]);
    let (peer, answer) = watches(&mut room, &client, feed);
    assert!(answer.contains("VP8") && !answer.contains("H264"), "{answer}");
    pictures_come(&pictures, "VP8 of an H264 camera without sound");
    let gets = room.engine.explain(peer).expect("a choice").gets;
    assert_ne!(gets.name, "source");
    room.ask(MediaRequest::Close { peer: source, reason: EndReason::Requested });
    assert_eq!(room.ended(peer), EndReason::FeedEnded);
}
