//! A publisher's packets through an uplink, with keys of its own; `rtc-srtp` reads what goes back in `srtp`'s tests.

use super::*;
use crate::media::egress::Pool;
use crate::media::feed::{LayerSource, Simulcast, Source, TapItem};
use crate::model::{Codec, FeedId};
use std::sync::mpsc;

const OURS: [u8; 30] = [1; 30];
const THEIRS: [u8; 30] = [2; 30];
const SSRC: u32 = 0xcafe;
const PEER: PeerId = PeerId(1);
const TWCC_ID: u8 = 3;

struct Line(Mutex<mpsc::Sender<Vec<u8>>>);

impl Wire for Line {
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize {
        usize::from(self.0.lock().send(data.to_vec()).is_err()) * lengths.len()
    }
}

struct World {
    uplink: Arc<Uplink>,
    feed: Arc<Feed>,
    sent: mpsc::Receiver<Vec<u8>>,
    opener: Receiver,
    sealer: Sender,
}

fn world() -> World {
    let pool = Pool::start(1).unwrap();
    let feed = Feed::new(FeedId(1), pool, Duration::from_millis(300), Box::new(|_| {}));
    let (line, sent) = mpsc::channel();
    let uplink = Uplink::new(Arc::new(Line(Mutex::new(line))));
    let track = SourceTrack {
        codec: Codec::Opus,
        fmtp: String::new(),
        payload_type: 111,
        ssrc: Some(SSRC),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id: 0,
    };
    uplink.negotiated(PEER, &feed, std::slice::from_ref(&track), TWCC_ID);
    feed.set_source(Source { tracks: vec![track], upstream: uplink.clone() });
    let (opener, sealer) = (Receiver::new(&OURS).unwrap(), Sender::new(&THEIRS).unwrap());
    World { uplink, feed, sent, opener, sealer }
}

impl World {
    fn secure(&self) {
        self.uplink.secure(&Keys { send: OURS, receive: THEIRS, index: Default::default() });
    }

    /// An SRTP packet with a transport-wide number.
    fn packet(&self, sequence: u16, transport: u16) -> Vec<u8> {
        let mut packet = self.plain(sequence, transport);
        self.sealer.protect(&mut packet, 0, 20, 0).unwrap();
        packet
    }

    /// The same before it is encrypted.
    fn plain(&self, sequence: u16, transport: u16) -> Vec<u8> {
        let mut packet = vec![0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0xca, 0xfe, 0xbe, 0xde, 0, 1, TWCC_ID << 4 | 1];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&transport.to_be_bytes());
        packet.extend_from_slice(&[0, 9, 9, 9]);
        packet
    }

    /// The next RTCP that went back.
    fn back(&mut self) -> Vec<Feedback> {
        let plain = self.opener.unprotect_rtcp(&self.sent.try_recv().expect("RTCP")).expect("authentic RTCP");
        let mut all = Vec::new();
        assert!(rtcp::read(&plain, |feedback| all.push(feedback)), "unreadable");
        all
    }
}

#[test]
fn packets_come_through_and_are_told_of_at_once() {
    let mut world = world();
    world.secure();
    let tap = world.feed.tap(10, Duration::ZERO);
    let start = Instant::now();
    for n in [0u16, 1, 3] {
        assert!(world.uplink.on_srtp(&world.packet(n, n), PEER, start + Duration::from_millis(u64::from(n))));
    }
    assert!(world.sent.try_recv().is_err(), "nothing is due yet");
    assert!(world.uplink.on_srtp(&world.packet(4, 4), PEER, start + FEEDBACK));
    let [Feedback::TransportCc(told)] = &world.back()[..] else { panic!("no transport feedback") };
    assert_eq!((told.packets.len(), told.lost()), (5, 1));
    world.uplink.tick(start + REPORTS);
    let [Feedback::Report(report)] = world.back()[..] else { panic!("no receiver report") };
    assert_eq!((report.ssrc, report.fraction_lost), (SSRC, 51), "one of five lost");
    let payloads = tap.try_iter().filter(|i| matches!(i, TapItem::Packet(p) if p.payload() == [9, 9, 9])).count();
    assert_eq!(payloads, 4);
}

