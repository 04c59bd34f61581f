//! Who may come in, and what those who mean no good can do: limits answer, and others are served.

use super::{OFFER, joined, page, present, rooms};
use crate::harness::{Server, limits};
use futures::SinkExt;
use millrace::auth::{Auth, TokenRole};
use millrace::config::{GuestDialect, Guests, Rooms};
use millrace::media::fake::FakeEngine;
use millrace::model::RoomId;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

const SECRET: &str = "a secret of at least sixteen bytes";

fn token(role: TokenRole, room: Option<&str>) -> String {
    Auth::new(Some(SECRET)).issue(role, room.map(RoomId::new), Duration::from_secs(60)).unwrap()
}

async fn hosting(secret: Option<&str>, guests: Guests) -> Server {
    Server::hosting(FakeEngine::automatic(), limits(), secret, guests).await
}

async fn status(server: &Server, query: &str) -> u16 {
    Server::status_at(format!("ws://{}/ws{query}", server.address)).await
}

#[tokio::test]
async fn with_a_secret_guests_need_a_token_unless_they_are_let_in() {
    let server = hosting(Some(SECRET), Guests::default()).await;
    assert_eq!(status(&server, "").await, 401);
    assert_eq!(status(&server, "?token=nonsense").await, 401);
    for role in [TokenRole::Web, TokenRole::Device, TokenRole::Admin] {
        assert_eq!(status(&server, &format!("?token={}", token(role, None))).await, 101);
    }
    let only = token(TokenRole::Device, Some("mine"));
    let mut client = server.flat(&format!("/ws?token={only}"), "restricted").await;
    client.play("→ join {role: sender, room: yours}\n← error {reason: bad-request, message: _}").await;
    assert!(server.rooms.find(&RoomId::new("yours")).is_err(), "it was not even made");
    client.play("→ join {role: sender, room: mine}\n← joined {role: sender, room: mine}").await;
    let open = hosting(Some(SECRET), Guests { dialects: vec![GuestDialect::SenderViewer], ..Guests::default() }).await;
    assert_eq!(status(&open, "").await, 101);
    assert_eq!(rooms(&open, None).await.status(), 401, "the list is the operators'");
}

#[tokio::test]
async fn the_list_of_rooms_is_for_operators() {
    let server = hosting(Some(SECRET), Guests::default()).await;
    let admin = token(TokenRole::Admin, None);
    let mut client = server.flat(&format!("/ws?token={admin}"), "sender").await;
    client.play("→ join {role: sender, room: hall}\n← joined {role: sender, room: hall}").await;
    assert_eq!(rooms(&server, None).await.status(), 401);
    assert_eq!(rooms(&server, Some(&token(TokenRole::Device, None))).await.status(), 403);
    let listed = async |token: String| {
        let rooms: serde_json::Value = rooms(&server, Some(&token)).await.json().await.unwrap();
        rooms.as_array().unwrap().len()
    };
    assert_eq!(listed(admin).await, 1);
    assert_eq!(listed(token(TokenRole::Web, None)).await, 1);
    assert_eq!(listed(token(TokenRole::Web, Some("other"))).await, 0);
}

