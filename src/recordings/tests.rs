//! The store as the room and the API see it.

use super::*;
use crate::model::{Codec, EndReason, FeedId, FileFacts, Happening, ParticipantId, RecordingEvent, RecordingFile};
use crate::model::{RecordingState, Thumbnails, Upload, UploadState};
use jiff::Timestamp;

mod repair;
mod retention;
mod s3;
mod upload;

/// A store in a folder of its own, opened as `change` says.
pub(super) struct Scene {
    pub dir: tempfile::TempDir,
    pub options: Options,
    pub store: Recordings,
}

impl Scene {
    pub fn new(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::plain(dir.path().join("recordings"), 0);
        change(&mut options);
        let store = Recordings::open_with(options.clone()).unwrap();
        Self { dir, options, store }
    }
    /// What a new process would find.
    pub fn again(&self) -> Recordings {
        Recordings::open_with(self.options.clone()).unwrap()
    }
    /// A recording with these files on disk, in a state.
    pub fn recording(&self, state: RecordingState, files: &[(&str, &[u8])]) -> Recording {
        let mut recording = self.store.create(&RoomId::new("hall"), &RecordingWish::default()).unwrap();
        recording.state = state;
        for (name, data) in files {
            std::fs::write(self.store.folder(&recording.id).join(name), data).unwrap();
            recording.files.push(RecordingFile { bytes: data.len() as u64, ..file(name, state) });
        }
        self.store.save(&recording).unwrap();
        recording
    }
    pub fn get(&self, recording: &Recording) -> Recording {
        self.store.get(recording.id.as_str()).unwrap()
    }
    pub fn names(&self, recording: &Recording) -> Vec<String> {
        let entries = std::fs::read_dir(self.store.folder(&recording.id)).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(super) fn file(name: &str, state: RecordingState) -> RecordingFile {
    RecordingFile {
        name: name.into(),
        feed: Some(FeedId(1)),
        publisher: "DEVICE:1".into(),
        segment: 1,
        state,
        codecs: vec![Codec::Vp8, Codec::Opus],
        started_at: None,
        duration_ms: 0,
        bytes: 0,
        width: None,
        height: None,
        reason: None,
        detail: None,
        facts: FileFacts::default(),
        uploads: Vec::new(),
    }
}

fn upload(destination: &str) -> Upload {
    Upload {
        destination: destination.into(),
        url: "s3://old/r/a.webm".into(),
        state: UploadState::Done,
        sent_bytes: 3,
        attempts: 1,
        error: None,
        verified_at: Some(Timestamp::UNIX_EPOCH),
        local_removed: false,
        sha256: Some("ab".into()),
    }
}

fn thumbnails() -> Thumbnails {
    let text = |t: &str| t.to_owned();
    let (file, poster, sprite) = (text("a.webm"), text("poster.jpg"), text("sprite.jpg"));
    Thumbnails { file, poster, sprite, width: 1, height: 1, columns: 1, count: 1, interval_ms: 1 }
}

fn joined(who: &str) -> RecordingEvent {
    let what = Happening::Joined { participant: ParticipantId::new(who), name: "Anna".into() };
    RecordingEvent { at: Timestamp::UNIX_EPOCH, what }
}

#[test]
fn a_recording_is_found_again_as_it_was_saved() {
    let scene = Scene::new(|_| ());
    let mut made = scene.recording(RecordingState::Ready, &[("feed-1.webm", b"abc")]);
    assert!(manifest::is_id(made.id.as_str()) && made.id.as_str().contains("-hall-"), "{}", made.id);
    made.events = vec![joined("WEB:1"), joined("WEB:1")];
    scene.store.save(&made).unwrap();
    assert_eq!(scene.get(&made), made);
    assert_eq!(scene.store.list(), vec![made.clone()]);
    assert_eq!(scene.names(&made), ["feed-1.webm", "manifest.json"], "no temporary file stays");
    assert_eq!(scene.again().list(), vec![made]);
}

#[test]
fn filters_choose_and_the_newest_comes_first() {
    let scene = Scene::new(|_| ());
    let at = |second| Timestamp::from_second(second).unwrap();
    let mut ids = Vec::new();
    for (second, room, state) in [
        (10, "a", RecordingState::Ready),
        (30, "b", RecordingState::Failed),
        (20, "a", RecordingState::Recording),
        (40, "a", RecordingState::Ready),
    ] {
        let mut recording = scene.store.create(&RoomId::new(room), &RecordingWish::default()).unwrap();
        (recording.started_at, recording.state) = (at(second), state);
        recording.events = vec![joined(if second == 10 { "WEB:1" } else { "WEB:2" })];
        scene.store.save(&recording).unwrap();
        ids.push(recording.id);
    }
    assert!(scene.store.delete(ids[3].as_str()).unwrap());
    let all = Filter { deleted: true, ..Filter::default() };
    let room = Some(RoomId::new("a"));
    for (filter, expected) in [
        (Filter::default(), vec![1, 2, 0]),
        (all.clone(), vec![3, 1, 2, 0]),
        (Filter { room: room.clone(), ..all.clone() }, vec![3, 2, 0]),
        (Filter { room, state: Some(RecordingState::Ready), ..Filter::default() }, vec![0]),
        (Filter { since: Some(at(20)), until: Some(at(40)), ..all.clone() }, vec![1, 2]),
        (Filter { participant: Some("WEB:1".into()), ..Filter::default() }, vec![0]),
        (Filter { limit: Some(2), offset: 1, ..all.clone() }, vec![1, 2]),
        (Filter { offset: 3, ..all.clone() }, vec![0]),
    ] {
        let found: Vec<_> = scene.store.find(&filter).into_iter().map(|r| r.id).collect();
        let expected: Vec<_> = expected.into_iter().map(|index: usize| ids[index].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    assert_eq!(scene.store.count(&Filter { limit: Some(1), ..all }), 4);
}

#[test]
fn only_files_the_manifest_names_have_a_path() {
    let scene = Scene::new(|_| ());
    std::fs::write(scene.dir.path().join("secret"), "x").unwrap();
    let mut recording = scene.recording(RecordingState::Ready, &[]);
    let names = ["good.webm", "../../secret", "manifest.json", ".hidden", ""];
    recording.files = names.map(|n| file(n, RecordingState::Ready)).into();
    recording.thumbnails = Some(thumbnails());
    scene.store.save(&recording).unwrap();
    let id = recording.id.as_str();
    for name in ["good.webm", "poster.jpg", "sprite.jpg"] {
        assert_eq!(scene.store.file(id, name), Some(scene.store.folder(&recording.id).join(name)));
    }
    for name in ["other.webm", "../../secret", "manifest.json", ".hidden", "", ".."] {
        assert_eq!(scene.store.file(id, name), None, "{name}");
    }
    for id in ["..", ".", "", "../recordings", "a/b"] {
        assert_eq!(scene.store.get(id), None, "{id}");
        assert!(!scene.store.delete(id).unwrap() && !scene.store.purge(id).unwrap(), "{id}");
    }
}

#[test]
fn the_rooms_copy_does_not_undo_what_others_wrote() {
    let scene = Scene::new(|_| ());
    let mut rooms = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    let changed = scene.store.update(&rooms.id, |recording| {
        recording.files[0].uploads = vec![upload("primary")];
        recording.thumbnails = Some(thumbnails());
        recording.deleted_at = Some(Timestamp::UNIX_EPOCH);
        recording.repaired = true;
    });
    let changed = changed.unwrap().unwrap();
    rooms.files.push(file("b.webm", RecordingState::Ready));
    rooms.detail = Some("news".into());
    scene.store.save(&rooms).unwrap();
    let stored = scene.get(&rooms);
    assert_eq!(stored.files[0], changed.files[0]);
    assert_eq!((stored.thumbnails, stored.deleted_at), (changed.thumbnails, changed.deleted_at));
    assert!(stored.repaired && stored.files.len() == 2 && stored.detail == rooms.detail);
    assert_eq!(scene.store.update(&RecordingId::new("none"), |_| ()).unwrap(), None);
}

#[test]
fn changes_from_many_threads_are_all_kept() {
    let scene = Scene::new(|_| ());
    let recording = scene.recording(RecordingState::Recording, &[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    scene.store.update(&recording.id, |r| r.events.push(joined("WEB:1"))).unwrap();
                }
            });
        }
    });
    assert_eq!(scene.get(&recording).events.len(), 20);
}

