//! A TURN client made by hand: it says what a test wants said, right or wrong.

use super::hall::{Hall, LIMIT};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use turn_types::attribute::{Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};
use turn_types::stun::attribute::{ErrorCode, Nonce, RawAttribute, Realm, Username};
use turn_types::stun::message::{
    IntegrityAlgorithm, LongTermCredentials, Message, MessageIntegrityCredentials, MessageWrite, MessageWriteExt,
    MessageWriteVec, Method, TransactionId,
};
use turn_types::stun::prelude::AttributeFromRaw;
use turn_types::stun::prelude::{AttributeStaticType, AttributeWrite};

pub const CHANNEL: u16 = 0x4000;
const REALM: &str = "millrace";

/// One client on a UDP port of its own.
pub struct Caller {
    pub socket: UdpSocket,
    server: SocketAddr,
    account: (String, String),
    nonce: String,
}

/// What came back.
#[derive(Debug)]
pub struct Said {
    /// 0: success.
    pub code: u16,
    pub bytes: Vec<u8>,
}

impl Said {
    pub fn relay(&self) -> SocketAddr {
        let message = Message::from_bytes(&self.bytes).unwrap();
        message.attribute::<XorRelayedAddress>().unwrap().addr(message.transaction_id())
    }

    pub fn lifetime(&self) -> u32 {
        Message::from_bytes(&self.bytes).unwrap().attribute::<Lifetime>().unwrap().seconds()
    }
}

impl Caller {
    /// Knows nothing yet.
    pub async fn silent(hall: &Hall, account: (String, String)) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self { socket, server: hall.udp(), account, nonce: String::new() }
    }

    /// Takes another client's nonce and gives back its own.
    pub fn swap_nonce(&mut self, other: &Self) -> String {
        std::mem::replace(&mut self.nonce, other.nonce.clone())
    }

    pub fn set_nonce(&mut self, nonce: String) {
        self.nonce = nonce;
    }

    pub fn set_account(&mut self, account: (String, String)) {
        self.account = account;
    }

    /// Knows the nonce already.
    pub async fn new(hall: &Hall, account: (String, String)) -> Self {
        let mut caller = Self::silent(hall, account).await;
        let request = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        let said = caller.ask(&request).await;
        assert_eq!(said.code, 401);
        let message = Message::from_bytes(&said.bytes).unwrap();
        assert_eq!(message.attribute::<Realm>().unwrap().realm(), REALM);
        caller.nonce = message.attribute::<Nonce>().unwrap().nonce().to_owned();
        caller
    }

    /// Of this user, with its relay.
    pub async fn with_relay(hall: &Hall, who: &str) -> (Self, SocketAddr) {
        let caller = Self::new(hall, hall.account(who)).await;
        let said = caller.allocate().await;
        assert_eq!(said.code, 0, "{said:?}");
        (caller, said.relay())
    }

    pub fn key(&self) -> MessageIntegrityCredentials {
        let (name, password) = self.account.clone();
        LongTermCredentials::new(name, password).to_key(REALM.into()).into()
    }

    /// A request with these attributes, proved.
    pub fn signed(&self, method: Method, transaction: TransactionId, attributes: &[RawAttribute<'_>]) -> Vec<u8> {
        let kind = turn_types::stun::message::MessageType::from_class_method(
            turn_types::stun::message::MessageClass::Request,
            method,
        );
        let mut request = Message::builder(kind, transaction, MessageWriteVec::new());
        attributes.iter().for_each(|one| request.add_attribute(one).unwrap());
        request.add_attribute(&Username::new(&self.account.0).unwrap()).unwrap();
        request.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        request.add_message_integrity(&self.key(), IntegrityAlgorithm::Sha1).unwrap();
        request.finish()
    }

    /// Sends a proved request and waits for its answer.
    pub async fn request(&self, method: Method, attributes: &[RawAttribute<'_>]) -> Said {
        self.ask(&self.signed(method, TransactionId::generate(), attributes)).await
    }

    pub async fn allocate(&self) -> Said {
        self.request(ALLOCATE, &[RequestedTransport::new(RequestedTransport::UDP).to_raw()]).await
    }

    pub async fn refresh(&self, seconds: u32) -> Said {
        self.request(REFRESH, &[Lifetime::new(seconds).to_raw()]).await
    }

    /// Asks for permissions.
    pub async fn permit(&self, peers: &[SocketAddr]) -> Said {
        let transaction = TransactionId::generate();
        let peers: Vec<_> = peers.iter().map(|peer| XorPeerAddress::new(*peer, transaction)).collect();
        let raw: Vec<_> = peers.iter().map(XorPeerAddress::to_raw).collect();
        self.ask(&self.signed(CREATE_PERMISSION, transaction, &raw)).await
    }

    /// Asks for a channel.
    pub async fn bind(&self, channel: u16, peer: SocketAddr) -> Said {
        let transaction = TransactionId::generate();
        let peer = XorPeerAddress::new(peer, transaction);
        let number = turn_types::attribute::ChannelNumber::new(channel);
        self.ask(&self.signed(CHANNEL_BIND, transaction, &[number.to_raw(), peer.to_raw()])).await
    }

    /// Sends to a peer by an indication.
    pub async fn send(&self, peer: SocketAddr, data: &[u8]) {
        let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
        let transaction = message.transaction_id();
        message.add_attribute(&XorPeerAddress::new(peer, transaction)).unwrap();
        message.add_attribute(&Data::new(data)).unwrap();
        self.socket.send_to(&message.finish(), self.server).await.unwrap();
    }

    /// Sends by a channel.
    pub async fn send_by(&self, channel: u16, data: &[u8]) {
        let mut packet = vec![0; data.len() + 4];
        ChannelData::new(channel, data).write_into_unchecked(&mut packet);
        self.socket.send_to(&packet, self.server).await.unwrap();
    }

    /// The next packet, `None` if there is none within a moment.
    pub async fn hear(&self, limit: Duration) -> Option<Vec<u8>> {
        let mut packet = vec![0; 4096];
        let length = tokio::time::timeout(limit, self.socket.recv(&mut packet)).await.ok()?.unwrap();
        packet.truncate(length);
        Some(packet)
    }

    /// Sends what it is given, and waits for the answer to it.
    pub async fn ask(&self, request: &[u8]) -> Said {
        self.socket.send_to(request, self.server).await.unwrap();
        let bytes = loop {
            let bytes = self.hear(LIMIT).await.expect("an answer");
            if bytes.len() >= 20 && bytes[4..20] == request[4..20] {
                break bytes;
            }
        };
        let message = Message::from_bytes(&bytes).unwrap();
        let code = message.raw_attribute(ErrorCode::TYPE).map_or(0, |raw| ErrorCode::from_raw(raw).unwrap().code());
        Said { code, bytes }
    }
}
