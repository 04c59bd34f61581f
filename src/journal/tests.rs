use super::*;
use crate::model::RecordingWish;
use crate::model::{Codec, ParticipantId, TrackInfo};
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that these events make.
fn noted(events: &[(EventKind, Audience)]) -> Vec<String> {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).without_time().finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut journal = Journal::default();
        for (kind, to) in events {
            journal.note(&Event { room: RoomId::new("7"), to: to.clone(), kind: kind.clone() });
        }
    });
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn published() -> EventKind {
    let publisher = ParticipantId::new("DEVICE:1");
    EventKind::FeedPublished { feed: FeedId(1), publisher, tracks: vec![TrackInfo { codec: Codec::Vp8 }] }
}

fn ended(reason: EndReason) -> EventKind {
    let publisher = ParticipantId::new("DEVICE:1");
    EventKind::FeedEnded { feed: FeedId(1), publisher, reason, detail: "in words".into() }
}

fn recording(state: RecordingState, reason: Option<EndReason>) -> EventKind {
    let (id, room, wish) = (RecordingId::new("r1"), RoomId::new("7"), RecordingWish::default());
    let begun = Recording::new(id, room, wish, jiff::Timestamp::UNIX_EPOCH);
    let recording = Box::new(Recording { state, reason, ..begun });
    EventKind::RecordingChanged { recording }
}

#[test]
fn a_feed_is_noted_once_however_many_hear_of_it() {
    let late = Audience::One(ParticipantId::new("WEB:2"));
    let lines = noted(&[
        (published(), Audience::Everyone),
        (published(), late),
        (published(), Audience::Everyone),
        (ended(EndReason::Unpublished), Audience::Everyone),
    ]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("room.id=7") && lines[0].contains("codecs=\"vp8\""), "{lines:#?}");
    assert!(lines[1].contains("INFO") && lines[1].contains("reason=unpublished"), "{lines:#?}");
}

#[test]
fn a_failure_is_a_warning() {
    let lines = noted(&[(ended(EndReason::FingerprintMismatch), Audience::Everyone)]);
    assert!(lines[0].contains("WARN") && lines[0].contains("fingerprint_mismatch"), "{lines:#?}");
}

#[test]
fn a_recordings_progress_is_not_repeated_and_its_failure_is_a_warning() {
    let full = Some(EndReason::DiskFull);
    let lines = noted(&[
        (recording(RecordingState::Recording, None), Audience::Everyone),
        (recording(RecordingState::Recording, None), Audience::Everyone),
        (recording(RecordingState::Failed, full), Audience::Everyone),
    ]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("WARN") && lines[1].contains("reason=disk_full"), "{lines:#?}");
}

#[test]
fn session_descriptions_stay_out_of_the_log() {
    let answer = crate::model::Sdp::new("a=ice-pwd:verysecret");
    let to = Audience::One(ParticipantId::new("DEVICE:1"));
    let lines = noted(&[(EventKind::PublishAnswered { feed: FeedId(1), answer }, to)]);
    assert!(lines.iter().all(|line| !line.contains("verysecret")), "{lines:#?}");
}
