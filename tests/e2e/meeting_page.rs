//! The meeting page when things go otherwise: a server that is away, devices that open late, people who are put out.

use crate::browser::{Browser, found};
use crate::conference::{SCREEN, TILES, come_in, playing};
use crate::line::Line;
use crate::looks::SETTLED;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::PATIENCE;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Keeps the page's sockets where they can be counted.
const SOCKETS: &str = r"
    window.sockets = [];
    const Open = WebSocket;
    window.WebSocket = class extends Open {
        constructor(...given) { super(...given); window.sockets.push(this); }
    };";
/// The visitor lets the question for camera and microphone stand until `allow()`.
const HESITATES: &str = r"
    const allowed = new Promise((done) => { window.allow = done; });
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => { await allowed; return ask(wanted); };";
/// A network that carries nothing but the page.
const NO_WAY: &str = r"
    const take = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }, ...rest) {
        return take.call(this, { type, sdp: sdp.replace(/^a=candidate:.*\r?\n/gm, '') }, ...rest);
    };";
const OPEN: &str = "sockets.filter((one) => one.readyState === 1).length";

/// Longer than any wait of a page that comes back.
const LONGEST_WAIT: Duration = Duration::from_secs(11);

async fn guest(name: &str, service: &Service, script: &str) -> Browser {
    let browser = Browser::start_after(name, &format!("{SOCKETS}{script}")).await;
    come_in(&browser, name, service).await;
    browser
}

async fn is(page: &Browser, state: &str) {
    let found = format!("document.querySelector('[data-testid=meeting][data-state={state}]')");
    page.wait(PATIENCE * 2, state, &found).await;
}

/// Whether the tile of this name says that the microphone is off.
fn is_muted(name: &str) -> String {
    let named = format!("tile.querySelector('[data-testid=tile-name]').textContent === '{name}'");
    format!("{TILES}.some((tile) => {named} && !tile.querySelector('[data-testid=tile-muted]').hidden)")
}

