//! Several subscriptions over one connection.

use super::line::Fake;
use super::world::*;
use crate::media::egress::line::Line;
use crate::media::egress::{Downlink, DownlinkSpec, Keys, OutCodec, OutExtensions, OutStream, Trunk, Wire};
use crate::media::rtp::find_extension;
use crate::model::{Codec, Kind, PeerId};
use rtc_srtp::context::Context;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);
const NUMBER: u8 = 5;

struct Way(Mutex<Sender<Vec<u8>>>);

impl Wire for Way {
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize {
        let mut rest = data;
        for length in lengths {
            let (datagram, tail) = rest.split_at(*length);
            _ = self.0.lock().unwrap().send(datagram.to_vec());
            rest = tail;
        }
        0
    }
}

struct Client {
    trunk: Arc<Trunk>,
    estimate: Fake,
    way: Arc<Way>,
    datagrams: Receiver<Vec<u8>>,
    open: Context,
    keys: [u8; 30],
}

impl Client {
    fn of(world: &World) -> Self {
        let (estimate, keys) = (Fake::default(), [7; 30]);
        let trunk = Trunk::new(world.pool.clone(), Line::new(Box::new(estimate.clone()), Duration::ZERO));
        let (sender, datagrams) = channel();
        Self { trunk, estimate, way: Arc::new(Way(Mutex::new(sender))), datagrams, open: context(&keys), keys }
    }

    fn watches(&self, world: &World, ssrc: u32, transport_cc: u8) -> Arc<Downlink> {
        let first = OutCodec { codec: Codec::Vp8, payload_type: 101, rtx: Some(102) };
        let streams = vec![OutStream { first, others: Vec::new(), mid: "0".into(), ssrc, rtx_ssrc: Some(ssrc + 1) }];
        let downlink = self.trunk.attach(DownlinkSpec {
            peer: PeerId::next(),
            feed: None,
            streams,
            extensions: OutExtensions { transport_cc, ..Default::default() },
            keys: Keys { send: self.keys, receive: [9; 30], index: Default::default() },
            numbers: self.trunk.numbers(),
            wire: self.way.clone(),
            cname: "test".into(),
        });
        downlink.show_all(&world.feed);
        downlink
    }

    /// The next RTP packet's SSRC and transport-wide number, and its sequence number.
    fn next(&mut self) -> (u32, Option<u16>, u16) {
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let data = self.datagrams.recv_timeout(left).expect("a packet");
            if (192..224).contains(&data[1]) {
                continue;
            }
            let plain = self.open.decrypt_rtp(&data).expect("it can be read");
            let number = find_extension(&plain, NUMBER).map(|value| u16::from_be_bytes([value[0], value[1]]));
            let packet = rtp_types::RtpPacket::parse(&plain).unwrap();
            return (packet.ssrc(), number, packet.sequence_number());
        }
    }

    fn skip(&mut self, packets: usize) {
        for _ in 0..packets {
            self.next();
        }
    }

    fn say(&self, kind: u8, count: u8, ssrc: u32, more: &[u8]) {
        let mut plain = vec![0x80 | count, kind, 0, 2 + (more.len() / 4) as u8, 0, 0, 0, 1];
        plain.extend_from_slice(&ssrc.to_be_bytes());
        plain.extend_from_slice(more);
        self.trunk.on_rtcp(&plain, Instant::now());
    }
}

/// Two feeds with a picture each.
fn worlds() -> (World, World) {
    let one = World::new();
    let other = one.another();
    one.publish(&key(VIDEO, 10, 0));
    other.publish(&key(VIDEO, 20, 0));
    (one, other)
}

#[test]
fn one_numbering_and_one_estimate_for_all() {
    let (one, other) = worlds();
    let mut client = Client::of(&one);
    let (first, second) = (client.watches(&one, 100, NUMBER), client.watches(&other, 200, NUMBER));
    assert_eq!(
        [client.next(), client.next()].map(|(ssrc, number, _)| (ssrc, number)),
        [(100, Some(1)), (200, Some(2))]
    );
    one.publish(&inter(VIDEO, 11, 3000));
    assert_eq!(client.next().1, Some(3));
    other.publish(&inter(VIDEO, 21, 3000));
    assert_eq!(client.next().1, Some(4));
    assert_eq!(client.estimate.sent(), [1, 2, 3, 4]);
    // Three packets from number 1.
    let states = 0b1101_0001_0000_0000u16.to_be_bytes();
    client.say(205, 15, 100, &[0, 1, 0, 3, 0, 0, 2, 0, states[0], states[1], 4, 8]);
    assert_eq!(client.estimate.received(), 3, "told once");
    assert_eq!((first.report().estimate, second.report().estimate), (Some(5_000_000), Some(5_000_000)));
    assert_eq!(first.report().connection, second.report().connection);
    assert_ne!(first.report().connection, one.subscribe().downlink.report().connection);
}

