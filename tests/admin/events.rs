//! What happens is told outside: the event stream, and webhooks that are signed and sent until they are taken.

use crate::support::Service;
use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_stream_tells_of_rooms_and_recordings_as_it_happens() {
    let service = Service::open().await;
    let response = service.request(Method::GET, "/api/v1/events?room=hall").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.bytes_stream();
    service.make_room("other").await;
    service.make_room("hall").await;
    service.call(Method::POST, "/api/v1/rooms/hall/recordings").await;
    let mut text = String::new();
    let told = async {
        while !text.contains("event: recording_changed") {
            let chunk = chunks.next().await.expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("no recording_changed within 10 s"));
    assert!(text.contains("event: room_created") && !text.contains("other"), "{text}");
    let data = text.lines().rfind(|line| line.starts_with("data:")).unwrap();
    let notice: Value = serde_json::from_str(data.trim_start_matches("data:").trim()).unwrap();
    assert_eq!(
        (&notice["room"], &notice["data"]["recording"]["state"]),
        (&"hall".into(), &"starting".into()),
        "{notice}"
    );
}

/// A receiver that refuses the first request; what it took, with its head.
async fn receiver() -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) {
    let (sender, taken) = mpsc::unbounded_channel();
    let asked = Arc::new(AtomicUsize::new(0));
    let take = move |headers: HeaderMap, body: Bytes| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        let _ = sender.send((headers, body));
        async move { if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT } }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/hook", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/hook"), taken)
}

fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let (time, tag) = headers["millrace-signature"].to_str().unwrap().split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let tag: Vec<u8> = (0..tag.len()).step_by(2).map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, &[time.as_bytes(), b".", body].concat(), &tag).is_ok()
}

#[tokio::test]
async fn a_webhook_is_signed_and_sent_again_until_it_is_taken_in_order() {
    let (url, mut taken) = receiver().await;
    let service = Service::start(tempfile::tempdir().unwrap(), |config| {
        config.webhook.url = Some(url);
        config.webhook.secret = Some("a secret of the two".into());
        config.webhook.events = vec!["room_created".into(), "recording_changed".into()];
    })
    .await;
    service.make_room("hall").await;
    service.call(Method::POST, "/api/v1/rooms/hall/recordings").await;
    let mut events = Vec::new();
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        let (headers, body) =
            tokio::time::timeout(PATIENCE, taken.recv()).await.expect("a request within 10 s").unwrap();
        assert!(is_signed(&headers, &body, "a secret of the two"));
        deliveries.push(headers["millrace-delivery"].clone());
        let notice: Value = serde_json::from_slice(&body).unwrap();
        events.push(notice["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        events,
        ["room_created", "room_created", "recording_changed"],
        "refused once, sent again, then the next"
    );
    assert!(deliveries[0] == deliveries[1] && deliveries[1] != deliveries[2], "the receiver can tell a repetition");
}
