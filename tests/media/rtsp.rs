//! IP cameras: what they are in, how they fail, how they come back.

use crate::camera::{Camera, H264, OPUS, PCMA};
use crate::engine::{Room, until};
use crate::sources::{open, picture, room, status, wish};
use millrace::media::Engine;
use millrace::model::{Codec, IngestReason, IngestState, IngestWish, Secret, Transport};

fn codecs(room: &mut Room, wish: IngestWish) -> (Vec<Codec>, Vec<u8>) {
    let (_, feed) = open(room, wish);
    let codecs = room.live(feed).iter().map(|track| track.codec).collect();
    (codecs, picture(room, feed))
}

#[test]
fn a_camera_passes_as_it_is_over_tcp_and_udp() {
    let camera = Camera::of(&[H264, OPUS]).start();
    let mut room = room();
    for transport in [Transport::Tcp, Transport::Udp] {
        let (codecs, picture) = codecs(&mut room, IngestWish { transport, ..wish(&camera.uri()) });
        assert_eq!(codecs, [Codec::Opus, Codec::H264], "{transport:?}");
        assert!(picture.starts_with(&[0xff, 0xd8]));
    }
}

#[test]
fn g711_passes() {
    let camera = Camera::of(&[H264, PCMA]).start();
    assert_eq!(codecs(&mut room(), wish(&camera.uri())).0, [Codec::Pcma, Codec::H264]);
}

#[test]
fn users_are_let_in_by_basic_and_digest_and_wrong_ones_told() {
    let mut room = room();
    for digest in [false, true] {
        let user = Some(("viewer".to_owned(), "p:ss@ w/rd".to_owned(), digest));
        let camera = Camera { user, ..Camera::of(&[H264]) }.start();
        let right = IngestWish { user: "viewer".into(), password: Secret::new("p:ss@ w/rd"), ..wish(&camera.uri()) };
        assert_eq!(codecs(&mut room, right.clone()).0, [Codec::H264], "digest {digest}");
        open(&room, IngestWish { password: Secret::new("wrong"), ..right });
        let refused = status(&mut room, "the refusal", |status| status.trouble.is_some());
        assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::Credentials), "digest {digest}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    open(&room, wish(&camera.uri().replace("stream", "nothing")));
    let refused = status(&mut room, "no such stream", |status| status.trouble.is_some());
    assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::NotFound));
    let port = camera.port;
    drop(camera);
    open(&room, wish(&format!("rtsp://127.0.0.1:{port}/stream")));
    let refused = status(&mut room, "nobody there", |status| status.trouble.is_some());
    assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::Unreachable));
}

#[test]
fn a_camera_that_was_away_is_live_again() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    let (peer, feed) = open(&room, wish(&camera.uri()));
    room.live(feed);
    let camera = camera.cut();
    status(&mut room, "the outage", |status| status.state == IngestState::Waiting);
    let _camera = camera.start();
    status(&mut room, "the return", |status| status.state == IngestState::Live && status.reconnects == 1);
    let before = room.engine.feed_stats(feed).expect("a feed").tracks[0].frames;
    until("pictures come", || room.engine.feed_stats(feed).expect("a feed").tracks[0].frames > before + 5);
    assert!(room.engine.ingest_status(peer).is_some());
}
