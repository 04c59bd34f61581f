//! A session's life by a clock of the test's own.

use super::*;
use std::time::Duration;
use turn_types::attribute::{Lifetime, RequestedTransport};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, REFRESH};
use turn_types::stun::attribute::{RawAttribute, Realm, Username};
use turn_types::stun::message::{LongTermCredentials, MessageType, Method};
use turn_types::stun::prelude::AttributeWrite;

const NAME: &str = "2000000000:me";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn relay() -> SocketAddr {
    address("192.0.2.9:50000")
}

fn peer() -> SocketAddr {
    address("1.1.1.1:1000")
}

fn at(secs: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(secs)
}

fn everybody(_: SocketAddr) -> bool {
    true
}

fn guest() -> Guest {
    let key = LongTermCredentials::new(NAME.into(), "secret".into()).to_key(REALM.into());
    let key = key.make_key(IntegrityAlgorithm::Sha1);
    Guest { name: NAME.into(), password: "secret".into(), key, is_current: true }
}

/// As the door has let it in; how it was proved no longer matters.
fn request(method: Method, transaction: TransactionId, attributes: &[RawAttribute<'_>]) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Request, method);
    let mut request = Message::builder(kind, transaction, MessageWriteVec::new());
    attributes.iter().for_each(|one| request.add_attribute(one).unwrap());
    request.add_attribute(&Username::new(NAME).unwrap()).unwrap();
    request.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
    request.add_attribute(&Nonce::new("ours").unwrap()).unwrap();
    request.add_message_integrity_with_key(&guest().key, IntegrityAlgorithm::Sha1).unwrap();
    request.finish()
}

/// 0: success.
fn code(answer: Option<Vec<u8>>) -> u16 {
    let answer = answer.expect("an answer");
    let answer = Message::from_bytes(&answer).unwrap();
    assert!(answer.validate_integrity_with_key(&guest().key).is_ok(), "an answer that its client can trust");
    answer.attribute::<ErrorCode>().map_or(0, |error| error.code())
}

fn opened() -> Session {
    let mut session = Session::new(guest(), address("192.0.2.1:5000"), address("0.0.0.0:3478"), 0, at(0));
    let wanted = RequestedTransport::new(RequestedTransport::UDP);
    let asked = request(ALLOCATE, TransactionId::generate(), &[wanted.to_raw()]);
    let answer = session.allocate(&Message::from_bytes(&asked).unwrap(), &mut |_| Ok(relay()), at(0));
    assert_eq!((code(answer), session.relay()), (0, Some(relay())));
    session
}

fn refresh(session: &mut Session, seconds: u32, now: Instant) -> u16 {
    let asked = request(REFRESH, TransactionId::generate(), &[Lifetime::new(seconds).to_raw()]);
    code(session.request(&Message::from_bytes(&asked).unwrap(), &everybody, now))
}

fn bind(session: &mut Session, now: Instant) -> u16 {
    let transaction = TransactionId::generate();
    let (number, to) = (ChannelNumber::new(0x4000), XorPeerAddress::new(peer(), transaction));
    let asked = request(CHANNEL_BIND, transaction, &[number.to_raw(), to.to_raw()]);
    code(session.request(&Message::from_bytes(&asked).unwrap(), &everybody, now))
}

fn data() -> Vec<u8> {
    let mut packet = vec![0; 9];
    ChannelData::new(0x4000, b"hello").write_into_unchecked(&mut packet);
    packet
}

#[test]
fn a_relay_ends_with_its_lifetime_and_not_before() {
    let mut session = opened();
    assert_eq!(session.tick(at(1)), Some(at(600)));
    assert_eq!(session.tick(at(600)).map(|_| session.relay()), Some(Some(relay())));
    assert_eq!((session.tick(at(601)), session.relay()), (None, None));
    assert_eq!(refresh(&mut session, 600, at(602)), 437);
    assert_eq!(session.inward(peer(), b"x", &everybody, at(602)), Err(Dropped::Unwanted));
}

#[test]
fn what_is_refreshed_goes_on_beyond_the_nonces_hour() {
    let mut session = opened();
    for minute in 1..200 {
        let now = at(minute * 60);
        assert_eq!((refresh(&mut session, 600, now), bind(&mut session, now)), (0, 0), "minute {minute}");
        assert_eq!(session.outward(&data(), &everybody, now), Ok((peer(), 4..9)));
    }
}

#[test]
fn a_permission_ends_after_five_minutes() {
    let mut session = opened();
    assert_eq!((refresh(&mut session, 3600, at(0)), bind(&mut session, at(0))), (0, 0));
    assert_eq!(session.outward(&data(), &everybody, at(299)), Ok((peer(), 4..9)));
    assert!(session.inward(peer(), b"hello", &everybody, at(299)).is_ok_and(|message| message == data()));
    assert_eq!(session.outward(&data(), &everybody, at(301)), Err(Dropped::Unwanted));
    assert_eq!(session.inward(peer(), b"hello", &everybody, at(301)), Err(Dropped::Unwanted));
}

#[test]
fn a_peer_that_may_no_longer_be_reached_is_not() {
    let mut session = opened();
    assert_eq!(bind(&mut session, at(0)), 0);
    assert_eq!(session.outward(&data(), &|_| false, at(1)), Err(Dropped::ForbiddenPeer));
    assert_eq!(session.inward(peer(), b"x", &|_| false, at(1)), Err(Dropped::ForbiddenPeer));
}
