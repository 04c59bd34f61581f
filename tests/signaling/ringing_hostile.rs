//! Clients that mean harm to presence and ringing: limits answer, nothing of them stays, others are served.

use crate::harness::{DEADLINE, Server, eventually, limits};
use crate::ringing::{ask, online, post};
use crate::socket_io::{Page, QUERY};
use futures::{SinkExt, StreamExt};
use millrace::config::Guests;
use millrace::media::fake::FakeEngine;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

/// One address is all that a test on loopback has: its limits are what protects others.
async fn server(guests: Guests) -> Server {
    Server::hosting(FakeEngine::automatic(), limits(), None, guests).await
}

async fn empty(server: &Server) {
    eventually("all are offline", || async { online(server).await["payload"] == json!([]) }).await;
}

#[tokio::test]
async fn sockets_of_one_address_are_limited_and_given_back() {
    let server = server(Guests { max_sockets: 20, ..Guests::default() }).await;
    let mut pages = Vec::new();
    for n in 0..20 {
        pages.push(Page::of(server.address, &n.to_string()).await);
    }
    for _ in 0..500 {
        assert_eq!(Page::dial(server.address, QUERY).await.err(), Some(429));
    }
    assert_eq!(online(&server).await["payload"].as_array().unwrap().len(), 20);
    drop(pages);
    empty(&server).await;
    // Not one of the places was lost.
    for n in 0..60 {
        let page = async { Page::dial(server.address, QUERY).await.is_ok() };
        assert!(tokio::time::timeout(DEADLINE, page).await.unwrap() || n >= 20);
    }
}

#[tokio::test]
async fn thousands_who_come_log_in_and_vanish_leave_nothing() {
    let server = server(Guests { max_sockets: 64, ..Guests::default() }).await;
    let mut witness = Page::of(server.address, "witness").await;
    let visit = async |n: usize| {
        // The place of one before is given back when its end was seen.
        let mut page = loop {
            match Page::dial(server.address, QUERY).await {
                Ok(page) => break page,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        page.send("40").await;
        page.send(&format!("42[\"login\",{{\"login\":\"{n}\"}}]")).await;
    };
    for n in 0..1000 {
        visit(n).await;
    }
    eventually("the witness alone is left", || async { online(&server).await["payload"] == json!(["witness"]) }).await;
    let begun = Instant::now();
    witness.send("40").await; // joined already: ignored
    while begun.elapsed() < DEADLINE {
        // Its news end with an offline.
        witness.send("421[\"login\",null]").await;
        if witness.next().await.starts_with("431") {
            return;
        }
    }
    panic!("the witness was not served");
}

#[tokio::test]
async fn rings_and_changes_of_name_of_one_address_are_limited() {
    let server = server(Guests { max_made_per_minute: 30, ..Guests::default() }).await;
    let man = Page::of(server.address, "man").await;
    let mut woman = Page::of(server.address, "woman").await;
    let call = json!({ "login": "woman", "sid": man.sid }).to_string();
    let mut codes = Vec::new();
    for _ in 0..200 {
        codes.push(post(&server, "/call", &call).await.0);
    }
    let rung = codes.iter().filter(|code| **code == 200).count();
    assert!((30..60).contains(&rung) && codes.iter().all(|code| [200, 429].contains(code)), "{codes:?}");
    for _ in 0..rung {
        woman.hears("calling", json!({ "login": "man" })).await;
    }
    let answer = woman.log_in(json!({ "login": "lady" })).await;
    assert!(answer["message"].as_str().unwrap().starts_with("limit reached"), "{answer}");
    assert_eq!(online(&server).await["payload"], json!(["man", "woman"]));
    let answer = ask(&server, "/status", json!({ "sid": man.sid, "status": "beasy" })).await;
    assert_eq!(answer["status"], 0, "what makes nothing goes on");
}

#[tokio::test]
async fn fake_ids_are_answered_as_fast_as_they_come() {
    let server = server(Guests::default()).await;
    let mut man = Page::of(server.address, "man").await;
    let client = reqwest::Client::new();
    for n in 0..2000 {
        let body = json!({ "sid": format!("{n:016}"), "status": "beasy", "reciever_login": "man" }).to_string();
        let path = ["/status", "/decline"][n % 2];
        let answer = client.post(format!("http://{}{path}", server.address)).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    man.quiet().await;
    assert_eq!(online(&server).await["busy"], json!([]));
}

#[tokio::test]
async fn a_flood_and_giant_frames_hold_up_nobody() {
    let server = server(Guests::default()).await;
    let mut woman = Page::of(server.address, "woman").await;
    let man = Page::of(server.address, "man").await;
    woman.hears("online", json!({ "login": "man", "status": "free" })).await;
    let mut giant = Page::open(server.address).await;
    let _closed_on_us = giant.socket.send(Message::text(format!("42[\"login\",\"{}\"]", "x".repeat(1_000_000)))).await;
    giant.ended().await;
    let mut many = Page::open(server.address).await;
    let flood = tokio::spawn(async move {
        for n in 0..20_000 {
            let packet = format!("42[\"login\",{{\"login\":\"name {n}\"}}]");
            if many.socket.feed(Message::text(packet)).await.is_err() {
                return;
            }
        }
        let _gone = many.socket.flush().await;
    });
    let begun = Instant::now();
    ask(&server, "/status", json!({ "sid": man.sid, "status": "beasy" })).await;
    let news = "42[\"online\",{\"login\":\"man\",\"status\":\"busy\"}]";
    let heard = async { while woman.next().await != news {} };
    tokio::time::timeout(DEADLINE, heard).await.expect("others are served");
    println!("told {:?} after the flood began", begun.elapsed());
    flood.await.unwrap();
    // It has one name at a time, and as many in a minute as one address may make.
    assert!(online(&server).await["payload"].as_array().unwrap().len() <= 3);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_offline_at_last() {
    let limits = millrace::config::Rooms { heartbeat: Duration::from_millis(300), ..limits() };
    let server = Server::with(FakeEngine::automatic(), limits, None).await;
    let mut deaf = Page::dial_narrow(server.address).await;
    deaf.send("40").await;
    deaf.send("42[\"login\",{\"login\":\"deaf\"}]").await;
    eventually("it is online", || async { online(&server).await["payload"] == json!(["deaf"]) }).await;
    // It asks for long answers and takes none, and says all the while that it lives.
    let flood = async {
        let ask = format!("40/{},", "x".repeat(4000));
        loop {
            let said = deaf.socket.send(Message::text(ask.clone())).await.is_ok();
            if !said || deaf.socket.send(Message::text("3")).await.is_err() {
                return;
            }
        }
    };
    let offline = empty(&server);
    tokio::time::timeout(DEADLINE, async { tokio::join!(flood, offline) }).await.expect("given up in time");
    while let Some(Ok(_)) = deaf.socket.next().await {}
}
