//! What happens to a client's message: binding requests are answered, requests proved and handed to the client's session,
//! data relayed.
//!
//! Decides on what is refused before there is a session; the rest is `session`'s. Listeners are `datagrams`' and `streams`'.

use super::allocation::Allocation;
use super::door::{Door, Guest, count};
use super::ground::Ground;
use super::ledger::{Full, Ledger};
use super::message::{With, bound, refused};
use super::peers::Peers;
use super::session::{Dropped, Session};
use super::way::Way;
use metrics::{Counter, counter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use turn_server_proto::api::SocketAllocateError;
use turn_types::Instant;
use turn_types::attribute::{DontFragment, EvenPort, RequestedTransport, ReservationToken};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};
use turn_types::stun::attribute::{AttributeType, ErrorCode, Fingerprint};
use turn_types::stun::message::{BINDING, Message, MessageClass, MessageHeader};
use turn_types::stun::prelude::{Attribute, AttributeStaticType};

/// All that clients have in common.
pub(super) struct House {
    pub(super) door: Door,
    pub(super) peers: Peers,
    pub(super) ledger: Ledger,
    pub(super) ground: Ground,
    /// TURN, not only STUN.
    pub(super) relay: bool,
    /// Bits per second of a relay each way; 0: any.
    pub(super) bitrate: u64,
    /// When it began: times are counted from there.
    pub(super) begun: std::time::Instant,
    pub(super) figures: Figures,
}

/// What is counted for each packet.
pub(super) struct Figures {
    up: (Counter, Counter),
    down: (Counter, Counter),
}

impl Figures {
    pub(super) fn new() -> Self {
        let both = |direction: &'static str| {
            (
                counter!("media_turn_packets_total", "direction" => direction),
                counter!("media_turn_bytes_total", "direction" => direction),
            )
        };
        Self { up: both("to_peer"), down: both("to_client") }
    }

    /// A packet has been relayed.
    pub(super) fn relayed(&self, up: bool, bytes: usize) {
        let (packets, all) = if up { &self.up } else { &self.down };
        packets.increment(1);
        all.increment(bytes as u64);
    }

    /// A packet has been dropped.
    pub(super) fn dropped(reason: &'static str) {
        counter!("media_turn_dropped_total", "reason" => reason).increment(1);
    }
}

impl Dropped {
    /// The label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unwanted => "unwanted",
            Self::ForbiddenPeer => "forbidden_peer",
            Self::Bitrate => "bitrate",
        }
    }
}

/// A client as the listener knows it.
pub(super) struct Caller<'a> {
    /// Its address.
    pub(super) client: SocketAddr,
    /// Where it came to.
    pub(super) local: SocketAddr,
    /// How it is answered.
    pub(super) way: &'a Way,
    /// Its relay, if it has one.
    pub(super) has: Option<&'a Arc<Allocation>>,
}

impl House {
    /// Now, for what counts from the beginning.
    pub(super) fn now(&self) -> Instant {
        Instant::from_std(self.begun)
    }

    /// Whether packets may be exchanged with a peer.
    pub(super) fn allows(&self, peer: SocketAddr) -> bool {
        self.peers.allow(peer, |at| self.ledger.is_relay(at))
    }

    fn permits(&self, peer: SocketAddr) -> bool {
        self.peers.permit(peer, |at| self.ledger.is_relay(at))
    }

    /// One message of a client. Returns its relay if it has just opened one.
    pub(super) fn take(self: &Arc<Self>, packet: &[u8], caller: &Caller<'_>) -> Option<Arc<Allocation>> {
        let is_channel = packet.first().is_some_and(|first| first >> 6 == 1);
        if is_channel {
            self.relay(packet, caller);
            return None;
        }
        let Some(message) = whole(packet) else {
            Figures::dropped("malformed");
            return None;
        };
        match message.class() {
            MessageClass::Indication if message.has_method(SEND) => self.relay(packet, caller),
            MessageClass::Request if message.has_method(BINDING) => answer(caller, binding(&message, caller.client)),
            MessageClass::Request => return self.request(&message, caller),
            _ => Figures::dropped("unwanted"),
        }
        None
    }

    fn relay(&self, packet: &[u8], caller: &Caller<'_>) {
        match caller.has {
            Some(allocation) => allocation.outward(self, packet),
            None => Figures::dropped(Dropped::Unwanted.as_str()),
        }
    }

    fn request(self: &Arc<Self>, message: &Message<'_>, caller: &Caller<'_>) -> Option<Arc<Allocation>> {
        let known = [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND].contains(&message.method());
        if !self.relay || !known {
            answer(caller, refused(message, ErrorCode::BAD_REQUEST, With::Nothing));
            return None;
        }
        let guest = match self.door.check(message, caller.client, unix_time()) {
            Ok(guest) => guest,
            Err(refusal) => {
                answer(caller, refusal);
                return None;
            }
        };
        let Some(allocation) = caller.has else { return self.newcomer(message, guest, caller) };
        let said = allocation.with(|session| {
            if session.name() != guest.name {
                return refused(message, ErrorCode::WRONG_CREDENTIALS, With::Integrity(&guest.key));
            }
            match message.method() {
                ALLOCATE => session.allocate_again(message),
                _ => session.request(message, &|peer| self.permits(peer), self.now()),
            }
        });
        answer(caller, said);
        None
    }

