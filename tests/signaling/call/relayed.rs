//! Calls through the server: what the engine is asked for, what pages are told, and the recording.

use super::*;
use millrace::media::fake::sdp;
use millrace::media::{MediaEvent, MediaRequest};
use millrace::model::{EndReason, FeedId, PeerId, RecordingKind};

pub fn offer() -> String {
    sdp(PeerId(1), "sendrecv", "actpass").as_str().to_owned()
}

async fn asked<T>(server: &Server, what: &str, fits: impl FnMut(&MediaRequest) -> Option<T>) -> T {
    let found = tokio::time::timeout(DEADLINE, server.engine.wait_for(fits)).await;
    found.unwrap_or_else(|_| panic!("the engine was not asked: {what}"))
}

/// Peers and feeds of the initiator and of the subscriber.
async fn conversations(server: &Server) -> [(PeerId, FeedId); 2] {
    let of = async |offers: bool| {
        asked(server, "to converse", |request| match request {
            MediaRequest::Converse { peer, feed, offer, .. } if offer.is_some() == offers => Some((*peer, *feed)),
            _ => None,
        })
        .await
    };
    [of(true).await, of(false).await]
}

async fn dial_with(server: &Server, wish: &str) -> String {
    dialled(told(server, json!({ "code": "dial", "call_code": "7", wish: true })).await)
}

