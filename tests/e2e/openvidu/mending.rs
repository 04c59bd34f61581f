//! What breaks and is mended: peer connections and sockets; and what is not.

use super::visitor::{NEW, OLD, calm, service, visitor};
use crate::browser::Browser;
use crate::service::Service;
use crate::stage::PATIENCE;
use std::time::Duration;

/// The time to come back, and what a busy machine needs.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Both publish and watch each other.
async fn pair(service: &Service) -> [(Browser, &'static str); 2] {
    let (ann, bob) = tokio::join!(visitor("ann", service, OLD), visitor("bob", service, NEW));
    let pages = [(ann, "ann"), (bob, "bob")];
    for (page, who) in &pages {
        page.value(&format!("await join('{who}', 'S')")).await;
        page.value(&format!("await publish('{who}')")).await;
    }
    for (page, _) in &pages {
        page.wait(PATIENCE, "the other's picture plays", "plays()").await;
    }
    pages
}

async fn plays_on(page: &Browser) {
    let before = page.received().await.frames_decoded;
    page.receives(PATIENCE, "it plays on", |now| now.frames_decoded > before + 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_gets_another_connection_while_its_viewer_keeps_its_own() {
    let service = service().await;
    let pages = pair(&service).await;
    for [(page, who), (other, viewer)] in [[&pages[0], &pages[1]], [&pages[1], &pages[0]]] {
        let name = page.value(&format!("all.{who}.publisher.stream.streamId")).await;
        let kept = other.value(&format!("carriers('{viewer}')")).await;
        page.value(&format!("await all.{who}.publisher.stream.reconnect()")).await;
        assert_eq!(page.value(&format!("all.{who}.publisher.stream.streamId")).await, name, "the same stream");
        plays_on(other).await;
        assert_eq!(other.value(&format!("carriers('{viewer}')")).await, kept, "it kept its connection");
        other.value(&format!("await all.{viewer}.watched[0].stream.reconnect()")).await;
        assert_ne!(other.value(&format!("carriers('{viewer}')")).await, kept, "now it has another");
        // Figures of the connection before are gone with it.
        other.receives(PATIENCE, "it plays by the new one", |now| now.frames_decoded > 20).await;
        assert_eq!(other.value(&format!("told('{viewer}', 'streamDestroyed').length")).await, 0);
    }
    for (page, who) in &pages {
        calm(page, who).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_sockets_come_back_and_with_them_the_media_where_it_is_asked_for() {
    let service = service().await;
    let pages = pair(&service).await;
    // The oldest makes its publisher's anew, the newest each.
    for ((page, who), fresh) in pages.iter().zip([1, 2]) {
        page.value(&format!(
            "all.{who}.OV.setAdvancedConfiguration({{ forceMediaReconnectionAfterNetworkDrop: true }})"
        ))
        .await;
        let before = page.value("window.__peers.length").await.as_u64().unwrap();
        page.value("window.__sockets.at(-1).close()").await;
        page.wait(PATIENCE, "it came back", &format!("told('{who}', 'reconnected').length > 0")).await;
        page.wait(PATIENCE, "its media too", &format!("window.__peers.length >= {} && plays()", before + fresh)).await;
    }
    for (page, _) in &pages {
        plays_on(page).await;
    }
    let (ann, bob) = (&pages[0].0, &pages[1].0);
    ann.value("await all.ann.session.signal({ type: 'chat', data: 'again' })").await;
    bob.wait(PATIENCE, "a signal", "told('bob', 'signal:chat').length > 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_away_for_ten_seconds_is_gone() {
    let service = service().await;
    let pages = pair(&service).await;
    let killed = visitor("killed", &service, NEW).await;
    let killed_id = killed.value("await join('killed', 'S', 'SUBSCRIBER')").await;
    let [(ann, _), (bob, _)] = pages;
    let bob_id = bob.value("all.bob.session.connection.connectionId").await;
    drop(killed);
    bob.value("window.__offline = true").await;
    bob.value("window.__sockets.at(-1).close()").await;
    for who in [&killed_id, &bob_id] {
        let lost = format!(
            "told('ann', 'connectionDestroyed').some((one) => one.who === {who} && one.reason === 'networkDisconnect')"
        );
        ann.wait(GIVEN_UP, "it is gone", &lost).await;
    }
    assert_eq!(ann.value("told('ann', 'streamDestroyed')[0].reason").await, "networkDisconnect");
    bob.value("window.__offline = false").await;
    bob.wait(GIVEN_UP, "it is told", "told('bob', 'sessionDisconnected')[0]?.reason === 'networkDisconnect'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_wants_our_offer_gets_one_and_mends_by_one() {
    let service = service().await;
    let pages = pair(&service).await;
    for (page, who) in &pages {
        // As if it had been told so when it joined.
        page.value(&format!("all.{who}.OV.mediaServer = 'mediasoup'")).await;
        let kept = page.value(&format!("carriers('{who}')")).await;
        page.value(&format!("await all.{who}.watched[0].stream.reconnect()")).await;
        assert_ne!(page.value(&format!("carriers('{who}')")).await, kept, "another connection");
        page.receives(PATIENCE, "it plays by our offer", |now| now.frames_decoded > 20).await;
    }
}
