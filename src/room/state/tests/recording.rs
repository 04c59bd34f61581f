//! Recordings: which feeds are written, and what becomes of the whole.

use super::*;
use crate::model::{FileFacts, Happening, Layout, RecordWhen, RecordingId, RecordingKind, RecordingWish, RoomSettings};

fn recording_id() -> RecordingId {
    RecordingId::new("rec")
}
fn made() -> Recording {
    made_as("rec", RecordingWish::default())
}
fn made_as(id: &str, wish: RecordingWish) -> Recording {
    Recording::new(RecordingId::new(id), RoomId::new("1"), wish, Timestamp::UNIX_EPOCH)
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
        facts: FileFacts::default(),
    }
}
fn started(feed: FeedId) -> MediaEvent {
    MediaEvent::RecordingStarted { recording: recording_id(), feed: Some(feed), report: report(true) }
}
fn ended(feed: FeedId, reason: EndReason, written: bool) -> MediaEvent {
    MediaEvent::RecordingEnded { recording: recording_id(), feed: Some(feed), reason, report: report(written) }
}
fn stop() -> Command {
    Command::StopRecording { recording: recording_id() }
}
fn stop_asked(feed: Option<FeedId>, reason: EndReason) -> Effect {
    Effect::Ask(MediaRequest::StopRecording { recording: recording_id(), feed, reason })
}

impl Room {
    fn record(&mut self) {
        self.record_as("rec", RecordingWish::default());
    }
    fn record_as(&mut self, id: &str, wish: RecordingWish) {
        self.apply(Input::Command { from: None, command: Command::StartRecording { wish: Some(wish.clone()) } });
        let [Effect::CreateRecording(token, asked), Effect::ReplyLater(Awaited::Recording(later))] = &self.last[..]
        else {
            panic!("the reply waits for the store: {:?}", self.last)
        };
        assert_eq!((token, asked), (later, &wish));
        let token = *token;
        self.apply(Input::RecordingCreated(token, Ok((made_as(id, wish), "/rec".into()))));
        assert!(matches!(self.replied(), Ok(Reply::Recording(_))));
    }
    /// The recording as it was saved last, which is what everybody was told.
    fn saved(&self) -> Recording {
        let saved = self
            .last
            .iter()
            .rev()
            .find_map(|e| if let Effect::SaveRecording(r) = e { Some((**r).clone()) } else { None });
        let saved = saved.expect("the manifest was saved");
        assert!(self.kinds().contains(&EventKind::RecordingChanged { recording: Box::new(saved.clone()) }));
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
    let start = || Input::Command { from: None, command: Command::StartRecording { wish: None } };
    room.apply(start());
    room.apply(start());
    assert_eq!(room.last, [Effect::ReplyLater(Awaited::Recording(1))], "the second waits for the same answer");
    room.apply(Input::RecordingCreated(1, Ok((made(), "/rec".into()))));
    assert!(matches!(room.operate(Command::StartRecording { wish: None }), Ok(Reply::Recording(_))));
    assert_eq!(room.last.len(), 1, "nothing but the reply");
}

#[test]
fn a_store_that_refuses_is_told() {
    let (mut room, _) = room();
    room.apply(Input::Command { from: None, command: Command::StartRecording { wish: None } });
    room.apply(Input::RecordingCreated(1, Err("no space".into())));
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
    room.media(ended(feed, EndReason::Requested, true));
    let saved = room.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Ready, Some(EndReason::Requested)));
    assert_eq!((saved.files.len(), saved.files[0].state), (1, RecordingState::Ready));
    assert_eq!(saved.files[0].publisher, "device");
    assert!(saved.ended_at.is_some() && room.state.view().recordings.is_empty());
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
    room.media(ended(feed, EndReason::Requested, false));
    room.media(ended(other, EndReason::Requested, true));
    assert_eq!(room.saved().state, RecordingState::Ready);
}

#[test]
fn a_room_with_a_recording_is_not_empty_and_closes_after_it() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.ask("device", Command::Leave).unwrap();
    room.pass(Duration::from_secs(299));
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

fn feedless() -> Room {
    let mut room = Room::new();
    room.join("device").unwrap();
    room
}

