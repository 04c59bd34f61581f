//! Recordings: which feeds are written, and what becomes of the whole.

use super::*;
use crate::model::RecordingId;

fn recording_id() -> RecordingId {
    RecordingId::new("rec")
}
fn made() -> Recording {
    let (id, room, started_at) = (recording_id(), RoomId::new("1"), Timestamp::UNIX_EPOCH);
    let (state, ended_at, reason, files) = (RecordingState::Recording, None, None, Vec::new());
    Recording { id, room, state, started_at, ended_at, reason, files }
}
fn report(written: bool) -> BranchReport {
    BranchReport {
        file: "01-feed.webm".into(),
        codecs: vec![Codec::Vp8],
        started_at: written.then_some(Timestamp::UNIX_EPOCH),
        duration_ms: 5,
        bytes: 5,
        size: None,
        detail: None,
    }
}
fn started(feed: FeedId) -> MediaEvent {
    MediaEvent::RecordingStarted { recording: recording_id(), feed, report: report(true) }
}
fn ended(feed: FeedId, reason: EndReason, written: bool) -> MediaEvent {
    MediaEvent::RecordingEnded { recording: recording_id(), feed, reason, report: report(written) }
}
fn stop() -> Command {
    Command::StopRecording { recording: recording_id() }
}
fn stop_asked(feed: Option<FeedId>, reason: EndReason) -> Effect {
    Effect::Ask(MediaRequest::StopRecording { recording: recording_id(), feed, reason })
}

impl Room {
    fn record(&mut self) {
        self.apply(Input::Command { from: None, command: Command::StartRecording });
        assert_eq!(self.last, [Effect::CreateRecording], "the reply waits for the store");
        self.apply(Input::RecordingCreated(Ok((made(), "/rec".into()))));
        assert!(matches!(self.replied(), Ok(Reply::Recording(_))));
    }
    /// The recording as it was saved last, which is what everybody was told.
    fn saved(&self) -> Recording {
        let saved =
            self.last.iter().rev().find_map(|e| if let Effect::SaveRecording(r) = e { Some(r.clone()) } else { None });
        let saved = saved.expect("the manifest was saved");
        assert!(self.kinds().contains(&EventKind::RecordingChanged { recording: saved.clone() }));
        saved
    }
    fn recorded(&self) -> Vec<FeedId> {
        let record = |request| if let MediaRequest::Record { feed, .. } = request { Some(feed) } else { None };
        self.asked().into_iter().filter_map(record).collect()
    }
}

fn room() -> (Room, FeedId) {
    let mut room = Room::new();
    room.join("device").unwrap();
    let (_, feed) = room.publish("device");
    (room, feed)
}

#[test]
fn live_feeds_and_later_ones_are_recorded() {
    let (mut room, feed) = room();
    room.record();
    assert_eq!(room.recorded(), [feed]);
    room.join("other").unwrap();
    let (_, later) = room.publish("other");
    assert_eq!(room.recorded(), [later]);
}

#[test]
fn starting_twice_is_the_running_one_and_the_store_is_asked_once() {
    let (mut room, _) = room();
    let start = || Input::Command { from: None, command: Command::StartRecording };
    room.apply(start());
    room.apply(start());
    assert!(room.last.is_empty(), "the second waits for the same answer");
    room.apply(Input::RecordingCreated(Ok((made(), "/rec".into()))));
    assert_eq!(room.operate(Command::StartRecording), Ok(Reply::Recording(Box::new(made()))));
    assert!(!room.did(&Effect::CreateRecording));
}

#[test]
fn a_store_that_refuses_is_told() {
    let (mut room, _) = room();
    room.apply(Input::Command { from: None, command: Command::StartRecording });
    room.apply(Input::RecordingCreated(Err("no space".into())));
    assert_eq!(room.replied(), Err(RoomError::Storage("no space".into())));
    room.record();
}

