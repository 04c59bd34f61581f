//! Cameras: participants with a feed that the engine keeps open.

use super::*;
use crate::model::{IngestState, IngestStatus, IngestWish, Recording, RecordingId, RecordingWish, Secret};

const URI: &str = "rtsp://viewer:hunter2@192.168.1.20/stream1?token=hunter2";

impl Room {
    /// A source the engine was asked for.
    fn add(&mut self, name: &str) -> (PeerId, FeedId, IngestWish) {
        let wish = Box::new(IngestWish { name: name.into(), uri: URI.into(), ..IngestWish::default() });
        self.apply(Input::Command { from: None, command: Command::AddIngest { wish } });
        match &self.asked()[..] {
            [MediaRequest::Ingest { peer, feed, wish }] => (*peer, *feed, (**wish).clone()),
            other => panic!("one Ingest: {other:?}"),
        }
    }
}

#[test]
fn a_camera_is_a_participant_whose_feed_can_be_watched() {
    let mut room = Room::new();
    room.join("web").unwrap();
    let (_, feed, wish) = room.add("door");
    assert_eq!((wish.uri.as_str(), wish.user.as_str()), ("rtsp://192.168.1.20/stream1?token=hunter2", "viewer"));
    assert_eq!(wish.password, Secret::new("hunter2"));
    room.media(MediaEvent::FeedLive { feed, tracks: vec![VIDEO] });
    assert!(room.kinds().iter().any(|kind| matches!(kind, EventKind::FeedPublished { .. })));
    room.watch("web", feed);
    let view = room.state.view();
    assert_eq!(view.ingests[0].participant, id("CAMERA:door"));
    assert_eq!(view.participants.len(), 2);
}

#[test]
fn its_secrets_are_in_no_view_and_no_event() {
    let mut room = Room::new();
    let (peer, ..) = room.add("door");
    let added = format!("{:?}", room.kinds());
    let status = Box::new(IngestStatus { state: IngestState::Live, ..IngestStatus::default() });
    room.media(MediaEvent::IngestChanged { peer, status });
    let seen = [added, format!("{:?}", room.kinds()), serde_json::to_string(&room.state.view()).unwrap()].concat();
    assert!(seen.contains("door") && !seen.contains("hunter2"), "{seen}");
    assert_eq!(room.state.view().ingests[0].status.state, IngestState::Live);
}

#[test]
fn names_are_made_checked_and_unique() {
    let mut room = Room::new();
    room.add("");
    assert_eq!(room.state.view().ingests[0].name, "camera-1");
    let mut add = |name: &str, uri: &str| {
        let wish = Box::new(IngestWish { name: name.into(), uri: uri.into(), ..IngestWish::default() });
        room.operate(Command::AddIngest { wish })
    };
    assert!(matches!(add("camera-1", URI), Err(RoomError::WrongState(_))));
    assert!(matches!(add("a b", URI), Err(RoomError::Invalid(_))));
    assert!(matches!(add("b", ""), Err(RoomError::Invalid(_))));
}

#[test]
fn removed_kicked_or_ended_it_is_gone_and_closed() {
    let mut room = Room::new();
    let (peer, feed, _) = room.add("a");
    room.media(MediaEvent::FeedLive { feed, tracks: vec![VIDEO] });
    room.operate(Command::RestartIngest { name: "a".into() }).unwrap();
    assert_eq!(room.asked(), [MediaRequest::RestartIngest { peer }]);
    room.operate(Command::RemoveIngest { name: "a".into() }).unwrap();
    assert!(room.did(&close(peer, EndReason::Requested)));
    let (peer, ..) = room.add("b");
    room.operate(Command::Kick { participant: id("CAMERA:b") }).unwrap();
    assert!(room.did(&close(peer, EndReason::Kicked)));
    let (peer, ..) = room.add("c");
    room.media(MediaEvent::PeerEnded { peer, reason: EndReason::SourceEnded, detail: String::new() });
    let view = room.state.view();
    assert!(view.ingests.is_empty() && view.participants.is_empty() && view.feeds.is_empty());
    assert_eq!(room.operate(Command::RemoveIngest { name: "c".into() }), Err(RoomError::IngestNotFound));
}

#[test]
fn a_room_with_a_camera_is_not_empty() {
    let limits = config::Rooms::default();
    let mut room = Room::with(limits.clone());
    room.add("a");
    room.pass(limits.empty_limit * 2);
    assert!(!room.did(&Effect::Closed));
    room.operate(Command::RemoveIngest { name: "a".into() }).unwrap();
    room.pass(limits.empty_limit);
    assert!(room.did(&Effect::Closed));
}

#[test]
fn a_recording_wakes_what_was_never_opened() {
    let mut room = Room::new();
    let mut lazy = |name: &str| {
        let wish =
            IngestWish { name: name.into(), uri: URI.into(), on_demand: true, lazy: true, ..IngestWish::default() };
        room.operate(Command::AddIngest { wish: Box::new(wish) }).unwrap();
        match &room.asked()[..] {
            [MediaRequest::Ingest { peer, feed, .. }] => (*peer, *feed),
            other => panic!("one Ingest: {other:?}"),
        }
    };
    let ((door, unseen), (_, seen), (_, unwanted)) = (lazy("door"), lazy("yard"), lazy("hall"));
    room.media(MediaEvent::FeedLive { feed: seen, tracks: vec![VIDEO] });
    let wish = RecordingWish { feeds: Some(vec![unseen, seen]), ..RecordingWish::default() };
    room.apply(Input::Command { from: None, command: Command::StartRecording { wish: Some(wish.clone()) } });
    let recording = Recording::new(RecordingId::new("rec"), RoomId::new("1"), wish, jiff::Timestamp::UNIX_EPOCH);
    room.apply(Input::RecordingCreated(1, Ok((recording, "/rec".into()))));
    let woken: Vec<PeerId> = room
        .asked()
        .into_iter()
        .filter_map(|asked| match asked {
            MediaRequest::WakeIngest { peer } => Some(peer),
            _ => None,
        })
        .collect();
    assert_eq!(woken, [door], "neither {unwanted} nor what is live");
    room.media(MediaEvent::FeedLive { feed: unseen, tracks: vec![VIDEO] });
    assert!(room.asked().iter().any(|asked| matches!(asked, MediaRequest::Record { feed, .. } if *feed == unseen)));
}
