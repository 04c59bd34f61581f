//! Peer connections described by parameters, and what is on them.

use super::*;
use crate::model::{Secret, TransportLocal, TransportRemote, ViewChange};
use crate::room::command::Watched;
use crate::room::event::TransportChange;

fn local() -> TransportLocal {
    let (name, password) = ("u".to_owned(), Secret::new("p"));
    TransportLocal { name, password, addresses: Vec::new(), fingerprint: "sha-256 AB".into(), data: None }
}
fn remote() -> TransportRemote {
    TransportRemote { waits: false, fingerprints: vec!["sha-256 CD".into()] }
}
/// One that the engine has opened.
fn open(room: &mut Room, who: &str) -> PeerId {
    let Ok(Reply::Peer(peer)) = room.ask(who, Command::OpenTransport { data: false }) else {
        panic!("{:?}", room.last)
    };
    assert_eq!(room.asked(), [MediaRequest::OpenTransport { peer, data: false }]);
    room.media(MediaEvent::TransportOpened { peer, local: local() });
    let change = TransportChange::Opened(local());
    assert_eq!(room.events(), [(Audience::One(id(who)), EventKind::Transport { transport: peer, change })]);
    peer
}
fn produce(room: &mut Room, who: &str, on: PeerId) -> Result<(PeerId, FeedId), RoomError> {
    room.ask(who, Command::Produce { on, offer: Sdp::new("offer"), content: Content::Camera })?;
    match room.asked()[..] {
        [MediaRequest::Produce { peer, feed, on: of, .. }] if of == on => Ok((peer, feed)),
        ref other => panic!("one Produce: {other:?}"),
    }
}
fn live(room: &mut Room, who: &str, on: PeerId) -> FeedId {
    let (peer, feed) = produce(room, who, on).unwrap();
    room.media(MediaEvent::PublishAnswered { peer, answer: Sdp::new("answer") });
    room.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO, VIDEO] });
    feed
}
fn consume(room: &mut Room, who: &str, on: PeerId, (feed, kind): (FeedId, Kind)) -> Result<PeerId, RoomError> {
    match room.ask(who, Command::Consume { on, feed, kind, offer: Sdp::new("offer"), paused: true })? {
        Reply::Peer(peer) => Ok(peer),
        other => panic!("{other:?}"),
    }
}
/// Ann publishes; Bob has a transport to watch on.
fn watched() -> (Room, PeerId, FeedId) {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    let (up, down) = (open(&mut room, "ann"), open(&mut room, "bob"));
    let feed = live(&mut room, "ann", up);
    (room, down, feed)
}
fn ended(transport: PeerId, reason: EndReason) -> EventKind {
    EventKind::Transport { transport, change: TransportChange::Ended { reason, detail: String::new() } }
}

#[test]
fn its_far_side_is_told_once() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    let transport = open(&mut room, "ann");
    let connect = || Command::ConnectTransport { transport, remote: remote() };
    assert_eq!(room.ask("bob", connect()), Err(RoomError::TransportNotFound), "another's");
    room.ask("ann", connect()).unwrap();
    assert_eq!(room.asked(), [MediaRequest::ConnectTransport { peer: transport, remote: remote() }]);
    assert!(matches!(room.ask("ann", connect()), Err(RoomError::WrongState(_))));
    room.media(MediaEvent::Connected { peer: transport });
    assert_eq!(room.kinds(), [EventKind::Transport { transport, change: TransportChange::Connected }]);
}

#[test]
fn kinds_are_watched_one_by_one_and_begin_paused() {
    let (mut room, down, feed) = watched();
    let sound = consume(&mut room, "bob", down, (feed, Kind::Audio)).unwrap();
    let limits = ViewLimits { paused: true, ..ViewLimits::default() };
    assert_eq!(room.asked().last(), Some(&MediaRequest::Limit { peer: sound, limits }));
    let picture = consume(&mut room, "bob", down, (feed, Kind::Video)).unwrap();
    for peer in [sound, picture] {
        room.media(MediaEvent::SubscribeAnswered { peer, answer: Sdp::new("answer") });
        room.media(MediaEvent::Connected { peer });
        assert!(!room.did(&close(sound, EndReason::Replaced)), "neither takes the other's place");
    }
    assert!(matches!(consume(&mut room, "bob", down, (feed, Kind::Video)), Err(RoomError::WrongState(_))));
    let change = ViewChange { paused: Some(false), ..ViewChange::default() };
    room.ask("bob", Command::Limit { of: Watched::Peer(picture), change }).unwrap();
    assert_eq!(room.asked(), [MediaRequest::Limit { peer: picture, limits: ViewLimits::default() }]);
    room.ask("bob", Command::StopConsuming { peer: sound }).unwrap();
    assert!(room.did(&close(sound, EndReason::Unsubscribed)));
    assert_eq!(room.ask("bob", Command::StopConsuming { peer: sound }), Err(RoomError::SubscriptionNotFound));
    assert_eq!(consume(&mut room, "ann", down, (feed, Kind::Audio)), Err(RoomError::TransportNotFound), "another's");
}

