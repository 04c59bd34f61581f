//! Transports: many publications in on one connection, many streams out on another.

#[path = "transports/cycles.rs"]
mod cycles;
#[path = "transports/data.rs"]
mod data;
#[path = "transports/stage.rs"]
mod stage;

use crate::engine::{Room, config, until};
use millrace::media::{Engine, MediaEvent, MediaRequest};
use millrace::model::{EndReason, Kind, PeerId, RenditionKind, TransportRemote};
use stage::{Receiving, Sending, answered, launch, open, opened, pause, remote, whole, wish};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

const SMALL: (u32, u32) = (320, 180);

fn white(brightness: u8) -> bool {
    brightness > 200
}

fn black(brightness: u8) -> bool {
    brightness < 50
}

fn loud(loudness: u8) -> bool {
    loudness > 150
}

#[test]
fn sound_a_camera_and_a_screen_go_over_two_connections() {
    let mut room = Room::new();
    let sending = Sending::open(&mut room, &launch(0.8, &[("white", SMALL), ("black", SMALL)]));
    // Before there is a connection, and after.
    let (person, face) = sending.produce(&mut room, &[0]);
    sending.connect(&room);
    room.connected(sending.transport);
    room.connected(person);
    assert_eq!(room.live(face).len(), 1);
    let (screen, slides) = sending.produce(&mut room, &[2]);
    room.connected(screen);
    room.live(slides);
    // The camera joins the sound.
    room.ask(MediaRequest::Republish { peer: person, offer: sending.offer(&[0, 1]) });
    answered(&mut room, person);
    assert_eq!(room.live(face).len(), 2);

    let mut watching = Receiving::open(&mut room);
    let hears = watching.consume(&mut room, face, Kind::Audio, false);
    let sees = watching.consume(&mut room, face, Kind::Video, false);
    let reads = watching.consume(&mut room, slides, Kind::Video, false);
    watching.connect(&room);
    let mut waited = vec![watching.transport, hears, sees, reads];
    while !waited.is_empty() {
        let peer = room.expect("connections", |event| match event {
            MediaEvent::Connected { peer } => Some(*peer),
            MediaEvent::PeerEnded { detail, .. } => panic!("ended: {detail}"),
            _ => None,
        });
        waited.retain(|known| *known != peer);
    }
    watching.gets(0, "the sound", loud);
    watching.gets(1, "the camera", white);
    watching.gets(2, "the screen", black);

    for (peer, gets) in [(sees, "source"), (reads, "source"), (hears, "sound")] {
        until("it is chosen", || room.engine.explain(peer).is_some_and(|e| e.gets.name == gets));
        let stats = room.engine.peer_stats(peer).expect("figures");
        assert!(stats.packets > 10 && stats.state == "connected", "{stats:?}");
    }
    let sum: u64 =
        [hears, sees, reads].iter().filter_map(|peer| room.engine.peer_stats(*peer)).map(|s| s.packets).sum();
    assert!(room.engine.peer_stats(watching.transport).expect("figures").packets >= sum);
    let (one, all) = (room.engine.peer_stats(screen).expect("figures"), room.engine.peer_stats(sending.transport));
    assert!(one.packets > 10 && one.packets < all.expect("figures").packets, "{one:?}");
    let graph =
        room.engine.graph(&[sending.transport, person, screen, watching.transport, hears, sees], &[face, slides]);
    assert_eq!(graph.matches("subgraph \"cluster_transport").count(), 2, "{graph}");
    assert!(graph.contains(&format!("\"transport-{}\" -> \"{face}\"", sending.transport.0)), "{graph}");
    assert!(graph.contains(&format!("\"{face}\" -> \"transport-{}\"", watching.transport.0)), "{graph}");

    // Paused, nothing comes; resumed, it goes on where it was.
    let asked = room.engine.feed_stats(face).expect("figures").keyframe_requests;
    pause(&room, sees, true);
    watching.gets_nothing(1);
    watching.gets(2, "the screen all the same", black);
    pause(&room, sees, false);
    watching.gets(1, "the camera again", white);
    assert!(room.engine.feed_stats(face).expect("figures").keyframe_requests > asked);
    let (gaps, packets) = watching.gaps(1);
    assert!(gaps == 0 && packets > 20, "{gaps} gaps in {packets} packets");

    // One ends, the others do not.
    room.close(reads);
    watching.gets_nothing(2);
    watching.gets(1, "the camera still", white);
    room.close(screen);
    watching.gets(0, "the sound still", loud);
    until("what is not announced any more is dropped", || {
        room.engine.ice_counters().unannounced_ssrc.load(SeqCst) > 10
    });
    room.ask(MediaRequest::Close { peer: sending.transport, reason: EndReason::Left });
    let mut ended = vec![(person, EndReason::Requested), (hears, EndReason::FeedEnded), (sees, EndReason::FeedEnded)];
    while !ended.is_empty() {
        let end = room.expect("the ends", |event| match event {
            MediaEvent::PeerEnded { peer, reason, .. } => Some((*peer, *reason)),
            _ => None,
        });
        assert!(ended.contains(&end), "{end:?}, not {ended:?}");
        ended.retain(|known| *known != end);
    }
    until("all is gone", || room.engine.peer_stats(sending.transport).is_none());
    assert_eq!(room.engine.peer_stats(watching.transport).expect("it waits for others").state, "connected");
}

