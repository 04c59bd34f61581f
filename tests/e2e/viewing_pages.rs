//! What the pages make of what the server says of a viewer's quality, with its words put into their mouths: each state
//! can be shown in a moment, in every width and colour. That the server says so is the business of `viewing.rs`.

use crate::browser::{Browser, found};
use crate::stage::{PATIENCE, Stage, quiet};
use jiff::{Timestamp, ToSpan};
use millrace::model::{
    Codec, Explanation, FeedId, PeerId, Rendition, RenditionKind, RenditionOption, Switch, Transcode, Transcodes,
    ViewLimits, ViewSample, Why,
};
use serde_json::{Value, json};

/// Keeps the page's socket, where messages can be put into it and are read off it.
const TAPPED: &str = r"
    window.__said = [];
    const Open = WebSocket;
    window.WebSocket = class extends Open {
        constructor(...args) { super(...args); window.__socket = this; }
        send(text) {
            const said = JSON.parse(text);
            window.__said.push(said);
            // What the server would tell of itself: the test tells it.
            if (said.event !== 'notify_me') super.send(text);
        }
    };";

/// The page hears this from its server.
async fn hear(page: &Browser, event: &str, data: Value) {
    let message = json!({ "event": event, "data": data }).to_string();
    page.value(&format!("window.__socket.onmessage({{ data: {} }})", json!(message))).await;
}

/// The page gets this for each GET of an address that ends so.
async fn answer(page: &Browser, ending: &str, body: &Value) {
    page.value(&format!(
        "(() => {{
            const ask = window.fetch;
            window.fetch = (address, wish) => wish?.method === 'GET' && address.endsWith('{ending}')
                ? Promise.resolve(new Response(JSON.stringify({body}))) : ask(address, wish);
        }})()"
    ))
    .await;
}

/// The last `limit` that the page asked for.
async fn asked(page: &Browser) -> Value {
    page.value("window.__said.filter((one) => one.event === 'limit').at(-1)?.data").await
}

fn rendition(name: &str, kind: RenditionKind, height: u32, kbps: u32) -> Rendition {
    let picture = (height > 0).then_some(height);
    let width = picture.map(|height| height * 16 / 9);
    let codec = picture.map(|_| Codec::Vp8);
    Rendition { name: name.into(), kind, codec, width, height: picture, framerate: picture.map(|_| 30.0), kbps }
}

/// A minute and a half on a line that went bad and is coming back.
fn explanation(feed: FeedId, limits: ViewLimits) -> Explanation {
    let now = Timestamp::now();
    let ago = |seconds: i64| now - seconds.seconds();
    let sample = |second: i64| {
        let (rendition, sent_kbps) = match second {
            60.. => ("source", 1450 + (second % 7) as u32 * 30),
            40.. => ("180p", 140 + (second % 5) as u32 * 6),
            20.. => ("sound", 40),
            _ => ("360p", 400 + (second % 6) as u32 * 12),
        };
        let estimate_kbps = (second < 88).then_some(match second {
            60.. => 2400 + (second % 9) as u32 * 40,
            40.. => 210,
            20.. => 90,
            _ => 460 + (20 - second) as u32 * 14,
        });
        ViewSample { at: ago(second), estimate_kbps, sent_kbps, rendition: rendition.into() }
    };
    let switch = |second, from: &str, to: &str, why, words: &str| Switch {
        at: ago(second),
        from: from.into(),
        to: to.into(),
        why,
        words: words.into(),
    };
    let options = [
        (rendition("source", RenditionKind::Source, 720, 1500), Some(Why::Line)),
        (rendition("layer m", RenditionKind::Layer, 360, 620), Some(Why::Source)),
        (rendition("360p", RenditionKind::Transcode, 360, 400), None),
        (rendition("180p", RenditionKind::Transcode, 180, 120), Some(Why::Budget)),
        (rendition("sound", RenditionKind::Sound, 0, 40), Some(Why::Line)),
    ];
    Explanation {
        peer: PeerId(1),
        feed,
        gets: rendition("360p", RenditionKind::Transcode, 360, 410),
        since: ago(19),
        why: Why::Line,
        words: "It gets 360p, as its line carries about 720 kbit/s and the source needs 1.5 Mbit/s.".into(),
        estimate_kbps: Some(720),
        sent_kbps: 412,
        limits,
        decoders: vec![Codec::Vp8],
        options: options.map(|(rendition, why_not)| RenditionOption { rendition, why_not }).into(),
        switches: vec![
            switch(20, "sound", "360p", Why::Line, "The line carries 460 kbit/s again."),
            switch(40, "180p", "sound", Why::Line, "The line carries 90 kbit/s; 180p needs 120 kbit/s."),
            switch(60, "source", "180p", Why::Line, "The line carries 210 kbit/s; the source needs 1.5 Mbit/s."),
        ],
        samples: (0..95).rev().map(sample).collect(),
    }
}