/// Polls until there is something to do.
async fn next(server: &Server, user: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let status = status(server, user).await;
        if status != json!({}) {
            return status;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing to do for {user}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Both have exchanged descriptions with the server.
async fn put_through(server: &Server, wish: &str) -> [String; 2] {
    let ann = dial_with(server, wish).await;
    let bob = dial(server, "7").await;
    let recorded = wish == "record";
    assert_eq!(next(server, &ann).await, json!({ "code": "need_init", "relayed": true, "recorded": recorded }));
    let ice = json!({ "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0 });
    taken(server, json!({ "code": "ice", "user_id": ann, "ice": ice })).await;
    taken(server, json!({ "code": "offer", "user_id": ann, "offer": { "type": "offer", "sdp": offer() } })).await;
    let offered = next(server, &bob).await;
    assert_eq!((&offered["code"], &offered["recorded"]), (&json!("offered"), &json!(recorded)));
    assert_eq!(offered["offer"]["type"], "offer");
    assert!(offered["offer"]["sdp"].as_str().unwrap().contains("a=setup:actpass"), "the server's own");
    let answer = json!({ "type": "answer", "sdp": sdp(PeerId(2), "sendrecv", "active").as_str() });
    taken(server, json!({ "code": "answer", "user_id": bob, "answer": answer })).await;
    taken(server, json!({ "code": "ice", "user_id": bob, "ice": null })).await;
    let answered = next(server, &ann).await;
    assert_eq!((&answered["code"], &answered["answer"]["type"]), (&json!("answered"), &json!("answer")));
    [ann, bob]
}

#[tokio::test]
async fn each_converses_with_the_server_and_is_shown_the_other() {
    let server = Server::start().await;
    let [ann, bob] = put_through(&server, "relay").await;
    let [(first, theirs), (second, others)] = conversations(&server).await;
    for (of, shown) in [(first, others), (second, theirs)] {
        asked(&server, "to show the other", |request| {
            (*request == MediaRequest::Face { peer: of, feed: Some(shown) }).then_some(())
        })
        .await;
    }
    asked(&server, "to take the answer", |r| matches!(r, MediaRequest::Answer { .. }).then_some(())).await;
    let mut candidates = server.engine.requests();
    candidates.retain(|request| matches!(request, MediaRequest::Candidate { .. }));
    assert!(
        matches!(&candidates[..], [
        MediaRequest::Candidate { peer: a, candidate: Some(one) },
        MediaRequest::Candidate { peer: b, candidate: None },
    ] if *a == first && *b == second && one.mid.as_deref() == Some("0")),
        "{candidates:?}"
    );
    let muted = json!({ "code": "mute_audio", "value": true });
    taken(&server, json!({ "code": "say", "user_id": ann, "message": muted })).await;
    let connected =
        json!({ "code": "connected", "new_ice_routes": [], "relayed": true, "recorded": false, "said": [muted] });
    assert_eq!(status(&server, &bob).await, connected, "the server's candidates are in its descriptions");
    assert_eq!(status(&server, &bob).await["said"], json!([]), "once");
    taken(&server, json!({ "code": "disconnect", "user_id": ann })).await;
    for peer in [first, second] {
        let closed = MediaRequest::Close { peer, reason: EndReason::Left };
        asked(&server, "to end both", |request| (*request == closed).then_some(())).await;
    }
    eventually("the room is gone", || async { calls(&server).await.is_empty() }).await;
}

#[tokio::test]
async fn a_recorded_call_is_one_mix_that_ends_with_it() {
    let server = Server::start().await;
    let [ann, _bob] = put_through(&server, "record").await;
    asked(&server, "to mix", |r| matches!(r, MediaRequest::Mix { .. }).then_some(())).await;
    eventually("it is listed", || async {
        let rooms = server.rooms.list().await;
        rooms[0].recordings.iter().any(|one| one.wish.kind == RecordingKind::Composed)
    })
    .await;
    taken(&server, json!({ "code": "disconnect", "user_id": ann })).await;
    let stopped = |request: &MediaRequest| matches!(request, MediaRequest::StopRecording { .. }).then_some(());
    asked(&server, "to finish the recording", stopped).await;
    eventually("the room is gone", || async { calls(&server).await.is_empty() }).await;
}

#[tokio::test]
async fn where_no_mix_is_possible_each_has_a_file() {
    let server = Server::start().await;
    let [ann, _bob] = put_through(&server, "record").await;
    let recording = asked(&server, "to mix", |request| match request {
        MediaRequest::Mix { recording, .. } => Some(recording.clone()),
        _ => None,
    })
    .await;
    let report = millrace::media::BranchReport::nothing("no CPU is left for a mix".into());
    let ended = MediaEvent::RecordingEnded { recording, feed: None, reason: EndReason::EngineError, report };
    assert!(server.engine.emit(ended));
    for feed in conversations(&server).await.map(|(_, feed)| feed) {
        asked(&server, "to record each", |request| match request {
            MediaRequest::Record { feed: of, .. } if *of == feed => Some(()),
            _ => None,
        })
        .await;
    }
    assert_eq!(status(&server, &ann).await["recorded"], true);
}

#[tokio::test]
async fn a_subscribers_wish_counts_too() {
    let server = Server::start().await;
    let ann = dial(&server, "7").await;
    assert_eq!(status(&server, &ann).await, json!({}));
    dial_with(&server, "record").await;
    assert_eq!(status(&server, &ann).await, json!({ "code": "need_init", "relayed": true, "recorded": true }));
}

#[tokio::test]
async fn what_the_server_cannot_use_ends_the_call() {
    let server = Server::start().await;
    let ann = dial_with(&server, "relay").await;
    dial(&server, "7").await;
    let odd = json!({ "candidate": "c", "sdpMLineIndex": "first" });
    refused(&server, 400, json!({ "code": "ice", "user_id": ann, "ice": odd }), "browser").await;
    taken(&server, json!({ "code": "offer", "user_id": ann, "offer": { "sdp": "hello" } })).await;
    eventually("the call is over", || async { calls(&server).await.is_empty() }).await;
    refused(&server, 400, json!({ "code": "get_status", "user_id": ann }), "dial again").await;
    let ann = dial_with(&server, "relay").await;
    dial(&server, "7").await;
    for _ in 0..200 {
        taken(&server, json!({ "code": "ice", "user_id": ann, "ice": null })).await;
    }
    refused(&server, 429, json!({ "code": "ice", "user_id": ann, "ice": null }), "too much").await;
}
