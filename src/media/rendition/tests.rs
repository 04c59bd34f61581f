//! Real renditions of real feeds, judged by decoding what comes out.

use super::*;
use crate::media::feed::TapItem;
use crate::media::feed::clock::ntp_now;
use crate::media::outlet::testing::Publisher;
use crate::media::rtp::Packet;
use std::sync::mpsc::Receiver;
use std::time::Instant;

const LIMIT: Duration = Duration::from_secs(20);

fn renditions(percent: u32) -> Arc<Renditions> {
    Renditions::new(Pool::start(1).unwrap(), None, percent).unwrap()
}

fn rung(height: u32, kbps: u32, framerate: u32) -> Rung {
    Rung {
        name: format!("{height}p"),
        height: Some(height),
        bitrate: kbps * 1000,
        framerate: Some(framerate),
        keyframe_interval: Duration::from_secs(10),
    }
}

/// Packets of pictures from now on.
struct Watched(Receiver<TapItem>);

impl Watched {
    fn of(user: &User) -> Self {
        Self(user.feed().tap(4096, Duration::ZERO))
    }

    fn next(&self) -> Arc<Packet> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let TapItem::Packet(packet) = self.0.recv_timeout(left).expect("a packet within 20 s") {
                return packet;
            }
        }
    }

    fn keyframe(&self) -> Arc<Packet> {
        std::iter::from_fn(|| Some(self.next())).find(|packet| packet.keyframe).unwrap()
    }

    /// Packets of so many seconds of RTP time, from a keyframe on.
    fn take(&self, seconds: u32) -> Vec<Arc<Packet>> {
        let first = self.keyframe();
        let until = first.timestamp.wrapping_add(seconds * 90_000);
        let mut packets = vec![first];
        loop {
            let packet = self.next();
            if packet.timestamp.wrapping_sub(until) < 1 << 31 {
                return packets;
            }
            packets.push(packet);
        }
    }
}

#[test]
fn one_serves_all_who_ask_for_the_same() {
    let publisher = Publisher::start(&[Codec::Opus, Codec::Vp8]);
    let (all, small) = (renditions(100), rung(120, 100, 25));
    assert!(all.price(&publisher.feed, Codec::Vp8, &small) > 0.0);
    let users: Vec<_> = (0..20).map(|_| all.make(&publisher.feed, Codec::Vp8, &small).unwrap()).collect();
    assert_eq!((all.count(), all.price(&publisher.feed, Codec::Vp8, &small)), (1, 0.0));
    Watched::of(&users[0]).keyframe();
    let told = all.transcodes();
    assert_eq!((told.running.len(), told.running[0].users, told.running[0].encoder.as_str()), (1, 20, "vp8enc"));
    assert_eq!(told.running[0].rendition.name, "120p");
    let other = all.make(&publisher.feed, Codec::H264, &small).unwrap();
    assert_eq!(all.count(), 2);
    drop(users);
    drop(other);
    let deadline = Instant::now() + LIMIT;
    while all.count() > 0 {
        assert!(Instant::now() < deadline, "still there after 20 s");
        std::thread::yield_now();
    }
}
