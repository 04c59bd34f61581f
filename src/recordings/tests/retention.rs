//! Bin, age, quota.

use super::*;
use jiff::ToSpan;
use parking_lot::Mutex;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn hours(n: i64) -> Timestamp {
    Timestamp::now().checked_add(n.hours()).unwrap()
}

#[test]
fn a_deleted_recording_can_be_restored_until_the_bin_is_emptied() {
    let scene = Scene::new(|o| o.settings.bin_for = 2 * HOUR);
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    let (id, told) = (recording.id.as_str(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&told);
    scene.store.on_change(Arc::new(move |r| heard.lock().push(r.deleted_at.is_some())));
    assert!(scene.store.delete(id).unwrap() && !scene.store.delete(id).unwrap());
    assert!(scene.store.list().is_empty() && scene.get(&recording).deleted_at.is_some());
    assert_eq!(scene.store.file(id, "a.webm"), None, "what is in the bin is not served");
    assert!(scene.store.restore(id).unwrap() && !scene.store.restore(id).unwrap());
    assert_eq!(scene.store.list(), vec![recording.clone()]);
    assert!(scene.store.delete(id).unwrap());
    assert_eq!(scene.store.tick(hours(1)).unwrap(), Swept::default());
    assert_eq!(scene.store.tick(hours(3)).unwrap().purged, std::slice::from_ref(&recording.id));
    assert!(scene.store.get(id).is_none() && !scene.store.folder(&recording.id).exists());
    assert_eq!(*told.lock(), [true, false, true, true]);
}

#[test]
fn a_running_recording_stays_whatever_is_asked() {
    let scene = Scene::new(|o| {
        (o.settings.max_age, o.settings.max_total_bytes) = (Some(HOUR), 1);
    });
    let running = scene.recording(RecordingState::Paused, &[("a.webm", b"abc")]);
    let id = running.id.as_str();
    assert!(!scene.store.delete(id).unwrap() && !scene.store.purge(id).unwrap());
    assert_eq!(scene.store.tick(hours(1000)).unwrap(), Swept::default());
    assert_eq!(scene.store.used_bytes().unwrap(), 3);
    let refused = scene.store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Quota { used: 3, limit: 1 }));
    assert!(refused.to_string().contains("recording.max_total_bytes"), "{refused}");
}

#[test]
fn without_a_bin_deleted_is_gone_at_once() {
    let scene = Scene::new(|o| o.settings.bin_for = Duration::ZERO);
    let recording = scene.recording(RecordingState::Failed, &[("a.webm", b"abc")]);
    assert!(scene.store.delete(recording.id.as_str()).unwrap());
    assert!(scene.store.get(recording.id.as_str()).is_none() && !scene.store.folder(&recording.id).exists());
}

#[test]
fn the_too_old_go() {
    let scene = Scene::new(|o| o.settings.max_age = Some(10 * HOUR));
    let old = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    assert_eq!(scene.store.tick(hours(9)).unwrap(), Swept::default());
    assert_eq!(scene.store.tick(hours(11)).unwrap().purged, [old.id]);
}

/// Begun in this order, whatever the clock did.
fn aged(scene: &Scene, age: i64, bytes: usize) -> Recording {
    let mut recording = scene.recording(RecordingState::Ready, &[("a.webm", &vec![0; bytes])]);
    recording.started_at = hours(-age);
    scene.store.save(&recording).unwrap();
    recording
}

#[test]
fn the_quota_takes_the_bin_first_and_then_the_oldest() {
    let scene = Scene::new(|o| o.settings.max_total_bytes = 1000);
    let (oldest, newer, newest) = (aged(&scene, 3, 400), aged(&scene, 2, 300), aged(&scene, 1, 200));
    assert_eq!(scene.store.tick(hours(0)).unwrap(), Swept::default());
    assert!(scene.store.delete(newest.id.as_str()).unwrap());
    let more = aged(&scene, 0, 600);
    assert_eq!(scene.store.tick(hours(0)).unwrap().purged, [newest.id, oldest.id]);
    let mut left: Vec<_> = scene.store.list().into_iter().map(|r| r.id).collect();
    left.sort();
    let mut expected = [newer.id, more.id];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn a_new_recording_makes_room_for_itself() {
    let scene = Scene::new(|o| o.settings.max_total_bytes = 100);
    let old = aged(&scene, 1, 100);
    scene.store.create(&RoomId::new("a"), &RecordingWish::default()).unwrap();
    assert_eq!(scene.store.get(old.id.as_str()), None);
}

#[test]
fn what_is_not_verified_elsewhere_is_kept() {
    let scene = Scene::new(|o| {
        o.settings.max_age = Some(HOUR);
        o.storage.primary.url = "file:///nowhere-at-all".into();
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    let swept = scene.store.tick(hours(2)).unwrap();
    assert_eq!((swept.purged, swept.kept_unverified), (vec![], vec![recording.id.clone()]));
    assert!(scene.store.delete(recording.id.as_str()).unwrap(), "people may");
}

#[test]
fn a_removal_that_was_cut_off_goes_on_at_the_next_start() {
    let scene = Scene::new(|_| ());
    let half = scene.options.dir.join(".purged-x");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("a.webm"), "x").unwrap();
    drop(scene.again());
    assert!(!half.exists());
}