async fn feed_shown(console: &Browser) -> FeedId {
    let feed = console.value("document.querySelector('[data-testid=tile]').dataset.feed").await;
    FeedId(feed.as_str().and_then(|number| number.parse().ok()).expect("a feed's number"))
}

/// A console that plays, whose socket can be spoken into.
async fn tapped() -> Stage {
    let (device, console) = tokio::join!(Browser::start("device"), Browser::start_after("console", TAPPED));
    Stage::live_with(device, console).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_says_what_it_gets_and_why_in_words_and_as_a_chart() {
    let stage = tapped().await;
    let console = &stage.console;
    let feed = feed_shown(console).await;
    answer(console, "/explain", &json!(explanation(feed, ViewLimits::default()))).await;
    let told = json!({ "feed": feed, "rendition": "360p", "why": "line", "message": "Its line carries 720 kbit/s." });
    hear(console, "rendition", told).await;
    assert_eq!(console.text("quality").await, "360p");
    assert_eq!(console.value(&format!("{}.title", found("quality"))).await, "Its line carries 720 kbit/s.");
    console.press("quality").await;
    console.wait(PATIENCE, "the chart", "document.querySelectorAll('.chart .band').length === 4").await;
    let words = console.text("chart-words").await;
    assert!(words.contains("source for 35 seconds, then 180p for 20 seconds"), "{words}");
    assert!(console.text("quality-words").await.contains("720 kbit/s"));
    assert!(console.text("quality-since").await.starts_with("For 19 seconds, since "));
    assert_eq!(console.value("document.querySelectorAll('[data-testid=option]').length").await, 5);
    assert_eq!(console.value("document.querySelectorAll('[data-testid=switch]').length").await, 3);
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")] {
        fits(console, "quality", width, scheme).await;
    }
    console.value(&format!("{}.scrollTo(0, 5000)", found("quality-dialog"))).await;
    fits(console, "quality-end", 1280, "dark").await;
    console.press("quality-close").await;
    quiet(&[console]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_asked_for_and_what_is_not_sent_is_told_on_the_tile() {
    let stage = tapped().await;
    let console = &stage.console;
    let feed = feed_shown(console).await;
    let limits = ViewLimits { max_kbps: Some(300), ..ViewLimits::default() };
    answer(console, "/explain", &json!(explanation(feed, limits))).await;
    hear(console, "rendition", json!({ "feed": feed, "rendition": "source", "why": "best", "message": "All." })).await;
    console.press("quality").await;
    let other = format!("{}.textContent.includes('300 kbit/s')", found("limit-other"));
    console.wait(PATIENCE, "a limit that is none of the choices is told", &other).await;
    console.press("limit-sound").await;
    assert_eq!(asked(console).await, json!({ "feed": feed, "paused": false, "audio_only": true }));
    console.press("limit-pinned").await;
    assert_eq!(asked(console).await["pinned"], true);
    console.press("limit-small").await;
    assert_eq!(asked(console).await["max_width"], 640);
    console.press("quality-close").await;
    for (name, words) in [("sound", "Sound only"), ("nothing", "Paused")] {
        hear(
            console,
            "rendition",
            json!({ "feed": feed, "rendition": name, "why": "own_limit", "message": "As asked." }),
        )
        .await;
        let wait = console.value("document.querySelector('.tile-wait').textContent").await;
        assert_eq!(wait, format!("{words}As asked."));
    }
    hear(console, "active_speaker", json!({ "feed": feed, "publisher": stage.name })).await;
    assert_eq!(console.value("document.querySelectorAll('.tile[data-speaks]').length").await, 1);
    for scheme in ["light", "dark"] {
        fits(console, "paused", 1280, scheme).await;
    }
    hear(console, "active_speaker", json!({ "feed": null, "publisher": null })).await;
    assert_eq!(console.value("document.querySelectorAll('.tile[data-speaks]').length").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn transcodes_are_listed_with_their_price_and_users() {
    let stage = tapped().await;
    let console = &stage.console;
    let empty = format!("!{}.hidden && !{}.hidden", found("transcodes-panel"), found("transcodes-empty"));
    console.wait(PATIENCE, "an empty list says what would be there", &empty).await;
    let running = |name: &str, height, cores, users| Transcode {
        feed: FeedId(7),
        rendition: rendition(name, RenditionKind::Transcode, height, 400),
        encoder: "vp8enc".into(),
        cores,
        users,
        since: Timestamp::now(),
    };
    let running = vec![running("360p", 360, 0.31, 20), running("180p", 180, 0.09, 1)];
    let all = Transcodes { budget_cores: 1.5, used_cores: 0.4, running };
    answer(console, "/transcodes", &json!(all)).await;
    let two = "document.querySelectorAll('[data-testid=transcode]').length === 2";
    console.wait(PATIENCE, "both are listed", two).await;
    assert_eq!(console.text("transcode-budget-words").await, "0.4 of 1.5 cores in use");
    let first = console.text("transcode").await;
    assert!(first.contains("0.3 cores") && first.contains("20 users") && first.contains("vp8enc"), "{first}");
    for (width, scheme) in [(1280, "light"), (360, "dark")] {
        fits(console, "transcodes", width, scheme).await;
    }
    quiet(&[console]).await;
}

/// The chart's geometry, where lines break and axes end: pure, in the language that it is written in.
#[tokio::test(flavor = "multi_thread")]
async fn places_in_the_chart_follow_from_the_samples() {
    let service = crate::service::start_server().await;
    let page = Browser::start("pure").await;
    page.open(&service.at("/console")).await;
    let of = |what: &str| format!("import('/web/lib/view-chart.js').then((chart) => chart.{what})");
    assert_eq!(page.value(&of("nice(130)")).await, 150);
    assert_eq!(page.value(&of("chartWords([])")).await, "There are no figures yet; they come second by second.");
    let samples = json!([
        { "at": "2026-01-01T00:00:00Z", "estimate_kbps": null, "sent_kbps": 100, "rendition": "source" },
        { "at": "2026-01-01T00:00:01Z", "estimate_kbps": 9000, "sent_kbps": 200, "rendition": "360p" },
        { "at": "2026-01-01T00:00:02Z", "estimate_kbps": 9000, "sent_kbps": 200, "rendition": "360p" },
        { "at": "2026-01-01T00:00:12Z", "estimate_kbps": 9000, "sent_kbps": 0, "rendition": "nothing" }
    ]);
    let places =
        page.value(&of(&format!("geometry({samples}, ['source', '360p'], {{ width: 600, height: 200 }})"))).await;
    assert_eq!(places["top"], 600, "an estimate far above does not press what is sent to the ground");
    assert_eq!(places["above"], true);
    assert_eq!(places["sent"].as_str().map(|path| path.matches('M').count()), Some(2), "ten seconds without a sample");
    assert_eq!(places["bands"].as_array().map(Vec::len), Some(3));
    assert_eq!(places["bands"][1]["rank"], "1");
    assert_eq!(places["bands"][2]["rank"], "nothing");
}

/// Words and choices: pure as well.
#[tokio::test(flavor = "multi_thread")]
async fn spans_tones_and_choices_are_worded() {
    let service = crate::service::start_server().await;
    let page = Browser::start("pure").await;
    page.open(&service.at("/console")).await;
    for (module, call, said) in [
        ("view-words", "spanWords(1000)", json!("1 second")),
        ("view-words", "spanWords(95_000)", json!("95 seconds")),
        ("view-words", "spanWords(7_200_000)", json!("2 hours")),
        ("view-words", "renditionTone('source', 'best')", json!("good")),
        ("view-words", "renditionTone('sound', 'own_limit')", json!("chosen")),
        ("view-words", "renditionTone('360p', 'line')", json!("wait")),
        ("view-words", "renditionTone('nothing', 'turn')", json!("bad")),
        ("view-words", "kbpsWords(1240)", json!("1.2 Mbit/s")),
        ("view-limits", "choiceOf({})", json!("auto")),
        ("view-limits", "choiceOf({ max_width: 640 })", json!("small")),
        ("view-limits", "choiceOf({ max_width: 320 })", Value::Null),
        ("view-limits", "choiceOf({ max_kbps: 90, audio_only: true })", json!("sound")),
        ("view-limits", "choiceOf({ audio_only: true, paused: true })", json!("paused")),
    ] {
        let value = page.value(&format!("import('/web/lib/{module}.js').then((all) => all.{call})")).await;
        assert_eq!(value, said, "{call}");
    }
}

const SETTLED: &str =
    "!document.getAnimations().some((one) => one instanceof CSSTransition && one.transitionProperty !== 'transform')";

async fn fits(page: &Browser, name: &str, width: u32, scheme: &str) {
    page.look(width, 900, scheme).await;
    page.wait(PATIENCE, "colours settle", SETTLED).await;
    let inner = "[document.documentElement, ...document.querySelectorAll('dialog[open]')].map((one) => one.scrollWidth - one.clientWidth)";
    let overflow = page.value(&format!("Math.max(...{inner})")).await;
    page.screenshot(&format!("{name}-{width}-{scheme}")).await;
    assert_eq!(overflow, 0, "{name} at {width} px is wider than the screen");
}
