//! Many on the conference protocol: a crowd that comes and goes, a meeting of four, data channels, and people of all dialects in one
//! room.

use crate::browser::Browser;
use crate::conference::{NEW, OLD, visitor};
use crate::service::{start_server, start_server_with};
use crate::stage::{PATIENCE, Stage, plays_on, quiet};
use crate::{openvidu, page, whip};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the meeting of four lasts, in seconds; for a soak set MILLRACE_MEETING_SECONDS.
const MEETING: u64 = 15;

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

/// For so many seconds: pictures that all pages decode, and how long any stood still; when that was is told.
async fn meets(pages: &[Browser], seconds: u64) -> (f64, f64) {
    let all = "await Promise.all(Object.entries(consumers).filter(([, one]) => one.kind === 'video').map(([id]) => received(id)))";
    let sum = |figures: &Value, name: &str| {
        figures.as_array().into_iter().flatten().filter_map(|one| one[name].as_f64()).sum::<f64>()
    };
    let figures = async || {
        let now = futures::future::join_all(pages.iter().map(|page| page.value(all))).await;
        now.iter().map(|now| (sum(now, "framesDecoded"), sum(now, "totalFreezesDuration"))).collect::<Vec<_>>()
    };
    let (begun, before) = (Instant::now(), figures().await);
    let mut last = before.clone();
    while begun.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_secs(5).min(Duration::from_secs(seconds).saturating_sub(begun.elapsed())))
            .await;
        let now = figures().await;
        let froze: Vec<f64> = now.iter().zip(&last).map(|(now, last)| now.1 - last.1).collect();
        if froze.iter().any(|seconds| *seconds > 0.0) {
            println!("until second {}, page by page: {froze:.2?} s", begun.elapsed().as_secs());
        }
        last = now;
    }
    let gained = last.iter().zip(&before).map(|(now, before)| (now.0 - before.0, now.1 - before.1));
    gained.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
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
