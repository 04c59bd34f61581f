//! Data channels with clients that are not ours: `str0m`, and stock webrtcbin with usrsctp.

use super::stage;
use crate::engine::{LIMIT, Room, config, resources, until};
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{DataStream, EndReason, PeerId, TransportLocal, TransportRemote};
use millrace_bench::data::{DataPeer, Heard, Server};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn clients() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn stream(id: u16, max_retransmits: Option<u16>) -> DataStream {
    DataStream { id, ordered: max_retransmits.is_none(), max_packet_life_time: None, max_retransmits }
}

/// One with a transport for data.
struct Talker {
    client: DataPeer,
    transport: PeerId,
}

fn open(room: &mut Room) -> (PeerId, TransportLocal) {
    let transport = PeerId::next();
    room.ask(MediaRequest::OpenTransport { peer: transport, data: true });
    (transport, stage::opened(room, transport))
}

impl Talker {
    fn connect(room: &mut Room, clients: &Runtime) -> Self {
        let (transport, local) = open(room);
        let port = local.data.expect("data channels");
        assert_eq!((port.port, port.message), (5000, 65_536));
        let client = clients.block_on(DataPeer::open(IP)).expect("a client");
        let fingerprints = vec![client.fingerprint.clone()];
        room.ask(MediaRequest::ConnectTransport {
            peer: transport,
            remote: TransportRemote { waits: false, fingerprints },
        });
        client.connect(Server {
            names: (local.name, local.password.reveal().to_owned()),
            address: local.addresses.iter().find(|(_, tcp)| !tcp).expect("an address").0,
            fingerprint: local.fingerprint,
        });
        Self { client, transport }
    }

    /// Open on both sides.
    fn produce(&self, room: &mut Room, stream: DataStream) -> PeerId {
        let peer = PeerId::next();
        room.ask(MediaRequest::ProduceData { peer, on: self.transport, stream });
        assert_eq!(made(room, peer), Ok(stream));
        self.opens(stream).then_some(peer).expect("an open stream")
    }

    fn consume(&self, room: &mut Room, of: PeerId) -> (PeerId, u16) {
        let peer = PeerId::next();
        room.ask(MediaRequest::ConsumeData { peer, on: self.transport, of });
        let stream = made(room, peer).expect("a stream");
        assert!(self.opens(stream));
        (peer, stream.id)
    }

    fn opens(&self, stream: DataStream) -> bool {
        self.client.stream(stream.id, stream.max_retransmits);
        self.hears("an open stream") == Heard::Opened(stream.id)
    }

    fn hears(&self, what: &str) -> Heard {
        self.client.heard.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("waited in vain for: {what}"))
    }
}

fn made(room: &mut Room, of: PeerId) -> Result<DataStream, String> {
    room.expect("a word of the data channel", |event| match event {
        MediaEvent::DataOpened { peer, stream } if *peer == of => Some(Ok(*stream)),
        MediaEvent::DataRefused { peer, error } if *peer == of => Some(Err(error.to_string())),
        _ => None,
    })
}

/// All of these.
fn end(room: &mut Room, mut these: Vec<PeerId>) {
    while !these.is_empty() {
        let end = room.expect("the ends", |event| match event {
            MediaEvent::PeerEnded { peer, .. } => Some(*peer),
            _ => None,
        });
        these.retain(|peer| *peer != end);
    }
}

/// A message that tells its number and its length.
fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut data = vec![number as u8; length.max(4)];
    data[..4].copy_from_slice(&number.to_be_bytes());
    data
}

#[test]
fn five_hundred_messages_come_in_order_and_in_full_to_all_who_read() {
    let (mut room, clients) = (Room::new(), clients());
    let ann = Talker::connect(&mut room, &clients);
    let producer = ann.produce(&mut room, stream(7, None));
    let (bob, carol) = (Talker::connect(&mut room, &clients), Talker::connect(&mut room, &clients));
    let (_, to_bob) = bob.consume(&mut room, producer);
    let (to_carol, _) = carol.consume(&mut room, producer);
    ann.client.say(7, false, "hällo".into());
    assert_eq!(bob.hears("a text"), Heard::Message(to_bob, false, "hällo".into()));
    // Carol hears it and reads no more.
    assert!(matches!(carol.hears("a text"), Heard::Message(..)));
    carol.client.stall();
    let messages: Vec<Vec<u8>> = (0..500).map(|n| numbered(n, (n as usize * 121) % 60_000)).collect();
    let begun = Instant::now();
    for message in &messages {
        ann.client.say(7, true, message.clone());
        // What comes is read; as fast as it can, so that it is never too much.
        let Heard::Message(stream, true, data) = bob.hears("each message") else { panic!("a message") };
        assert!(stream == to_bob && data == *message, "{} bytes, not {}", data.len(), message.len());
    }
    println!("{} bytes in {:?}", messages.iter().map(Vec::len).sum::<usize>(), begun.elapsed());
    assert_eq!(room.ended(to_carol), EndReason::NotReading);
}

