//! Presence and ringing: every row of its tables over real sockets, bad input included, and the end of it all.

use crate::harness::{DEADLINE, Server, eventually, limits};
use crate::socket_io::{Page, QUERY};
use futures::StreamExt;
use millrace::config::{GuestDialect, Guests};
use millrace::media::fake::FakeEngine;
use serde_json::{Value, json};
use std::time::Duration;

/// Posts JSON as `$.ajax` does; the answer and its status.
pub async fn post(server: &Server, path: &str, body: &str) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("http://{}{path}", server.address));
    let answer = request.header("content-type", "application/json; charset=UTF-8").body(body.to_owned()).send();
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A request that is answered by 200; what it says.
pub async fn ask(server: &Server, path: &str, body: Value) -> Value {
    let (status, answer) = post(server, path, &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub async fn online(server: &Server) -> Value {
    reqwest::get(format!("http://{}/online", server.address)).await.unwrap().json().await.unwrap()
}

fn done(message: &str) -> Value {
    json!({ "status": 0, "message": message })
}

fn refused(message: &str) -> Value {
    json!({ "status": 1, "message": message })
}

fn seen(login: &str, status: &str) -> Value {
    json!({ "login": login, "status": status })
}

/// Two who have heard of each other.
async fn pair(server: &Server) -> (Page, Page) {
    let mut man = Page::of(server.address, "man").await;
    let woman = Page::of(server.address, "woman").await;
    man.hears("online", seen("woman", "free")).await;
    (man, woman)
}

#[tokio::test]
async fn presence_is_seen_from_the_first_socket_to_the_last() {
    let server = Server::start().await;
    assert_eq!(online(&server).await, json!({ "status": 0, "payload": [], "busy": [] }));
    let (mut man, mut woman) = pair(&server).await;
    let second = Page::of(server.address, "woman").await;
    let set = json!({ "sid": second.sid, "status": "beasy" });
    assert_eq!(ask(&server, "/status", set).await, done("Done"));
    man.hears("online", seen("woman", "busy")).await;
    assert_eq!(online(&server).await, json!({ "status": 0, "payload": ["man", "woman"], "busy": ["woman"] }));
    drop(second);
    man.quiet().await;
    woman.socket.close(None).await.unwrap();
    man.hears("online", seen("woman", "offline")).await;
    let _again = Page::of(server.address, "woman").await;
    man.hears("online", seen("woman", "free")).await;
    man.quiet().await;
}

#[tokio::test]
async fn a_call_is_declined_rings_again_and_is_accepted() {
    let server = Server::start().await;
    let (mut man, mut woman) = pair(&server).await;
    let mut third = Page::of(server.address, "third").await;
    man.hears("online", seen("third", "free")).await;
    woman.hears("online", seen("third", "free")).await;
    let call = json!({ "login": "woman", "sid": man.sid });
    for _ in 0..2 {
        assert_eq!(ask(&server, "/call", call.clone()).await, done("Calling…"));
        woman.hears("calling", json!({ "login": "man" })).await;
    }
    let decline = json!({ "sid": woman.sid, "reciever_login": "man" });
    assert_eq!(ask(&server, "/decline", decline.clone()).await, done("Declined"));
    man.hears("declined", json!({ "login": "woman" })).await;
    assert_eq!(ask(&server, "/decline", decline).await, refused("this user is not calling (any more)"));
    ask(&server, "/call", call.clone()).await;
    woman.hears("calling", json!({ "login": "man" })).await;
    // The newest of two is accepted, and the other hears first that it was not him.
    ask(&server, "/call", json!({ "login": "woman", "sid": third.sid })).await;
    woman.hears("calling", json!({ "login": "third" })).await;
    ask(&server, "/status", json!({ "sid": woman.sid, "status": "busy" })).await;
    man.hears("declined", json!({ "login": "woman" })).await;
    man.hears("online", seen("woman", "busy")).await;
    third.hears("online", seen("woman", "busy")).await;
    assert_eq!(ask(&server, "/call", call).await, refused("this user is busy"));
    ask(&server, "/status", json!({ "sid": woman.sid, "status": "free" })).await;
    man.hears("online", seen("woman", "free")).await;
    woman.quiet().await;
}

#[tokio::test]
async fn a_caller_who_gives_up_is_heard() {
    let server = Server::start().await;
    let (man, mut woman) = pair(&server).await;
    ask(&server, "/call", json!({ "login": "woman", "sid": man.sid })).await;
    woman.hears("calling", json!({ "login": "man" })).await;
    ask(&server, "/decline", json!({ "sid": man.sid, "reciever_login": "woman" })).await;
    woman.hears("declined", json!({ "login": "man" })).await;
}

#[tokio::test]
async fn refusals_are_answers_with_a_reason() {
    let server = Server::start().await;
    let (man, _woman) = pair(&server).await;
    let nobody = Page::open(server.address).await;
    let not_connected = refused("your page is not connected: reload it");
    for sid in [json!("AAAAAAAAAAAAAAAA"), json!("x"), json!(null), json!("é'; --")] {
        assert_eq!(ask(&server, "/call", json!({ "login": "woman", "sid": sid })).await, not_connected);
        assert_eq!(ask(&server, "/decline", json!({ "reciever_login": "woman", "sid": sid })).await, not_connected);
        assert_eq!(ask(&server, "/status", json!({ "status": "beasy", "sid": sid })).await, not_connected);
    }
    assert_eq!(ask(&server, "/call", json!({ "login": "woman" })).await, not_connected);
    let call = async |sid: &str, login: &str| ask(&server, "/call", json!({ "login": login, "sid": sid })).await;
    assert_eq!(call(&nobody.sid, "man").await, refused("your page has not said who you are: log in first"));
    assert_eq!(call(&man.sid, "nobody").await, refused("this user is offline"));
    assert_eq!(call(&man.sid, "man").await, refused("you cannot call yourself"));
    for body in ["", "{", "[]", "7", "{\"sid\": 7, \"login\": []}", "\u{0}"] {
        for path in ["/call", "/decline", "/status"] {
            let (status, answer) = post(&server, path, body).await;
            assert_eq!((status, &answer["status"]), (200, &json!(1)), "{path} {body}: {answer}");
            assert!(answer["message"].as_str().unwrap().starts_with("the body is not what is expected"), "{answer}");
        }
    }
    let (status, answer) = post(&server, "/call", &"x".repeat(300_000)).await;
    assert_eq!((status, &answer["status"]), (413, &json!(1)));
}

#[tokio::test]
async fn a_login_that_is_none_is_refused_and_the_socket_kept() {
    let server = Server::start().await;
    let mut page = Page::open(server.address).await;
    let bad = [json!(null), json!("man"), json!({}), json!({ "login": 7 }), json!({ "login": "" }), json!([])];
    for data in bad.into_iter().chain([json!({ "login": "x".repeat(129) })]) {
        let answer = page.log_in(data.clone()).await;
        assert_eq!(answer["status"], 1, "{data}: {answer}");
    }
    // Events that nobody knows, and no data at all.
    for packet in ["42[\"no such event\",{}]", "42[\"login\"]", "42[\"login\",{\"login\":\"\"}]", "4399[]"] {
        page.send(packet).await;
    }
    assert_eq!(page.log_in(json!({ "login": "客厅 <b>", "more": 1 })).await, json!({ "status": 0 }));
    assert_eq!(online(&server).await["payload"], json!(["客厅 <b>"]));
    // Another login of the same socket is another user.
    page.send("42[\"login\",{\"login\":\"man\"}]").await;
    page.hears("online", seen("客厅 <b>", "offline")).await;
    assert_eq!(online(&server).await["payload"], json!(["man"]));
}

#[tokio::test]
async fn what_is_no_socket_io_ends_its_connection_alone() {
    let server = Server::start().await;
    let mut man = Page::of(server.address, "man").await;
    let refusals =
        ["EIO=3&transport=websocket", "EIO=4&transport=polling", "EIO=4", "", "EIO=4&transport=websocket&sid=x"];
    for query in refusals {
        assert_eq!(Page::dial(server.address, query).await.err(), Some(400), "{query}");
    }
    let polled = reqwest::get(format!("http://{}/socket.io/?EIO=4&transport=polling", server.address)).await.unwrap();
    assert_eq!(polled.status(), 400);
    assert!(polled.text().await.unwrap().contains("transports"));
    for packet in ["garbage", "", "9", "4", "49", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "42[", "1"] {
        let mut page = Page::of(server.address, "bad").await;
        man.hears("online", seen("bad", "free")).await;
        page.send(packet).await;
        page.ended().await;
        man.hears("online", seen("bad", "offline")).await;
    }
    let mut other = Page::dial(server.address, QUERY).await.ok().unwrap();
    other.next().await;
    other.send("40/admin,").await;
    assert_eq!(other.next().await, "44/admin,{\"message\":\"Invalid namespace\"}");
    man.quiet().await;
}

#[tokio::test]
async fn with_a_secret_guests_need_a_token_unless_they_are_let_in() {
    let secret = Some("a secret of at least sixteen bytes");
    let guests = Guests { dialects: vec![GuestDialect::Ringing], ..Guests::default() };
    let open = Server::hosting(FakeEngine::automatic(), limits(), secret, guests).await;
    Page::of(open.address, "man").await;
    let server = Server::with(FakeEngine::automatic(), limits(), secret).await;
    let mut page = Page::dial(server.address, QUERY).await.ok().unwrap();
    page.next().await;
    page.send("40").await;
    let words = page.next().await;
    assert!(words.starts_with("44{\"message\":\"this needs a token"), "{words}");
    let refused = reqwest::get(format!("http://{}/online", server.address)).await.unwrap();
    assert_eq!(refused.status(), 401);
    let token = millrace::auth::Auth::new(secret);
    let token = token.issue(millrace::auth::TokenRole::Web, None, Duration::from_secs(60)).unwrap();
    let mut page = Page::dial(server.address, &format!("{QUERY}&token={token}")).await.ok().unwrap();
    page.next().await;
    page.send("40").await;
    assert!(page.next().await.starts_with("40{\"sid\":"));
    let listed = reqwest::get(format!("http://{}/online?token={token}", server.address)).await.unwrap();
    assert_eq!(listed.status(), 200);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let server = Server::start().await;
    let client = reqwest::Client::new();
    let asked = client.request(reqwest::Method::OPTIONS, format!("http://{}/call", server.address));
    let asked = asked.header("origin", "http://127.0.0.1:1").header("access-control-request-method", "POST");
    let answer = asked.header("access-control-request-headers", "content-type").send().await.unwrap();
    assert!(answer.status().is_success());
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
}

#[tokio::test]
async fn shutdown_closes_all_sockets() {
    let server = Server::start().await;
    let (mut man, mut woman) = pair(&server).await;
    let mut idle = Page::dial(server.address, QUERY).await.ok().unwrap();
    server.closing.cancel();
    for page in [&mut man, &mut woman, &mut idle] {
        page.ended().await;
    }
    assert_eq!(ask(&server, "/call", json!({ "login": "man", "sid": woman.sid })).await["status"], 1, "and no panic");
}

#[tokio::test]
async fn a_page_that_answers_no_pings_is_offline() {
    let limits = millrace::config::Rooms { heartbeat: Duration::from_millis(100), ..limits() };
    let server = Server::with(FakeEngine::automatic(), limits, None).await;
    let mut silent = Page::of(server.address, "silent").await;
    eventually("the silent page is offline", || async { online(&server).await["payload"] == json!([]) }).await;
    let end = async { while let Some(Ok(_)) = silent.socket.next().await {} };
    tokio::time::timeout(DEADLINE, end).await.expect("its connection ended");
}
