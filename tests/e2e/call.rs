//! The two-party call in Chromium: our pages, pages as they were deployed, and calls through the server.

use crate::browser::{Browser, found};
use crate::page::serve;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, quiet};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

const OLD: &str = include_str!("call_old.html");
const TALKING: &str = "document.querySelector('[data-testid=call][data-state=talking]')";
const IDLE: &str = "document.querySelector('[data-testid=call][data-state=idle]')";
const WAITING: &str = "document.querySelector('[data-testid=call][data-state=waiting]')";

/// Dials from the form of our page.
async fn dial(page: &Browser, service: &Service, code: &str, wishes: &[&str]) {
    page.open(&service.at("/video_call/")).await;
    page.wait(PATIENCE, "one's own picture", &format!("{}.videoWidth > 0", found("self"))).await;
    page.type_into("code", code).await;
    for wish in wishes {
        page.press(wish).await;
    }
    page.press("dial").await;
    page.wait(PATIENCE, "it waits", WAITING).await;
}

async fn old(page: &Browser, service: &Service, code: &str) {
    let address = serve(OLD).await;
    page.open(&format!("{address}?server={}&code={code}", service.at(""))).await;
}

async fn talking(page: &Browser) {
    page.wait(PATIENCE, "the two are connected", TALKING).await;
}

fn old_is(state: &str) -> String {
    format!("{}.textContent === '{state}'", found("state"))
}

/// Pictures and sound come, and go on coming.
async fn sees_and_hears(page: &Browser) {
    let before = page.received().await;
    let more = |now: &crate::browser::Received| {
        now.frames_decoded >= before.frames_decoded + 30 && now.audio_energy > before.audio_energy
    };
    page.receives(PATIENCE, "30 more pictures, and sound", more).await;
}

async fn rooms(service: &Service) -> Vec<Value> {
    let answer = reqwest::get(service.at("/api/v1/rooms")).await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    body["rooms"].as_array().or(body.as_array()).cloned().unwrap_or_default()
}