#[test]
fn the_index_is_made_again_when_it_is_lost_broken_old_or_of_a_later_version() {
    let scene = Scene::new(|_| ());
    let mut recording = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    recording.files[0].uploads = vec![upload("primary")];
    scene.store.update(&recording.id, |r| r.clone_from(&recording)).unwrap();
    let index = scene.options.dir.join(index::FILE);
    let remove = || {
        for log in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{log}", index.display()));
        }
    };
    type Harm<'a> = Box<dyn Fn() + 'a>;
    let harms: [(&str, Harm<'_>); 4] = [
        ("lost", Box::new(remove)),
        (
            "no database",
            Box::new(|| std::fs::write(&index, "this was never a database, was it? ".repeat(300)).unwrap()),
        ),
        (
            "later",
            Box::new(|| rusqlite::Connection::open(&index).unwrap().pragma_update(None, "user_version", 99).unwrap()),
        ),
        (
            "emptied",
            Box::new(|| {
                assert_eq!(rusqlite::Connection::open(&index).unwrap().execute("DELETE FROM recordings", []), Ok(1))
            }),
        ),
    ];
    drop(scene.store);
    for (name, harm) in harms {
        harm();
        let store = Recordings::open_with(scene.options.clone()).unwrap();
        assert_eq!(store.list(), vec![recording.clone()], "{name}");
    }
    let entries = std::fs::read_dir(&scene.options.dir).unwrap().flatten();
    let aside = entries.filter(|e| e.file_name().to_string_lossy().contains(".broken-")).count();
    assert!(aside >= 1, "broken ones are put aside");
}