#[test]
fn who_writes_no_numbers_leaves_no_gap() {
    let (one, other) = worlds();
    let mut client = Client::of(&one);
    let _silent = client.watches(&one, 100, 0);
    let _counts = client.watches(&other, 200, NUMBER);
    assert_eq!([client.next(), client.next()].map(|(ssrc, number, _)| (ssrc, number)), [(100, None), (200, Some(1))]);
    one.publish(&inter(VIDEO, 11, 3000));
    assert_eq!(client.next().1, None);
    other.publish(&inter(VIDEO, 21, 3000));
    assert_eq!(client.next().1, Some(2));
}

#[test]
fn feedback_is_for_the_stream_that_it_names() {
    let (one, other) = worlds();
    let mut client = Client::of(&one);
    let (_first, second) = (client.watches(&one, 100, NUMBER), client.watches(&other, 200, NUMBER));
    client.next();
    let (ssrc, _, sequence) = client.next();
    assert_eq!(ssrc, 200);
    let mut missing = sequence.to_be_bytes().to_vec();
    missing.extend_from_slice(&[0, 0]);
    client.say(205, 1, 200, &missing);
    assert_eq!(client.next().0, 201, "its retransmission");
    assert_eq!((second.stats().retransmitted, client.trunk.stats().unwrap().packets), (1, 3));
    assert_eq!(client.trunk.stats_of(second.peer).unwrap().packets, 2);
    let (before, unasked) = (other.feed.stats().keyframe_requests, one.feed.stats().keyframe_requests);
    client.say(206, 1, 200, &[]);
    upward(&other.upstream, 206, "a keyframe of the one that is missed");
    assert_eq!(other.feed.stats().keyframe_requests, before + 1);
    assert_eq!(one.feed.stats().keyframe_requests, unasked);
}

#[test]
fn one_ends_and_the_other_goes_on() {
    let (one, other) = worlds();
    let mut client = Client::of(&one);
    let (first, _second) = (client.watches(&one, 100, NUMBER), client.watches(&other, 200, NUMBER));
    client.skip(2);
    let peer = first.peer;
    drop(first);
    client.trunk.end(peer);
    assert_eq!(one.feed.stats().subscribers, 0);
    one.publish(&inter(VIDEO, 11, 3000));
    other.publish(&inter(VIDEO, 21, 3000));
    assert_eq!(client.next().0, 200);
    client.trunk.end_all();
    assert!(client.trunk.stats().is_none());
}

#[test]
fn a_feed_counts_a_connection_once_and_no_ssrc_is_given_twice() {
    let (one, _) = worlds();
    let client = Client::of(&one);
    let _both = (client.watches(&one, 100, NUMBER), client.watches(&one, 200, NUMBER));
    until("both are counted", || one.feed.stats().subscribers == 1);
    let mut given = [5, 5, 5, 6].into_iter();
    let mut random = || given.next().unwrap();
    assert_eq!((client.trunk.new_ssrc(&mut random), client.trunk.new_ssrc(&mut random)), (5, 6));
}

#[test]
fn what_one_desires_comes_on_top_of_what_the_others_get() {
    let (one, other) = worlds();
    let mut client = Client::of(&one);
    let (first, second) = (client.watches(&one, 100, NUMBER), client.watches(&other, 200, NUMBER));
    client.skip(2);
    first.desire(700_000);
    until("it is wanted", || client.estimate.desired() >= 700_000);
    first.desire(0);
    until("it is not any more", || client.estimate.desired() == 0);
    first.desire(700_000);
    second.desire(50_000);
    until("both are", || client.estimate.desired() == 750_000);
    second.show(Kind::Video, None);
    drop((first, second));
    client.trunk.end_all();
}