#[test]
fn a_sender_report_is_answered_with_its_time() {
    let mut world = world();
    world.secure();
    let start = Instant::now();
    world.uplink.on_srtp(&world.packet(0, 0), PEER, start);
    let mut report = vec![0x80, 200, 0, 6, 0, 0, 0xca, 0xfe, 0, 0, 0x12, 0x34, 0x56, 0x78, 0, 0];
    report.extend_from_slice(&[0; 12]);
    world.sealer.protect_rtcp(&mut report).unwrap();
    assert!(world.uplink.on_srtcp(&report, start).is_some());
    assert!(world.uplink.on_srtcp(&report, start).is_none(), "a replay");
    world.uplink.tick(start + REPORTS);
    let [Feedback::TransportCc(told)] = &world.back()[..] else { panic!("no transport feedback") };
    assert_eq!((told.packets.len(), told.lost()), (1, 0));
    let [Feedback::Report(told)] = world.back()[..] else { panic!("no receiver report") };
    assert_eq!((told.last_sender_report, told.delay), (0x1234_5678, 65_536));
}

#[test]
fn another_payload_type_is_told_of_once_a_second() {
    let world = world();
    world.secure();
    let start = Instant::now();
    world.uplink.on_srtp(&world.packet(0, 0), PEER, start);
    assert_eq!(world.uplink.take_other(), None, "it was not agreed");
    world.uplink.set_others(vec![111]);
    world.uplink.on_srtp(&world.packet(1, 1), PEER, start);
    assert_eq!((world.uplink.take_other(), world.uplink.take_other()), (Some(111), None));
    world.uplink.on_srtp(&world.packet(2, 2), PEER, start + Duration::from_millis(900));
    assert_eq!(world.uplink.take_other(), None);
    world.uplink.on_srtp(&world.packet(3, 3), PEER, start + OTHERS);
    assert_eq!(world.uplink.take_other(), Some(111));
}

#[test]
fn nothing_forged_early_or_replayed_comes_through() {
    let world = world();
    let packet = world.packet(7, 7);
    assert!(!world.uplink.on_srtp(&packet, PEER, Instant::now()), "before there are keys");
    world.secure();
    let mut forged = packet.clone();
    forged[20] ^= 1;
    let tap = world.feed.tap(10, Duration::ZERO);
    for bad in [&forged[..], &packet[..12], &[], &[0x90; 13]] {
        assert!(!world.uplink.on_srtp(bad, PEER, Instant::now()), "{bad:02x?}");
        assert!(world.uplink.on_srtcp(bad, Instant::now()).is_none(), "{bad:02x?}");
    }
    assert!(world.uplink.on_srtp(&packet, PEER, Instant::now()));
    assert!(!world.uplink.on_srtp(&packet, PEER, Instant::now()), "a replay");
    assert_eq!(tap.try_iter().count(), 1);
}

/// The first picture of a layer: VP8 of this many pixels, named by extension 10.
fn layer(sealer: &Sender, rid: u8, ssrc: u32, width: u16) -> Vec<u8> {
    let mut packet = vec![0x90, 96 | 0x80, 0, 7, 0, 0, 0, 0];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 10 << 4, rid, 0, 0, 0x10, 0, 0, 0, 0x9d, 1, 0x2a]);
    packet.extend_from_slice(&[width as u8, (width >> 8) as u8, 90, 0]);
    sealer.protect(&mut packet, 0, 20, 0).unwrap();
    packet
}

