//! The unmodified `mediasoup-client`, newest and an older one, in Chromium; and the meeting page.

use crate::browser::Browser;
use crate::line::Line;
use crate::looks::SETTLED;
use crate::page;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, quiet};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The newest.
pub const NEW: &str = include_str!("conference/mediasoup-client-3.24.1.js");
/// The older.
pub const OLD: &str = include_str!("conference/mediasoup-client-3.18.7.js");
const PAGE: &str = include_str!("conference/plain.html");
/// A screen, without a window of the system to share.
pub const SCREEN: &str = r"
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
        const pen = canvas.getContext('2d');
        let n = 0;
        setInterval(() => { pen.fillStyle = n++ % 2 ? '#206040' : '#602040'; pen.fillRect(0, 0, 640, 360); }, 100);
        return canvas.captureStream(10);
    };";
/// Three of them, as an application would have them.
const LAYERS: &str = "{ encodings: [{ scaleResolutionDownBy: 4, maxBitrate: 150000 },
    { scaleResolutionDownBy: 2, maxBitrate: 500000 }, { maxBitrate: 1500000 }] }";

/// An application's page with this client, in the room.
pub async fn visitor(name: &str, service: &Service, script: &'static str, room: &str) -> Browser {
    let browser = Browser::start(name).await;
    let page = page::serve_with(PAGE, script).await;
    browser.open(&format!("{page}?server={}", service.at(""))).await;
    // Sound plays only where a visitor has done something.
    browser.press("start").await;
    browser.value(&format!("await enter('{room}', '{name}')")).await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_the_client_publish_and_play_at_full_quality() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, NEW, "hall"), visitor("bob", &service, OLD, "hall"));
    let (from_ann, from_bob) = tokio::join!(ann.value("await produceAll()"), bob.value("await produceAll()"));
    tokio::join!(ann.value("await consumeAll()"), bob.value("await consumeAll()"));
    for (page, from) in [(&ann, from_bob), (&bob, from_ann)] {
        page.wait(PATIENCE, "the other's picture plays", "plays()").await;
        page.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 30 && now.audio_energy > 0.0).await;
        full(page, &from).await;
        println!("{}", page.value("await sent()").await);
    }
    // Paused: nothing comes; resumed: pictures again, from a keyframe.
    let id = bob.value("Object.values(consumers).find((one) => one.kind === 'video').id").await;
    bob.value(&format!("await ask('pause-consumer', {{ consumerId: {id} }})")).await;
    let decoded = async || bob.received().await.frames_decoded;
    still(&decoded).await;
    bob.value(&format!("await ask('resume-consumer', {{ consumerId: {id} }})")).await;
    let before = decoded().await;
    bob.receives(PATIENCE, "it goes on", |now| now.frames_decoded > before + 20).await;
    // The server holds it back, whatever her page goes on sending.
    ann.value("await ask('pause-producer', { producerId: producers.video.id })").await;
    still(&decoded).await;
    ann.value("await ask('resume-producer', { producerId: producers.video.id })").await;
    let before = decoded().await;
    bob.receives(PATIENCE, "it goes on", |now| now.frames_decoded > before + 20).await;
    ann.value("await ask('close-producer', { producerId: producers.video.id })").await;
    bob.wait(PATIENCE, "the picture is gone", "told('producer-closed').length === 1 && !plays()").await;
    ann.value("(producers.video.close(), await produceVideo())").await;
    bob.wait(PATIENCE, "her camera is on again", "plays()").await;
    quiet(&[&ann, &bob]).await;
}

