//! WHIP and WHEP as a page of somebody else's uses them: `fetch` from another origin, a token, RTCPeerConnection.

use crate::browser::Browser;
use crate::page::serve;
use crate::service::{Service, start_server_with};
use crate::stage::{PATIENCE, plays_on};
use millrace::auth::{Auth, TokenRole};
use std::time::Duration;

const SECRET: &str = "a secret of at least sixteen bytes";
pub const PAGE: &str = include_str!("whip.html");

fn token(role: TokenRole) -> String {
    Auth::new(Some(SECRET)).issue(role, None, Duration::from_secs(600)).expect("a token")
}

/// Runs one of the page's functions and waits for what it gives.
pub async fn run(page: &Browser, name: &str, call: &str, expected: &str) {
    page.value(&format!("run('{name}', () => {call})")).await;
    page.wait(PATIENCE, &format!("{name} to end"), &format!("outcome['{name}'] !== 'pending'")).await;
    let outcome = page.value(&format!("String(outcome['{name}'])")).await;
    assert_eq!(outcome, expected, "{name}");
}

async fn opened(page: &Browser, function: &str, service: &Service, path: &str, role: TokenRole) {
    let call = format!("{function}('{}', '{}')", service.at(path), token(role));
    run(page, function, &call, "done").await;
    page.wait(PATIENCE, "the connection", "session.pc.connectionState === 'connected'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_nothing_but_fetch_publishes_and_watches() {
    let service = start_server_with(|config| config.auth.secret = Some(SECRET.into())).await;
    let url = serve(PAGE).await;
    let (publisher, viewer) = tokio::join!(Browser::start("publisher"), Browser::start("viewer"));
    publisher.open(&url).await;
    viewer.open(&url).await;
    opened(&publisher, "publish", &service, "/whip/hall?name=page", TokenRole::Device).await;
    run(&publisher, "trickle", "trickle()", "204").await;
    let live = "session.pc.getSenders()[1].transport.state === 'connected'";
    publisher.wait(PATIENCE, "its media to flow", live).await;
    opened_when_live(&viewer, &service).await;
    viewer.wait(PATIENCE, "a picture", "document.getElementById('video').videoWidth === 320").await;
    plays_on(&viewer, 30).await;
    viewer.press("sound").await;
    viewer.receives(PATIENCE, "sound with energy", |now| now.audio_energy > 0.0).await;

    run(&viewer, "trickle", "trickle()", "204").await;
    run(&viewer, "restart", "restart()", "true").await;
    viewer.wait(PATIENCE, "the new path", "moved()").await;
    plays_on(&viewer, 30).await;
    run(&publisher, "restart", "restart()", "true").await;
    publisher.wait(PATIENCE, "the new path", "moved()").await;
    plays_on(&viewer, 30).await;

    run(&publisher, "end", "end()", "200").await;
    let over = "outcome.over === 404 || (outcome.over !== 'pending' && run('over', trickle) && false)";
    viewer.wait(PATIENCE, "the end of its session", over).await;
}

/// The feed is live a moment after its publisher is connected.
async fn opened_when_live(viewer: &Browser, service: &Service) {
    let call = format!("watch('{}', '{}')", service.at("/whep/hall/page"), token(TokenRole::Web));
    let tried =
        format!("outcome.watch === 'done' || (outcome.watch !== 'pending' && run('watch', () => {call}) && false)");
    viewer.wait(PATIENCE, "the viewer's session", &tried).await;
    viewer.wait(PATIENCE, "the connection", "session.pc.connectionState === 'connected'").await;
}
