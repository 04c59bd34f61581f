//! The meeting page when things go otherwise: a server that is away, devices that open late, people who are put out.

use crate::browser::{Browser, found};
use crate::conference::{SCREEN, TILES, come_in, playing};
use crate::line::Line;
use crate::looks::SETTLED;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::PATIENCE;
use millrace::auth::{Auth, TokenRole};
use millrace::model::RoomId;
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

async fn says(page: &Browser, part: &str, words: &str) {
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

/// A transport that fails at first and then takes its time, as `Sending` sees it.
const SENDING: &str = r"
    import('/web/conference/sending.js').then(({ Sending }) => {
        const asked = [], made = [];
        let opened = 0, finish = () => {};
        const produced = new Promise((done) => { finish = done; });
        const transport = { produce: async ({ track }) => {
            await produced;
            const producer = { id: `p${made.length}`, track, on() {}, close() { this.closed = true; },
                replaceTrack: async ({ track: other }) => { producer.track = other; } };
            made.push(producer);
            return producer;
        } };
        const way = { open: async () => { if (opened++ === 0) throw new Error('no transport'); return transport; } };
        const socket = { request: async (type, data) => { asked.push([type, data.producerId]); return {}; } };
        const sending = new Sending(way, socket);
        const track = (enabled = true) => ({ enabled, readyState: 'live' });
        return { sending, asked, made, finish, track };
    })";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_wish_is_sent_and_each_once() {
    let (service, page) = (start_server().await, Browser::start("sending").await);
    page.open(&service.at("/conference/hall")).await;
    let run =
        |body: &str| format!("await {SENDING}.then(async ({{ sending, asked, made, finish, track }}) => {{ {body} }})");
    let told = page
        .value(&run(r"
            const failed = await sending.set('video', track()).then(() => null, (error) => error.message);
            const [first, muted] = [track(), track(false)];
            const all = [sending.set('video', first), sending.set('video', muted), sending.set('screen', track()), sending.set('screen', null)];
            finish();
            await Promise.all(all);
            return { failed, count: made.length, muted: made[0].track === muted, screen: sending.producers.has('screen'), asked };"))
        .await;
    assert_eq!(told["failed"], "no transport");
    assert_eq!((&told["muted"], &told["screen"]), (&true.into(), &false.into()), "{told:#}");
    assert_eq!(told["asked"][0], serde_json::json!(["pause-producer", "p0"]), "{told:#}");
    let ended = page
        .value(&run(r"
            finish();
            await sending.set('screen', track()).catch(() => {});
            const pending = sending.set('screen', track());
            const stopped = sending.set('screen', null);
            await Promise.all([pending, stopped]);
            await sending.set('audio', track(false));
            await sending.set('audio', track(false));
            const own = sending.ended(sending.producers.get('audio').id);
            await sending.set('audio', track(false));
            const again = sending.ended(sending.producers.get('audio').id);
            return { own, again, asked, open: made.filter((one) => !one.closed).length, other: sending.ended('nobody') };"))
        .await;
    assert_eq!(ended["own"], serde_json::json!({ "name": "audio", "again": true }), "{ended:#}");
    assert_eq!(ended["again"]["again"], false, "only once");
    assert_eq!((&ended["open"], &ended["other"]), (&0.into(), &Value::Null), "{ended:#}");
    let pauses = ended["asked"].as_array().expect("a list").iter().filter(|one| one[0] == "pause-producer").count();
    assert_eq!(pauses, 2, "a mute is told once for each producer: {ended:#}");
}

/// A consumer that the server ends, and one that it never gives.
const TAKING: &str = r"
    import('/web/conference/taking.js').then(async ({ Taking }) => {
        const told = [];
        let asked = 0;
        const on = { track: ({ producerId }) => told.push(`track ${producerId}`), gone: (id) => told.push(`gone ${id}`),
            missing: ({ producerId }, { message }) => told.push(`missing ${producerId}: ${message}`) };
        const transport = { consume: async () => ({ close() {} }) };
        const refuse = (code) => { throw Object.assign(new Error(code), { code }); };
        const socket = { request: async (type, { producerId }) => {
            if (type === 'consume' && producerId === 'odd') refuse('cannot_consume');
            if (type === 'consume' && producerId === 'bad') asked++, refuse('internal');
            return { producerId };
        } };
        const taking = new Taking({ open: async () => transport }, { device: {}, socket, on });
        const until = async (words) => { while (!told.some((one) => one.startsWith(words))) await new Promise((done) => setTimeout(done, 20)); };
        await taking.take({ producerId: 'odd' });
        await taking.take({ producerId: 'bad' });
        await taking.take({ producerId: 'good' });
        taking.ended('good', new Error('engine_error'));
        told.push('ended');
        await until('missing bad');
        while (told.filter((one) => one === 'track good').length < 2) await new Promise((done) => setTimeout(done, 20));
        taking.ended('good', new Error('engine_error'));
        taking.drop('good');
        taking.ended('good', new Error('engine_error'));
        return { told, asked };
    })";

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_is_asked_for_once_more_and_then_told() {
    let (service, page) = (start_server().await, Browser::start("taking").await);
    page.open(&service.at("/conference/hall")).await;
    let all = page.value(&format!("await {TAKING}")).await;
    let told: Vec<_> = all["told"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(all["asked"], 2, "{told:#?}");
    assert_eq!(told[..4], ["missing odd: cannot_consume", "track good", "gone good", "ended"]);
    assert_eq!(told[told.len() - 4..], ["gone good", "missing good: engine_error", "gone good", "gone good"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_words_and_some_are_final() {
    const SECRET: &str = "a secret of at least sixteen bytes";
    let service = start_server_with(|config| config.auth.secret = Some(SECRET.into())).await;
    let page = Browser::start("refused").await;
    page.open(&service.at("/conference/hall")).await;
    let judged = |error: &str| {
        format!(
            "await import('/web/conference/words.js').then((words) => [words.finalRefusal({error}, 'old')?.askToken ?? null, words.awayWords({error})])"
        )
    };
    let cases = [
        ("{ status: 401, message: '' }", Some(true), "Connection lost"),
        ("{ code: 'bad_request', message: 'the token is for another room' }", Some(true), "Connection lost"),
        ("{ code: 'name_taken', message: 'taken' }", Some(false), "Connection lost"),
        ("{ code: 'room_full', message: 'full' }", None, "The meeting is full: trying again"),
        (
            "{ status: 429, message: 'Too many connections come from your address: close' }",
            None,
            "Too many connections",
        ),
        ("{ message: 'The server cannot be reached: check' }", None, "Connection lost: trying again"),
    ];
    for (error, asks, words) in cases {
        let told = page.value(&judged(error)).await;
        assert_eq!(told[0].as_bool(), asks, "{error}");
        assert!(told[1].as_str().is_some_and(|text| text.starts_with(words)), "{error}: {told}");
    }
    let elsewhere = Auth::new(Some(SECRET)).issue(TokenRole::Device, Some(RoomId::new("garden")), PATIENCE * 30);
    page.open(&service.at(&format!("/conference/hall?token={}", elsewhere.expect("a token")))).await;
    page.type_into("name", "Ann").await;
    page.press("join").await;
    says(&page, "notice-text", "is for another room").await;
    assert_eq!(page.value("document.activeElement.dataset.testid").await, "token", "another one can be entered");
}
