//! Registry and actor with the fake engine, on tokio's paused clock.

use super::registry::Joining;
use super::*;
use crate::config;
use crate::media::MediaRequest;
use crate::media::fake::{FakeEngine, sdp};
use crate::model::{EndReason, Grants, ParticipantId, PeerId, RecordingState, RoomId};
use crate::recordings::Recordings;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

struct World {
    rooms: Rooms,
    engine: Arc<FakeEngine>,
    _store: tempfile::TempDir,
}

fn world(limits: config::Rooms) -> World {
    let (store, engine) = (tempfile::tempdir().unwrap(), FakeEngine::automatic());
    let recordings = Recordings::open(store.path().join("recordings"), 0).unwrap();
    World { rooms: Rooms::new(limits, engine.clone(), recordings), engine, _store: store }
}
fn joining(who: &str) -> Joining {
    let grants = Grants { control: true, publish: true, subscribe: true, room: None };
    Joining { id: id(who), name: who.into(), dialect: "test", grants, leaves_with_its_feed: false, unique: false }
}
fn id(who: &str) -> ParticipantId {
    ParticipantId::new(who)
}
async fn heard(stream: &mut EventStream, fits: impl Fn(&EventKind) -> bool) -> EventKind {
    let wait = async {
        loop {
            let event = stream.recv().await.expect("the stream ended");
            if fits(&event.kind) {
                return event.kind;
            }
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("the event never came")
}
async fn publish(room: &RoomHandle, who: &str) {
    let offer = sdp(PeerId(0), "sendonly", "actpass");
    room.request(Some(&id(who)), Command::Publish { offer, content: crate::model::Content::Camera }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rooms_have_free_numbers_of_up_to_nine_digits() {
    let world = world(config::Rooms { max_rooms: 50, ..config::Rooms::default() });
    let ids: std::collections::BTreeSet<_> = (0..50).map(|_| world.rooms.create(None).unwrap().id().clone()).collect();
    assert_eq!(ids.len(), 50);
    assert!(ids.iter().all(|id| id.as_str().len() <= 9 && id.as_str().parse::<u32>().is_ok_and(|n| n > 0)));
    assert!(matches!(world.rooms.create(None), Err(RoomError::Limit(_))));
    let existing = ids.first().unwrap();
    assert_eq!(world.rooms.create(Some(existing.clone())).unwrap().id(), existing);
}

#[tokio::test(start_paused = true)]
async fn who_is_no_participant_may_hear_what_everybody_hears() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let mut watching = room.watch().await.unwrap();
    drop(room.watch().await.unwrap());
    let _device = room.join(joining("device")).await.unwrap();
    publish(&room, "device").await;
    heard(&mut watching, |kind| matches!(kind, EventKind::FeedPublished { .. })).await;
    room.close(EndReason::Requested).await;
    heard(&mut watching, |kind| matches!(kind, EventKind::RoomClosed { .. })).await;
    assert_eq!(watching.recv().await, None, "it ends with the room");
    assert_eq!(room.watch().await.unwrap_err(), RoomError::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_published_watched_and_ended() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let (mut device, mut web) = (room.join(joining("device")).await.unwrap(), room.join(joining("web")).await.unwrap());
    publish(&room, "device").await;
    heard(&mut device, |kind| matches!(kind, EventKind::PublishAnswered { .. })).await;
    let live = heard(&mut web, |kind| matches!(kind, EventKind::FeedPublished { .. })).await;
    let EventKind::FeedPublished { feed, .. } = live else { unreachable!() };
    room.request(Some(&id("web")), Command::Subscribe { feed }).await.unwrap();
    heard(&mut web, |kind| matches!(kind, EventKind::SubscriptionOffered { .. })).await;
    let answer = sdp(PeerId(0), "recvonly", "active");
    room.request(Some(&id("web")), Command::Answer { feed: None, answer }).await.unwrap();
    heard(&mut web, |kind| matches!(kind, EventKind::SubscriptionStarted { .. })).await;
    room.request(Some(&id("device")), Command::Leave).await.unwrap();
    heard(&mut web, |kind| matches!(kind, EventKind::FeedEnded { reason: EndReason::Left, .. })).await;
    assert!(
        heard(&mut device, |kind| matches!(kind, EventKind::ParticipantLeft { .. })).await != EventKind::RoomCreated
    );
    assert_eq!(device.recv().await, None, "its stream ends with its membership");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_a_lost_connection_and_the_grace_time_runs() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let (device, mut web) = (room.join(joining("device")).await.unwrap(), room.join(joining("web")).await.unwrap());
    drop(device);
    let start = tokio::time::Instant::now();
    let reason = EndReason::ConnectionLost;
    heard(&mut web, |kind| *kind == EventKind::ParticipantLeft { participant: id("device"), reason }).await;
    let took = start.elapsed();
    assert!((10.0..12.0).contains(&took.as_secs_f64()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_older_connection_cannot_lose_the_newer_ones_place() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let mut older = room.join(joining("web")).await.unwrap();
    let _newer = room.join(joining("web")).await.unwrap();
    while older.recv().await.is_some() {}
    drop(older);
    room.connection_lost(&id("web"));
    assert!(room.view().await.unwrap().participants[0].connected);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_loses_its_stream_and_nobody_else_notices() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let mut lazy = room.join(joining("lazy")).await.unwrap();
    let mut web = room.join(joining("web")).await.unwrap();
    for n in 0..400 {
        let passing = format!("passing-{n}");
        let stream = room.join(joining(&passing)).await.unwrap();
        room.request(Some(&id(&passing)), Command::Leave).await.unwrap();
        drop(stream);
        heard(&mut web, |kind| matches!(kind, EventKind::ParticipantLeft { .. })).await;
    }
    let view = room.view().await.unwrap();
    assert!(view.participants.iter().any(|p| p.id == id("lazy") && !p.connected));
    let mut read = 0;
    while lazy.recv().await.is_some() {
        read += 1;
    }
    assert!(read <= 256, "the stream is bounded: {read}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_gone_after_its_time() {
    let world = world(config::Rooms::default());
    let room = world.rooms.create(None).unwrap();
    let start = tokio::time::Instant::now();
    timeout(Duration::from_secs(300), async {
        while world.rooms.find(room.id()).is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .expect("the room is still there");
    assert!(start.elapsed() >= Duration::from_secs(60));
    assert_eq!(room.view().await, Err(RoomError::RoomNotFound));
}

#[tokio::test]
async fn shutdown_refuses_newcomers_and_completes_recordings() {
    let world = world(config::Rooms::default());
    let mut journal = world.rooms.journal();
    let room = world.rooms.create(None).unwrap();
    let _device = room.join(joining("device")).await.unwrap();
    publish(&room, "device").await;
    let reply = room.request(None, Command::StartRecording { wish: None }).await.unwrap();
    assert!(matches!(reply, Reply::Recording(_)));
    let record = world.engine.wait_for(|r| matches!(r, MediaRequest::Record { .. }).then_some(()));
    timeout(Duration::from_secs(5), record).await.expect("the live feed is recorded");
    world.rooms.shutdown(Duration::from_secs(10)).await;
    assert!(matches!(world.rooms.create(Some(RoomId::new("x"))), Err(RoomError::ShuttingDown)));
    let mut states = Vec::new();
    while let Ok(event) = journal.try_recv() {
        if let EventKind::RecordingChanged { recording } = event.kind {
            states.push(recording.state);
        }
    }
    assert_eq!(states.last(), Some(&RecordingState::Ready), "{states:?}");
}
