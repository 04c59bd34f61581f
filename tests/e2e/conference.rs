//! The unmodified `mediasoup-client`, newest and an older one, in Chromium; and the meeting page.

use crate::browser::Browser;
use crate::line::Line;
use crate::looks::SETTLED;
use crate::page;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use crate::{openvidu, whip};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const NEW: &str = include_str!("conference/mediasoup-client-3.24.1.js");
const OLD: &str = include_str!("conference/mediasoup-client-3.18.7.js");
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
/// How long the meeting of four lasts, in seconds; for a soak set MILLRACE_MEETING_SECONDS.
const MEETING: u64 = 15;

/// An application's page with this client, in the room.
async fn visitor(name: &str, service: &Service, script: &'static str, room: &str) -> Browser {
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

/// A page that speaks and one that listens, of these versions: text, bytes, nothing, order, what may be lost, pictures beside it.
async fn talk(speaks: &'static str, listens: &'static str) {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(visitor("ann", &service, speaks, "hall"), visitor("bob", &service, listens, "hall"));
    // Before anything else on the connection, then together with sound and pictures.
    ann.value("await produceData({ label: 'notes', protocol: 'plain' })").await;
    let told = bob.value("await consumeData('notes')").await;
    assert_eq!((&told["label"], &told["protocol"]), (&json!("notes"), &json!("plain")), "{told}");
    ann.value("say('notes', 'grüße', '', bytes(60000), bytes(0))").await;
    bob.wait(PATIENCE, "four messages", "said.notes.length === 4").await;
    let right = "said.notes[0] === 'grüße' && said.notes[1] === '' && same(said.notes[2], bytes(60000)) && same(said.notes[3], bytes(0))";
    assert_eq!(bob.value(right).await, true, "{}", bob.value("said.notes.map((one) => one.byteLength ?? one)").await);
    ann.value("await produceAll({ encodings: [{ maxBitrate: 300000, scaleResolutionDownBy: 4 }] })").await;
    bob.value("await consumeAll()").await;
    bob.wait(PATIENCE, "her picture", "plays()").await;
    ann.value("say('notes', ...Array.from({ length: 300 }, (_, n) => bytes(1 + (n * 97) % 20000, n)))").await;
    bob.wait(PATIENCE, "300 more", "said.notes.length === 304").await;
    let order = "said.notes.slice(4).every((one, n) => same(one, bytes(1 + (n * 97) % 20000, n)))";
    assert_eq!(bob.value(order).await, true, "in order and in full");
    ann.value("await produceData({ label: 'pointer', ordered: false, maxRetransmits: 0 })").await;
    let told = bob.value("await consumeData('pointer')").await;
    let how = &told["sctpStreamParameters"];
    assert_eq!((&how["ordered"], &how["maxRetransmits"]), (&json!(false), &json!(0)), "{told}");
    ann.value("say('pointer', ...Array.from({ length: 100 }, (_, n) => `${n}`))").await;
    bob.wait(PATIENCE, "most of them", "said.pointer.length >= 90").await;
    bob.receives(PATIENCE, "pictures go on", |now| now.frames_decoded > 20).await;
    ann.value(
        "dataProducers.notes.close(), await ask('close-data-producer', { dataProducerId: dataProducers.notes.id })",
    )
    .await;
    bob.wait(
        PATIENCE,
        "the word of it",
        "told('data-producer-closed').length === 1 && told('data-consumer-closed').length === 1",
    )
    .await;
    bob.wait(PATIENCE, "the channel is closed", "closed.includes('notes') && !closed.includes('pointer')").await;
    ann.value("say('pointer', 'still')").await;
    bob.wait(PATIENCE, "the other goes on", "said.pointer.includes('still')").await;
    ann.value("send.close(), await ask('close-transport', { transportId: send.id })").await;
    bob.wait(PATIENCE, "all is over", "told('data-producer-closed').length === 2 && closed.includes('pointer')").await;
    quiet(&[&ann, &bob]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_client_talks_by_data_channel_to_the_older() {
    talk(NEW, OLD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_client_talks_by_data_channel_to_the_newest() {
    talk(OLD, NEW).await;
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

/// Half of them leave without a word.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_come_and_go_and_leave_nothing() {
    let service = start_server().await;
    let (stays, one, two) = tokio::join!(
        visitor("stays", &service, NEW, "hall"),
        visitor("one", &service, NEW, "elsewhere"),
        visitor("two", &service, OLD, "elsewhere")
    );
    stays.value("await produceAll({}, { width: 320, height: 240, frameRate: 10 })").await;
    tokio::join!(one.value("await leave()"), two.value("await leave()"));
    let rounds = async |times: u32| {
        for _ in 0..times / 20 {
            tokio::join!(one.value("await comeAndGo('one', 10)"), two.value("await comeAndGo('two', 10)"));
        }
        let rooms = service.at("/api/v1/rooms");
        let people = async || {
            let rooms: Value = reqwest::get(&rooms).await.ok()?.json().await.ok()?;
            Some(
                rooms
                    .as_array()?
                    .iter()
                    .filter_map(|room| room["participants"].as_array())
                    .map(Vec::len)
                    .sum::<usize>(),
            )
        };
        let begun = Instant::now();
        while people().await != Some(1) {
            assert!(begun.elapsed() < PATIENCE, "they are still there: {:?}", people().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    rounds(20).await;
    let before = held();
    rounds(200).await;
    let (begun, allowed) = (Instant::now(), (before.0 + 12, before.1 + 12));
    while held().0 > allowed.0 || held().1 > allowed.1 {
        assert!(begun.elapsed() < PATIENCE, "threads and descriptors: {before:?}, and after 200 {:?}", held());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("threads and descriptors: {before:?}, and after 200 {:?}", held());
}

/// Threads and descriptors of this process, in which the service runs.
fn held() -> (usize, usize) {
    let count = |path| std::fs::read_dir(path).map_or(0, Iterator::count);
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Four people; a quarter of an hour's soak by MILLRACE_MEETING_SECONDS=900. What froze is told, not judged: four browsers that
/// encode and decode in software take more than two cores have.
#[tokio::test(flavor = "multi_thread")]
async fn four_meet_and_see_each_other() {
    let length = std::env::var("MILLRACE_MEETING_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(MEETING);
    let service = start_server().await;
    let small = "{ encodings: [{ maxBitrate: 300000 }] }, { width: 320, height: 240, frameRate: 20 }";
    let people = ["one", "two", "three", "four"];
    let mut pages = Vec::new();
    for name in people {
        let page = visitor(name, &service, NEW, "hall").await;
        page.value(&format!("await produceAll({small})")).await;
        page.value("await consumeAll()").await;
        pages.push(page);
    }
    for page in &pages {
        page.wait(PATIENCE * 2, "three pictures", "plays(3)").await;
    }
    let (decoded, frozen) = meets(&pages, length).await;
    println!("{decoded} pictures of twelve in {length} s, frozen for {frozen:.2} s");
    let shown: Value = reqwest::get(service.at("/api/v1/rooms/hall/subscriptions"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(decoded > 12.0 * 5.0 * length as f64, "{decoded} pictures: {shown:#}");
}

/// For so many seconds: pictures that all pages decode, and how long any stood still.
async fn meets(pages: &[Browser], seconds: u64) -> (f64, f64) {
    let all = "await Promise.all(Object.entries(consumers).filter(([, one]) => one.kind === 'video').map(([id]) => received(id)))";
    let sum = |figures: &Value, name: &str| {
        figures.as_array().into_iter().flatten().filter_map(|one| one[name].as_f64()).sum::<f64>()
    };
    let figures = async || {
        let mut total = (0.0, 0.0);
        for page in pages {
            let now = page.value(all).await;
            total = (total.0 + sum(&now, "framesDecoded"), total.1 + sum(&now, "totalFreezesDuration"));
        }
        total
    };
    let before = figures().await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = figures().await;
    (after.0 - before.0, after.1 - before.1)
}

/// A person in a meeting, a device, an IP camera, a page of an OpenVidu application and a viewer by WHEP, in one room.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_a_feed_whoever_made_it() {
    let service = start_server_with(|config| config.openvidu.secret = Some("MY_SECRET".into())).await;
    let (device, console) = tokio::join!(Browser::start("device"), Browser::start("console"));
    let Stage { service, console, room, device, .. } = Stage::live_on(service, device, console).await;
    let camera = json!({ "uri": "test://ball?size=320x240&fps=15", "name": "door" });
    let added =
        reqwest::Client::new().post(service.at(&format!("/api/v1/rooms/{room}/ingests"))).json(&camera).send().await;
    assert!(added.expect("an answer").status().is_success(), "the camera");
    let ann = visitor("ann", &service, NEW, &room).await;
    ann.value("await produceAll({ encodings: [{ maxBitrate: 300000, scaleResolutionDownBy: 4 }] })").await;
    let old = openvidu::visitor("old", &service).await;
    openvidu::joins(&old, &room, "PUBLISHER").await;
    old.value("await publish({ resolution: '320x240' })").await;
    ann.value("await consumeAll()").await;
    ann.wait(PATIENCE * 2, "the device, the camera and the old page", "plays(3)").await;
    old.wait(PATIENCE * 2, "the device, the camera and Ann", "plays(3)").await;
    let tiles = "[...document.querySelectorAll('[data-testid=tile][data-state=live] video')].filter((one) => one.videoWidth > 0).length >= 4";
    console.wait(PATIENCE * 2, "all four", tiles).await;
    let viewer = Browser::start("viewer").await;
    viewer.open(&page::serve(whip::PAGE).await).await;
    whip::run(&viewer, "watch", &format!("watch('{}', '')", service.at(&format!("/whep/{room}/ann"))), "done").await;
    plays_on(&viewer, 20).await;
    // Who goes is gone for all.
    ann.value("send.close(), await ask('leave-room')").await;
    old.wait(PATIENCE, "Ann has left", "told('connectionDestroyed').length > 0").await;
    drop(device);
}
