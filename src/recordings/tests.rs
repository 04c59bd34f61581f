use super::*;
use crate::model::{Codec, EndReason, FeedId, RecordingFile, RecordingWish};

fn store() -> (tempfile::TempDir, Recordings) {
    let dir = tempfile::tempdir().unwrap();
    let store = Recordings::open(dir.path().join("recordings"), 0).unwrap();
    (dir, store)
}

fn file(name: &str, state: RecordingState) -> RecordingFile {
    RecordingFile {
        name: name.into(),
        feed: Some(FeedId(1)),
        segment: 1,
        facts: Default::default(),
        uploads: Vec::new(),
        publisher: "DEVICE:1".into(),
        state,
        codecs: vec![Codec::Vp8, Codec::Opus],
        started_at: None,
        duration_ms: 0,
        bytes: 0,
        width: None,
        height: None,
        reason: None,
        detail: None,
    }
}

#[test]
fn a_recording_is_found_again_as_it_was_saved() {
    let (_dir, store) = store();
    let mut made = store.create(&RoomId::new("42"), &RecordingWish::default()).unwrap();
    assert!(is_id(made.id.as_str()) && made.id.as_str().contains("-42-"), "{}", made.id);
    made.files.push(file("feed-1.webm", RecordingState::Ready));
    made.state = RecordingState::Ready;
    store.save(&made).unwrap();
    assert_eq!(store.get(made.id.as_str()), Some(made.clone()));
    assert_eq!(store.list(), vec![made.clone()]);
    let left: Vec<_> = std::fs::read_dir(store.folder(&made.id)).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["manifest.json"], "no temporary file stays");
}

#[test]
fn newest_comes_first() {
    let (_dir, store) = store();
    let mut ids = Vec::new();
    for second in [10, 30, 20] {
        let mut recording = store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap();
        recording.started_at = jiff::Timestamp::from_second(second).unwrap();
        store.save(&recording).unwrap();
        ids.push(recording.id);
    }
    let listed: Vec<_> = store.list().into_iter().map(|r| r.id).collect();
    assert_eq!(listed, [ids[1].clone(), ids[2].clone(), ids[0].clone()]);
}

#[test]
fn only_files_the_manifest_names_have_a_path() {
    let (dir, store) = store();
    std::fs::write(dir.path().join("secret"), "x").unwrap();
    let mut recording = store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap();
    recording.files =
        ["good.webm", "../../secret", "manifest.json", ".hidden"].map(|n| file(n, RecordingState::Ready)).into();
    store.save(&recording).unwrap();
    let id = recording.id.as_str();
    assert_eq!(store.file(id, "good.webm"), Some(store.folder(&recording.id).join("good.webm")));
    for name in ["other.webm", "../../secret", "manifest.json", ".hidden", "", ".."] {
        assert_eq!(store.file(id, name), None, "{name}");
    }
    for id in ["..", ".", "", "../recordings", "a/b"] {
        assert_eq!(store.get(id), None, "{id}");
        assert!(!store.delete(id).unwrap(), "{id}");
    }
}

#[test]
fn a_running_recording_is_not_deleted_and_a_finished_one_is() {
    let (_dir, store) = store();
    let mut recording = store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap();
    assert!(!store.delete(recording.id.as_str()).unwrap());
    recording.state = RecordingState::Ready;
    store.save(&recording).unwrap();
    assert!(store.delete(recording.id.as_str()).unwrap());
    assert!(!store.folder(&recording.id).exists());
    assert!(!store.delete(recording.id.as_str()).unwrap());
}

#[test]
fn what_a_crash_left_is_failed_with_the_size_on_disk() {
    let (_dir, store) = store();
    let mut recording = store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap();
    recording.files = vec![file("a.webm", RecordingState::Recording), file("b.webm", RecordingState::Ready)];
    store.save(&recording).unwrap();
    std::fs::write(store.folder(&recording.id).join("a.webm"), [0; 1234]).unwrap();
    let again = Recordings::open(store.dir.clone(), 0).unwrap().get(recording.id.as_str()).unwrap();
    assert_eq!((again.state, again.reason), (RecordingState::Failed, Some(EndReason::EngineError)));
    assert!(again.ended_at.is_some());
    assert_eq!((again.files[0].state, again.files[0].bytes), (RecordingState::Failed, 1234));
    assert_eq!(again.files[0].detail.as_deref(), Some("the service stopped while recording"));
    assert_eq!(again.files[1].state, RecordingState::Ready);
}

#[test]
fn too_little_space_and_bad_folders_are_told_in_words() {
    let (dir, store) = store();
    let full = Recordings { min_free: u64::MAX, ..store };
    let error = full.create(&RoomId::new("a"), &RecordingWish::default()).unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }) && error.to_string().contains("recording.min_free_bytes"));
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Recordings::open(file, 0), Err(StoreError::Io { .. })));
}
