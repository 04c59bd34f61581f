//! One SCTP association over DTLS (RFC 8261), as a machine: datagrams and the time go in, messages and datagrams come out. The
//! client begins it; both sides know the streams beforehand.
//!
//! What a client may cost is bounded here: what is put together, streams that nobody announced, one association for ever.

use super::{ASSEMBLED, MESSAGE, Message, RECEIVED, STRAYS, dropped};
use crate::model::DataStream;
use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType, ServerConfig, Stream, StreamEvent, Transmit, TransportConfig,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// sctp-proto wants an address; there is none below DTLS.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
/// Before a lost packet is sent again: that of a local network, and what browsers take at least.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);
const LEAST_TIMEOUT: Duration = Duration::from_millis(220);
const MOST_TIMEOUT: Duration = Duration::from_secs(10);

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is up.
    Up,
    /// A message on a stream that is open.
    Message(u16, Message),
    /// It is over, and why.
    Lost(String),
}

/// An association.
pub struct Sctp {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    up: bool,
    over: bool,
    /// Streams that are to be open, and whether they are.
    wanted: BTreeMap<u16, (DataStream, bool)>,
    /// Streams that the client speaks on and nobody has announced.
    strays: BTreeSet<u16>,
    heard: VecDeque<Heard>,
}

fn limits() -> TransportConfig {
    let millis = |time: Duration| time.as_millis() as u64;
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVED)
        .with_max_receive_message_size(ASSEMBLED)
        .with_max_send_message_size(MESSAGE)
        .with_max_init_retransmits(None)
        // The transport notices who is gone.
        .with_max_data_retransmits(None)
        .with_rto_initial_ms(millis(FIRST_TIMEOUT))
        .with_rto_min_ms(millis(LEAST_TIMEOUT))
        .with_rto_max_ms(millis(MOST_TIMEOUT))
}

impl Default for Sctp {
    fn default() -> Self {
        let mut server = ServerConfig::new();
        server.transport = Arc::new(limits());
        let endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), Some(Arc::new(server)));
        let (wanted, strays, heard) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        Self { endpoint, association: None, up: false, over: false, wanted, strays, heard }
    }
}

impl Sctp {
    /// A datagram of the client's.
    pub fn take(&mut self, now: Instant, datagram: Bytes) {
        if self.over {
            return;
        }
        match self.endpoint.handle(now, NOWHERE, None, None, datagram) {
            Some((handle, DatagramEvent::NewAssociation(association))) if self.association.is_none() => {
                self.association = Some((handle, association));
                // A second one would be no client's, and each is remembered.
                self.endpoint.reject_new_associations();
            }
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
        self.settle();
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.association.iter_mut().for_each(|(_, association)| association.handle_timeout(now));
        self.settle();
    }

    /// When `tick` is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.association.as_ref().filter(|_| !self.over)?.1.poll_timeout()
    }

    /// What came of it, in order.
    pub fn heard(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// For the client.
    pub fn datagrams(&mut self, now: Instant) -> Vec<Bytes> {
        let mut all = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            push(&mut all, transmit);
        }
        if let Some((_, association)) = &mut self.association {
            while let Some(transmit) = association.poll_transmit(now) {
                push(&mut all, transmit);
            }
        }
        all
    }

    /// Opens a stream, as soon as that can be.
    pub fn open(&mut self, stream: DataStream) {
        self.wanted.insert(stream.id, (stream, false));
        self.settle();
    }

    /// Closes it, for the client too.
    pub fn close(&mut self, id: u16) {
        let was_open = self.wanted.remove(&id).is_some_and(|(_, open)| open);
        if let Some(mut stream) = self.stream(id).filter(|_| was_open) {
            let _ = stream.close();
        }
    }

    /// Bytes of a stream that are not delivered yet; `None`: nothing can be sent on it now.
    pub fn held(&mut self, id: u16) -> Option<usize> {
        let open = self.up && self.wanted.get(&id).is_some_and(|(_, open)| *open);
        self.stream(id).filter(|stream| open && stream.is_writable())?.buffered_amount().ok()
    }

