//! A client for tests: the side that begins, and a wire that can lose.

use super::{Heard, Message, Sctp};
use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, StreamEvent, TransportConfig,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Caller {
    endpoint: Endpoint,
    handle: AssociationHandle,
    association: Association,
    now: Instant,
    heard: Vec<(u16, Message)>,
}

impl Caller {
    pub fn new() -> Self {
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None);
        let transport = TransportConfig::default().with_max_send_message_size(1_000_000);
        let mut config = ClientConfig::new();
        config.transport = Arc::new(transport);
        let (handle, association) = endpoint.connect(config, ([127, 0, 0, 1], 5000).into()).unwrap();
        Self { endpoint, handle, association, now: Instant::now(), heard: Vec::new() }
    }

    pub fn datagrams(&mut self) -> Vec<Bytes> {
        let mut all = Vec::new();
        while let Some(transmit) = self.association.poll_transmit(self.now) {
            if let Payload::RawEncode(datagrams) = transmit.payload {
                all.extend(datagrams);
            }
        }
        all
    }

    fn take(&mut self, datagram: Bytes) {
        let event = self.endpoint.handle(self.now, ([127, 0, 0, 1], 5000).into(), None, None, datagram);
        if let Some((handle, DatagramEvent::AssociationEvent(event))) = event {
            assert_eq!(handle, self.handle);
            self.association.handle_event(event);
        }
        while let Some(event) = self.association.poll() {
            let Event::Stream(StreamEvent::Readable { id }) = event else { continue };
            while let Ok(Some(chunks)) = self.association.stream(id).unwrap().read_sctp() {
                let mut data = vec![0; chunks.len()];
                chunks.read(&mut data).unwrap();
                self.heard.extend(Message::read(chunks.ppi, data.into()).map(|message| (id, message)));
            }
        }
    }
}

/// A client and its server.
pub struct Pair {
    pub server: Sctp,
    client: Caller,
}

impl Pair {
    pub fn up() -> Self {
        let mut pair = Self { server: Sctp::default(), client: Caller::new() };
        pair.run();
        assert_eq!(pair.heard(), [Heard::Up]);
        pair
    }

    /// Until nobody has anything to say for ten seconds.
    pub fn run(&mut self) {
        let end = self.client.now + Duration::from_secs(10);
        while self.client.now < end {
            let now = self.client.now;
            let (up, down) = (self.client.datagrams(), self.server.datagrams(now));
            let quiet = up.is_empty() && down.is_empty();
            up.into_iter().for_each(|packet| self.server.take(now, packet));
            down.into_iter().for_each(|packet| self.client.take(packet));
            if quiet {
                self.client.now += Duration::from_millis(50);
                self.client.association.handle_timeout(self.client.now);
                self.server.tick(self.client.now);
            }
        }
    }

    /// What the server says now does not arrive.
    pub fn lose(&mut self) {
        assert!(!self.server.datagrams(self.client.now).is_empty());
    }

    pub fn say(&mut self, id: u16, message: &Message) {
        let association = &mut self.client.association;
        if association.stream(id).is_err() {
            association.open_stream(id, Ppi::Binary).unwrap();
        }
        let (ppi, data) = message.written();
        association.stream(id).unwrap().write_sctp(&data, ppi).unwrap();
    }

    pub fn client_datagrams(&mut self) -> Vec<Bytes> {
        self.client.datagrams()
    }

    pub fn heard(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.server.heard()).collect()
    }

    /// What the client got on a stream.
    pub fn client_heard(&mut self, id: u16) -> Vec<Message> {
        let all = std::mem::take(&mut self.client.heard);
        let (these, others) = all.into_iter().partition(|(on, _)| *on == id);
        self.client.heard = others;
        these.into_iter().map(|(_, message): (u16, Message)| message).collect()
    }
}
