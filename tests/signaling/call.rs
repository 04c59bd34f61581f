//! The two-party call over real HTTP, with the fake engine: each row of the protocol's tables, bad input included.

#[path = "call/hostile.rs"]
mod hostile;
#[path = "call/relayed.rs"]
mod relayed;
#[path = "call/time.rs"]
mod time;

use crate::harness::{DEADLINE, Server, eventually, limits};
use millrace::auth::{Auth, TokenRole};
use millrace::config::{GuestDialect, Guests};
use millrace::media::fake::FakeEngine;
use millrace::model::RoomId;
use serde_json::{Value, json};
use std::time::Duration;

pub const PAGE: &str = "/video_call/call_line_process/";

/// One request's status and body.
pub async fn post(server: &Server, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let sent = reqwest::Client::new().post(format!("http://{}{path}", server.address)).body(body).send();
    let response = tokio::time::timeout(DEADLINE, sent).await.unwrap_or_else(|_| panic!("no answer")).unwrap();
    let (status, kind) = (response.status().as_u16(), response.headers().get("content-type").cloned());
    let body = response.text().await.unwrap();
    assert_eq!(kind.is_some_and(|kind| kind == "application/json"), !body.is_empty(), "{status} {body}");
    (status, body)
}

pub async fn say(server: &Server, body: Value) -> (u16, String) {
    post(server, PAGE, body.to_string()).await
}

/// A request that is answered with JSON.
pub async fn told(server: &Server, body: Value) -> Value {
    let (status, text) = say(server, body.clone()).await;
    assert_eq!(status, 200, "{body} → {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{body} → {text:?}"))
}

/// A request that is answered with an empty body.
pub async fn taken(server: &Server, body: Value) {
    assert_eq!(say(server, body.clone()).await, (200, String::new()), "{body}");
}

/// A request that is refused, in words.
pub async fn refused(server: &Server, status: u16, body: Value, words: &str) {
    let (was, text) = say(server, body.clone()).await;
    let reason: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{body} → {text:?}"));
    let fits = reason["error"].as_str().is_some_and(|reason| reason.contains(words));
    assert!(was == status && fits, "{body} → {was} {text}");
}

pub async fn dial(server: &Server, code: &str) -> String {
    dialled(told(server, json!({ "code": "dial", "call_code": code })).await)
}

