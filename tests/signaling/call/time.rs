//! What ten seconds of silence do: the same routes without sockets, so that the clock can be paused.

use super::*;
use axum::body::Body;
use axum::http::Request;
use millrace::media::MediaRequest;
use millrace::recordings::Recordings;
use millrace::room::{Lobby, Rooms};
use millrace::signaling::quota::{Kind, Quotas};
use millrace::signaling::{Shared, client::ClientAddress, router};
use millrace::turn::{Credentials, Handout};
use std::sync::Arc;
use tower::ServiceExt;

struct World {
    shared: Shared,
    app: axum::Router,
    engine: Arc<FakeEngine>,
    _store: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let (engine, store) = (FakeEngine::automatic(), tempfile::tempdir().unwrap());
        let recordings = Recordings::open(store.path().join("recordings"), 0).unwrap();
        let limits = limits();
        let ports = crate::harness::STUN;
        let shared = Shared {
            rooms: Rooms::new(limits.clone(), engine.clone(), recordings.clone()),
            recordings,
            lobby: Lobby::new(limits.invitation_limit),
            auth: Auth::new(None),
            limits,
            handout: Handout::new(&millrace::config::Turn::default(), ports, Credentials::new(b"north"), None),
            quotas: Quotas::new(&Guests { max_rooms: 1, ..Guests::default() }),
            guests: Arc::default(),
            openvidu: Arc::default(),
            server: Arc::default(),
            closing: tokio_util::sync::CancellationToken::new(),
            last: Default::default(),
        };
        Self { app: router(shared.clone()), shared, engine, _store: store }
    }

    async fn say(&self, body: Value) -> (u16, Value) {
        let request = Request::post(PAGE).body(Body::from(body.to_string())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
    async fn dial(&self, more: Value) -> String {
        let mut body = json!({ "code": "dial", "call_code": "7" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        dialled(self.say(body).await.1)
    }
    async fn status(&self, user: &str) -> (u16, Value) {
        self.say(json!({ "code": "get_status", "user_id": user })).await
    }
    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    async fn rooms(&self) -> usize {
        self.shared.rooms.list().await.len()
    }
    /// Whether the address may open another line: the last one's place is free again.
    fn place_is_free(&self) -> bool {
        self.shared.quotas.hold(ClientAddress(std::net::Ipv4Addr::LOCALHOST.into()), Kind::Room).is_ok()
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_nobody_asks_after_is_dropped_with_all_it_had() {
    let world = World::new();
    let ann = world.dial(json!({})).await;
    let bob = world.dial(json!({})).await;
    for _ in 0..10 {
        world.pass(3).await;
        assert_eq!((world.status(&ann).await.0, world.status(&bob).await.0), (200, 200));
    }
    assert!(!world.place_is_free());
    world.pass(9).await;
    assert_eq!(world.status(&ann).await.0, 200);
    assert_eq!(world.rooms().await, 1);
    world.pass(2).await;
    assert_eq!(world.rooms().await, 0, "the room is closed without being asked for");
    assert_eq!((world.status(&ann).await.0, world.status(&bob).await.0), (400, 400));
    assert!(world.place_is_free());
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_alone_is_dropped_too_and_not_put_through() {
    let world = World::new();
    let ann = world.dial(json!({})).await;
    world.pass(8).await;
    assert_eq!(world.status(&ann).await, (200, json!({})));
    world.pass(11).await;
    assert_eq!(world.rooms().await, 0);
    let cid = world.dial(json!({})).await;
    assert_eq!(world.status(&cid).await, (200, json!({})), "it waits: nobody else is there");
    assert_eq!(world.status(&ann).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_relayed_call_outlives_its_line_and_ends_with_its_media() {
    let world = World::new();
    let ann = world.dial(json!({ "relay": true })).await;
    let bob = world.dial(json!({})).await;
    let sdp = relayed::offer();
    world.say(json!({ "code": "offer", "user_id": ann, "offer": { "type": "offer", "sdp": sdp } })).await;
    while world.status(&bob).await.1 == json!({}) {
        tokio::task::yield_now().await;
    }
    let answered = world.say(json!({ "code": "answer", "user_id": bob, "answer": { "type": "answer", "sdp": sdp } }));
    assert_eq!(answered.await.0, 200);
    world.pass(600).await;
    assert_eq!(world.status(&ann).await.0, 400, "the line is over");
    assert_eq!(world.rooms().await, 1, "the call is not");
    assert!(!world.place_is_free(), "and counts");
    let peer = world.engine.requests().into_iter().find_map(|request| match request {
        MediaRequest::Converse { peer, .. } => Some(peer),
        _ => None,
    });
    let (reason, detail) = (millrace::model::EndReason::MediaTimeout, String::new());
    world.engine.emit(millrace::media::MediaEvent::PeerEnded { peer: peer.unwrap(), reason, detail });
    world.pass(1).await;
    assert_eq!(world.rooms().await, 0, "one has gone: the call is over for the other");
    assert!(world.place_is_free());
}

#[tokio::test(start_paused = true)]
async fn a_relayed_call_that_nobody_answers_is_dropped_with_its_line() {
    let world = World::new();
    let ann = world.dial(json!({ "record": true })).await;
    world.dial(json!({})).await;
    let sdp = relayed::offer();
    world.say(json!({ "code": "offer", "user_id": ann, "offer": { "type": "offer", "sdp": sdp } })).await;
    world.pass(11).await;
    assert_eq!(world.rooms().await, 0);
}
