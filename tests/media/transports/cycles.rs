//! Transports come and go with clients that are not GStreamer (`str0m`), and idle ones stay.

use super::stage::{Receiving, answered, open, remote, whole};
use crate::engine::{LIMIT, Room, config, resources, until};
use millrace::media::{Engine, MediaRequest};
use millrace::model::{Content, EndReason, FeedId, Kind, PeerId, Sdp};
use millrace_bench::Peer;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::runtime::Runtime;

const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CYCLES: usize = 200;
/// Those that start what stays: thread pools of GLib, GStreamer and the runtimes.
const FIRST: usize = 5;

/// A publisher on a transport, live.
struct Source {
    peer: Peer,
    transport: PeerId,
    producer: PeerId,
    feed: FeedId,
}

fn clients() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn publish(room: &mut Room, clients: &Runtime) -> Source {
    let (transport, _) = open(room);
    let (mut peer, offer) = clients.block_on(Peer::publisher(IP, true, true)).expect("a publisher");
    let (producer, feed) = (PeerId::next(), FeedId::next());
    let (offer, content) = (Sdp::new(offer), Content::Camera);
    let remote = remote(offer.as_str());
    room.ask(MediaRequest::Produce { peer: producer, on: transport, feed, offer, content });
    let answer = answered(room, producer);
    room.ask(MediaRequest::ConnectTransport { peer: transport, remote });
    peer.set_answer(&answer).expect("it takes the answer");
    room.live(feed);
    Source { peer, transport, producer, feed }
}

/// A viewer of both kinds: its client, its transport, what it consumes.
fn watch(room: &mut Room, clients: &Runtime, feed: FeedId, paused: bool) -> (Peer, PeerId, [PeerId; 2]) {
    let mut watching = Receiving::open(room);
    let consumers = [Kind::Audio, Kind::Video].map(|kind| watching.consume(room, feed, kind, paused));
    let offer = whole(&watching.sections.iter().map(String::as_str).collect::<Vec<_>>());
    let (viewer, answer) = clients.block_on(Peer::viewer(IP, &offer)).expect("a viewer");
    room.ask(MediaRequest::ConnectTransport { peer: watching.transport, remote: remote(&answer) });
    (viewer, watching.transport, consumers)
}

fn cycle(room: &mut Room, clients: &Runtime, number: usize) {
    let source = publish(room, clients);
    let (viewer, receiving, consumers) = watch(room, clients, source.feed, false);
    let seen =
        viewer.until("both kinds", LIMIT, |seen| seen.keyframes.load(Relaxed) > 0 && seen.audio.load(Relaxed) > 0);
    clients.block_on(seen).expect("sound and pictures");
    if number.is_multiple_of(2) {
        [consumers[0], consumers[1], source.producer].iter().for_each(|peer| room.close(*peer));
    }
    for transport in [source.transport, receiving] {
        room.close(transport);
    }
    let all = [consumers[0], consumers[1], source.producer];
    until("what was on them is gone", || all.iter().all(|peer| room.engine.peer_stats(*peer).is_none()));
    assert!(room.engine.feed_stats(source.feed).is_none());
}

#[test]
fn two_hundred_transports_each_way_leave_nothing_behind() {
    let (mut room, clients) = (Room::new(), clients());
    let mut base = (0, 0);
    for number in 0..CYCLES {
        cycle(&mut room, &clients, number);
        if number + 1 == FIRST {
            std::thread::sleep(Duration::from_secs(2));
            base = resources();
        }
    }
    until("threads and descriptors are back", || {
        let (threads, descriptors) = resources();
        threads <= base.0 && descriptors <= base.1
    });
}

#[test]
fn many_publications_come_and_go_on_one_transport() {
    let (mut room, clients) = (Room::new(), clients());
    let source = publish(&mut room, &clients);
    let (viewer, receiving, consumers) = watch(&mut room, &clients, source.feed, false);
    let goes_on = |room: &Room| {
        let packets = || viewer.seen.video.load(Relaxed);
        let before = packets();
        until("pictures go on", || packets() > before + 5);
        assert!(room.engine.peer_stats(source.transport).is_some());
    };
    // More than a connection's SRTP remembers streams of.
    let text = |n: u32| {
        let plain = "a=rtcp-mux\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=ice-ufrag:none\r\na=setup:active\r\n";
        let secret = format!("a=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\n", "n".repeat(24), ["00"; 32].join(":"));
        whole(&[&format!("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:x{n}\r\na=ssrc:{n} cname:x\r\n{plain}{secret}")])
    };
    for n in 1..=70 {
        let (peer, feed, offer) = (PeerId::next(), FeedId::next(), Sdp::new(text(n)));
        room.ask(MediaRequest::Produce { peer, on: source.transport, feed, offer, content: Content::Screen });
        answered(&mut room, peer);
        room.close(peer);
        until("its feed is gone", || room.engine.feed_stats(feed).is_none());
    }
    goes_on(&room);
    room.close(consumers[0]);
    goes_on(&room);
    room.close(receiving);
}

#[test]
fn who_neither_sends_nor_gets_anything_stays_while_its_checks_come() {
    let liveness = Duration::from_secs(6);
    let mut room = Room::with(millrace::config::Media { liveness, ..config() });
    let clients = clients();
    let source = publish(&mut room, &clients);
    let (viewer, receiving, consumers) = watch(&mut room, &clients, source.feed, true);
    let connected = viewer.until("the connection", LIMIT, |seen| seen.connected.load(Relaxed));
    clients.block_on(connected).expect("a connection");
    consumers.iter().for_each(|consumer| room.close(*consumer));
    room.close(source.producer);
    std::thread::sleep(liveness + Duration::from_secs(3));
    for transport in [source.transport, receiving] {
        assert_eq!(room.engine.peer_stats(transport).expect("it stays").state, "connected");
    }
    drop(source.peer);
    let end = room.expect("the end", |event| match event {
        millrace::media::MediaEvent::PeerEnded { peer, reason, .. } => Some((*peer, *reason)),
        _ => None,
    });
    assert_eq!(end, (source.transport, EndReason::MediaTimeout));
    drop(viewer);
    assert_eq!(room.ended(receiving), EndReason::MediaTimeout);
}