pub fn dialled(answer: Value) -> String {
    let user = answer["user_id"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({ "user_id": user }));
    assert!(user.len() == 64 && user.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{user}");
    user
}

pub async fn status(server: &Server, user: &str) -> Value {
    told(server, json!({ "code": "get_status", "user_id": user })).await
}

/// Who is in the rooms of calls, by their rooms.
pub async fn calls(server: &Server) -> Vec<Vec<String>> {
    let rooms = server.rooms.list().await;
    let names = |room: &millrace::room::RoomView| {
        assert!(room.id.as_str().starts_with("call-") && room.id.as_str().len() > 20, "{}", room.id);
        room.participants.iter().map(|p| format!("{} {}", p.dialect, p.id)).collect()
    };
    rooms.iter().map(names).collect()
}

#[tokio::test]
async fn the_whole_call() {
    let server = Server::start().await;
    let ann = dial(&server, "7").await;
    assert_eq!(status(&server, &ann).await, json!({}), "nobody else has dialled");
    assert_eq!(calls(&server).await, [["call initiator"]]);
    taken(&server, json!({ "code": "ice", "user_id": ann, "ice": { "candidate": "a1", "sdpMid": "0" } })).await;
    let bob = dial(&server, "7").await;
    assert_ne!(ann, bob);
    assert_eq!(calls(&server).await, [["call initiator", "call subscriber"]]);
    assert_eq!(status(&server, &bob).await, json!({}));
    assert_eq!(status(&server, &ann).await, json!({ "code": "need_init" }));
    let offer = json!({ "type": "offer", "sdp": "v=0 \" ünï", "more": [1, null] });
    taken(&server, json!({ "code": "offer", "user_id": ann, "offer": offer })).await;
    taken(&server, json!({ "code": "ice", "user_id": ann, "ice": { "candidate": "a2" } })).await;
    assert_eq!(status(&server, &ann).await, json!({}));
    assert_eq!(status(&server, &bob).await, json!({ "code": "offered", "offer": offer }), "as it was written");
    let answer = json!({ "type": "answer", "sdp": "v=0" });
    taken(&server, json!({ "code": "ice", "user_id": bob, "ice": { "candidate": "b1" } })).await;
    taken(&server, json!({ "code": "answer", "user_id": bob, "answer": answer })).await;
    assert_eq!(status(&server, &bob).await, json!({}));
    assert_eq!(status(&server, &ann).await, json!({ "code": "answered", "answer": answer }));
    let routes = |all: Value| json!({ "code": "connected", "new_ice_routes": all });
    let early = json!([{ "candidate": "a1", "sdpMid": "0" }, { "candidate": "a2" }]);
    assert_eq!(status(&server, &bob).await, routes(early), "what came before the offer is kept");
    assert_eq!(status(&server, &ann).await, routes(json!([{ "candidate": "b1" }])));
    assert_eq!(status(&server, &ann).await, routes(json!([])), "each is delivered once");
    taken(&server, json!({ "code": "ice", "user_id": bob, "ice": null })).await;
    assert_eq!(status(&server, &ann).await, routes(json!([null])));
    taken(&server, json!({ "code": "disconnect", "user_id": bob })).await;
    for gone in [ann, bob] {
        refused(&server, 400, json!({ "code": "get_status", "user_id": gone }), "dial again").await;
    }
    eventually("the room is gone", || async { calls(&server).await.is_empty() }).await;
    assert!(server.engine.requests().is_empty(), "the media is between the two");
}

#[tokio::test]
async fn every_address_of_the_page_takes_requests() {
    let server = Server::start().await;
    let page = "/video_call/call/any%20code/call_line_process";
    for path in [PAGE, PAGE.trim_end_matches('/'), page, &format!("{page}/"), &format!("{PAGE}?token=x")] {
        let (status, body) = post(&server, path, r#"{"code": "dial", "call_code": "7"}"#).await;
        assert_eq!(status, 200, "{path}: {body}");
        for method in ["GET", "PUT", "DELETE"] {
            let response = crate::sessions::ask(&server, method, path, &[], "").await;
            assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
            let reason: Value = response.json().await.unwrap();
            assert!(reason["error"].is_string(), "{reason}");
        }
    }
    assert_eq!(calls(&server).await.len(), 3, "five dialled the same code: two pairs and one who waits");
}

#[tokio::test]
async fn what_is_out_of_turn_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let sdp = json!({ "type": "offer", "sdp": "v=0" });
    let offer = |user: &str| json!({ "code": "offer", "user_id": user, "offer": sdp });
    let answer = |user: &str| json!({ "code": "answer", "user_id": user, "answer": sdp });
    let ann = dial(&server, "7").await;
    refused(&server, 400, offer(&ann), "need_init").await;
    let bob = dial(&server, "7").await;
    refused(&server, 400, offer(&bob), "subscriber does not offer").await;
    refused(&server, 400, answer(&bob), "in offered").await;
    taken(&server, offer(&ann)).await;
    refused(&server, 400, offer(&ann), "need_init").await;
    refused(&server, 400, answer(&ann), "initiator does not answer").await;
    taken(&server, answer(&bob)).await;
    refused(&server, 400, answer(&bob), "in offered").await;
    refused(&server, 400, json!({ "code": "say", "user_id": ann, "message": {} }), "data channel").await;
    assert_eq!(status(&server, &ann).await["code"], "answered");
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_in_words() {
    let server = Server::start().await;
    let ann = dial(&server, "7").await;
    let nobody = "0".repeat(64);
    for code in ["get_status", "disconnect"] {
        refused(&server, 400, json!({ "code": code, "user_id": nobody }), "dial again").await;
        refused(&server, 400, json!({ "code": code }), "user_id").await;
    }
    let sdp = json!({ "type": "offer", "sdp": "v=0" });
    for (body, words) in [
        (json!({ "code": "dial" }), "call_code"),
        (json!({ "code": "dial", "call_code": "" }), "1 to 255"),
        (json!({ "code": "dial", "call_code": "ü".repeat(256) }), "1 to 255"),
        (json!({ "code": "dial", "call_code": 7 }), "string"),
        (json!({ "code": "dial", "call_code": "7", "record": "yes" }), "boolean"),
        (json!({ "code": "ring" }), "ring"),
        (json!({ "call_code": "7" }), "code"),
        (json!([]), "what a call sends"),
        (json!({ "code": "offer", "user_id": nobody, "offer": sdp }), "dial again"),
        (json!({ "code": "answer", "user_id": nobody, "answer": sdp }), "dial again"),
        (json!({ "code": "offer", "user_id": ann, "offer": "v=0" }), "map"),
        (json!({ "code": "offer", "user_id": ann, "offer": { "type": "offer" } }), "sdp"),
        (json!({ "code": "offer", "user_id": ann }), "offer"),
        (json!({ "code": "ice", "user_id": nobody, "ice": null }), "dial again"),
        (json!({ "code": "ice", "user_id": ann }), "ice"),
        (json!({ "code": "ice", "user_id": ann, "ice": [] }), "candidate"),
        (json!({ "code": "say", "user_id": ann, "message": 1 }), "map"),
    ] {
        refused(&server, 400, body, words).await;
    }
    let deep = format!("{{\"code\": \"ice\", \"user_id\": \"{ann}\", \"ice\": {}", "[".repeat(20_000));
    for body in ["", "hello", "\u{0}", deep.as_str()] {
        let (status, text) = post(&server, PAGE, body.to_owned()).await;
        assert!(status == 400 && text.contains("error"), "{status} {text}");
    }
    assert_eq!(post(&server, PAGE, vec![0xff, 0xfe]).await.0, 400);
    assert_eq!(dial(&server, &"ü".repeat(255)).await.len(), 64);
    assert_eq!(status(&server, &ann).await, json!({}), "the line is as it was");
}

#[tokio::test]
async fn a_third_dialler_opens_a_line_of_its_own() {
    let server = Server::start().await;
    let [ann, bob, cid] = [dial(&server, "7").await, dial(&server, "7").await, dial(&server, "7").await];
    assert_eq!((status(&server, &cid).await, status(&server, &bob).await), (json!({}), json!({})));
    let dan = dial(&server, "7").await;
    assert_eq!(status(&server, &cid).await, json!({ "code": "need_init" }));
    taken(&server, json!({ "code": "disconnect", "user_id": dan })).await;
    assert_eq!(status(&server, &ann).await, json!({ "code": "need_init" }), "the other line goes on");
    assert_eq!(calls(&server).await.iter().filter(|who| who.len() == 2).count(), 1);
}

#[tokio::test]
async fn without_a_token_only_guests_may_dial() {
    const SECRET: &str = "a secret of at least sixteen bytes";
    let server = Server::with(FakeEngine::automatic(), limits(), Some(SECRET)).await;
    let dial = json!({ "code": "dial", "call_code": "7" });
    refused(&server, 401, dial.clone(), "token").await;
    let token = |room: Option<&str>| {
        let room = room.map(RoomId::new);
        Auth::new(Some(SECRET)).issue(TokenRole::Web, room, Duration::from_secs(60)).unwrap()
    };
    let with = async |token: &str| post(&server, &format!("{PAGE}?token={token}"), dial.to_string()).await;
    assert_eq!(with(&token(Some("8"))).await.0, 403, "it is for another code");
    assert_eq!(with(&token(Some("7"))).await.0, 200);
    let (code, answer) = with(&token(None)).await;
    assert_eq!(code, 200);
    let user = dialled(serde_json::from_str(&answer).unwrap());
    assert_eq!(status(&server, &user).await, json!({}), "a user_id needs no token");
    let guests = Guests { dialects: vec![GuestDialect::Call], ..Guests::default() };
    let server = Server::hosting(FakeEngine::automatic(), limits(), Some(SECRET), guests).await;
    self::dial(&server, "7").await;
}

#[tokio::test]
async fn who_is_put_out_by_an_operator_hears_it_at_the_next_question() {
    let server = Server::start().await;
    let [ann, bob] = [dial(&server, "7").await, dial(&server, "7").await];
    let id = server.rooms.list().await[0].id.clone();
    let participant = millrace::model::ParticipantId::new("subscriber");
    let kick = millrace::room::Command::Kick { participant };
    server.rooms.find(&id).unwrap().request(None, kick).await.unwrap();
    eventually("the call is over", || async { calls(&server).await.is_empty() }).await;
    for gone in [ann, bob] {
        refused(&server, 400, json!({ "code": "get_status", "user_id": gone }), "dial again").await;
    }
}

#[tokio::test]
async fn plain_http_leads_to_https() {
    let server = Server::start().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = |to: &str| format!("http://{}/video_call/https?to={to}", server.address);
    let led = client.get(url("/video_call/call/7/")).send().await.unwrap();
    let to = led.headers()["location"].to_str().unwrap();
    assert_eq!((led.status().as_u16(), to), (307, "https://127.0.0.1:4443/video_call/call/7/"));
    assert_eq!(client.get(url("//elsewhere.example/")).send().await.unwrap().status(), 400);
}
