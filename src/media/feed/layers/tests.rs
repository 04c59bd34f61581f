//! A publisher of three layers, by its packets.

use super::*;
use crate::media::egress::Pool;
use crate::media::feed::{Source, TapItem};
use crate::media::rtcp::{self, Feedback};
use crate::model::{Codec, Content};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const RIDS: [&str; 3] = ["m", "h", "l"];
const SIZES: [(u16, u16); 3] = [(640, 360), (1280, 720), (320, 180)];
const M: usize = 0;
const H: usize = 1;
const L: usize = 2;

struct Line(Mutex<Sender<Vec<u8>>>);

impl Upstream for Line {
    fn send_rtcp(&self, packet: &[u8]) {
        let _ = self.0.lock().send(packet.to_vec());
    }
}

struct World {
    feed: Arc<Feed>,
    line: Arc<Line>,
    back: Receiver<Vec<u8>>,
    wanted: Receiver<Vec<String>>,
    told: Sender<Vec<String>>,
    start: Instant,
    /// Next sequence number and picture of each layer.
    next: [u16; 3],
}

fn track() -> SourceTrack {
    SourceTrack {
        codec: Codec::Vp8,
        fmtp: String::new(),
        payload_type: 96,
        ssrc: None,
        rtx_payload_type: Some(97),
        rtx_ssrc: None,
        nack: true,
        audio_level_id: 0,
    }
}

fn simulcast(rids: &[&str]) -> Simulcast {
    let layer = |rid: &&str| LayerSource { rid: (*rid).into(), ssrc: None, rtx_ssrc: None };
    Simulcast { ids: [10, 11], layers: rids.iter().map(layer).collect() }
}

/// Ten seconds ago, so that times to come are past.
fn world() -> World {
    let pool = Pool::start(1).unwrap();
    // No request is repeated by the pool's timer.
    let feed = Feed::new(FeedId::next(), pool, Duration::from_secs(60), Box::new(|_| {}));
    let (line, back) = channel();
    let (told, wanted) = channel();
    let start = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
    let world =
        World { feed, line: Arc::new(Line(Mutex::new(line))), back, wanted, told, start, next: [1000, 30_000, 60_000] };
    world.publish(&RIDS);
    world
}

fn ssrc(layer: usize) -> u32 {
    100 + layer as u32
}

