//! A session's task with a clock of the test's own: sockets that are lost, that come back, and that come too late.

use super::super::actor::{Actor, Bound, Handle, Out, now};
use super::*;
use crate::config;
use crate::media::fake::FakeEngine;
use crate::model::RoomId;
use crate::recordings::Recordings;
use crate::room::Rooms;
use crate::signaling::openvidu::events::Events;
use crate::signaling::openvidu::recording::Recorder;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const UNUSED: Duration = Duration::from_secs(3600);

/// A session's task; the folder is its recordings'.
fn session() -> (Handle, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let recordings = Recordings::open(folder.path().join("recordings"), 0).unwrap();
    let rooms = Rooms::new(config::Rooms::default(), FakeEngine::automatic(), recordings.clone());
    let events = Events::start(&config::OpenVidu::default(), CancellationToken::new());
    let recorder = Recorder::new(rooms.clone(), recordings, Default::default());
    let defaults = Defaults { forced_codec: "MEDIA_SERVER_PREFERRED", allow_transcoding: false };
    let state = State::new("S".into(), NewSession::read(&json!({}), defaults).unwrap(), now());
    let (actor, handle) = Actor::new(state, (rooms, RoomId::of_name("S")), (events, recorder), Some(UNUSED));
    tokio::spawn(actor.run());
    (handle, folder)
}

/// Joins; the secret that resumes it is `rpc_NAME`.
async fn join(session: &Handle, name: &str) -> Bound {
    let data = json!({ "openviduCustomConnectionId": name }).to_string();
    let token = session.with(move |state| {
        let id = state.create(NewConnection::read(&json!({ "data": data }), 0).unwrap());
        let view = state.connection_view(&id, "").unwrap();
        view["token"].as_str().unwrap().rsplit('=').next().unwrap().to_owned()
    });
    let join = Join {
        request: json!(1),
        token: token.await.unwrap(),
        metadata: String::new(),
        platform: "test".into(),
        ip: "192.0.2.1".into(),
        rpc: format!("rpc_{name}"),
        ice: Vec::new(),
    };
    session.join(join).await.unwrap().expect("it may join")
}

/// Waits for this notification; its parameters.
async fn hears(bound: &mut Bound, method: &str) -> Value {
    loop {
        let Some(Out::Frame(frame)) = bound.next().await else { panic!("{method} is not heard") };
        let frame: Value = serde_json::from_str(&frame).unwrap();
        if frame["method"] == method {
            return frame["params"].clone();
        }
    }
}

async fn is_here(session: &Handle, who: &str) -> bool {
    let who = who.to_owned();
    session.with(move |state| state.is_here(&who)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lost_socket_has_ten_seconds_to_come_back() {
    let (session, _folder) = session();
    let (ann, mut bob) = (join(&session, "ann").await, join(&session, "bob").await);
    session.socket_gone(&ann.connection, ann.number).await;
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    let again = session.resume("rpc_ann".into()).await.expect("it comes back in time");
    // What happened to the old socket is told late, and counts no more.
    session.socket_gone(&ann.connection, ann.number).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(is_here(&session, "con_ann").await);

    let lost = Instant::now();
    session.socket_gone(&again.connection, again.number).await;
    let left = hears(&mut bob, "participantLeft").await;
    assert_eq!(left, json!({ "connectionId": "con_ann", "reason": "networkDisconnect" }));
    assert_eq!(lost.elapsed().as_secs(), 10);
    assert_eq!(hears(&mut bob, "participantEvicted").await["connectionId"], "con_ann");
    assert!(session.resume("rpc_ann".into()).await.is_none() && !is_here(&session, "con_ann").await);
}

#[tokio::test(start_paused = true)]
async fn another_socket_takes_over_while_the_first_is_open() {
    let (session, _folder) = session();
    let mut ann = join(&session, "ann").await;
    let mut again = session.resume("rpc_ann".into()).await.unwrap();
    while let Some(Out::Frame(_)) = ann.next().await {}
    assert_eq!(ann.next().await, None, "it was told to close");
    session.socket_gone(&ann.connection, ann.number).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let _bob = join(&session, "bob").await;
    assert_eq!(hears(&mut again, "participantJoined").await["id"], "con_bob");
}

#[tokio::test(start_paused = true)]
async fn the_evicted_are_told_then_dismissed_and_counted_once() {
    let (session, _folder) = session();
    let (mut ann, mut bob) = (join(&session, "ann").await, join(&session, "bob").await);
    assert_eq!(session.with(|state| state.delete_connection("con_ann")).await, Some(true));
    assert_eq!(hears(&mut ann, "participantEvicted").await["reason"], "forceDisconnectByServer");
    assert_eq!((ann.next().await, ann.next().await), (Some(Out::Dismissed), None));
    session.socket_gone(&ann.connection, ann.number).await;
    assert_eq!(hears(&mut bob, "participantLeft").await["reason"], "forceDisconnectByServer");
    let nothing_more = tokio::time::timeout(Duration::from_secs(60), hears(&mut bob, "participantLeft")).await;
    assert!(nothing_more.is_err(), "one departure: {nothing_more:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_joins_is_forgotten() {
    let (session, _folder) = session();
    let begun = Instant::now();
    session.ended().await;
    assert_eq!(begun.elapsed(), UNUSED);
}