#[test]
fn it_starts_records_pauses_and_goes_on() {
    let (mut room, feed) = room();
    room.record();
    assert_eq!(room.saved().state, RecordingState::Starting);
    let pause = |paused| Command::PauseRecording { recording: recording_id(), paused };
    assert!(matches!(room.operate(pause(true)), Err(RoomError::WrongState(_))), "nothing is written yet");
    room.media(started(feed));
    assert_eq!(room.saved().state, RecordingState::Recording);
    room.operate(pause(true)).unwrap();
    assert!(room.did(&Effect::Ask(MediaRequest::PauseRecording { recording: recording_id(), paused: true })));
    assert_eq!((room.saved().state, room.saved().files[0].state), (RecordingState::Paused, RecordingState::Paused));
    room.join("other").unwrap();
    room.publish("other");
    let [MediaRequest::Record { .. }, MediaRequest::PauseRecording { paused: true, .. }] = room.asked()[..] else {
        panic!("who comes now is paused as well: {:?}", room.asked())
    };
    room.operate(pause(false)).unwrap();
    assert_eq!(
        (room.saved().state, room.saved().files[0].state),
        (RecordingState::Recording, RecordingState::Recording)
    );
    let what: Vec<_> = room.saved().events.into_iter().map(|event| event.what).collect();
    assert!(what.contains(&Happening::Paused) && what.ends_with(&[Happening::Resumed]), "{what:?}");
}

#[test]
fn nothing_lasts_for_ever() {
    let mut never = feedless();
    never.record();
    never.pass(Duration::from_secs(601));
    let saved = never.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Failed, Some(EndReason::NoMedia)));
    assert!(saved.detail.is_some_and(|words| words.contains("no picture")));

    let (mut paused, feed) = room();
    paused.record();
    paused.media(started(feed));
    paused.operate(Command::PauseRecording { recording: recording_id(), paused: true }).unwrap();
    paused.pass(Duration::from_secs(12 * 3600 + 1));
    assert!(paused.did(&stop_asked(None, EndReason::Expired)));
}

#[test]
fn it_stops_when_nobody_publishes_for_long() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.ask("device", Command::Unpublish).unwrap();
    room.media(ended(feed, EndReason::FeedEnded, true));
    let due = room.state.next_deadline().unwrap();
    assert!(due > room.now.instant, "the room does not turn around itself until then");
    room.pass(Duration::from_secs(299));
    assert_eq!(room.state.view().recordings.len(), 1);
    room.pass(Duration::from_secs(1));
    let saved = room.saved();
    assert_eq!((saved.state, saved.reason), (RecordingState::Ready, Some(EndReason::RoomEmpty)));
}

#[test]
fn its_length_is_what_was_recorded_without_pauses() {
    let (mut room, feed) = room();
    room.record_as("rec", RecordingWish { max_length_ms: Some(60_000), ..RecordingWish::default() });
    room.media(started(feed));
    room.pass(Duration::from_secs(40));
    let pause = |paused| Command::PauseRecording { recording: recording_id(), paused };
    room.operate(pause(true)).unwrap();
    room.pass(Duration::from_secs(1000));
    room.operate(pause(false)).unwrap();
    room.pass(Duration::from_secs(19));
    assert_eq!(room.state.view().recordings[0].state, RecordingState::Recording);
    room.pass(Duration::from_secs(1));
    assert!(room.did(&stop_asked(None, EndReason::LengthReached)));
}

#[test]
fn a_room_that_always_records_begins_with_the_first_feed() {
    let mut room = feedless();
    let recording = RecordingWish { stop_when_empty_ms: Some(5000), ..RecordingWish::default() };
    let settings = RoomSettings { record: RecordWhen::Always, recording: recording.clone(), preroll_ms: 10_000 };
    room.operate(Command::Configure { settings }).unwrap();
    let (_, feed) = room.publish("device");
    assert!(room.did(&Effect::CreateRecording(1, recording.clone())));
    let keep = MediaRequest::KeepPast { feed, span: Duration::from_secs(10) };
    assert!(room.asked().contains(&keep), "{:?}", room.asked());
    room.apply(Input::RecordingCreated(1, Ok((made_as("rec", recording), "/rec".into()))));
    assert_eq!(room.recorded(), [feed]);
    room.media(started(feed));
    room.media(MediaEvent::FeedLive { feed, tracks: vec![VIDEO] });
    assert!(!room.last.iter().any(|e| matches!(e, Effect::CreateRecording(..))), "it records already");
}

#[test]
fn several_run_at_once_each_for_itself() {
    let (mut room, feed) = room();
    room.record();
    let mix = RecordingWish { kind: RecordingKind::Composed, ..RecordingWish::default() };
    room.record_as("mix", mix);
    let asked = room.asked();
    let id = RecordingId::new("mix");
    assert!(matches!(&asked[0], MediaRequest::Mix { recording, layout: Some(_), .. } if *recording == id), "{asked:?}");
    let joins = MediaRequest::MixFeed { recording: id.clone(), feed, name: Some("device".into()) };
    assert_eq!(asked[1], joins);
    let layout = Layout::Named("speaker".into());
    room.operate(Command::SetLayout { recording: id.clone(), layout: layout.clone() }).unwrap();
    assert!(room.did(&Effect::Ask(MediaRequest::MixLayout { recording: id.clone(), layout: layout.clone() })));
    let other = room.operate(Command::SetLayout { recording: recording_id(), layout });
    assert!(matches!(other, Err(RoomError::WrongState(_))), "an individual one has no layout");
    room.ask("device", Command::Unpublish).unwrap();
    assert!(room.asked().contains(&MediaRequest::MixFeed { recording: id.clone(), feed, name: None }));
    room.operate(Command::StopRecording { recording: id.clone() }).unwrap();
    let report = report(true);
    room.media(MediaEvent::RecordingEnded { recording: id, feed: None, reason: EndReason::Requested, report });
    assert_eq!((room.saved().state, room.saved().files[0].feed), (RecordingState::Ready, None));
    assert_eq!(room.state.view().recordings.len(), 1, "the other goes on");
}