#[test]
fn a_kind_that_its_feed_has_no_more_is_not_watched_and_may_be_again() {
    let (mut room, down, feed) = watched();
    let sound = consume(&mut room, "bob", down, (feed, Kind::Audio)).unwrap();
    let picture = consume(&mut room, "bob", down, (feed, Kind::Video)).unwrap();
    room.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO] });
    assert!(room.did(&close(picture, EndReason::FeedEnded)), "her camera is off");
    assert!(!room.did(&close(sound, EndReason::FeedEnded)));
    room.media(MediaEvent::FeedLive { feed, tracks: vec![AUDIO, VIDEO] });
    let again = consume(&mut room, "bob", down, (feed, Kind::Video)).unwrap();
    assert_ne!(again, picture);
}

#[test]
fn what_its_publisher_holds_back_nobody_consumes() {
    let (mut room, down, feed) = watched();
    let picture = consume(&mut room, "bob", down, (feed, Kind::Video)).unwrap();
    let resume = || Command::Limit {
        of: Watched::Peer(picture),
        change: ViewChange { paused: Some(false), ..ViewChange::default() },
    };
    let asked =
        |paused| [MediaRequest::Limit { peer: picture, limits: ViewLimits { paused, ..ViewLimits::default() } }];
    room.asked();
    room.ask("bob", resume()).unwrap();
    assert_eq!(room.asked(), asked(false));
    room.ask("ann", Command::Hold { kind: Kind::Audio, held: true }).unwrap();
    assert_eq!(room.asked(), [], "he does not hear her");
    room.ask("ann", Command::Hold { kind: Kind::Video, held: true }).unwrap();
    assert_eq!(room.asked(), asked(true));
    room.ask("bob", resume()).unwrap();
    assert_eq!(room.asked(), asked(true), "it is not his to say");
    room.ask("ann", Command::Hold { kind: Kind::Video, held: false }).unwrap();
    assert_eq!(room.asked(), asked(false));
    assert_eq!(room.ask("bob", Command::Hold { kind: Kind::Video, held: true }), Err(RoomError::NotPublishing));
}

#[test]
fn all_on_it_ends_with_it() {
    let mut room = Room::new();
    for who in ["ann", "ann's screen", "bob"] {
        room.join(who).unwrap();
    }
    let (up, down) = (open(&mut room, "ann"), open(&mut room, "bob"));
    let (face, screen) = (live(&mut room, "ann", up), live(&mut room, "ann's screen", up));
    consume(&mut room, "bob", down, (face, Kind::Audio)).unwrap();
    let seen = consume(&mut room, "bob", down, (screen, Kind::Video)).unwrap();
    room.media(MediaEvent::PeerEnded { peer: down, reason: EndReason::IceFailed, detail: String::new() });
    assert!(room.did(&close(seen, EndReason::IceFailed)));
    assert!(room.kinds().contains(&ended(down, EndReason::IceFailed)));
    room.ask("ann", Command::CloseTransport { transport: up }).unwrap();
    assert!(room.did(&close(up, EndReason::Requested)));
    assert!(room.kinds().contains(&ended(up, EndReason::Requested)));
    assert!(room.state.view().feeds.is_empty(), "both feeds went with it");
    assert_eq!(produce(&mut room, "ann", up), Err(RoomError::TransportNotFound));
}

#[test]
fn who_leaves_takes_its_transports_along() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    let transport = open(&mut room, "ann");
    room.ask("ann", Command::Leave).unwrap();
    assert!(room.did(&close(transport, EndReason::Left)));
}

#[test]
fn there_are_few_and_an_engine_that_is_silent_ends_them() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    let Ok(Reply::Peer(first)) = room.ask("ann", Command::OpenTransport { data: false }) else {
        panic!("{:?}", room.last)
    };
    for _ in 0..3 {
        room.ask("ann", Command::OpenTransport { data: false }).unwrap();
    }
    assert!(matches!(room.ask("ann", Command::OpenTransport { data: false }), Err(RoomError::Limit(_))));
    room.pass(Duration::from_secs(11));
    assert!(room.did(&close(first, EndReason::EngineError)));
    room.ask("ann", Command::OpenTransport { data: false }).unwrap();
}

#[test]
fn nobody_publishes_in_two_ways() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    let transport = open(&mut room, "ann");
    room.publish("ann");
    assert!(matches!(produce(&mut room, "ann", transport), Err(RoomError::WrongState(_))));
}
