//! The page `/ring`, with the unmodified client of Socket.IO, and a deployed page from another origin.

use crate::browser::{Browser, found};
use crate::page::serve;
use crate::service::{Service, start_server, start_server_with};
use crate::stage::{PATIENCE, plays_on};
use millrace::auth::{Auth, TokenRole};
use serde_json::json;
use std::time::Duration;

const OTHERS_PAGE: &str = include_str!("ring.html");

/// The page of somebody, online.
async fn online(service: &Service, name: &str) -> Browser {
    let page = Browser::start(name).await;
    page.open(&service.at("/ring")).await;
    page.type_into("name", name).await;
    page.press("go-online").await;
    page.wait(PATIENCE, "it is online", "document.querySelector('[data-testid=connection][data-state=online]')").await;
    page
}

fn row(login: &str) -> String {
    format!("document.querySelector('[data-testid=row][data-login={login}]')")
}

async fn sees(page: &Browser, login: &str, status: &str) {
    let what = format!("{login} to be {status}");
    page.wait(PATIENCE, &what, &format!("{}.dataset.status === '{status}'", row(login))).await;
}

/// Presses the one button of their row.
async fn rings(page: &Browser, login: &str) {
    sees(page, login, "free").await;
    let button = format!("{}.querySelector('button')", row(login));
    page.wait(PATIENCE, "the button", &format!("!{button}.disabled")).await;
    page.value(&format!("{button}.click()")).await;
}

async fn is_called_by(page: &Browser, login: &str) {
    let heard = format!("{}.open && {}.textContent === '{login} is calling you'", found("incoming"), found("caller"));
    page.wait(PATIENCE, "the call", &heard).await;
    assert_eq!(
        page.value("document.activeElement.dataset.testid").await,
        json!("accept"),
        "the focus is on the answer"
    );
    let rings = "import('/web/ring/bell.js').then((bell) => { window.rings = bell.isRinging(); }) && true";
    page.value(rings).await;
    page.wait(PATIENCE, "it rings", "window.rings").await;
}

async fn is_told(page: &Browser, words: &str) {
    let told = format!("{}.textContent.includes('{words}')", found("toasts"));
    page.wait(PATIENCE, words, &told).await;
}

async fn state(page: &Browser, state: &str) {
    page.wait(PATIENCE, state, &format!("{}.dataset.state === '{state}'", found("talk"))).await;
}

/// Two pictures and sound: the fake camera's picture moves and its microphone beeps.
async fn sees_and_hears(page: &Browser) {
    let picture = format!("{}.videoWidth > 0 && !{0}.paused", found("theirs"));
    page.wait(PATIENCE, "a picture", &picture).await;
    plays_on(page, 30).await;
    page.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;
}

async fn looks(page: &Browser, file: &str) {
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        page.look(width, 844, scheme).await;
        page.screenshot(&format!("{file}-{width}-{scheme}")).await;
        let overflow = page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(overflow, 0, "{file}: at {width} px the page is wider than the screen");
    }
}