#[tokio::test]
async fn pages_of_elsewhere_may_ask_when_they_are_let_in() {
    let server = Server::start().await;
    let request = reqwest::Client::new().get(format!("http://{}/api/rooms", server.address));
    let response = request.header("Origin", "https://app.example.org").send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn one_address_has_so_many_sockets() {
    let server = hosting(None, Guests { max_sockets: 2, ..Guests::default() }).await;
    let (one, _two) = (page(&server, "one").await, page(&server, "two").await);
    assert_eq!(status(&server, "").await, 429);
    drop(one);
    crate::harness::eventually("a place is free", || async { status(&server, "").await == 101 }).await;
}

#[tokio::test]
async fn thousands_of_rooms_from_one_address_end_at_its_limit() {
    let server = hosting(None, Guests { max_made_per_minute: 50, ..Guests::default() }).await;
    let mut hostile = page(&server, "hostile").await;
    let (mut made, mut refused, begun) = (0, 0, Instant::now());
    for number in 0..2000 {
        let join = json!({"type": "join", "role": "sender", "room": number});
        hostile.send(join.to_string()).await;
    }
    while made + refused < 2000 {
        match hostile.text().await.contains("joined") {
            true => made += 1,
            false => refused += 1,
        }
    }
    let most = 51 + begun.elapsed().as_secs() as usize;
    assert!((50..=most).contains(&made), "{made} rooms were made");
    assert!(server.rooms.list().await.len() <= most);
    tokio::time::sleep(Duration::from_millis(200)).await;
    hostile.quiet().await;
}

#[tokio::test]
async fn a_flood_for_a_page_that_does_not_read_stops_at_its_senders_budget() {
    let server = Server::start().await;
    let mut sender = joined(&server, "sender", "hall").await;
    // It never reads from here on: what is passed on waits in the server.
    let _viewer = joined(&server, "viewer", "hall").await;
    sender.play("← viewer-ready {}").await;
    let candidate = json!({"type": "ice-candidate", "candidate": {"candidate": "c".repeat(60_000)}}).to_string();
    let (mut passed, begun) = (0, Instant::now());
    for _ in 0..40 {
        sender.send(candidate.clone()).await;
        sender.send(r#"{"type":"dance"}"#.into()).await;
        match sender.text().await.contains("too many messages") {
            true => drop(sender.text().await),
            false => passed += 1,
        }
    }
    let most = 9 + begun.elapsed().as_secs();
    assert!((8..=most).contains(&passed), "{passed} of 40 messages of 60 kB were passed on");
    let (mut one, mut two) = (joined(&server, "sender", "2").await, joined(&server, "viewer", "2").await);
    one.play(&format!("← viewer-ready {{}}\n{OFFER}")).await;
    two.play(super::OFFERED).await;
}

#[tokio::test]
async fn who_asks_for_offers_without_end_is_slowed_down() {
    let server = Server::start().await;
    let mut sender = joined(&server, "sender", "hall").await;
    let mut viewer = joined(&server, "viewer", "hall").await;
    let begun = Instant::now();
    for _ in 0..300 {
        viewer.play("→ ready {}").await;
    }
    viewer.play("← error {reason: server-error, message: _}").await;
    let mut asked = 0;
    let quiet = Duration::from_millis(300);
    while let Ok(text) = tokio::time::timeout(quiet, sender.text()).await {
        assert_eq!(Utf8Bytes::from_static(r#"{"type":"viewer-ready"}"#), text);
        asked += 1;
    }
    let most = 65 + 2 * begun.elapsed().as_secs();
    assert!((60..=most).contains(&asked), "{asked} times");
}

#[tokio::test]
async fn what_makes_no_sense_is_paid_for_too() {
    let server = Server::start().await;
    let mut hostile = page(&server, "hostile").await;
    for nonsense in [Message::text("x".repeat(60_000)), Message::binary(vec![0; 100])] {
        let (mut read, begun) = (0, Instant::now());
        for _ in 0..100 {
            hostile.socket.send(nonsense.clone()).await.unwrap();
            read += u64::from(!hostile.text().await.contains("too many messages"));
        }
        let most = 9 + 2 * begun.elapsed().as_secs();
        assert!(read <= most, "{read} of 100");
    }
}

#[tokio::test]
async fn frames_far_over_the_limit_end_the_connection_and_its_seat() {
    let rooms = Rooms { max_message_bytes: 4096, ..limits() };
    let server = Server::with(FakeEngine::automatic(), rooms, None).await;
    let mut hostile = joined(&server, "sender", "hall").await;
    let mut other = joined(&server, "viewer", "hall").await;
    let _cut_off = hostile.socket.send(Message::text("x".repeat(4 << 20))).await;
    other.play("← sender-left {}").await;
    present(&server, "hall", &["viewer"]).await;
    other.quiet().await;
}
