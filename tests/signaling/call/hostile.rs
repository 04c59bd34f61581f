//! Floods, giant bodies and guesses: limits answer, others are served.

use super::*;
use std::net::{IpAddr, Ipv4Addr};

/// A client of its own address, which keeps its connections.
fn client(last: u8) -> reqwest::Client {
    let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
    reqwest::Client::builder().local_address(from).build().unwrap()
}

async fn send(client: &reqwest::Client, server: &Server, body: String) -> reqwest::Response {
    let sent = client.post(format!("http://{}{PAGE}", server.address)).body(body).send();
    tokio::time::timeout(DEADLINE, sent).await.expect("an answer in time").unwrap()
}

fn dial_body(code: &str) -> String {
    json!({ "code": "dial", "call_code": code }).to_string()
}

#[tokio::test]
async fn thousands_of_dials_from_one_address_leave_room_for_others() {
    let server = Server::start().await;
    let (greedy, other) = (client(2), client(3));
    let (begun, mut opened, mut words) = (std::time::Instant::now(), 0, String::new());
    for number in 0..2000 {
        let answer = send(&greedy, &server, dial_body(&format!("code {number}"))).await;
        match answer.status().as_u16() {
            200 => opened += 1,
            429 => {
                assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u32>().is_ok());
                words = answer.text().await.unwrap();
            }
            status => panic!("{status}: {}", answer.text().await.unwrap()),
        }
    }
    let limits = Guests::default();
    let most = limits.max_made_per_minute as u64 * (begun.elapsed().as_secs() / 60 + 2);
    assert!((limits.max_rooms as u64..=most).contains(&opened), "{opened} lines in {:?}", begun.elapsed());
    assert!(server.rooms.list().await.len() <= limits.max_rooms);
    assert!(words.contains("of one address") && words.contains("try again"), "{words}");
    let answer = send(&other, &server, dial_body("mine")).await;
    let ann = dialled(answer.json().await.unwrap());
    let bob = dialled(send(&other, &server, dial_body("mine")).await.json().await.unwrap());
    assert_eq!(status(&server, &ann).await, json!({ "code": "need_init" }));
    taken(&server, json!({ "code": "disconnect", "user_id": bob })).await;
}

#[tokio::test]
async fn giant_bodies_and_floods_of_candidates_meet_limits() {
    let server = Server::start().await;
    let [ann, bob] = [dial(&server, "7").await, dial(&server, "7").await];
    let giant = json!({ "code": "ice", "user_id": ann, "ice": { "candidate": "x".repeat(64 * 1024) } });
    let (status_code, text) = say(&server, giant).await;
    assert!(status_code == 413 && text.contains("error"), "{status_code} {text}");
    let just = json!({ "code": "ice", "user_id": bob, "ice": { "candidate": "x".repeat(60 * 1024) } });
    taken(&server, just.clone()).await;
    taken(&server, just.clone()).await;
    refused(&server, 429, just, "too much").await;
    let client = client(2);
    let one = json!({ "code": "ice", "user_id": ann, "ice": { "candidate": "c" } }).to_string();
    let mut kept = 0;
    for number in 0..1000 {
        if number % 100 == 0 {
            status(&server, &bob).await;
        }
        match send(&client, &server, one.clone()).await.status().as_u16() {
            200 => kept += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(kept, 200);
    taken(&server, json!({ "code": "offer", "user_id": ann, "offer": { "sdp": "v=0" } })).await;
    taken(&server, json!({ "code": "answer", "user_id": bob, "answer": { "sdp": "v=0" } })).await;
    assert_eq!(status(&server, &ann).await["code"], "answered");
    let routes = status(&server, &bob).await["new_ice_routes"].as_array().unwrap().len();
    assert_eq!(routes, 200, "the flood cost what was too much, and nothing else");
    taken(&server, json!({ "code": "ice", "user_id": ann, "ice": { "candidate": "c" } })).await;
}

#[tokio::test]
async fn guesses_find_nobody() {
    let server = Server::start().await;
    let [ann, bob] = [dial(&server, "7").await, dial(&server, "7").await];
    let client = client(2);
    for guess in 0..1000_u32 {
        if guess % 100 == 0 {
            status(&server, &ann).await;
            status(&server, &bob).await;
        }
        let user = format!("{guess:064x}");
        let body = json!({ "code": "disconnect", "user_id": user }).to_string();
        assert_eq!(send(&client, &server, body).await.status(), 400);
    }
    for part in [&ann[..63], "", "initiator", "7"] {
        refused(&server, 400, json!({ "code": "disconnect", "user_id": part }), "dial again").await;
    }
    assert_eq!(status(&server, &ann).await, json!({ "code": "need_init" }));
    assert_eq!(status(&server, &bob).await, json!({}));
}
