//! Who and what is refused, and by which code.

use super::caller::{CHANNEL, Caller, Said};
use super::hall::{Hall, unix_time};
use std::net::SocketAddr;
use std::time::Duration;
use turn_types::attribute::{DontFragment, EvenPort, RequestedTransport};
use turn_types::message::{ALLOCATE, CONNECT, CONNECTION_BIND};
use turn_types::stun::message::{Message, Method, TransactionId};
use turn_types::stun::prelude::AttributeWrite;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An error that its client can trust.
fn is_protected(caller: &Caller, said: &Said) -> bool {
    Message::from_bytes(&said.bytes).unwrap().validate_integrity(&caller.key()).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_names_whose_time_is_over() {
    let hall = Hall::open();
    let (name, _) = hall.account("me");
    assert_eq!(Caller::new(&hall, (name, "guess".into())).await.allocate().await.code, 401);
    let (name, password) = hall.credentials.issue("me", unix_time() - 7200, Duration::from_secs(60));
    let expired = (name, password.reveal().to_owned());
    assert_eq!(Caller::new(&hall, expired).await.allocate().await.code, 401);
    let endless = ("me".to_owned(), hall.credentials.password("me"));
    assert_eq!(Caller::new(&hall, endless).await.allocate().await.code, 401, "a name without a time");
    Caller::with_relay(&hall, "me").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inner_addresses_in_all_their_forms() {
    let hall = Hall::with(|_| ());
    let (caller, relay) = Caller::with_relay(&hall, "me").await;
    let own = [hall.udp().to_string(), format!("127.0.0.1:{}", relay.port() ^ 1), "127.0.0.1:22".into()];
    let others = [
        "0.0.0.0:80",
        "10.0.0.1:80",
        "100.64.0.1:80",
        "127.1.2.3:80",
        "169.254.169.254:80",
        "172.16.0.1:80",
        "192.168.1.1:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "[::1]:80",
        "[::]:80",
        "[::127.0.0.1]:80",
        "[::ffff:127.0.0.1]:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::127.0.0.1]:80",
        "[64:ff9b::169.254.169.254]:80",
        "[64:ff9b:1::10.0.0.1]:80",
        "[2002:7f00:1::]:80",
        "[2001:0:1:2:3:4:80ff:fffe]:80",
        "[fe80::1]:80",
        "[fd00:ec2::254]:80",
        "[ff02::1]:80",
    ];
    for peer in own.iter().map(|peer| at(peer)).chain(others.map(at)) {
        let (permitted, bound) = (caller.permit(&[peer]).await, caller.bind(CHANNEL, peer).await);
        assert_eq!((permitted.code, bound.code), (403, 403), "{peer}");
        assert!(is_protected(&caller, &permitted) && is_protected(&caller, &bound), "{peer}");
    }
    let mixed = caller.permit(&[at("1.1.1.1:53"), at("127.0.0.1:80")]).await;
    assert_eq!(mixed.code, 403, "one of several");
    assert_eq!(caller.permit(&[at("1.1.1.1:53")]).await.code, 0, "the world is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_relays_than_a_user_or_the_server_may_have() {
    let hall = Hall::with(|settings| (settings.max_allocations, settings.max_allocations_per_user) = (3, 2));
    let (first, _) = Caller::with_relay(&hall, "me").await;
    Caller::with_relay(&hall, "me").await;
    let third = Caller::new(&hall, hall.account("me")).await;
    let refused = third.allocate().await;
    assert_eq!(refused.code, 486);
    assert!(is_protected(&third, &refused));
    Caller::with_relay(&hall, "you").await;
    assert_eq!(Caller::new(&hall, hall.account("they")).await.allocate().await.code, 508);
    assert_eq!(first.refresh(0).await.code, 0);
    // The place is given back as soon as the relay's task has seen it.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while third.allocate().await.code != 0 {
        assert!(tokio::time::Instant::now() < deadline, "the place was not given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_relays_that_there_are_not() {
    let hall = Hall::open();
    let caller = Caller::new(&hall, hall.account("me")).await;
    let tcp = RequestedTransport::new(RequestedTransport::TCP);
    assert_eq!(caller.request(ALLOCATE, &[tcp.to_raw()]).await.code, 442);
    let udp = RequestedTransport::new(RequestedTransport::UDP);
    assert_eq!(caller.request(ALLOCATE, &[udp.to_raw(), EvenPort::new(true).to_raw()]).await.code, 508);
    assert_eq!(caller.request(ALLOCATE, &[udp.to_raw(), DontFragment::new().to_raw()]).await.code, 420);
    assert_eq!(caller.request(ALLOCATE, &[]).await.code, 400, "no transport at all");
    for method in [CONNECT, CONNECTION_BIND, Method::new(0xfe)] {
        assert_eq!(caller.request(method, &[]).await.code, 400, "{method}");
    }
    let even = caller.request(ALLOCATE, &[udp.to_raw(), EvenPort::new(false).to_raw()]).await;
    assert_eq!((even.code, even.relay().port() % 2), (0, 0));
    assert_eq!(caller.request(CONNECT, &[]).await.code, 400, "with a relay neither");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_to_the_relay() {
    let hall = Hall::open();
    let without = Caller::new(&hall, hall.account("me")).await;
    assert_eq!(without.refresh(600).await.code, 437);
    assert_eq!(without.permit(&[at("127.0.0.1:80")]).await.code, 437);
    let (mut caller, _) = Caller::with_relay(&hall, "me").await;
    assert_eq!(caller.allocate().await.code, 437, "a second one");
    let foreign = caller.swap_nonce(&without);
    assert_eq!(caller.refresh(600).await.code, 438, "another client's nonce");
    caller.set_nonce(foreign);
    caller.set_account(hall.account("you"));
    assert_eq!(caller.refresh(600).await.code, 441, "another user's relay");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_relays_only_stun_is_answered() {
    let hall = Hall::with(|settings| settings.relay = false);
    assert!(!hall.ports().relay);
    let caller = Caller::silent(&hall, hall.account("me")).await;
    assert_eq!(caller.allocate().await.code, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_peers_than_a_relay_may_have() {
    let hall = Hall::with(|_| ());
    let (caller, _) = Caller::with_relay(&hall, "me").await;
    let peers = |third: u8| (0..100).map(|last| SocketAddr::from(([9, 9, third, last], 9))).collect::<Vec<_>>();
    assert_eq!(caller.permit(&peers(1)).await.code, 0);
    assert_eq!(caller.permit(&peers(2)).await.code, 0);
    assert_eq!(caller.permit(&peers(3)).await.code, 508);
    assert_eq!(caller.permit(&peers(1)).await.code, 0, "those that are there");
    assert_eq!(caller.bind(CHANNEL, at("9.9.1.1:9")).await.code, 0);
    assert_eq!(caller.bind(CHANNEL, at("9.9.1.2:9")).await.code, 400, "the channel is another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_gets_the_same_answer() {
    let hall = Hall::open();
    let caller = Caller::new(&hall, hall.account("me")).await;
    let transport = RequestedTransport::new(RequestedTransport::UDP);
    let request = caller.signed(ALLOCATE, TransactionId::generate(), &[transport.to_raw()]);
    let first = caller.ask(&request).await;
    assert_eq!((first.code, first.lifetime()), (0, 600));
    assert_eq!(caller.ask(&request).await.bytes, first.bytes);
    assert_eq!(caller.refresh(1_000_000).await.lifetime(), 3600, "no longer than an hour");
    assert_eq!(caller.refresh(0).await.code, 0);
    assert_eq!(caller.refresh(0).await.code, 437);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_told_with_its_setting() {
    use millrace::turn::{Credentials, Own, Server, TurnError};
    let hall = Hall::open();
    let settings = millrace::config::Turn { listen: vec![hall.udp()], ..millrace::config::Turn::default() };
    let error = Server::start(&settings, Own::default(), None, Credentials::new(b"x")).err().unwrap();
    assert!(matches!(error, TurnError::Bind { key: "turn.listen", address, .. } if address == hall.udp()), "{error}");
}