    /// A request of one who has no relay: only that for one is of use.
    fn newcomer(self: &Arc<Self>, message: &Message<'_>, guest: Guest, caller: &Caller<'_>) -> Option<Arc<Allocation>> {
        if !message.has_method(ALLOCATE) {
            answer(caller, refused(message, ErrorCode::ALLOCATION_MISMATCH, With::Integrity(&guest.key)));
            return None;
        }
        if !guest.is_current {
            answer(caller, self.door.expired(message, caller.client, unix_time()));
            return None;
        }
        if let Some(refusal) = unsupported(message, &guest) {
            answer(caller, refusal);
            return None;
        }
        let held = match self.ledger.take(guest.user()) {
            Ok(held) => held,
            Err(full) => {
                answer(caller, quota(message, full, &guest));
                return None;
            }
        };
        let mut session = Session::new(guest, caller.client, caller.local, self.bitrate, self.now());
        let (even, mut opened) = (message.has_attribute(EvenPort::TYPE), None);
        let mut open = |family| {
            let (socket, told) = self.ground.open(family, even)?;
            let socket = tokio::net::UdpSocket::from_std(socket);
            opened = Some(socket.map_err(|_| SocketAllocateError::InsufficientCapacity)?);
            Ok(told)
        };
        let said = session.allocate(message, &mut open, self.now());
        let allocation = opened.and_then(|socket| Allocation::start(self, session, socket, held, caller.way.clone()));
        // After all is there: the client may use it at once.
        answer(caller, said);
        allocation
    }
}

/// The message in a packet that is nothing else.
fn whole(packet: &[u8]) -> Option<Message<'_>> {
    let length = MessageHeader::from_bytes(packet).ok()?.data_length();
    let fits = packet.len() == MessageHeader::LENGTH + usize::from(length);
    fits.then(|| Message::from_bytes(packet).ok()).flatten()
}

fn binding(request: &Message<'_>, client: SocketAddr) -> Option<Vec<u8>> {
    let strange = |kind: &AttributeType| kind.comprehension_required() && *kind != Fingerprint::TYPE;
    let unknown: Vec<AttributeType> =
        request.iter_attributes().map(|(_, one)| one.get_type()).filter(strange).take(8).collect();
    if unknown.is_empty() {
        return bound(request, client);
    }
    refused(request, ErrorCode::UNKNOWN_ATTRIBUTE, With::Unknown(&unknown, None))
}

/// The answer to a request for a relay of a kind that there is not.
fn unsupported(request: &Message<'_>, guest: &Guest) -> Option<Option<Vec<u8>>> {
    let with = With::Integrity(&guest.key);
    let transport = request.attribute::<RequestedTransport>().ok().map(|wanted| wanted.protocol());
    if transport.is_some_and(|wanted| wanted != RequestedTransport::UDP) {
        return Some(refused(request, ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL, with));
    }
    let pair = request.attribute::<EvenPort>().is_ok_and(|even| even.requested());
    if pair || request.has_attribute(ReservationToken::TYPE) {
        // Pairs of ports, of a time before RTP and RTCP shared one.
        return Some(refused(request, ErrorCode::INSUFFICIENT_CAPACITY, with));
    }
    let unknown = With::Unknown(&[DontFragment::TYPE], Some(&guest.key));
    request.has_attribute(DontFragment::TYPE).then(|| refused(request, ErrorCode::UNKNOWN_ATTRIBUTE, unknown))
}

fn quota(request: &Message<'_>, full: Full, guest: &Guest) -> Option<Vec<u8>> {
    let (reason, code) = match full {
        Full::Server => ("server_quota", ErrorCode::INSUFFICIENT_CAPACITY),
        Full::User => ("user_quota", ErrorCode::ALLOCATION_QUOTA_REACHED),
    };
    count(reason);
    refused(request, code, With::Integrity(&guest.key))
}

fn answer(caller: &Caller<'_>, said: Option<Vec<u8>>) {
    if said.is_some_and(|said| !caller.way.send(said)) {
        Figures::dropped("line");
    }
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::turn::Credentials;
    use std::net::IpAddr;

    /// Relays on loopback, for nobody in particular.
    pub(in crate::turn) fn house() -> Arc<House> {
        let local = [IpAddr::from([127, 0, 0, 1])];
        let places = Ground::places(&local, &local, &local);
        Arc::new(House {
            door: Door::new(Credentials::new(b"north")).unwrap(),
            peers: Peers::default(),
            ledger: Ledger::new(10, 10),
            ground: Ground { places, ports: 49152..=65535, media: Vec::new() },
            relay: true,
            bitrate: 0,
            begun: std::time::Instant::now(),
            figures: Figures::new(),
        })
    }

    #[test]
    fn a_message_is_all_there_is_in_its_packet() {
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        assert!(whole(&request).is_some());
        assert!(whole(&[&request[..], &[0, 6, 0, 0]].concat()).is_none(), "attributes that nothing protects");
        assert!((0..request.len()).all(|end| whole(&request[..end]).is_none()));
    }

    #[test]
    fn a_binding_request_may_not_want_what_is_unknown() {
        let request = [&[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0x00, 0x24, 0, 0]].concat();
        let answer = binding(&whole(&request).unwrap(), "192.0.2.1:1".parse().unwrap()).unwrap();
        let code = Message::from_bytes(&answer).unwrap().attribute::<ErrorCode>().unwrap().code();
        assert_eq!(code, 420);
        let optional = [&[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0x80, 0x22, 0, 0]].concat();
        let answer = binding(&whole(&optional).unwrap(), "192.0.2.1:1".parse().unwrap()).unwrap();
        assert!(Message::from_bytes(&answer).unwrap().has_class(MessageClass::Success));
    }
}