async fn no_rooms(service: &Service) {
    let end = Instant::now() + PATIENCE;
    while !rooms(service).await.is_empty() {
        assert!(Instant::now() < end, "the call's room is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn shots(page: &Browser, name: &str) {
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.look(width, 844, scheme).await;
        page.screenshot(&format!("{name}-{width}-{scheme}")).await;
        let overflow = page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "at {width} px the page is wider than the screen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_are_put_through_and_talk_on_without_the_line() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(Browser::start("ann"), Browser::start("bob"));
    dial(&ann, &service, "a b/ü", &[]).await;
    shots(&ann, "call-waiting").await;
    let link = ann.value(&format!("{}.value", found("link"))).await;
    bob.open(link.as_str().expect("a link")).await;
    tokio::join!(talking(&ann), talking(&bob));
    let connected = Instant::now();
    tokio::join!(sees_and_hears(&ann), sees_and_hears(&bob));
    shots(&ann, "call-talking").await;
    assert_eq!(ann.text("state").await, "Connected, directly");
    bob.press("mute-audio").await;
    bob.press("mute-video").await;
    let shown = format!("!{}.hidden && !{}.hidden", found("remote-muted"), found("remote-dark"));
    ann.wait(PATIENCE, "what the other one switched off is shown", &shown).await;
    bob.press("mute-audio").await;
    bob.press("mute-video").await;
    ann.wait(
        PATIENCE,
        "and no longer",
        &format!("{}.hidden && {}.hidden", found("remote-muted"), found("remote-dark")),
    )
    .await;
    no_rooms(&service).await;
    let elapsed = format!("Number({}.textContent.split(':')[1]) >= 15", found("elapsed"));
    ann.wait(PATIENCE, "15 s have passed", &elapsed).await;
    assert!(connected.elapsed() > Duration::from_secs(12), "the line is over");
    tokio::join!(sees_and_hears(&ann), sees_and_hears(&bob));
    ann.press("hang-up").await;
    ann.wait(PATIENCE, "it is ready for the next call", IDLE).await;
    bob.wait(PATIENCE, "the other side knows", IDLE).await;
    let words = "document.querySelector('[data-text=\"The other side has hung up.\"]')";
    bob.wait(PATIENCE, "in words", words).await;
    quiet(&[&ann, &bob]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_dialler_waits_on_a_line_of_its_own_and_may_go_back() {
    let service = start_server().await;
    let (ann, cid) = tokio::join!(Browser::start("ann"), Browser::start("cid"));
    let client = reqwest::Client::new();
    dial(&ann, &service, "7", &[]).await;
    ann.press("back").await;
    ann.wait(PATIENCE, "it is ready again", IDLE).await;
    no_rooms(&service).await;
    let dial_by_hand = async || {
        let body = serde_json::json!({ "code": "dial", "call_code": "7" }).to_string();
        let sent = client.post(service.at("/video_call/call_line_process/")).body(body).send().await;
        sent.and_then(reqwest::Response::error_for_status).expect("a line");
    };
    dial_by_hand().await;
    dial_by_hand().await;
    cid.open(&service.at("/video_call/call/7/")).await;
    cid.wait(PATIENCE, "the third one waits", WAITING).await;
    assert_eq!(rooms(&service).await.len(), 2);
    quiet(&[&ann, &cid]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_as_they_were_deployed_call_each_other() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(Browser::start("ann"), Browser::start("bob"));
    old(&ann, &service, "7").await;
    ann.wait(PATIENCE, "it has dialled", &old_is("dialled")).await;
    old(&bob, &service, "7").await;
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "the two are connected", &old_is("connected")).await;
    }
    tokio::join!(sees_and_hears(&ann), sees_and_hears(&bob));
    bob.value("reject()").await;
    ann.wait(PATIENCE, "the last word arrives", &old_is("rejected")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_as_it_was_deployed_calls_ours_and_is_called() {
    let service = start_server().await;
    let (ours, theirs) = tokio::join!(Browser::start("ours"), Browser::start("theirs"));
    dial(&ours, &service, "7", &[]).await;
    old(&theirs, &service, "7").await;
    talking(&ours).await;
    theirs.wait(PATIENCE, "the two are connected", &old_is("connected")).await;
    tokio::join!(sees_and_hears(&ours), sees_and_hears(&theirs));
    theirs.value("muteMicrophone(true)").await;
    ours.wait(PATIENCE, "their microphone is off", &format!("!{}.hidden", found("remote-muted"))).await;
    ours.press("mute-video").await;
    let told = "told.some((one) => one.code === 'mute_video' && one.value === true)";
    theirs.wait(PATIENCE, "they are told", told).await;
    ours.press("hang-up").await;
    theirs.wait(PATIENCE, "the last word arrives", &old_is("rejected")).await;
    no_rooms(&service).await;
    old(&theirs, &service, "8").await;
    theirs.wait(PATIENCE, "it has dialled", &old_is("dialled")).await;
    ours.open(&service.at("/video_call/call/8/")).await;
    talking(&ours).await;
    tokio::join!(sees_and_hears(&ours), sees_and_hears(&theirs));
    theirs.value("reject()").await;
    ours.wait(PATIENCE, "the call is over", IDLE).await;
    quiet(&[&ours]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_call_runs_through_the_server_and_leaves_a_film_of_both() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(Browser::start("ann"), Browser::start("bob"));
    dial(&ann, &service, "7", &["record"]).await;
    bob.open(&service.at("/video_call/call/7/")).await;
    tokio::join!(talking(&ann), talking(&bob));
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "it is told that it is recorded", &format!("!{}.hidden", found("recorded"))).await;
        assert_eq!(page.text("state").await, "Connected, through the server");
    }
    tokio::join!(sees_and_hears(&ann), sees_and_hears(&bob));
    shots(&ann, "call-recorded").await;
    bob.press("mute-audio").await;
    ann.wait(PATIENCE, "what is muted is shown", &format!("!{}.hidden", found("remote-muted"))).await;
    bob.press("mute-audio").await;
    tokio::join!(sees_and_hears(&ann), sees_and_hears(&bob));
    quiet(&[&ann, &bob]).await; // later one of them asks after a line that is over
    bob.press("hang-up").await;
    let hung_up = Instant::now();
    ann.wait(PATIENCE, "the other side knows", IDLE).await;
    println!("the other side knew after {:?}", hung_up.elapsed());
    no_rooms(&service).await;
    let (id, file) = recording(&service).await;
    let url = service.at(&format!("/api/v1/recordings/{id}/files/{file}"));
    let film = reqwest::get(url).await.expect("the film").bytes().await.expect("its bytes");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(&file);
    std::fs::write(&path, film).expect("the film is kept");
    judge(&path);
}

/// The old page knows nothing of the server between: it is put through all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_as_it_was_deployed_is_put_through_by_the_server() {
    let service = start_server_with(|config| config.recording.mix_cpu_percent = 1).await;
    let (ours, theirs) = tokio::join!(Browser::start("ours"), Browser::start("theirs"));
    old(&theirs, &service, "7").await;
    theirs.wait(PATIENCE, "it has dialled", &old_is("dialled")).await;
    dial_relayed(&ours, &service).await;
    talking(&ours).await;
    theirs.wait(PATIENCE, "the two are connected", &old_is("connected")).await;
    tokio::join!(sees_and_hears(&ours), sees_and_hears(&theirs));
    let gone = Instant::now() + Duration::from_secs(13);
    while Instant::now() < gone {
        sees_and_hears(&ours).await;
    }
    tokio::join!(sees_and_hears(&ours), sees_and_hears(&theirs));
    assert_eq!(rooms(&service).await.len(), 1, "the call goes on without its line");
    theirs.value("hangUp('over') ?? true").await;
    ours.wait(PATIENCE, "the call is over", IDLE).await;
    no_rooms(&service).await;
}

async fn dial_relayed(page: &Browser, service: &Service) {
    page.open(&service.at("/video_call/")).await;
    page.wait(PATIENCE, "one's own picture", &format!("{}.videoWidth > 0", found("self"))).await;
    page.type_into("code", "7").await;
    page.press("relay").await;
    page.press("dial").await;
}

/// The finished recording and its one file.
async fn recording(service: &Service) -> (String, String) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = reqwest::get(service.at("/api/v1/recordings")).await.expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        let all = body["recordings"].as_array().or(body.as_array()).cloned().unwrap_or_default();
        if let [one] = &all[..]
            && one["state"] == "ready"
        {
            let files = one["files"].as_array().expect("files");
            assert_eq!((files.len(), &one["wish"]["kind"]), (1, &Value::from("composed")), "{one}");
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            return (text(&one["id"]), text(&files[0]["name"]));
        }
        assert!(Instant::now() < end, "no recording is ready: {body}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// As a viewer would: both halves of the pictures move, and there is sound.
fn judge(path: &std::path::Path) {
    let ffmpeg = |args: &[&str]| {
        let output = Command::new("ffmpeg").args(["-v", "info", "-nostdin", "-i"]).arg(path).args(args).output();
        String::from_utf8_lossy(&output.expect("ffmpeg").stderr).into_owned()
    };
    for half in ["crop=iw/2:ih:0:0", "crop=iw/2:ih:iw/2:0"] {
        let frozen =
            ffmpeg(&["-t", "6", "-an", "-vf", &format!("{half},freezedetect=n=0.0005:d=3"), "-f", "null", "-"]);
        let frames = frozen.rsplit("frame=").next().and_then(|rest| rest.trim().split(' ').next()?.parse().ok());
        assert!(frames.is_some_and(|frames: u32| frames > 30), "{half}: too few pictures\n{frozen}");
        assert!(!frozen.contains("freeze_start"), "{half} stands still\n{frozen}");
    }
    let sound = ffmpeg(&["-vn", "-af", "volumedetect", "-f", "null", "-"]);
    let peak = sound.split("max_volume: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(peak.is_some_and(|peak| peak > -40.0), "no sound\n{sound}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_camera_the_page_says_why_and_leads_to_https() {
    const NO_DEVICES: &str = "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined });";
    let service = start_server_with(|config| config.server.https = "127.0.0.1:0".parse().ok()).await;
    let page = Browser::start_after("plain", NO_DEVICES).await;
    page.open(&service.at("/video_call/")).await;
    page.wait(PATIENCE, "a notice", &format!("!{}.hidden && !{}.hidden", found("notice"), found("to-https"))).await;
    assert!(page.text("notice-text").await.contains("HTTPS"));
    shots(&page, "call-plain").await;
    quiet(&[&page]).await;
}