/// Waits until a part has these words.
pub async fn says(page: &Browser, part: &str, words: &str) {
    page.wait(PATIENCE, words, &format!("{}.textContent.includes('{words}')", found(part))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_is_come_back_to_once() {
    let mut service = start_server().await;
    let (ann, bob) = tokio::join!(guest("Ann", &service, ""), guest("Bob", &service, ""));
    ann.wait(PATIENCE, "both pictures", &playing(2)).await;
    bob.press("mute-audio").await;
    ann.wait(PATIENCE, "Bob is muted", &is_muted("Bob")).await;
    let tried = async {
        for page in [&ann, &bob] {
            page.wait(PATIENCE, "three tries in vain", "sockets.length >= 4").await;
            is(page, "away").await;
        }
    };
    service.restart_after(tried).await;
    tokio::join!(is(&ann, "joined"), is(&bob, "joined"));
    for page in [&ann, &bob] {
        page.wait(PATIENCE, "both pictures again", &playing(2)).await;
    }
    ann.wait(PATIENCE, "Bob is muted still", &is_muted("Bob")).await;
    // Who leaves while the server is away has left, whatever was under way.
    let left = async {
        is(&ann, "away").await;
        ann.press("leave").await;
        is(&ann, "before").await;
    };
    service.restart_after(left).await;
    ann.press("join").await;
    tokio::join!(is(&ann, "joined"), is(&bob, "joined"));
    let begun = Instant::now();
    while begun.elapsed() < LONGEST_WAIT {
        assert_eq!((ann.value(OPEN).await, bob.value(OPEN).await), (1.into(), 1.into()), "one connection each");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    bob.wait(PATIENCE, "both pictures again", &playing(2)).await;
    ann.press("leave").await;
    bob.wait(PATIENCE, "Ann is gone", &format!("{TILES}.length === 1")).await;
    assert_eq!(ann.value(OPEN).await, 0);
    assert!(!ann.value("document.title").await.as_str().unwrap_or_default().starts_with('●'));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_late_sees_who_is_muted_and_is_seen_once_the_camera_opens() {
    let service = start_server().await;
    let bob = guest("Bob", &service, "").await;
    bob.press("mute-audio").await;
    let late = guest("Late", &service, HESITATES).await;
    late.wait(PATIENCE, "Bob's picture", &playing(1)).await;
    late.wait(PATIENCE, "Bob is muted", &is_muted("Bob")).await;
    bob.wait(PATIENCE, "Late without a picture", &format!("{TILES}.length === 2")).await;
    late.value("allow() ?? 0").await;
    bob.wait(PATIENCE, "Late's picture", &playing(2)).await;
    bob.receives(PATIENCE, "Late's sound", |now| now.audio_energy > 0.0).await;
    assert_eq!(late.value(&format!("{}.disabled", found("mute-video"))).await, false);
    // Another microphone of one who is muted is muted.
    let audio = "__peers.flatMap((one) => one.getSenders()).find((one) => one.track?.kind === 'audio').track";
    let before = bob.value(&format!("{audio}.id")).await;
    bob.value(&chosen("microphone-now", 1)).await;
    bob.wait(PATIENCE, "the other microphone", &format!("{audio}.id !== {before}")).await;
    assert_eq!(bob.value(&format!("{audio}.enabled")).await, false);
    assert_eq!(late.value(&is_muted("Bob")).await, true);
    bob.press("mute-audio").await;
    late.wait(PATIENCE, "Bob can be heard", &format!("!{}", is_muted("Bob"))).await;
    bob.press("mute-video").await;
    late.wait(PATIENCE, "Bob is dark", &playing(1)).await;
    bob.press("mute-video").await;
    late.wait(PATIENCE, "Bob is seen again", &playing(2)).await;
    let before = late.received().await.frames_decoded;
    late.receives(PATIENCE, "Bob's picture goes on", |now| now.frames_decoded > before + 20).await;
}

/// Chooses the nth of a list.
fn chosen(list: &str, nth: u32) -> String {
    let list = found(list);
    format!("(({list}.selectedIndex = {nth}), {list}.dispatchEvent(new Event('change')))")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_out_stays_out_until_he_wants_in() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(guest("Ann", &service, SCREEN), guest("Bob", &service, SCREEN));
    ann.wait(PATIENCE, "both pictures", &playing(2)).await;
    bob.press("share").await;
    ann.wait(PATIENCE, "his screen", &playing(3)).await;
    // His screen alone: he stays, and may share it again.
    remove(&service, &format!("participants/{}", person(&service, "Bob (screen)").await)).await;
    says(&bob, "toasts", "Your screen is no longer sent").await;
    bob.wait(PATIENCE, "it is not shared", &format!("{}.ariaPressed === 'false'", found("share"))).await;
    ann.wait(PATIENCE, "only people", &format!("{TILES}.length === 2")).await;
    bob.press("share").await;
    ann.wait(PATIENCE, "his screen again", &playing(3)).await;
    remove(&service, &format!("participants/{}", person(&service, "Bob").await)).await;
    is(&bob, "before").await;
    says(&bob, "notice-text", "You were removed from the meeting.").await;
    ann.wait(PATIENCE, "Bob is gone with all he showed", &format!("{TILES}.length === 1")).await;
    assert_eq!(bob.value(OPEN).await, 0);
    bob.press("join").await;
    ann.wait(PATIENCE, "Bob is back, without his screen", &playing(2)).await;
    remove(&service, "").await;
    for page in [&ann, &bob] {
        is(page, "before").await;
        says(page, "notice-text", "The meeting was closed.").await;
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let tried = ann.value("sockets.length").await;
        assert_eq!((tried, bob.value("sockets.length").await), (1.into(), 2.into()), "nobody comes back by himself");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Whom the API knows by this name.
async fn person(service: &Service, name: &str) -> String {
    let path = service.at("/api/v1/rooms/hall/participants");
    let people: Value = reqwest::get(path).await.expect("an answer").json().await.expect("JSON");
    let found = people.as_array().expect("a list").iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {people:#}"))["id"].as_str().expect("an id").replace('/', "%2F")
}

/// By the API: something of the room, or the room.
async fn remove(service: &Service, what: &str) {
    let path = service.at(&format!("/api/v1/rooms/hall/{what}"));
    let answer = reqwest::Client::new().delete(path.trim_end_matches('/')).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_way_for_media_is_told_instead_of_flapping() {
    let service = start_server_with(|config| config.media.negotiation_limit = Duration::from_secs(3)).await;
    let ann = guest("Ann", &service, NO_WAY).await;
    is(&ann, "before").await;
    says(&ann, "notice-text", "Your network lets no picture or sound through").await;
    assert_eq!(ann.value("sockets.length").await, 2, "it was tried twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_is_told_and_healed_without_coming_in_anew() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let service = start_server_with(|config| config.media.port = port).await;
    let line = Line::start((Ipv4Addr::LOCALHOST, port).into()).await;
    let (ip, port) = (line.address.ip(), line.address.port());
    let over = format!(
        "const take = RTCPeerConnection.prototype.setRemoteDescription;
        RTCPeerConnection.prototype.setRemoteDescription = function ({{ type, sdp }}, ...rest) {{
            const udp = sdp.replace(/^a=candidate:\\S+ \\d+ tcp .*\\r?\\n/gm, '');
            const led = udp.replace(/^(a=candidate:\\S+ \\d+ udp \\d+) \\S+ \\d+/gm, '$1 {ip} {port}');
            return take.call(this, {{ type, sdp: led }}, ...rest);
        }};"
    );
    let (ann, bob) = tokio::join!(guest("Ann", &service, &over), guest("Bob", &service, ""));
    ann.wait(PATIENCE, "both pictures", &playing(2)).await;
    line.lose(1.0);
    is(&ann, "interrupted").await;
    says(&ann, "state", "Your connection is interrupted").await;
    line.lose(0.0);
    is(&ann, "joined").await;
    let before = ann.received().await.frames_decoded;
    ann.receives(PATIENCE, "Bob's picture goes on", |now| now.frames_decoded > before + 20).await;
    assert_eq!(ann.value("sockets.length").await, 1, "she never left");
    bob.wait(PATIENCE, "both pictures", &playing(2)).await;
}

/// A connection over which nothing goes any more while `swallowed`, and a page that looks after it more often.
const SWALLOWS: &str = r"
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) { if (!window.swallowed) send.call(this, text); };
    const [every, later] = [setInterval, setTimeout];
    window.setInterval = (task, ms, ...rest) => every(task, ms === 20_000 ? 500 : ms, ...rest);
    window.setTimeout = (task, ms, ...rest) => later(task, ms === 10_000 || ms === 15_000 ? 2000 : ms, ...rest);";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_over_which_nothing_goes_is_noticed_and_made_anew() {
    let service = start_server().await;
    let ann = guest("Ann", &service, &format!("{SWALLOWS}{PLAIN}")).await;
    ann.value("(window.swallowed = true)").await;
    is(&ann, "away").await;
    ann.value("(window.swallowed = false)").await;
    is(&ann, "joined").await;
    assert_eq!(ann.value(OPEN).await, 1);
    // Somebody else of her name comes in meanwhile.
    ann.value("(window.swallowed = true)").await;
    is(&ann, "away").await;
    let other = guest("Ann", &service, PLAIN).await;
    ann.value("(window.swallowed = false)").await;
    is(&ann, "before").await;
    says(&ann, "notice-text", "Somebody of this name is in the meeting already").await;
    assert_eq!((ann.value(OPEN).await, other.value(OPEN).await), (0.into(), 1.into()));
}

/// The visitor does not choose a screen.
const NO_SCREEN: &str =
    "navigator.mediaDevices.getDisplayMedia = async () => { throw new DOMException('no', 'NotAllowedError'); };";

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_all_can_be_seen_and_pressed() {
    let service = start_server().await;
    let ann = guest("Ann", &service, NO_SCREEN).await;
    assert_eq!(ann.value("document.activeElement.dataset.testid").await, "meeting");
    ann.press("share").await;
    says(&ann, "toasts", "The screen is not shared.").await;
    ann.look(390, 844, "light").await;
    ann.wait(PATIENCE, "colours settle", SETTLED).await;
    ann.value(&format!("{}.click()", "document.querySelector('[data-testid=devices] summary')")).await;
    ann.wait(PATIENCE, "figures", &format!("{}.children.length > 0", found("figures"))).await;
    ann.screenshot("meeting-390-devices").await;
    let inside = "[...document.querySelectorAll('[data-testid=devices] .panel, [data-testid=bar] button, [data-testid=bar] summary')]
        .map((one) => one.getBoundingClientRect()).filter(({ left, right, width, height }) =>
            left < 0 || right > innerWidth || width < 40 || height < 40).length";
    assert_eq!(ann.value(inside).await, 0, "cut off, or too small for a thumb");
    let escape = "document.querySelector('[data-testid=camera-now]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))";
    ann.value(escape).await;
    assert_eq!(ann.value(&format!("{}.open", found("devices"))).await, false);
    assert_eq!(ann.value("document.activeElement.tagName").await, "SUMMARY");
    ann.press("open-chat").await;
    assert_eq!(ann.value(&format!("{}.ariaExpanded", found("open-chat"))).await, "true");
}

/// A page on plain HTTP, where browsers give neither devices nor clipboard.
const PLAIN: &str = r"
    for (const what of ['mediaDevices', 'clipboard']) Object.defineProperty(Navigator.prototype, what, { get: () => undefined });";

#[tokio::test(flavor = "multi_thread")]
async fn on_plain_http_one_sees_and_hears_and_can_copy_the_link() {
    let service = start_server().await;
    let (ann, bob) = tokio::join!(guest("Ann", &service, PLAIN), guest("Bob", &service, ""));
    ann.wait(PATIENCE, "Bob's picture", &playing(1)).await;
    assert_eq!(ann.value(&format!("{}.hidden", found("share"))).await, true, "nothing to share with");
    ann.press("copy-link").await;
    says(&ann, "toasts", "The link is copied.").await;
    let selected = "(({ value, selectionStart, selectionEnd }) => value.slice(selectionStart, selectionEnd))";
    assert_eq!(ann.value(&format!("{selected}({})", found("link"))).await, service.at("/conference/hall"));
    ann.look(390, 844, "light").await;
    ann.screenshot("meeting-390-plain").await;
    ann.press("leave").await;
    ann.screenshot("meeting-390-lobby").await;
    let overflow = ann.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
    assert_eq!(overflow, 0, "wider than the screen");
    bob.wait(PATIENCE, "she is gone", &format!("{TILES}.length === 1")).await;
}