#[test]
fn three_layers_come_through_and_all_are_reported_on() {
    let mut world = world();
    world.secure();
    let track = SourceTrack {
        codec: Codec::Vp8,
        payload_type: 96,
        ssrc: None,
        rtx_payload_type: Some(97),
        ..world.feed.tracks().swap_remove(0)
    };
    let named = |rid: &str| LayerSource { rid: rid.into(), ssrc: None, rtx_ssrc: None };
    let layers = Simulcast { ids: [10, 11], layers: ["h", "m", "l"].map(named).into() };
    let source = Source { tracks: vec![track], upstream: world.uplink.clone() };
    world.feed.set_publication(source, Some((layers, Box::new(|_| {}))));
    let start = Instant::now();
    for (rid, ssrc, width) in [(b'l', 3, 320), (b'm', 2, 640), (b'h', 1, 1280)] {
        let packet = layer(&world.sealer, rid, ssrc, width);
        let mut forged = packet.clone();
        forged[17] = b'x';
        assert!(!world.uplink.on_srtp(&forged, PEER, start), "a name is only believed when the packet is authentic");
        assert!(world.uplink.on_srtp(&packet, PEER, start));
    }
    let widths: Vec<_> = world.feed.stats().layers.iter().map(|layer| (layer.rid.clone(), layer.track.width)).collect();
    assert_eq!(widths, [("h".into(), Some(1280)), ("m".into(), Some(640)), ("l".into(), Some(320))]);
    world.uplink.tick(start + REPORTS);
    let reported: Vec<u32> = world
        .back()
        .iter()
        .filter_map(|f| if let Feedback::Report(report) = f { Some(report.ssrc) } else { None })
        .collect();
    assert_eq!(reported, [3, 2, 1]);
}

#[test]
fn one_handshake_has_one_sender() {
    let mut world = world();
    world.secure();
    world.uplink.send_rtcp(&rtcp::pli(1, SSRC));
    world.secure();
    world.uplink.send_rtcp(&rtcp::pli(1, SSRC));
    assert_eq!(
        [world.back(), world.back()].concat(),
        vec![Feedback::Keyframe(SSRC); 2],
        "an index used twice is a replay"
    );
}

#[test]
fn publications_on_one_connection_are_fed_each_its_own_and_told_of_together() {
    let mut world = world();
    world.secure();
    const OTHER: PeerId = PeerId(2);
    let pool = Pool::start(1).unwrap();
    let other = Feed::new(FeedId(2), pool, Duration::from_millis(300), Box::new(|_| {}));
    let track = SourceTrack { ssrc: Some(0xbeef), ..world.feed.tracks()[0].clone() };
    world.uplink.negotiated(OTHER, &other, std::slice::from_ref(&track), TWCC_ID);
    other.set_source(Source { tracks: vec![track], upstream: world.uplink.clone() });
    let (taps, start) = ([world.feed.tap(10, Duration::ZERO), other.tap(10, Duration::ZERO)], Instant::now());
    let second = |world: &World, sequence: u16, transport: u16| {
        let mut packet = world.plain(sequence, transport);
        packet[8..12].copy_from_slice(&0xbeef_u32.to_be_bytes());
        world.sealer.protect(&mut packet, 0, 20, 0).unwrap();
        packet
    };
    assert!(world.uplink.on_srtp(&world.packet(0, 0), PEER, start));
    assert!(world.uplink.on_srtp(&second(&world, 7, 1), OTHER, start));
    assert!(world.uplink.on_srtp(&second(&world, 8, 2), OTHER, start));
    let packets = |tap: &mpsc::Receiver<TapItem>| tap.try_iter().filter(|i| matches!(i, TapItem::Packet(_))).count();
    assert_eq!([packets(&taps[0]), packets(&taps[1])], [1, 2]);
    assert_eq!((world.uplink.received(PEER).unwrap().0, world.uplink.received(OTHER).unwrap().0), (1, 2));
    world.uplink.tick(start + REPORTS);
    let [Feedback::TransportCc(told)] = &world.back()[..] else { panic!("no transport feedback") };
    assert_eq!((told.packets.len(), told.lost()), (3, 0), "one numbering");
    let blocks = world.back();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    // One goes, and what is known of its stream is forgotten last: a late packet is still no new one.
    world.uplink.remove(OTHER);
    world.uplink.retire(&[0xbeef]);
    assert!(!world.uplink.on_srtp(&second(&world, 8, 2), OTHER, start), "a replay");
    assert!(world.uplink.on_srtp(&world.packet(1, 3), PEER, start));
    assert_eq!((packets(&taps[0]), packets(&taps[1])), (1, 0));
    assert_eq!((world.uplink.received(OTHER), world.uplink.feeds().len()), (None, 1));
}