#[test]
fn only_the_feeds_that_were_asked_for() {
    let (mut room, feed) = room();
    room.join("other").unwrap();
    let (_, other) = room.publish("other");
    room.record_as("rec", RecordingWish { feeds: Some(vec![other]), ..RecordingWish::default() });
    assert_eq!(room.recorded(), [other]);
    let wish = Some(RecordingWish { feeds: Some(vec![feed, FeedId(999_999)]), ..RecordingWish::default() });
    assert_eq!(room.operate(Command::StartRecording { wish }), Err(RoomError::FeedNotFound));
}

#[test]
fn feeds_come_later_into_a_recording_of_certain_ones_and_those_without_the_wished_kind_do_not() {
    let (mut room, feed) = room();
    let sound = Some(crate::model::Kind::Audio);
    room.record_as("rec", RecordingWish { feeds: Some(Vec::new()), only: sound, ..RecordingWish::default() });
    assert_eq!(room.recorded(), []);
    let add = |feed| Command::RecordFeed { recording: recording_id(), feed };
    assert_eq!(room.operate(add(FeedId(999_999))), Err(RoomError::FeedNotFound));
    room.operate(add(feed)).unwrap();
    let [MediaRequest::Record { only, .. }] = room.asked()[..] else { panic!("one file: {:?}", room.asked()) };
    assert_eq!(only, sound);
    room.operate(add(feed)).unwrap();
    assert_eq!(room.recorded(), [], "once");
    room.join("mute").unwrap();
    let (_, mute) = room.offer("mute");
    room.media(MediaEvent::FeedLive { feed: mute, tracks: vec![super::VIDEO] });
    room.operate(add(mute)).unwrap();
    assert_eq!(room.recorded(), [], "it has no sound");
}

#[test]
fn a_participant_that_comes_back_goes_on_in_the_next_segment() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.ask("device", Command::Unpublish).unwrap();
    room.media(ended(feed, EndReason::FeedEnded, true));
    let (_, again) = room.publish("device");
    let report = BranchReport { started_at: Some(Timestamp::from_millisecond(2005).unwrap()), ..report(true) };
    room.media(MediaEvent::RecordingStarted { recording: recording_id(), feed: Some(again), report });
    let second = &room.saved().files[1];
    assert_eq!((second.segment, second.publisher.as_str()), (2, "device"));
    assert_eq!((second.facts.gaps[0].length_ms, second.facts.gaps[0].why.as_str()), (2000, "reconnect"));
}

#[test]
fn a_recorder_that_fails_is_started_anew_but_not_for_ever() {
    let (mut room, feed) = room();
    room.record();
    for _ in 0..3 {
        room.media(started(feed));
        room.media(ended(feed, EndReason::EngineError, true));
        assert_eq!(room.recorded(), [feed]);
    }
    room.media(started(feed));
    room.media(ended(feed, EndReason::EngineError, true));
    assert_eq!(room.recorded(), [FeedId(0); 0]);
}

#[test]
fn who_comes_and_goes_is_written_down_and_saved_soon() {
    let (mut room, feed) = room();
    room.record();
    room.media(started(feed));
    room.join("guest").unwrap();
    room.ask("guest", Command::Leave).unwrap();
    assert!(!room.last.iter().any(|e| matches!(e, Effect::SaveRecording(_))), "not for each");
    room.pass(Duration::from_secs(1));
    let Some(Effect::SaveRecording(saved)) = room.last.first() else { panic!("saved: {:?}", room.last) };
    let what: Vec<_> = saved.events.iter().map(|event| &event.what).collect();
    assert!(matches!(what[0], Happening::Joined { name, .. } if name == "device"), "{what:?}");
    assert!(matches!(what[1], Happening::Published { feed: f, .. } if *f == feed), "{what:?}");
    assert!(matches!(what[2], Happening::Joined { name, .. } if name == "guest"), "{what:?}");
    assert!(matches!(what[3], Happening::Left { .. }), "{what:?}");
}
