//! Data channels as the room sees them: who has which, and what ends with what.

use super::*;
use crate::media::MediaError;
use crate::model::{DataStream, Secret, TransportLocal};
use crate::room::event::DataChange;

fn stream(id: u16) -> DataStream {
    DataStream { id, ordered: true, max_packet_life_time: None, max_retransmits: None }
}
fn open(room: &mut Room, who: &str, data: bool) -> PeerId {
    let Ok(Reply::Peer(peer)) = room.ask(who, Command::OpenTransport { data }) else { panic!("{:?}", room.last) };
    let (name, password) = ("u".to_owned(), Secret::new("p"));
    let local = TransportLocal { name, password, addresses: Vec::new(), fingerprint: "sha-256 AB".into(), data: None };
    room.media(MediaEvent::TransportOpened { peer, local });
    peer
}
fn produce(room: &mut Room, who: &str, on: PeerId, id: u16) -> Result<PeerId, RoomError> {
    let (label, protocol) = ("notes".to_owned(), String::new());
    match room.ask(who, Command::ProduceData { on, stream: stream(id), label, protocol })? {
        Reply::Peer(peer) => {
            assert_eq!(room.asked(), [MediaRequest::ProduceData { peer, on, stream: stream(id) }]);
            Ok(peer)
        }
        other => panic!("{other:?}"),
    }
}
fn produced(producer: PeerId, who: &str) -> EventKind {
    EventKind::DataProduced { producer, publisher: id(who), label: "notes".into(), protocol: String::new() }
}

#[test]
fn a_producer_is_there_once_the_engine_has_it() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    let (on, plain, his) = (open(&mut room, "ann", true), open(&mut room, "ann", false), open(&mut room, "bob", true));
    assert!(matches!(produce(&mut room, "ann", plain, 0), Err(RoomError::Invalid(_))));
    assert_eq!(produce(&mut room, "ann", his, 0), Err(RoomError::TransportNotFound));
    let producer = produce(&mut room, "ann", on, 0).unwrap();
    assert!(matches!(produce(&mut room, "ann", on, 0), Err(RoomError::Invalid(_))), "the stream is taken");
    let consume = Command::ConsumeData { on: his, of: producer };
    assert_eq!(room.ask("bob", consume.clone()), Err(RoomError::DataNotFound), "not yet");
    room.media(MediaEvent::DataOpened { peer: producer, stream: stream(0) });
    let opened = EventKind::Data { peer: producer, change: DataChange::Opened(stream(0)) };
    let expected = [(Audience::One(id("ann")), opened), (Audience::Everyone, produced(producer, "ann"))];
    assert_eq!(room.events(), expected);
    room.join("late").unwrap();
    assert!(room.events().contains(&(Audience::One(id("late")), produced(producer, "ann"))));
    assert_eq!(room.state.view().data_producers.len(), 1);
    let refused = produce(&mut room, "ann", on, 1).unwrap();
    room.media(MediaEvent::DataRefused { peer: refused, error: MediaError::NotReady("no".into()) });
    assert!(matches!(room.kinds()[..], [EventKind::Data { change: DataChange::Refused(_), .. }]));
    assert_eq!(room.ask("ann", Command::CloseData { peer: refused }), Err(RoomError::DataNotFound));
}

#[test]
fn consumers_end_with_their_producer_and_both_with_their_transports() {
    let mut room = Room::new();
    room.join("ann").unwrap();
    room.join("bob").unwrap();
    let (on, his) = (open(&mut room, "ann", true), open(&mut room, "bob", true));
    let begin = |room: &mut Room, n: u16| {
        let producer = produce(room, "ann", on, n).unwrap();
        room.media(MediaEvent::DataOpened { peer: producer, stream: stream(n) });
        let Ok(Reply::Peer(consumer)) = room.ask("bob", Command::ConsumeData { on: his, of: producer }) else {
            panic!("{:?}", room.last)
        };
        assert_eq!(room.asked(), [MediaRequest::ConsumeData { peer: consumer, on: his, of: producer }]);
        (producer, consumer)
    };
    let ((one, hers), (two, other)) = (begin(&mut room, 0), begin(&mut room, 1));
    assert_eq!(room.ask("bob", Command::CloseData { peer: one }), Err(RoomError::DataNotFound), "another's");
    room.ask("ann", Command::CloseData { peer: one }).unwrap();
    let closed: Vec<PeerId> = room
        .asked()
        .iter()
        .filter_map(|r| if let MediaRequest::Close { peer, .. } = r { Some(*peer) } else { None })
        .collect();
    assert_eq!(closed, [one, hers]);
    let ended = |peer, reason| EventKind::Data { peer, change: DataChange::Ended { reason, detail: String::new() } };
    let gone = EventKind::DataProducerEnded { producer: one, publisher: id("ann"), reason: EndReason::Requested };
    assert_eq!(room.kinds(), [ended(one, EndReason::Requested), gone, ended(hers, EndReason::FeedEnded)]);
    // What the engine says of it later is nobody's matter.
    room.media(MediaEvent::PeerEnded { peer: hers, reason: EndReason::FeedEnded, detail: String::new() });
    assert!(room.events().is_empty());
    room.ask("bob", Command::CloseTransport { transport: his }).unwrap();
    assert!(room.kinds().contains(&ended(other, EndReason::Requested)));
    room.ask("ann", Command::Leave).unwrap();
    assert!(room.kinds().contains(&ended(two, EndReason::Left)), "{:?}", room.kinds());
    assert!(room.state.view().data_producers.is_empty());
}

#[test]
fn who_may_not_publish_says_nothing_and_who_may_not_watch_hears_nothing() {
    let mut room = Room::new();
    let grants = |publish, subscribe| Grants { control: false, publish, subscribe, room: None };
    room.join_with("ann", grants(true, false)).unwrap();
    room.join_with("bob", grants(false, true)).unwrap();
    let (on, his) = (open(&mut room, "ann", true), open(&mut room, "bob", true));
    assert!(matches!(produce(&mut room, "bob", his, 0), Err(RoomError::Forbidden(_))));
    let producer = produce(&mut room, "ann", on, 0).unwrap();
    room.media(MediaEvent::DataOpened { peer: producer, stream: stream(0) });
    let consume = |on| Command::ConsumeData { on, of: producer };
    assert!(matches!(room.ask("ann", consume(on)), Err(RoomError::Forbidden(_))));
    assert!(room.ask("bob", consume(his)).is_ok());
}