    /// Whether the client has closed a stream that was open.
    pub fn is_gone(&self, id: u16) -> bool {
        self.up && !self.wanted.contains_key(&id)
    }

    /// Sends a message, if `held` says that this can be.
    pub fn write(&mut self, id: u16, message: &Message) {
        let (ppi, data) = message.written();
        if let Some(mut stream) = self.stream(id)
            && let Err(error) = stream.write_sctp(&data, ppi)
        {
            tracing::debug!(%error, "a message was not sent");
        }
    }

    fn stream(&mut self, id: u16) -> Option<Stream<'_>> {
        self.association.as_mut()?.1.stream(id).ok()
    }

    fn settle(&mut self) {
        while let Some(event) = self.association.as_mut().and_then(|(_, association)| association.poll()) {
            self.on_event(event);
        }
        if self.strays.len() > STRAYS {
            self.lose("the client speaks on streams that it has not announced".into());
        }
        if let Some((handle, association)) = &mut self.association {
            while let Some(event) = association.poll_endpoint_event() {
                let _nothing_for_it = self.endpoint.handle_event(*handle, event);
            }
        }
        if self.up {
            self.open_wanted();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.up = true;
                self.heard.push_back(Heard::Up);
            }
            Event::HandshakeFailed { reason } | Event::AssociationLost { reason } => self.lose(reason.to_string()),
            Event::Stream(StreamEvent::Opened { id }) if !self.wanted.contains_key(&id) => drop(self.strays.insert(id)),
            Event::Stream(StreamEvent::Readable { id }) => self.read(id),
            Event::Stream(StreamEvent::Finished { id }) => {
                self.strays.remove(&id);
                // One that is to be opened again has nothing to do with the one that is gone.
                if self.wanted.get(&id).is_some_and(|(_, open)| *open) {
                    self.wanted.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn lose(&mut self, why: String) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.up = false;
        if let Some((_, association)) = &mut self.association {
            let _ = association.close();
        }
        self.heard.push_back(Heard::Lost(why));
    }

    fn read(&mut self, id: u16) {
        let known = self.wanted.contains_key(&id);
        while let Some((ppi, data)) = self.stream(id).and_then(next_of) {
            match Message::read(ppi, data) {
                Some(message) if known => self.heard.push_back(Heard::Message(id, message)),
                Some(_) => dropped("nobodys"),
                None => {}
            }
        }
    }

    /// A stream may have been opened by the client's first message already, or an earlier one of its number be under way still.
    fn open_wanted(&mut self) {
        let Some((_, association)) = &mut self.association else { return };
        for (id, (how, open)) in self.wanted.iter_mut().filter(|(_, (_, open))| !open) {
            let mut stream = match association.stream(*id) {
                Ok(stream) if !(stream.is_readable() && stream.is_writable()) => continue,
                Ok(stream) => stream,
                Err(_) => match association.open_stream(*id, Ppi::Binary) {
                    Ok(stream) => stream,
                    Err(_) => continue,
                },
            };
            let (kind, value) = reliability(how);
            *open = stream.set_reliability_params(!how.ordered, kind, value).is_ok();
            self.strays.remove(id);
        }
    }
}

fn reliability(how: &DataStream) -> (ReliabilityType, u32) {
    match (how.max_packet_life_time, how.max_retransmits) {
        (Some(millis), _) => (ReliabilityType::Timed, millis.into()),
        (None, Some(times)) => (ReliabilityType::Rexmit, times.into()),
        (None, None) => (ReliabilityType::Reliable, 0),
    }
}

fn next_of(mut stream: Stream<'_>) -> Option<(Ppi, Bytes)> {
    let chunks = stream.read_sctp().ok()??;
    let mut data = vec![0; chunks.len()];
    chunks.read(&mut data).ok()?;
    Some((chunks.ppi, data.into()))
}

fn push(all: &mut Vec<Bytes>, transmit: Transmit) {
    if let Payload::RawEncode(datagrams) = transmit.payload {
        all.extend(datagrams);
    }
}

#[cfg(test)]
mod tests;