#[test]
fn it_goes_from_recording_to_finishing_to_ready() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    assert_eq!(room.saved().files[0].state, RecordingState::Recording);
    room.operate(stop()).unwrap();
    assert!(room.did(&stop_asked(None, EndReason::Requested)));
    assert_eq!(room.saved().state, RecordingState::Finishing);
    assert!(matches!(room.operate(Command::StartRecording), Err(RoomError::Limit(_))));
    room.media(ended(feed, EndReason::Requested, true));
    let saved = room.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Ready, Some(EndReason::Requested)));
    assert_eq!((saved.files.len(), saved.files[0].state), (1, RecordingState::Ready));
    assert_eq!(saved.files[0].publisher, "device");
    assert!(saved.ended_at.is_some() && room.state.view().recording.is_none());
    assert_eq!(room.operate(stop()), Err(RoomError::RecordingNotFound));
}

#[test]
fn a_recording_without_a_file_has_failed() {
    let (mut room, feed) = room();
    room.record();
    room.operate(stop()).unwrap();
    room.media(ended(feed, EndReason::Requested, false));
    let saved = room.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Failed, Some(EndReason::Requested)));
    assert!(saved.files.is_empty());
}

#[test]
fn a_recording_of_an_empty_room_ends_at_once() {
    let mut room = Room::new();
    room.record();
    let reply = room.operate(stop());
    assert!(matches!(reply, Ok(Reply::Recording(r)) if r.state == RecordingState::Failed));
}

#[test]
fn a_feed_that_ends_finishes_its_file_and_the_recording_goes_on() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.ask("device", Command::Unpublish).unwrap();
    let stop = stop_asked(Some(feed), EndReason::FeedEnded);
    let closed = |e: &Effect| matches!(e, Effect::Ask(MediaRequest::Close { .. }));
    let at = |fits: &dyn Fn(&Effect) -> bool| room.last.iter().position(fits).unwrap();
    assert!(at(&|e| *e == stop) < at(&closed), "the file is finished before its peer is closed");
    room.media(ended(feed, EndReason::FeedEnded, true));
    assert_eq!((room.saved().state, room.saved().files[0].state), (RecordingState::Recording, RecordingState::Ready));
    let (_, again) = room.publish("device");
    assert_eq!(room.recorded(), [again]);
}

#[test]
fn another_codec_begins_another_file() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.media(ended(feed, EndReason::CodecChanged, true));
    assert_eq!(room.recorded(), [feed]);
    assert_eq!(room.saved().state, RecordingState::Recording);
}

#[test]
fn a_full_disk_ends_the_recording_never_the_call() {
    let (mut room, feed) = room();
    room.join("other").unwrap();
    let (_, other) = room.publish("other");
    room.record();
    room.media(started(feed));
    room.media(started(other));
    room.media(ended(feed, EndReason::DiskFull, true));
    assert!(room.did(&stop_asked(None, EndReason::DiskFull)));
    room.media(ended(other, EndReason::DiskFull, true));
    let saved = room.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Failed, Some(EndReason::DiskFull)));
    assert_eq!(room.state.view().feeds.len(), 2);
}

#[test]
fn one_good_file_is_enough() {
    let (mut room, feed) = room();
    room.join("other").unwrap();
    let (_, other) = room.publish("other");
    room.record();
    room.media(ended(feed, EndReason::EngineError, false));
    assert_eq!(room.saved().files[0].state, RecordingState::Failed);
    room.media(started(other));
    room.operate(stop()).unwrap();
    room.media(ended(other, EndReason::Requested, true));
    assert_eq!(room.saved().state, RecordingState::Ready);
}

#[test]
fn a_room_with_a_recording_is_not_empty_and_closes_after_it() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.ask("device", Command::Leave).unwrap();
    room.pass(Duration::from_secs(3600));
    assert!(!room.did(&Effect::Closed));
    room.operate(Command::Close { reason: EndReason::Shutdown }).unwrap();
    assert!(!room.did(&Effect::Closed), "its file is still open");
    room.media(ended(feed, EndReason::Shutdown, true));
    assert!(room.did(&Effect::Closed));
    assert_eq!(room.saved().state, RecordingState::Ready);
}

#[test]
fn a_recorder_that_never_ends_holds_nothing_up() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.operate(Command::Close { reason: EndReason::Shutdown }).unwrap();
    room.pass(Duration::from_secs(7));
    assert_eq!(room.saved().state, RecordingState::Failed);
    assert!(room.did(&Effect::Closed));
}
