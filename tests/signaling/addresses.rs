//! What clients are told of STUN and TURN: `/api/config`, the device dialect's welcome, WHIP's and WHEP's links.

use super::FakeEngine;
use super::harness::{Server, limits};
use millrace::auth::TokenRole;
use millrace::config::{GuestDialect, Guests};
use serde_json::{Value, json};
use std::time::Duration;

const SECRET: &str = "a secret of at least sixteen bytes";

/// The URLs, and whether each has an account.
fn told(servers: &Value) -> Vec<(String, bool)> {
    let servers = servers.as_array().unwrap().iter();
    servers.map(|s| (s["urls"][0].as_str().unwrap().to_owned(), s["credential"].is_string())).collect()
}

async fn config(server: &Server, path: &str, token: Option<&str>) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("http://{}{path}", server.address));
    let request = request.header("Origin", "https://app.example.org");
    let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
    request.send().await.unwrap()
}

async fn guarded(guests: Guests) -> Server {
    Server::hosting(FakeEngine::automatic(), limits(), Some(SECRET), guests).await
}

fn all(host: &str) -> Vec<(String, bool)> {
    vec![
        (format!("stun:{host}:3478"), false),
        (format!("turn:{host}:3478?transport=udp"), true),
        (format!("turn:{host}:3478?transport=tcp"), true),
    ]
}

#[tokio::test]
async fn pages_are_told_by_the_name_they_came_to() {
    let server = Server::start().await;
    for path in ["/api/config", "/config"] {
        let response = config(&server, path, None).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*", "development: any page");
        let body: Value = response.json().await.unwrap();
        assert_eq!(told(&body["iceServers"]), all("127.0.0.1"), "{path}");
        let (expiry, _) = body["iceServers"][1]["username"].as_str().unwrap().split_once(':').unwrap();
        let left = expiry.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
        assert!((12 * 3600 - 5..=12 * 3600 + 300).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn with_a_secret_accounts_are_for_those_who_may_come_in() {
    let server = guarded(Guests::default()).await;
    let of = |body: Value| told(&body["iceServers"]);
    let stranger = config(&server, "/api/config", None).await;
    assert!(!stranger.headers().contains_key("access-control-allow-origin"), "no page of elsewhere was allowed");
    assert_eq!(of(stranger.json().await.unwrap()), all("127.0.0.1")[..1]);
    let token =
        millrace::auth::Auth::new(Some(SECRET)).issue(TokenRole::Device, None, Duration::from_secs(60)).unwrap();
    assert_eq!(of(config(&server, "/api/config", Some(&token)).await.json().await.unwrap()), all("127.0.0.1"));
    let in_address = format!("/api/config?token={token}");
    assert_eq!(of(config(&server, &in_address, None).await.json().await.unwrap()), all("127.0.0.1"));
    let open = guarded(Guests { dialects: vec![GuestDialect::Call], ..Guests::default() }).await;
    assert_eq!(of(config(&open, "/api/config", None).await.json().await.unwrap()), all("127.0.0.1"));
}

#[tokio::test]
async fn a_device_that_asks_is_welcomed() {
    let server = Server::start().await;
    let mut device = server.device("42").await;
    device.play("→ notify_me {events: [welcome]}\n← welcome {iceServers: $servers, ttl: 43200}").await;
    assert_eq!(told(&server.word("servers")), all("127.0.0.1"));
    device.play("→ notify_me {events: [rendition]}\n→ leave {}\n← error {code: not_in_room, message: _}").await;
}

#[tokio::test]
async fn encoders_and_players_are_told_in_links() {
    let server = Server::start().await;
    let offer = millrace::media::fake::sdp(millrace::model::PeerId(1), "sendonly", "actpass");
    let request = reqwest::Client::new().post(format!("http://{}/whip/hall", server.address));
    let response =
        request.header("Content-Type", "application/sdp").body(offer.as_str().to_owned()).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let links: Vec<_> =
        response.headers().get_all("link").iter().map(|link| link.to_str().unwrap().to_owned()).collect();
    assert_eq!(links.len(), 3, "{links:?}");
    assert_eq!(links[0], "<stun:127.0.0.1:3478>; rel=\"ice-server\"");
    assert!(links[1].starts_with("<turn:127.0.0.1:3478?transport=udp>; rel=\"ice-server\"; username=\""), "{links:?}");
    assert!(json!(links).to_string().contains("credential-type"));
}

async fn check(server: &Server, token: Option<&str>) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("http://{}/api/check", server.address));
    let answer = token.into_iter().fold(request, |request, token| request.bearer_auth(token)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_check_is_given_a_room_and_a_token_for_it() {
    let (status, open) = check(&Server::start().await, None).await;
    assert_eq!((status, open.get("token")), (200, Some(&Value::Null)), "no secret, no token");
    let server = guarded(Guests { max_made_per_minute: 3, ..Guests::default() }).await;
    assert_eq!(check(&server, None).await.0, 401);
    let auth = millrace::auth::Auth::new(Some(SECRET));
    let token = auth.issue(TokenRole::Web, None, Duration::from_secs(60)).unwrap();
    let (_, given) = check(&server, Some(&token)).await;
    let (room, guest) = (given["room"].as_str().unwrap(), given["token"].as_str().unwrap());
    assert!(room.starts_with("check-"), "{room}");
    super::sessions::is_a_guests(&server, room, guest).await;
    assert_eq!(check(&server, Some(guest)).await.0, 401, "no guest asks for more");
    assert_ne!(check(&server, Some(&token)).await.1["room"], room);
    assert_eq!([check(&server, Some(&token)).await.0, check(&server, Some(&token)).await.0], [200, 429]);
    let guests = guarded(Guests { dialects: vec![GuestDialect::Ringing], ..Guests::default() }).await;
    assert_eq!(check(&guests, None).await.0, 200);
}
