//! One client with a relay: its `TurnServer` and what we add to it. Pure: bytes and times in, bytes out.
//!
//! `turn-server-proto` decides on allocations, permissions, channels and lifetimes. Decided here: which requests it sees (only
//! proved ones, protected anew with its own nonce), which peers they may name, how many, and how much is relayed. It is told
//! that every client comes over UDP: what a stream adds is `frames`'. Sockets are the caller's.

use super::bucket::Bucket;
use super::door::{Guest, count};
use super::message::{REALM, With, refused};
use super::permits::{Permits, Unfit};
use std::net::SocketAddr;
use std::ops::Range;
use turn_server_proto::api::{
    DelayedMessageOrChannelSend, SocketAllocateError, Transmit, TurnServerApi, TurnServerPollRet,
};
use turn_server_proto::server::TurnServer;
use turn_types::attribute::{AdditionalAddressFamily, ChannelNumber, XorPeerAddress};
use turn_types::message::{CHANNEL_BIND, CREATE_PERMISSION};
use turn_types::prelude::DelayedTransmitBuild;
use turn_types::stun::attribute::{
    AttributeType, ErrorCode, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, PasswordAlgorithm,
    PasswordAlgorithms, Userhash,
};
use turn_types::stun::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageWrite, MessageWriteExt, MessageWriteVec,
    StunWriteError, TransactionId,
};
use turn_types::stun::prelude::{Attribute, AttributeFromRaw, AttributeStaticType};
use turn_types::{AddressFamily, Instant, TransportType};

/// Not handed on: what proves the request is made anew, and a relay has one address here (its number says that the request
/// for a second may be ignored).
const DROPPED: [AttributeType; 8] = [
    Nonce::TYPE,
    MessageIntegrity::TYPE,
    MessageIntegritySha256::TYPE,
    Fingerprint::TYPE,
    PasswordAlgorithm::TYPE,
    PasswordAlgorithms::TYPE,
    Userhash::TYPE,
    AdditionalAddressFamily::TYPE,
];

/// Why a packet is not relayed; the label of `media_turn_dropped_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// No channel, permission or allocation for it, or not understood.
    Unwanted,
    /// Its peer is none that a relay may reach.
    ForbiddenPeer,
    /// More than a relay may carry.
    Bitrate,
}

/// Opens a relay of a family and says where clients are told it is.
pub(super) type Open<'a> = &'a mut dyn FnMut(AddressFamily) -> Result<SocketAddr, SocketAllocateError>;
/// Whether a peer may be named, or written to.
pub(super) type Allow<'a> = &'a dyn Fn(SocketAddr) -> bool;

/// A client and its relay.
#[derive(Debug)]
pub(super) struct Session {
    server: TurnServer,
    name: String,
    key: IntegrityKey,
    client: SocketAddr,
    local: SocketAddr,
    /// The server's own.
    nonce: Option<String>,
    relay: Option<SocketAddr>,
    /// The answer that told of the relay, for a client that missed it.
    told: Option<(TransactionId, Vec<u8>)>,
    permits: Permits,
    up: Bucket,
    down: Bucket,
}

impl Session {
    /// Without a relay yet. `local` is where the client came to; `bitrate` each way, in bits per second, 0: any.
    pub(super) fn new(guest: Guest, client: SocketAddr, local: SocketAddr, bitrate: u64, now: Instant) -> Self {
        let mut server = TurnServer::new(TransportType::Udp, local, REALM.into());
        server.add_user(guest.name.clone(), guest.password);
        let (up, down) = (Bucket::new(bitrate, now), Bucket::new(bitrate, now));
        let (name, key, permits) = (guest.name, guest.key, Permits::default());
        Self { server, name, key, client, local, nonce: None, relay: None, told: None, permits, up, down }
    }

    /// Who has opened it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where the relay is, as the client was told; `None` before and after.
    pub(super) fn relay(&self) -> Option<SocketAddr> {
        self.relay
    }

    /// Asks for the relay. Returns the answer.
    pub(super) fn allocate(&mut self, request: &Message<'_>, open: Open<'_>, now: Instant) -> Option<Vec<u8>> {
        if let Some(refusal) = self.ask(request, now) {
            return Some(refusal);
        }
        while let TurnServerPollRet::AllocateSocket { family, .. } = self.server.poll(now) {
            let opened = open(family);
            self.relay = opened.ok();
            let (way, local, client) = (TransportType::Udp, self.local, self.client);
            self.server.allocated_socket(way, local, client, TransportType::Udp, family, opened, now);
        }
        let answer = self.server.poll_transmit(now)?.data;
        self.told = self.relay.map(|_| (request.transaction_id(), answer.clone()));
        Some(answer)
    }

    /// A second request for a relay: the same answer if it is the same request, else a refusal.
    pub(super) fn allocate_again(&self, request: &Message<'_>) -> Option<Vec<u8>> {
        let same = self.told.as_ref().filter(|(transaction, _)| *transaction == request.transaction_id());
        match same {
            Some((_, answer)) => Some(answer.clone()),
            None => refused(request, ErrorCode::ALLOCATION_MISMATCH, With::Integrity(&self.key)),
        }
    }

    /// Any other request that its user has proved. Returns the answer.
    pub(super) fn request(&mut self, request: &Message<'_>, permit: Allow<'_>, now: Instant) -> Option<Vec<u8>> {
        self.tick(now);
        let names_peers = [CREATE_PERMISSION, CHANNEL_BIND].contains(&request.method());
        let (peers, channel) = if names_peers { named(request) } else { (Vec::new(), None) };
        if let Some(code) = self.objection(request, &peers, channel, permit, now) {
            return refused(request, code, With::Integrity(&self.key));
        }
        let answer = self.ask(request, now)?;
        if names_peers && class(&answer) == Some(MessageClass::Success) {
            self.permits.added(&peers, channel, now);
        }
        self.tick(now);
        Some(answer)
    }