#[test]
fn folders_that_changed_came_or_went_while_the_service_was_off_are_noticed() {
    let scene = Scene::new(|_| ());
    let (mut changed, gone) =
        (scene.recording(RecordingState::Ready, &[]), scene.recording(RecordingState::Ready, &[]));
    changed.detail = Some("written by hand".into());
    std::fs::write(scene.store.folder(&changed.id).join("manifest.json"), serde_json::to_vec(&changed).unwrap())
        .unwrap();
    std::fs::remove_dir_all(scene.store.folder(&gone.id)).unwrap();
    let foreign = scene.options.dir.join("no-manifest");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("x.part"), "x").unwrap();
    assert_eq!(scene.again().list(), vec![changed]);
    assert!(foreign.join("x.part").exists(), "a folder without a manifest is left alone");
}

/// As version 0.1 wrote it: `feed` a number, no kind, no facts.
#[test]
fn a_manifest_of_the_former_version_is_read() {
    let scene = Scene::new(|_| ());
    let folder = scene.options.dir.join("20261101-101112-hall-abcd");
    std::fs::create_dir(&folder).unwrap();
    let text = r#"{"id":"20261101-101112-hall-abcd","room":"hall","state":"recording","started_at":"2026-11-01T10:11:12Z",
        "ended_at":null,"reason":null,"files":[{"name":"01-feed-7.webm","feed":7,"publisher":"DEVICE:1","state":"ready",
        "codecs":["vp8","opus"],"started_at":"2026-11-01T10:11:13Z","duration_ms":1000,"bytes":3,"width":640,"height":480,
        "reason":"left","detail":null}]}"#;
    std::fs::write(folder.join("manifest.json"), text).unwrap();
    std::fs::write(folder.join("01-feed-7.webm"), "abc").unwrap();
    let store = scene.again();
    assert_eq!(store.list()[0].state, RecordingState::Finishing, "it was running: it waits for its repair");
    store.repair_all(|| false).unwrap();
    let recording = &store.list()[0];
    assert_eq!((recording.state, recording.reason), (RecordingState::Ready, Some(EndReason::Crashed)));
    assert_eq!((recording.files[0].feed, recording.files[0].segment), (Some(FeedId(7)), 1));
}

#[test]
fn too_little_space_and_bad_folders_are_told_in_words() {
    let scene = Scene::new(|o| o.settings.min_free_bytes = u64::MAX);
    let error = scene.store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }) && error.to_string().contains("recording.min_free_bytes"));
    let file = scene.dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Recordings::open(file, 0), Err(StoreError::Io { .. })));
    let gone = Scene::new(|_| ());
    std::fs::remove_dir_all(&gone.options.dir).unwrap();
    let error = gone.store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap_err().to_string();
    assert!(error.contains("cannot write under") || error.contains("free"), "{error}");
}