#[test]
fn where_messages_may_be_lost_who_does_not_read_loses_them_and_stays() {
    let (mut room, clients) = (Room::new(), clients());
    let ann = Talker::connect(&mut room, &clients);
    let producer = ann.produce(&mut room, stream(0, Some(0)));
    let (bob, carol) = (Talker::connect(&mut room, &clients), Talker::connect(&mut room, &clients));
    let (_, to_bob) = bob.consume(&mut room, producer);
    let (to_carol, _) = carol.consume(&mut room, producer);
    carol.client.stall();
    let mut last = 0;
    for n in 1..=300 {
        ann.client.say(0, true, numbered(n, 20_000));
        if let Heard::Message(_, true, data) = bob.hears("a message") {
            last = u32::from_be_bytes([data[0], data[1], data[2], data[3]]);
        }
    }
    assert!(last > 250, "{last} was the last");
    ann.client.close(0);
    room.ask(MediaRequest::Close { peer: producer, reason: EndReason::Requested });
    assert_eq!(room.ended(to_carol), EndReason::FeedEnded, "and not before");
    let closed = || matches!(bob.client.heard.recv_timeout(LIMIT), Ok(Heard::Closed(stream)) if stream == to_bob);
    assert!(closed(), "his stream is closed too");
}

#[test]
fn what_cannot_be_is_refused_and_what_ends_tells_it() {
    let (mut room, clients) = (Room::new(), clients());
    let ann = Talker::connect(&mut room, &clients);
    let producer = ann.produce(&mut room, stream(3, None));
    let ask = |room: &mut Room, on: PeerId, id: u16| {
        let peer = PeerId::next();
        room.ask(MediaRequest::ProduceData { peer, on, stream: stream(id, None) });
        made(room, peer)
    };
    assert!(ask(&mut room, ann.transport, 3).is_err_and(|error| error.contains("in use")));
    let plain = stage::open(&mut room).0;
    assert!(ask(&mut room, plain, 3).is_err_and(|error| error.contains("without data")));
    assert!(ask(&mut room, PeerId::next(), 3).is_err_and(|error| error.contains("no transport")));
    let bob = Talker::connect(&mut room, &clients);
    let (consumer, stream_of_bob) = bob.consume(&mut room, producer);
    let peer = PeerId::next();
    room.ask(MediaRequest::ConsumeData { peer, on: bob.transport, of: consumer });
    assert!(made(&mut room, peer).is_err_and(|error| error.contains("nobody produces")));
    // The consumer alone goes: the next one gets another stream.
    room.ask(MediaRequest::Close { peer: consumer, reason: EndReason::Requested });
    assert_eq!(bob.hears("the end"), Heard::Closed(stream_of_bob));
    let (again, other) = bob.consume(&mut room, producer);
    assert_ne!(other, stream_of_bob);
    ann.client.say(3, false, b"still".to_vec());
    assert_eq!(bob.hears("the message"), Heard::Message(other, false, b"still".to_vec()));
    room.close(ann.transport);
    end(&mut room, vec![producer, again]);
    assert_eq!(bob.hears("the end"), Heard::Closed(other));
    assert!(ask(&mut room, ann.transport, 9).is_err());
}

/// 1 to 3 channels, a word, and the end: in order, or in the middle of a large message.
fn cycle(room: &mut Room, clients: &Runtime, number: usize) {
    let (ann, bob) = (Talker::connect(room, clients), Talker::connect(room, clients));
    let streams: Vec<u16> = (0..1 + number as u16 % 3).map(|n| n * 9).collect();
    let mut both = Vec::new();
    for id in &streams {
        let producer = ann.produce(room, stream(*id, None));
        let (consumer, to_bob) = bob.consume(room, producer);
        both.extend([consumer, producer]);
        ann.client.say(*id, false, b"word".to_vec());
        assert_eq!(bob.hears("the word"), Heard::Message(to_bob, false, b"word".to_vec()));
    }
    for id in streams.iter().filter(|_| !number.is_multiple_of(2)) {
        (0..20).for_each(|_| ann.client.say(*id, true, vec![1; 50_000]));
    }
    for peer in both.into_iter().filter(|_| number.is_multiple_of(3)) {
        room.ask(MediaRequest::Close { peer, reason: EndReason::Requested });
    }
    let order = if number.is_multiple_of(2) { [&ann, &bob] } else { [&bob, &ann] };
    order.iter().for_each(|talker| room.close(talker.transport));
}

#[test]
fn a_hundred_open_and_close_and_leave_nothing_behind() {
    const FIRST: usize = 5;
    let (mut room, clients) = (Room::new(), clients());
    let mut base = (0, 0);
    for number in 0..100 {
        cycle(&mut room, &clients, number);
        if number + 1 == FIRST {
            std::thread::sleep(Duration::from_secs(2));
            base = resources();
        }
    }
    let mut now = base;
    until("threads and descriptors are back", || {
        now = resources();
        now.0 <= base.0 && now.1 <= base.1
    });
    println!("{base:?} at first, {now:?} at the end");
}

#[test]
fn one_that_never_opens_sctp_is_no_trouble() {
    let liveness = Duration::from_secs(3);
    let mut room = Room::with(millrace::config::Media { liveness, ..config() });
    let transport = open(&mut room).0;
    let peer = PeerId::next();
    room.ask(MediaRequest::ProduceData { peer, on: transport, stream: stream(0, None) });
    made(&mut room, peer).expect("it waits");
    let consumer = PeerId::next();
    room.ask(MediaRequest::ConsumeData { peer: consumer, on: transport, of: peer });
    assert_eq!(made(&mut room, consumer).expect("it waits too").id, 1, "0 is in use");
    room.close(transport);
    end(&mut room, vec![peer, consumer]);
}