/// No errors but refusals that belong to it: a feed that is not there yet, a session that its feed has ended, and the
/// icon that the other origin does not have.
async fn quiet(pages: &[&Browser]) {
    for page in pages {
        let expected =
            |line: &String| line.contains("404") && (line.contains("/whep/") || line.contains("/favicon.ico"));
        let severe: Vec<String> = page.severe().await.into_iter().filter(|line| !expected(line)).collect();
        assert!(severe.is_empty(), "the browser's console holds errors: {severe:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_ring_decline_accept_talk_and_hang_up() {
    let service = start_server().await;
    let (anna, boris) = tokio::join!(online(&service, "anna"), online(&service, "boris"));
    rings(&anna, "boris").await;
    is_called_by(&boris, "anna").await;
    looks(&boris, "ring-incoming").await;
    boris.press("decline").await;
    is_told(&anna, "boris declined.").await;

    rings(&anna, "boris").await;
    is_called_by(&boris, "anna").await;
    anna.press("hang-up").await;
    is_told(&boris, "anna called and gave up.").await;
    assert_eq!(boris.value(&format!("{}.open", found("incoming"))).await, false);

    rings(&anna, "boris").await;
    is_called_by(&boris, "anna").await;
    boris.press("accept").await;
    state(&anna, "talking").await;
    sees_and_hears(&boris).await;
    sees_and_hears(&anna).await;
    looks(&anna, "ring-talking").await;

    let clara = online(&service, "clara").await;
    for busy in ["anna", "boris"] {
        sees(&clara, busy, "busy").await;
    }
    let pressed = clara.value(&format!("{}.querySelector('button').disabled", row("boris"))).await;
    assert_eq!(pressed, true, "who is in a call cannot be called");
    let call = "fetch('/call', { method: 'POST', body: JSON.stringify({ login: 'boris', sid: 'AAAAAAAAAAAAAAAA' }) })";
    clara.value(&format!("{call}.then((got) => got.json()).then((got) => {{ window.got = got; }}) && true")).await;
    clara.wait(PATIENCE, "a refusal", "window.got?.status === 1").await;

    boris.press("hang-up").await;
    is_told(&anna, "boris hung up.").await;
    for (page, other) in [(&anna, "boris"), (&boris, "anna"), (&clara, "anna")] {
        state(page, "idle").await;
        sees(page, other, "free").await;
    }
    looks(&clara, "ring-people").await;
    quiet(&[&anna, &boris, &clara]).await;
    drop(boris);
    anna.wait(PATIENCE, "boris to be offline", &format!("!{}", row("boris"))).await;
    // The same two roles once more, the other way round.
    rings(&clara, "anna").await;
    is_called_by(&anna, "clara").await;
    anna.press("accept").await;
    sees_and_hears(&clara).await;
    drop(anna);
    is_told(&clara, "anna hung up.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_page_from_another_origin_rings() {
    let service = start_server().await;
    let url = serve(OTHERS_PAGE).await;
    let (man, woman) = tokio::join!(Browser::start("man"), Browser::start("woman"));
    for (page, login) in [(&woman, "woman"), (&man, "man")] {
        page.open(&url).await;
        page.value(&format!("ovapp.start('{}', '{login}') && true", service.at(""))).await;
        page.wait(PATIENCE, "its id", "outcome.sid").await;
    }
    woman.wait(PATIENCE, "the man", "outcome.online.includes('man free')").await;
    man.value("ovapp.online().then((all) => { outcome.all = all; }) && true").await;
    man.wait(PATIENCE, "both", "outcome.all?.join() === 'man,woman'").await;
    man.value("document.getElementById('VideoCall').click()").await;
    man.wait(PATIENCE, "its answer", "document.getElementById('VideoCall').innerHTML === 'Calling…'").await;
    woman.wait(PATIENCE, "the call", "outcome.calling.join() === 'man'").await;
    woman.value("document.getElementById('declineOffer').click()").await;
    man.wait(PATIENCE, "the refusal", "outcome.declined.join() === 'woman'").await;
    man.value("document.getElementById('VideoCall').click()").await;
    woman.wait(PATIENCE, "the second call", "outcome.calling.length === 2").await;
    woman.value("document.getElementById('acceptOffer').click()").await;
    man.wait(PATIENCE, "that she is busy", "outcome.online.includes('woman busy')").await;
    man.value("document.getElementById('VideoCall').click()").await;
    man.wait(PATIENCE, "the reason", "outcome.alerts.join() === 'this user is busy'").await;
    woman.value("socket.disconnect() && true").await;
    man.wait(PATIENCE, "that she is offline", "outcome.online.includes('woman offline')").await;
    quiet(&[&man, &woman]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_token_is_needed_the_page_says_so_and_takes_it() {
    const SECRET: &str = "a secret of at least sixteen bytes";
    let service = start_server_with(|config| config.auth.secret = Some(SECRET.into())).await;
    let page = Browser::start("anna").await;
    page.open(&service.at("/ring?name=anna")).await;
    page.press("go-online").await;
    is_told(&page, "this needs a token").await;
    assert_eq!(page.value(&format!("{}.hidden", found("login-form"))).await, false, "one can try again");
    let token = Auth::new(Some(SECRET)).issue(TokenRole::Web, None, Duration::from_secs(60)).expect("a token");
    page.open(&service.at(&format!("/ring?name=anna&token={token}"))).await;
    page.press("go-online").await;
    page.wait(PATIENCE, "it is online", "document.querySelector('[data-testid=connection][data-state=online]')").await;
}