#[test]
fn one_that_begins_paused_gets_nothing_before_it_is_resumed() {
    let mut room = Room::new();
    let sending = Sending::open(&mut room, &launch(0.8, &[("white", SMALL)]));
    let (_, feed) = sending.produce(&mut room, &[0, 1]);
    sending.connect(&room);
    room.live(feed);
    let mut watching = Receiving::open(&mut room);
    let (hears, sees) =
        (watching.consume(&mut room, feed, Kind::Audio, true), watching.consume(&mut room, feed, Kind::Video, true));
    watching.connect(&room);
    room.connected(sees);
    for section in [0, 1] {
        watching.gets_nothing(section);
    }
    for peer in [hears, sees] {
        until("it is known to be paused", || room.engine.explain(peer).is_some_and(|e| e.gets.name == "nothing"));
        assert_eq!(room.engine.peer_stats(peer).expect("figures").packets, 0);
    }
    pause(&room, sees, false);
    watching.gets(1, "the pictures", white);
    watching.gets_nothing(0);
    pause(&room, hears, false);
    watching.gets(0, "the sound", loud);
    assert_eq!(watching.gaps(1).0, 0);
}

#[test]
fn of_layers_one_that_fits_is_sent() {
    let mut room = Room::new();
    let sending = Sending::open(&mut room, &launch(0.8, &[("white", (640, 360)), ("black", SMALL)]));
    // Two streams of the client are told as the layers of one.
    let ssrcs: Vec<&str> = [1, 2]
        .map(|n: usize| stage::line(&sending.sections[n], "a=ssrc:"))
        .iter()
        .map(|l| l.split(' ').next().unwrap_or(""))
        .collect();
    let mut camera: String =
        sending.sections[1].lines().filter(|l| !l.starts_with("a=ssrc")).map(|l| format!("{l}\r\n")).collect();
    camera += &format!("a=ssrc-group:SIM {} {}\r\n", ssrcs[0], ssrcs[1]);
    let (publisher, feed) = sending.ask(&room, millrace::model::Sdp::new(whole(&[&sending.sections[0], &camera])));
    answered(&mut room, publisher);
    sending.connect(&room);
    room.live(feed);
    let mut watching = Receiving::open(&mut room);
    let sees = watching.consume(&mut room, feed, Kind::Video, false);
    watching.connect(&room);
    watching.gets(0, "the best layer", white);
    let limits = millrace::model::ViewLimits { max_width: Some(400), ..Default::default() };
    room.ask(MediaRequest::Limit { peer: sees, limits });
    watching.gets(0, "the small layer", black);
    until("it is a layer", || room.engine.explain(sees).is_some_and(|e| e.gets.kind == RenditionKind::Layer));
    room.ask(MediaRequest::Limit { peer: sees, limits: Default::default() });
    watching.gets(0, "the best layer again", white);
    assert_eq!(watching.gaps(0).0, 0);
}

#[test]
fn after_a_restart_the_new_names_and_the_old_ones_are_good() {
    let mut room = Room::new();
    for new in [true, false] {
        let mut sending = Sending::open(&mut room, &launch(0.8, &[]));
        room.ask(MediaRequest::RestartTransport { peer: sending.transport });
        let local = opened(&mut room, sending.transport);
        assert!(local.name != sending.local.name && local.password != sending.local.password);
        assert_eq!((&local.fingerprint, &local.addresses), (&sending.local.fingerprint, &sending.local.addresses));
        if new {
            sending.local = local;
        }
        let (_, feed) = sending.produce(&mut room, &[0]);
        sending.connect(&room);
        room.live(feed);
        room.close(sending.transport);
    }
}

