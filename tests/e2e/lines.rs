//! Viewers on weak lines: each gets what its line carries, none is hurt by another, the publisher notices nothing.

use crate::browser::Browser;
use crate::line::Line;
use crate::page::serve;
use crate::service::{Service, start_server_with};
use crate::stage::PATIENCE;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PAGE: &str = include_str!("lines.html");
/// A weak line has found its rendition within this.
const SETTLED: Duration = Duration::from_secs(10);

/// A feed of 720p from one browser, and a page of viewers in another.
struct Hall {
    service: Service,
    media: SocketAddr,
    publisher: Browser,
    viewers: Browser,
    /// Their subscriptions.
    peers: Mutex<HashMap<String, u64>>,
}

impl Hall {
    async fn open() -> Self {
        let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
        let service = start_server_with(|config| config.media.port = port).await;
        let url = serve(PAGE).await;
        let (publisher, viewers) = tokio::join!(Browser::start_keeping_size("publisher"), Browser::start("viewers"));
        publisher.open(&url).await;
        viewers.open(&url).await;
        let hall = Self {
            service,
            media: SocketAddr::from(([127, 0, 0, 1], port)),
            publisher,
            viewers,
            peers: Mutex::default(),
        };
        let call = format!("publish('{}', '', 1280, 720)", hall.service.at("/whip/hall?name=page"));
        run(&hall.publisher, "publish", &call).await;
        hall.publishes(|now| now["height"] == 720 && now["frames"].as_u64() > Some(60)).await;
        hall
    }

    /// Waits for the publisher to send so.
    async fn publishes(&self, so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = ask(&self.publisher, "sends()").await;
            if so(&now) {
                return now;
            }
            assert!(Instant::now() < end, "the publisher sends {now}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Bits per second that the publisher sends, over some seconds.
    async fn published(&self, span: Duration) -> f64 {
        let before = ask(&self.publisher, "sends()").await["bytes"].as_f64().unwrap_or_default();
        let start = Instant::now();
        tokio::time::sleep(span).await;
        let after = ask(&self.publisher, "sends()").await["bytes"].as_f64().unwrap_or_default();
        (after - before) * 8.0 / start.elapsed().as_secs_f64()
    }

    /// A viewer over a line of its own.
    async fn watch(&self, name: &str, bits: u64, codec: &str) -> Line {
        let line = Line::start(self.media).await;
        line.limit(bits);
        let (host, port) = (line.address.ip(), line.address.port());
        let url = self.service.at("/whep/hall/page");
        run(&self.viewers, name, &format!("watch('{name}', '{url}', '', ['{host}', {port}], '{codec}')")).await;
        let all = self.json("/api/v1/rooms/hall/subscriptions").await;
        let newest = all.as_array().and_then(|all| all.iter().filter_map(|one| one["peer"].as_u64()).max());
        self.peers.lock().insert(name.to_owned(), newest.expect("a subscription"));
        line
    }

    async fn figures(&self, name: &str) -> Value {
        ask(&self.viewers, &format!("figures('{name}')")).await
    }

    async fn calm(&self, name: &str) {
        self.viewers.value(&format!("calm('{name}')")).await;
    }

    /// Waits until a viewer's picture is so high, at most so long; how long it took.
    async fn shows(&self, name: &str, heights: &[u64], within: Duration) -> Duration {
        let start = Instant::now();
        loop {
            let now = self.figures(name).await;
            if now["height"].as_u64().is_some_and(|height| heights.contains(&height)) {
                return start.elapsed();
            }
            let late = start.elapsed() > within;
            assert!(!late, "{name} shows {now} after {within:?}, not {heights:?}: {}", self.explained(name).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the service says of a viewer.
    async fn explained(&self, name: &str) -> Value {
        let peer = self.peers.lock()[name];
        let mut explained = self.json(&format!("/api/v1/rooms/hall/subscriptions/{peer}/explain")).await;
        explained["samples"] = Value::Null;
        explained
    }

    async fn json(&self, path: &str) -> Value {
        let answer = reqwest::get(self.service.at(path)).await.expect("an answer");
        answer.json().await.expect("JSON")
    }
}

/// Runs one of the page's functions to its end.
async fn run(page: &Browser, name: &str, call: &str) {
    let tried = format!(
        "outcome['{name}'] === 'done' || (outcome['{name}'] !== 'pending' && run('{name}', () => {call}) && false)"
    );
    page.wait(PATIENCE, name, &tried).await;
}

/// What one of the page's functions gives, as JSON.
async fn ask(page: &Browser, call: &str) -> Value {
    let text = page.value(call).await;
    serde_json::from_str(text.as_str().unwrap_or_default()).unwrap_or_else(|e| panic!("{call} gives {text}: {e}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn three_lines_get_three_renditions_and_hurt_nobody() {
    let hall = Hall::open().await;
    let _fast = hall.watch("fast", 0, "").await;
    hall.shows("fast", &[720], PATIENCE).await;
    let alone = hall.published(Duration::from_secs(3)).await;
    let _slow = hall.watch("slow", 300_000, "").await;
    let middle = hall.watch("middle", 1_000_000, "").await;
    middle.lose(0.01);
    let (_, _) = tokio::join!(hall.shows("slow", &[180], SETTLED), hall.shows("middle", &[360], SETTLED));
    for name in ["fast", "slow", "middle"] {
        hall.calm(name).await;
    }
    let before = hall.figures("fast").await;
    let together = hall.published(Duration::from_secs(15)).await;
    for (name, height) in [("fast", 720), ("middle", 360), ("slow", 180)] {
        let now = hall.figures(name).await;
        assert_eq!(now["height"], height, "{name} stays: {now} {}", hall.explained(name).await);
        assert!(now["longest"].as_u64() < Some(2000), "{name} froze: {now} {}", hall.explained(name).await);
    }
    let after = hall.figures("fast").await;
    assert_eq!(after["freezes"], before["freezes"], "the fast one saw nothing of it: {after}");
    assert!(together > alone * 0.8, "the publisher sends {together:.0} after {alone:.0} bit/s");
    let explained = hall.explained("slow").await;
    assert_eq!((&explained["gets"]["kind"], &explained["why"]), (&"transcode".into(), &"line".into()), "{explained}");
    let running = hall.json("/api/v1/transcodes").await;
    assert_eq!(running["running"].as_array().map(Vec::len), Some(2), "{running}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_turns_bad_and_good_again_is_followed() {
    let hall = Hall::open().await;
    let line = hall.watch("one", 0, "").await;
    hall.shows("one", &[720], PATIENCE).await;
    tokio::time::sleep(SETTLED).await;
    line.limit(600_000);
    let down = hall.shows("one", &[360, 180], PATIENCE).await;
    tokio::time::sleep(SETTLED).await;
    line.limit(0);
    let up = hall.shows("one", &[720], Duration::from_secs(20)).await;
    println!("down after {down:?}, up after {up:?}; {:?}", line.figures());
    let now = hall.figures("one").await;
    // About a second on a machine that has time: the smaller rendition's encoder starts, and what waits in the line goes first.
    assert!(now["longest"].as_u64() < Some(5000), "no pause: {now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_with_another_decoder_sees_the_feed_all_the_same() {
    let hall = Hall::open().await;
    let _line = hall.watch("other", 0, "H264").await;
    hall.shows("other", &[720], PATIENCE).await;
    let now = hall.figures("other").await;
    assert_eq!(now["codec"], "video/H264", "{now}");
    let explained = hall.explained("other").await;
    assert_eq!(explained["why"], "decoder", "{explained}");
}
