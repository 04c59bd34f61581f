//! What a viewer asks for and is told of renditions, speakers and layers; with the fake engine.

use super::harness::Server;
use super::{FakeEngine, MediaEvent, MediaRequest, asked, console, limits, publishing};
use millrace::model::{Content, FeedId, PeerId, ViewLimits, Why};
use serde_json::json;

async fn watching() -> (Server, super::Client, super::Client, PeerId, FeedId) {
    let server = Server::with(FakeEngine::automatic(), limits(), None).await;
    let mut web = console(&server).await;
    let device = publishing(&server, "42").await;
    web.play(
        "← start_listening {feed: $feed, ..}
         → join_as_subscriber {room_id: $room, feed: $feed}
         ← offer_to_subscriber {type: offer, sdp: _, feed: $feed}",
    )
    .await;
    let subscribed = |r: &MediaRequest| match r {
        MediaRequest::Subscribe { peer, feed, .. } => Some((*peer, *feed)),
        _ => None,
    };
    let (peer, feed) = asked(&server, "Subscribe", subscribed).await;
    (server, web, device, peer, feed)
}

#[tokio::test]
async fn limits_reach_the_engine_and_hold_for_the_next_offer() {
    let (server, mut web, _device, peer, _) = watching().await;
    web.play("→ limit {feed: $feed, max_width: 640, audio_only: true}\n→ limit {feed: $feed, max_width: null}").await;
    let audio_only = ViewLimits { audio_only: true, ..ViewLimits::default() };
    let of = |wanted: PeerId| {
        move |r: &MediaRequest| match r {
            MediaRequest::Limit { peer, limits } if *peer == wanted && *limits == audio_only => Some(()),
            _ => None,
        }
    };
    asked(&server, "Limit", of(peer)).await;
    web.play(
        "→ join_as_subscriber {room_id: $room, feed: $feed}\n← offer_to_subscriber {type: offer, sdp: _, feed: $feed}",
    )
    .await;
    let newer = |r: &MediaRequest| match r {
        MediaRequest::Subscribe { peer: new, .. } if *new != peer => Some(*new),
        _ => None,
    };
    let new = asked(&server, "another Subscribe", newer).await;
    asked(&server, "Limit of the new one", of(new)).await;
}

#[tokio::test]
async fn a_limit_that_cannot_be_is_refused_with_its_field() {
    let (_server, mut web, _device, ..) = watching().await;
    for wrong in [json!({ "max_kbps": 1 }), json!({ "max_width": "wide" }), json!({ "sound_only": true })] {
        let mut data = wrong;
        data["feed"] = json!(1);
        web.send(json!({ "event": "limit", "data": data }).to_string()).await;
        web.play("← error {code: _, message: _}").await;
    }
    web.play("→ limit {feed: 999999, paused: true}\n← error {code: subscription_not_found, message: _}").await;
    web.play("→ limit {paused: true}\n← error {code: bad_request, message: _}").await;
}

#[tokio::test]
async fn renditions_speakers_and_layers_are_told_to_who_asked() {
    let (server, mut web, mut device, peer, feed) = watching().await;
    let rendition = || MediaEvent::Showing {
        peer,
        rendition: "360p".into(),
        why: Why::Line,
        words: "The line carries 500 kbit/s.".into(),
    };
    let publisher = asked(&server, "Publish", |r| match r {
        MediaRequest::Publish { peer, .. } => Some(*peer),
        _ => None,
    });
    let layers = MediaEvent::LayersWanted { peer: publisher.await, rids: vec!["h".into()] };
    assert!(server.engine.emit(rendition()) && server.engine.emit(layers.clone()));
    assert!(server.engine.emit(MediaEvent::Voice { feed, speaking: true }));
    web.quiet().await;
    device.quiet().await;
    web.play("→ notify_me {events: [rendition, active_speaker]}").await;
    device.play("→ notify_me {events: [layers]}").await;
    web.quiet().await;
    device.quiet().await;
    assert!(server.engine.emit(rendition()) && server.engine.emit(layers));
    web.play(r#"← rendition {feed: $feed, rendition: "360p", why: line, message: "The line carries 500 kbit/s."}"#)
        .await;
    device.play("← layers {feed: $feed, rids: [h]}").await;
    assert!(server.engine.emit(MediaEvent::Voice { feed, speaking: false }));
    web.quiet().await;
    let mut other = server.web("9").await;
    other
        .play(
            r#"→ notify_me {events: [active_speaker]}
               → join_as_publisher {room_id: $room, inviter: 9}
               ← joined_as_publisher {room_id: $room}
               ← start_listening {feed: $feed, ..}
               ← active_speaker {feed: $feed, publisher: "42"}"#,
        )
        .await;
}

#[tokio::test]
async fn the_rooms_mix_is_watched_by_its_name() {
    let (server, mut web, ..) = watching().await;
    web.play("→ join_as_subscriber {room_id: $room, feed: mix}\n← offer_to_subscriber {type: offer, sdp: _, feed: _}")
        .await;
    asked(&server, "LiveMix", |r| matches!(r, MediaRequest::LiveMix { .. }).then_some(())).await;
    web.play("→ join_as_subscriber {room_id: $room, feed: mix, own: $feed}\n← offer_to_subscriber {type: offer, sdp: _, feed: _}").await;
    let without = |r: &MediaRequest| match r {
        MediaRequest::Subscribe { viewer, .. } => viewer.own,
        _ => None,
    };
    assert_eq!(json!(asked(&server, "Subscribe without the own voice", without).await), server.word("feed"));
}

#[tokio::test]
async fn a_shared_screen_is_one_for_the_engine() {
    let server = Server::with(FakeEngine::automatic(), limits(), None).await;
    let _web = console(&server).await;
    let mut device = server.device("42").await;
    device.play("→ join_as_publisher {room_id: $room}\n← joined_as_publisher {room_id: $room}").await;
    let offer = json!({ "sdp": super::offer_text("pub"), "content": "screen" });
    device.send(json!({ "event": "offer_from_device", "data": offer }).to_string()).await;
    let screen = |r: &MediaRequest| matches!(r, MediaRequest::Publish { content: Content::Screen, .. }).then_some(());
    asked(&server, "Publish of a screen", screen).await;
}
