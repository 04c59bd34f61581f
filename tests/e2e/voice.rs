//! Who speaks, by the audio levels that Chromium sends.

use crate::browser::Browser;
use crate::page::serve;
use crate::service::{Service, start_server};
use crate::stage::PATIENCE;
use serde_json::Value;
use std::time::{Duration, Instant};

const PAGE: &str = include_str!("voice.html");

/// The room's events as they come.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn of(service: &Service) -> Self {
        let response = reqwest::get(service.at("/api/v1/events?room=hall")).await.expect("events");
        Self { response, text: String::new() }
    }

    /// The next event of this name, if one comes in time.
    async fn next(&mut self, name: &str, limit: Duration) -> Option<Value> {
        let end = tokio::time::Instant::now() + limit;
        loop {
            while let Some((line, rest)) = self.text.split_once('\n') {
                let event = line.strip_prefix("data:").map(|data| serde_json::from_str::<Value>(data.trim()));
                self.text = rest.to_owned();
                if let Some(event) = event.map(|event| event.expect("JSON")).filter(|event| event["event"] == name) {
                    return Some(event["data"].clone());
                }
            }
            let chunk = tokio::time::timeout_at(end, self.response.chunk()).await.ok()?;
            let chunk = chunk.expect("the stream").expect("it goes on");
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    async fn speaker(&mut self) -> Value {
        let changed = self.next("speaker_changed", PATIENCE).await;
        changed.expect("another speaker")["feed"].clone()
    }
}

async fn joined(page: &Browser, name: &str, service: &Service, events: &mut Events) -> Value {
    let url = service.at(&format!("/whip/hall?name={name}"));
    page.value(&format!("void join('{name}', '{url}')")).await;
    let published = events.next("feed_published", PATIENCE).await;
    published.unwrap_or_else(|| panic!("{name} publishes"))["feed"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_hears_who_speaks() {
    let service = start_server().await;
    let mut events = Events::of(&service).await;
    let page_url = serve(PAGE).await;
    let page = Browser::start("speakers").await;
    page.open(&page_url).await;
    page.press("begin").await;
    let ann = joined(&page, "ann", &service, &mut events).await;
    let bob = joined(&page, "bob", &service, &mut events).await;
    let begun = Instant::now();
    page.value("speak('ann')").await;
    assert_eq!(events.speaker().await, ann);
    eprintln!("told {:?} after the first syllable", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    page.value("speak('bob')").await;
    let other = events.next("speaker_changed", Duration::from_millis(1500)).await;
    assert_eq!(other, None, "who speaks keeps the word");
    let silent = Instant::now();
    page.value("hush('ann')").await;
    assert_eq!(events.speaker().await, bob);
    eprintln!("told {:?} after the last syllable", silent.elapsed());
    assert!(silent.elapsed() < Duration::from_secs(5), "{:?}", silent.elapsed());
    page.value("leave('bob')").await;
    assert_eq!(events.speaker().await, Value::Null, "nobody speaks");
}