/// Until it sends more than 1 Mbit/s, not limited by anything, and has decoded what the other sends.
async fn full(page: &Browser, from: &Value) {
    let begun = Instant::now();
    loop {
        let (sent, came) = (page.value("await sent()").await, page.value(&format!("await received({from})")).await);
        if sent["target"].as_f64() >= Some(1e6)
            && sent["limited"] == "none"
            && came["framesDecoded"].as_u64() > Some(60)
        {
            return;
        }
        assert!(begun.elapsed() < PATIENCE * 2, "no more than {sent}, and {came}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Until nothing more comes.
async fn still(figure: &impl AsyncFn() -> u64) {
    let begun = Instant::now();
    loop {
        let before = figure().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        if figure().await == before {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "pictures still come");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payload_types_are_changed_on_the_way() {
    let service = start_server().await;
    let (ann, bob) = (visitor("ann", &service, NEW, "hall").await, visitor("bob", &service, NEW, "hall").await);
    let codec = "device.rtpCapabilities.codecs.find((one) => one.mimeType === 'video/H264')";
    ann.value(&format!("await produceAll({{ codec: {codec} }})")).await;
    bob.value("await consumeAll()").await;
    bob.wait(PATIENCE, "the picture plays", "plays()").await;
    let sent = ann.value("(await sent()).payloadType").await;
    let came = bob
        .value("Object.values(consumers).find((one) => one.kind === 'video').rtpParameters.codecs[0].payloadType")
        .await;
    println!("{sent} was sent, {came} came");
    assert_ne!(sent, came, "the browser's own number, and the router's");
    assert_eq!(came, json!(102));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_layers_a_viewer_gets_the_one_it_asks_for() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, NEW, "hall"), visitor("bob", &service, NEW, "hall"));
    let producer = ann.value(&format!("await produceAll({LAYERS})")).await;
    bob.value("await consumeAll()").await;
    tall(&bob, &producer, 720).await;
    let subscriptions: Value = reqwest::get(service.at("/api/v1/rooms/hall/subscriptions"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let found = subscriptions
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["rendition"].as_str().is_some_and(|name| name != "sound"));
    let peer = found.unwrap_or_else(|| panic!("{subscriptions:#}"))["peer"].clone();
    let limits = format!("/api/v1/rooms/hall/subscriptions/{peer}");
    let answer = reqwest::Client::new().patch(service.at(&limits)).json(&json!({ "max_width": 320 })).send().await;
    assert!(answer.expect("an answer").status().is_success(), "the weak viewer's limit");
    tall(&bob, &producer, 180).await;
}

/// One of two viewers is on a weak line: it gets the smallest layer, the publisher and the other notice nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_layers_a_weak_line_gets_what_it_carries() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let service = start_server_with(|config| config.media.port = port).await;
    let line = Line::start((Ipv4Addr::LOCALHOST, port).into()).await;
    line.limit(350_000);
    let (ann, bob) = tokio::join!(visitor("ann", &service, NEW, "hall"), visitor("bob", &service, NEW, "hall"));
    let weak = visitor("weak", &service, OLD, "hall").await;
    let producer = ann.value(&format!("await produceAll({LAYERS})")).await;
    bob.value("await consumeAll()").await;
    tall(&bob, &producer, 720).await;
    let over = json!({ "address": line.address.ip(), "port": line.address.port() });
    weak.value(&format!("await consumeAll({over})")).await;
    tall(&weak, &producer, 180).await;
    let decoded = async |page: &Browser| {
        page.value(&format!("await received({producer})")).await["framesDecoded"].as_u64().unwrap_or_default()
    };
    let before = decoded(&weak).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (now, (passed, dropped, _)) = (decoded(&weak).await, line.figures());
    println!(
        "{} pictures in 5 s over the weak line; {dropped} of {} datagrams dropped",
        now - before,
        passed + dropped
    );
    assert!(now > before + 25, "{} pictures in 5 s over the weak line", now - before);
    tall(&bob, &producer, 720).await;
}

/// Until the picture has so many lines.
async fn tall(page: &Browser, producer: &Value, height: u64) {
    let begun = Instant::now();
    loop {
        let came = page.value(&format!("await received({producer})")).await;
        if came["frameHeight"] == height {
            return;
        }
        assert!(begun.elapsed() < PATIENCE * 2, "waited for {height} lines: {came}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plain_pages_call_each_other_through_the_mesh() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, OLD, "hall"), visitor("bob", &service, OLD, "hall"));
    let carol = visitor("carol", &service, NEW, "hall").await;
    carol.value("await produceAll()").await;
    ann.value("await call('bob')").await;
    bob.wait(PATIENCE, "her picture, from page to page", "plays()").await;
    assert_eq!(carol.value("mesh.messages.length").await, 0);
    // Side by side with the server's way.
    ann.value("await consumeAll()").await;
    ann.wait(PATIENCE, "Carol's picture, through the server", "plays()").await;
}

/// The meeting page, come in.
async fn guest(name: &str, service: &Service) -> Browser {
    let browser = Browser::start_after(name, SCREEN).await;
    come_in(&browser, name, service).await;
    browser
}

/// Opens the meeting page and comes in.
pub async fn come_in(browser: &Browser, name: &str, service: &Service) {
    browser.open(&service.at("/conference/hall")).await;
    browser.wait(PATIENCE, "it is ready", "!document.querySelector('[data-testid=join]').disabled").await;
    browser.type_into("name", name).await;
    browser.press("join").await;
    browser.wait(PATIENCE, "it is in", "document.querySelector('[data-testid=meeting][data-state=joined]')").await;
}

/// All tiles of the page, as a list.
pub const TILES: &str = "[...document.querySelectorAll('[data-testid=tile]')]";

/// So many tiles, whose pictures play.
pub fn playing(count: usize) -> String {
    format!(
        "{TILES}.filter((tile) => tile.querySelector('video').readyState >= 2 && tile.querySelector('video').videoWidth > 0).length === {count}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_seen_heard_written_and_left() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(guest("Ann", &service), guest("Bob", &service));
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "both pictures", &playing(2)).await;
        page.receives(PATIENCE, "pictures and sound", |now| now.frames_decoded > 30 && now.audio_energy > 0.0).await;
    }
    ann.press("open-chat").await;
    ann.type_into("chat-text", "<img src=x onerror=alert(1)>").await;
    ann.value("document.querySelector('[data-testid=chat-form]').requestSubmit()").await;
    bob.wait(PATIENCE, "one unread", "document.querySelector('[data-testid=unread]').textContent === '1'").await;
    bob.press("open-chat").await;
    let said = "document.querySelector('[data-testid=messages] p').textContent";
    assert_eq!(bob.value(said).await, "<img src=x onerror=alert(1)>", "text is text");
    bob.press("share").await;
    ann.wait(PATIENCE, "a third tile: the screen", &playing(3)).await;
    ann.press("layout").await;
    ann.wait(
        PATIENCE,
        "the screen is large",
        &format!("{TILES}.some((tile) => tile.dataset.large === 'true' && tile.dataset.screen === 'true')"),
    )
    .await;
    bob.press("hand").await;
    ann.wait(
        PATIENCE,
        "his hand",
        "!document.querySelectorAll('[data-testid=tile]')[1].querySelector('[data-testid=tile-hand]').hidden",
    )
    .await;
    bob.press("mute-audio").await;
    ann.wait(
        PATIENCE,
        "his microphone is off",
        "!document.querySelectorAll('[data-testid=tile]')[1].querySelector('[data-testid=tile-muted]').hidden",
    )
    .await;
    let mut late = guest("Late", &service).await;
    late.wait(PATIENCE, "all that was there", &playing(4)).await;
    late.press("open-chat").await;
    assert_eq!(late.value(said).await, "<img src=x onerror=alert(1)>", "what was said before");
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        ann.look(width, 844, scheme).await;
        ann.wait(PATIENCE, "colours settle", SETTLED).await;
        ann.screenshot(&format!("meeting-{width}-{scheme}")).await;
        let overflow = ann.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "wider than the screen at {width} px");
    }
    late.press("leave").await;
    ann.wait(PATIENCE, "he is gone", &format!("{TILES}.length === 3")).await;
    quiet(&[&ann, &bob, &late]).await;
    late = bob;
    late.press("leave").await;
    ann.wait(
        PATIENCE,
        "alone",
        &format!("{TILES}.length === 1 && !document.querySelector('[data-testid=alone]').hidden"),
    )
    .await;
}