#[test]
fn a_strangers_stream_is_dropped_and_one_ssrc_is_one_publications() {
    let mut room = Room::new();
    let sending = Sending::open(&mut room, &launch(0.8, &[("white", SMALL)]));
    let (_, feed) = sending.produce(&mut room, &[0]);
    let (again, _) = sending.ask(&room, sending.offer(&[0]));
    let error = room.expect("the refusal", |event| match event {
        MediaEvent::PublishRefused { peer, error } if *peer == again => Some(error.to_string()),
        _ => None,
    });
    assert!(error.contains("SSRC"), "{error}");
    sending.connect(&room);
    room.live(feed);
    let dropped = || room.engine.ice_counters().unannounced_ssrc.load(SeqCst);
    until("pictures that nobody announced are dropped", || dropped() > 20);
    let packets = |room: &Room| room.engine.feed_stats(feed).expect("figures").tracks[0].packets;
    sending.client.falsify_ssrc(111, 0x1234_5678);
    let before = dropped();
    until("and a false sound", || dropped() > before + 50);
    let stopped = packets(&room);
    std::thread::sleep(Duration::from_millis(200));
    assert!(packets(&room) <= stopped + 1);
}

#[test]
fn who_never_connects_waits_and_who_fails_to_is_gone_with_all_on_it() {
    let limit = Duration::from_millis(300);
    let mut room = Room::with(millrace::config::Media { negotiation_limit: limit, ..config() });
    let waiting = open(&mut room).0;
    let sending = Sending::open(&mut room, &launch(0.8, &[]));
    let (publisher, _) = sending.produce(&mut room, &[0]);
    // Nobody answers for this certificate.
    let remote = remote(&sending.sections[0]);
    room.ask(MediaRequest::ConnectTransport { peer: sending.transport, remote });
    assert_eq!(room.ended(sending.transport), EndReason::NegotiationTimeout);
    assert_eq!(room.ended(publisher), EndReason::NegotiationTimeout);
    until("nothing is left", || room.engine.peer_stats(sending.transport).is_none());
    assert_eq!(room.engine.peer_stats(waiting).expect("it waits").state, "new");
    let remote = TransportRemote { waits: false, fingerprints: vec!["sha-256 nonsense".into()] };
    room.ask(MediaRequest::ConnectTransport { peer: waiting, remote });
    assert_eq!(room.ended(waiting), EndReason::NegotiationFailed);
}

#[test]
fn another_certificate_ends_the_transport_before_media() {
    let mut room = Room::new();
    let mut sending = Sending::open(&mut room, &launch(0.8, &[]));
    let (publisher, _) = sending.produce(&mut room, &[0]);
    let own = stage::line(&sending.sections[0], "a=fingerprint:").to_owned();
    sending.sections[0] = sending.sections[0].replace(&own, &format!("sha-256 {}", ["AA"; 32].join(":")));
    sending.connect(&room);
    for peer in [sending.transport, publisher] {
        let reason = room.expect("the end", |event| match event {
            MediaEvent::PeerEnded { peer: p, reason, .. } if *p == peer => Some(*reason),
            MediaEvent::Connected { .. } | MediaEvent::FeedLive { .. } => panic!("{event:?}"),
            _ => None,
        });
        assert_eq!(reason, EndReason::FingerprintMismatch);
    }
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let mut room = Room::new();
    let sending = Sending::open(&mut room, &launch(0.8, &[]));
    let (_, feed) = sending.produce(&mut room, &[0]);
    sending.connect(&room);
    room.live(feed);
    let refused = |room: &mut Room| {
        room.expect("the refusal", |event| match event {
            MediaEvent::PublishRefused { error, .. } | MediaEvent::SubscribeRefused { error, .. } => {
                Some(error.to_string())
            }
            _ => None,
        })
    };
    let offer = sending.offer(&[0]);
    let nowhere = Sending { transport: PeerId::next(), ..sending };
    nowhere.ask(&room, offer);
    assert!(refused(&mut room).contains("no transport"));
    let mut watching = Receiving::open(&mut room);
    watching.ask(&room, feed, Kind::Video);
    assert!(refused(&mut room).contains("has no video"));
    watching.ask(&room, millrace::model::FeedId::next(), Kind::Audio);
    assert!(refused(&mut room).contains("does not exist"));
    let (peer, on) = (PeerId::next(), watching.transport);
    let offer = millrace::model::Sdp::new(wish(Kind::Audio, 0).as_str().replace("opus", "speex"));
    let viewer = crate::engine::somebody();
    room.ask(MediaRequest::Consume { peer, on, feed, kind: Kind::Audio, offer, viewer });
    let error = refused(&mut room);
    assert!(error.contains("opus"), "{error}");
    watching.consume(&mut room, feed, Kind::Audio, false);
    watching.connect(&room);
    watching.gets(0, "the sound", loud);
}
