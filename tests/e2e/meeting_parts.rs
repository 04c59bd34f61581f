//! Parts of the meeting page by themselves, imported in Chromium: what is sent, what is taken, what a refusal means.

use crate::browser::Browser;
use crate::meeting_page::says;
use crate::service::{start_server, start_server_with};
use crate::stage::PATIENCE;
use millrace::auth::{Auth, TokenRole};
use millrace::model::RoomId;
use serde_json::Value;

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