    /// The error code of what the request's peers have against them.
    fn objection(
        &mut self,
        request: &Message<'_>,
        peers: &[SocketAddr],
        channel: Option<u16>,
        permit: Allow<'_>,
        now: Instant,
    ) -> Option<u16> {
        if request.has_method(CHANNEL_BIND) && peers.len() != 1 {
            return Some(ErrorCode::BAD_REQUEST);
        }
        if !peers.iter().all(|peer| permit(*peer)) {
            count("forbidden_peer");
            return Some(ErrorCode::FORBIDDEN);
        }
        match self.permits.fit(peers, channel, now) {
            Ok(()) => None,
            Err(Unfit::Taken) => Some(ErrorCode::BAD_REQUEST),
            Err(Unfit::Full) => {
                count("peers");
                Some(ErrorCode::INSUFFICIENT_CAPACITY)
            }
        }
    }

    /// Data from the client: to whom, and where in `packet` it is.
    pub(super) fn outward(
        &mut self,
        packet: &[u8],
        allow: Allow<'_>,
        now: Instant,
    ) -> Result<(SocketAddr, Range<usize>), Dropped> {
        let arrived = Transmit::new(packet, TransportType::Udp, self.client, self.local);
        let sent = self.server.recv(arrived, now).ok_or(Dropped::Unwanted)?;
        let DelayedMessageOrChannelSend::Range(_, range) = sent.data else { return Err(Dropped::Unwanted) };
        if Some(sent.from) != self.relay {
            return Err(Dropped::Unwanted);
        }
        if !allow(sent.to) {
            return Err(Dropped::ForbiddenPeer);
        }
        if !self.up.take(range.len(), now) {
            return Err(Dropped::Bitrate);
        }
        Ok((sent.to, range))
    }

    /// Data from a peer: the message for the client.
    pub(super) fn inward(
        &mut self,
        peer: SocketAddr,
        data: &[u8],
        allow: Allow<'_>,
        now: Instant,
    ) -> Result<Vec<u8>, Dropped> {
        let relay = self.relay.ok_or(Dropped::Unwanted)?;
        let arrived = Transmit::new(data, TransportType::Udp, peer, relay);
        let sent = self.server.recv(arrived, now).ok_or(Dropped::Unwanted)?;
        if !allow(peer) {
            return Err(Dropped::ForbiddenPeer);
        }
        if !self.down.take(data.len(), now) {
            return Err(Dropped::Bitrate);
        }
        Ok(sent.data.build())
    }

    /// Lets what is over end. Returns when to come again; without a relay, never.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        loop {
            match self.server.poll(now) {
                TurnServerPollRet::WaitUntil(when) => return self.relay.map(|_| when),
                TurnServerPollRet::SocketClose { .. } => self.relay = None,
                // Both are of relays over TCP, which nobody gets here.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {}
                TurnServerPollRet::AllocateSocket { .. } => return None,
            }
        }
    }

    /// Asks the server, as often as it takes to learn its nonce. `None`: it will say later.
    fn ask(&mut self, request: &Message<'_>, now: Instant) -> Option<Vec<u8>> {
        for _ in 0..3 {
            let signed = self.signed(request).ok()?;
            let asked = Transmit::new(&signed[..], TransportType::Udp, self.client, self.local);
            let answer = self.server.recv(asked, now)?.data.build();
            match challenge(&answer) {
                Some(nonce) => self.nonce = Some(nonce),
                None => return Some(answer),
            }
        }
        refused(request, ErrorCode::SERVER_ERROR, With::Integrity(&self.key))
    }

    /// The request as the server wants it.
    fn signed(&self, request: &Message<'_>) -> Result<Vec<u8>, StunWriteError> {
        let writer = MessageWriteVec::with_capacity(request.as_bytes().len() + 64);
        let mut signed = Message::builder(request.get_type(), request.transaction_id(), writer);
        for (_, attribute) in request.iter_attributes().filter(|(_, one)| !DROPPED.contains(&one.get_type())) {
            signed.add_attribute(&attribute)?;
        }
        if let Some(nonce) = &self.nonce {
            signed.add_attribute(&Nonce::new(nonce)?)?;
            signed.add_message_integrity_with_key(&self.key, IntegrityAlgorithm::Sha1)?;
        }
        Ok(signed.finish())
    }
}

/// All peers that a request names, and its channel.
fn named(request: &Message<'_>) -> (Vec<SocketAddr>, Option<u16>) {
    let of_type = |(_, raw): (usize, turn_types::stun::attribute::RawAttribute<'_>)| {
        let address = (raw.get_type() == XorPeerAddress::TYPE).then(|| XorPeerAddress::from_raw(raw).ok()).flatten();
        address.map(|address| address.addr(request.transaction_id()))
    };
    let channel = request.attribute::<ChannelNumber>().ok().map(|channel| channel.channel());
    (request.iter_attributes().filter_map(of_type).collect(), channel)
}

fn class(answer: &[u8]) -> Option<MessageClass> {
    Message::from_bytes(answer).ok().map(|answer| answer.class())
}

/// The nonce of an answer that wants the request again with it.
fn challenge(answer: &[u8]) -> Option<String> {
    let answer = Message::from_bytes(answer).ok()?;
    let code = answer.attribute::<ErrorCode>().ok()?.code();
    let wanted = code == ErrorCode::UNAUTHORIZED || code == ErrorCode::STALE_NONCE;
    wanted.then(|| answer.attribute::<Nonce>().ok().map(|nonce| nonce.nonce().to_owned())).flatten()
}

#[cfg(test)]
#[path = "session_test.rs"]
mod tests;