impl World {
    fn publish(&self, rids: &[&str]) {
        let told = self.told.clone();
        let source = Source { tracks: vec![track()], upstream: self.line.clone() };
        self.feed.set_publication(source, Some((simulcast(rids), Box::new(move |rids| drop(told.send(rids))))));
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// A packet that is a picture.
    fn packet(&mut self, layer: usize, key: bool, ms: u64) -> Vec<u8> {
        let sequence = self.next[layer];
        self.next[layer] = sequence.wrapping_add(1);
        let mut data = vec![0x90, 96 | 0x80];
        data.extend_from_slice(&sequence.to_be_bytes());
        data.extend_from_slice(&(ms as u32 * 90 + 7_000_000 * layer as u32).to_be_bytes());
        data.extend_from_slice(&ssrc(layer).to_be_bytes());
        data.extend_from_slice(&[0xbe, 0xde, 0, 1, 10 << 4, RIDS[layer].as_bytes()[0], 0, 0]);
        let (width, height) = SIZES[layer];
        data.extend_from_slice(&[0x10, u8::from(!key), 0, 0, 0x9d, 1, 0x2a]);
        data.extend_from_slice(&width.to_le_bytes());
        data.extend_from_slice(&height.to_le_bytes());
        data
    }

    fn send(&mut self, layer: usize, key: bool, ms: u64) {
        let packet = self.packet(layer, key, ms);
        self.feed.on_rtp(packet, self.at(ms));
    }

    /// Pictures of these layers, 25 a second, in this span.
    fn flow(&mut self, layers: &[usize], ms: std::ops::Range<u64>) {
        for ms in ms.step_by(40) {
            layers.iter().for_each(|layer| self.send(*layer, false, ms));
        }
    }

    /// What was asked for since the last look.
    fn asked(&self) -> Vec<Feedback> {
        let mut all = Vec::new();
        for packet in self.back.try_iter() {
            assert!(rtcp::read(&packet, |feedback| all.push(feedback)), "unreadable");
        }
        all
    }

    fn carried(&self) -> Option<(u32, u32)> {
        let track = self.feed.stats().tracks.swap_remove(0);
        track.width.zip(track.height)
    }

    fn rids(&self) -> Vec<(String, bool)> {
        self.feed.layers().into_iter().map(|layer| (layer.rid, layer.resting)).collect()
    }

    fn told(&self) -> Vec<Vec<String>> {
        self.wanted.try_iter().collect()
    }
}

fn names(rids: &[&str]) -> Vec<String> {
    rids.iter().map(|rid| (*rid).to_owned()).collect()
}

fn awake(rids: &[&str]) -> Vec<(String, bool)> {
    rids.iter().map(|rid| ((*rid).to_owned(), false)).collect()
}

#[test]
fn the_feed_carries_the_best_layer_and_all_others_are_layers() {
    let mut world = world();
    let tap = world.feed.tap(100, Duration::ZERO);
    assert_eq!((world.rids(), world.carried()), (vec![], None));
    world.send(L, false, 0);
    assert_eq!(world.asked(), [Feedback::Keyframe(ssrc(L))], "pictures that began without one");
    world.send(L, true, 40);
    assert_eq!(world.carried(), Some((320, 180)), "better a small picture than none");
    world.send(H, true, 80);
    world.send(L, false, 80);
    world.send(M, true, 80);
    world.flow(&[L, M, H], 120..400);
    assert_eq!(world.carried(), Some((1280, 720)));
    assert_eq!(world.rids(), awake(&["m", "l"]), "by size, not by name");
    assert_eq!(world.feed.best_layer().unwrap().rid, "h");
    let packets: Vec<_> =
        tap.try_iter().filter_map(|i| if let TapItem::Packet(p) = i { Some(p) } else { None }).collect();
    let sequences: Vec<u64> = packets.iter().map(|packet| packet.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "one track: {sequences:?}");
    assert!(packets.windows(2).all(|pair| (1..9000).contains(&(pair[1].timestamp.wrapping_sub(pair[0].timestamp)))));
    assert_eq!(world.asked(), [], "keyframes came by themselves");
    let stats = world.feed.stats().layers;
    let figures: Vec<_> = stats.iter().map(|l| (l.rid.as_str(), l.track.width, l.track.packets)).collect();
    assert_eq!(figures, [("h", Some(1280), 8), ("m", Some(640), 8), ("l", Some(320), 10)]);
}

#[test]
fn when_the_best_stops_the_next_goes_on_and_it_comes_back() {
    let mut world = world();
    [L, M, H].iter().for_each(|layer| world.send(*layer, true, 0));
    world.flow(&[L, M], 40..1000);
    assert_eq!((world.carried(), world.asked()), (Some((1280, 720)), vec![]), "it may come yet");
    world.flow(&[L, M], 1000..1080);
    assert_eq!(world.asked(), [Feedback::Keyframe(ssrc(M))]);
    world.send(M, true, 1100);
    assert_eq!(world.carried(), Some((640, 360)));
    assert_eq!(world.rids(), awake(&["l"]), "the publisher sends nothing better just now");
    world.feed.request_keyframe();
    world.send(H, true, 3000);
    assert_eq!(world.carried(), Some((1280, 720)));
    assert_eq!(world.rids(), awake(&["m", "l"]));
}

#[test]
fn each_layer_asks_for_its_own_losses() {
    let mut world = world();
    world.start = Instant::now();
    [L, M, H].iter().for_each(|layer| world.send(*layer, true, 0));
    let lost = world.packet(M, false, 0);
    world.send(M, false, 0);
    let layer = world.feed.layers().remove(0);
    let tap = layer.feed.tap(10, Duration::ZERO);
    let number = u16::from_be_bytes([lost[2], lost[3]]);
    let mut found = Vec::new();
    let nack = world.back.recv_timeout(Duration::from_secs(5)).expect("a request");
    rtcp::read(&nack, |feedback| found.push(feedback));
    assert_eq!(found, [Feedback::Nack { ssrc: ssrc(M), sequences: vec![number] }]);

    let mut again = lost.clone();
    again[1] = 97;
    again[2..4].copy_from_slice(&[0, 1]);
    again[8..12].copy_from_slice(&900u32.to_be_bytes());
    again[16] = 11 << 4;
    again.splice(20..20, number.to_be_bytes());
    world.feed.on_rtp(again, world.at(0));
    let packets: Vec<u64> =
        tap.try_iter().filter_map(|i| if let TapItem::Packet(p) = i { Some(p.sequence) } else { None }).collect();
    assert_eq!(packets.iter().map(|n| *n as u16).collect::<Vec<_>>(), [number], "its retransmission");

    world.packet(H, false, 0);
    world.send(H, false, 0);
    assert!(!world.feed.intake.lock().waits(), "what is missing of the layer it carries is asked for by the layer");
}

#[test]
fn what_nobody_uses_is_told_to_stop() {
    let mut world = world();
    [L, M, H].iter().for_each(|layer| world.send(*layer, true, 0));
    world.flow(&[L, M, H], 40..400);
    world.feed.tick(world.at(400));
    assert_eq!(world.told(), Vec::<Vec<String>>::new(), "all are wanted at first");
    let now = |seconds| Instant::now() + Duration::from_secs(seconds);
    world.feed.tick(now(5));
    assert_eq!(world.told(), [names(&["l"])], "nobody watches: the smallest, for who comes next");
    world.flow(&[L], 440..2000);
    world.send(L, true, 2000);
    assert_eq!(world.rids(), [("m".to_owned(), true), ("l".to_owned(), false)]);
    assert_eq!(world.carried(), Some((320, 180)));
    let best = world.feed.best_layer().unwrap();
    assert!(best.rid == "h" && best.resting && best.size == Some((1280, 720)), "using the feed wakes it");

    let middle = world.feed.layers().remove(0);
    let viewer = middle.feed.tap(10, Duration::ZERO);
    world.feed.tick(now(6));
    assert_eq!(world.told(), [names(&["m", "l"])], "at once");
    let recorder = world.feed.tap(10, Duration::ZERO);
    world.feed.tick(now(7));
    assert_eq!(world.told(), [names(&["h", "m", "l"])]);
    world.send(H, true, 2040);
    world.send(M, true, 2040);
    drop(viewer);
    world.flow(&[M, H], 2080..2200);
    world.feed.tick(now(8));
    world.feed.tick(now(13));
    assert_eq!(world.told(), [names(&["h"])], "the recorder's");
    drop(recorder);
    world.send(H, true, 2240);
    world.feed.tick(now(14));
    world.feed.tick(now(20));
    assert_eq!(world.told().last(), Some(&names(&["l"])));
}

#[test]
fn a_further_offer_keeps_the_layers_that_stay() {
    let mut world = world();
    [L, M, H].iter().for_each(|layer| world.send(*layer, true, 0));
    let before = world.feed.layers();
    world.publish(&RIDS);
    assert_eq!(world.rids(), awake(&["m", "l"]), "the same again changes nothing");
    world.publish(&["h", "l"]);
    assert!(before[0].feed.ready().is_err(), "the middle one is over");
    // Without its name, which senders cease to write.
    let mut packet = world.packet(L, true, 40);
    packet[16] = 0;
    world.feed.on_rtp(packet, world.at(40));
    world.send(H, true, 80);
    let after = world.feed.layers();
    assert!(after.len() == 1 && Arc::ptr_eq(&after[0].feed, &before[1].feed), "who is shown it goes on");
    let (source, tap) =
        (Source { tracks: vec![track()], upstream: world.line.clone() }, world.feed.tap(10, Duration::ZERO));
    world.feed.set_publication(source, None);
    assert!(world.feed.layers().is_empty() && after[0].feed.ready().is_err());
    world.send(H, true, 120);
    assert!(tap.try_iter().any(|item| matches!(item, TapItem::Packet(_))), "one layer, as from anybody");
}

#[test]
fn an_encoder_that_began_anew_takes_the_name() {
    let mut world = world();
    [L, H].iter().for_each(|layer| world.send(*layer, true, 0));
    let mut packet = world.packet(H, true, 40);
    packet[2..4].copy_from_slice(&[0, 1]);
    packet[8..12].copy_from_slice(&777u32.to_be_bytes());
    let tap = world.feed.tap(10, Duration::ZERO);
    world.feed.on_rtp(packet, world.at(40));
    assert_eq!(tap.try_iter().filter(|item| matches!(item, TapItem::Packet(_))).count(), 1);
    world.feed.request_keyframe();
    assert_eq!(world.asked(), [Feedback::Keyframe(777)]);
    world.send(H, false, 80);
    assert_eq!(world.feed.stats().layers[0].track.packets, 3, "and so may the former");
}

#[test]
fn layers_end_with_the_feed_and_show_the_same() {
    let mut world = world();
    [L, H].iter().for_each(|layer| world.send(*layer, true, 0));
    world.feed.set_content(Content::Screen);
    let layer = world.feed.layers().remove(0);
    assert_eq!(layer.feed.content(), Content::Screen);
    let tap = layer.feed.tap(10, Duration::ZERO);
    world.feed.close();
    assert!(tap.try_iter().any(|item| matches!(item, TapItem::Ended)));
    assert!(world.feed.layers().is_empty());
}
