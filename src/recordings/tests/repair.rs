//! What a crash left.

use super::*;
use parking_lot::Mutex;

/// Repairs all but what begins with `bad`.
fn repairing(options: &mut Options) {
    options.repair = Arc::new(|path| {
        let data = std::fs::read(path).map_err(|e| e.to_string())?;
        if data.starts_with(b"bad") {
            return Err("there is no picture in it".into());
        }
        let whole = [&data[..], b"+index"].concat();
        let aside = path.with_extension("fixing.part");
        std::fs::write(&aside, &whole).and_then(|()| std::fs::rename(&aside, path)).map_err(|e| e.to_string())?;
        let (bytes, codecs) = (whole.len() as u64, vec![Codec::H264]);
        let facts = FileFacts { pictures: 30, ..FileFacts::default() };
        Ok(Repaired { duration_ms: 1000, bytes, codecs, width: Some(640), height: Some(480), facts })
    });
}

#[test]
fn files_are_repaired_taken_up_or_dropped_and_the_recording_is_ready() {
    let scene = Scene::new(repairing);
    let mut recording =
        scene.recording(RecordingState::Recording, &[("01-feed-1.mp4", b"abc"), ("02-feed-2.webm", b"")]);
    let published =
        Happening::Published { feed: FeedId(3), participant: ParticipantId::new("WEB:3"), name: "Carla".into() };
    recording.events.push(RecordingEvent { at: Timestamp::UNIX_EPOCH, what: published });
    recording.files[0].facts.missing(5, 100, "paused");
    scene.store.save(&recording).unwrap();
    let folder = scene.store.folder(&recording.id);
    let others = ["03-feed-3.mp4", "mix.mp4", "notes.txt", "x-feed-1.mp4", "a.part", ".manifest.json.0badf00d"];
    others.iter().for_each(|name| std::fs::write(folder.join(name), "abc").unwrap());
    std::fs::write(folder.join("04-feed-3.mp4"), "").unwrap();

    let (store, told) = (scene.again(), Arc::new(Mutex::new(Vec::new())));
    let before = store.get(recording.id.as_str()).unwrap();
    assert_eq!(before.state, RecordingState::Finishing);
    assert!(before.files.iter().all(|f| f.state == RecordingState::Finishing), "{:?}", before.files);
    let heard = Arc::clone(&told);
    store.on_change(Arc::new(move |r| heard.lock().push(r.clone())));
    store.repair_all(|| false).unwrap();

    let after = store.get(recording.id.as_str()).unwrap();
    assert_eq!(*told.lock(), std::slice::from_ref(&after));
    assert_eq!((after.state, after.reason, after.repaired), (RecordingState::Ready, Some(EndReason::Crashed), true));
    assert!(after.ended_at >= Some(after.started_at) && !EndReason::Crashed.is_failure());
    let files: Vec<_> = after.files.iter().map(|f| (f.name.as_str(), f.publisher.as_str(), f.segment)).collect();
    assert_eq!(files, [("01-feed-1.mp4", "DEVICE:1", 1), ("03-feed-3.mp4", "Carla", 1), ("mix.mp4", "hall", 1)]);
    for file in &after.files {
        assert_eq!((file.state, file.bytes, file.duration_ms), (RecordingState::Ready, 9, 1000), "{file:?}");
        assert!(file.detail.as_ref().unwrap().contains("repaired") && file.codecs == [Codec::H264]);
        assert_eq!(file.facts.pictures, 30);
    }
    assert_eq!(after.files[0].facts.gaps.len(), 1, "what was known before the crash stays");
    let left = ["01-feed-1.mp4", "03-feed-3.mp4", "manifest.json", "mix.mp4", "notes.txt", "x-feed-1.mp4"];
    assert_eq!(scene.names(&recording), left);
}

#[test]
fn what_cannot_be_repaired_says_so_and_is_kept() {
    let scene = Scene::new(repairing);
    let half = scene.recording(RecordingState::Paused, &[("01-feed-1.mp4", b"bad one"), ("02-feed-2.mp4", b"good")]);
    let whole = scene.recording(RecordingState::Recording, &[("01-feed-1.mp4", b"bad")]);
    let none = scene.recording(RecordingState::Starting, &[]);
    let store = scene.again();
    store.repair_all(|| false).unwrap();
    let get = |r: &Recording| store.get(r.id.as_str()).unwrap();
    assert_eq!((get(&half).state, get(&half).repaired), (RecordingState::Ready, true));
    assert!(get(&half).detail.unwrap().contains("1 of 2 files"));
    let failed = &get(&half).files[0];
    assert_eq!((failed.state, failed.bytes), (RecordingState::Failed, 7));
    assert!(failed.detail.as_ref().unwrap().contains("no picture in it"));
    for recording in [get(&whole), get(&none)] {
        assert_eq!((recording.state, recording.reason), (RecordingState::Failed, Some(EndReason::Crashed)));
        assert!(recording.detail.is_some() && recording.ended_at.is_some() && !recording.repaired);
    }
    assert_eq!(scene.names(&whole), ["01-feed-1.mp4", "manifest.json"], "what was written is kept");
}

#[test]
fn a_repair_that_is_cut_off_goes_on_at_the_next_start_without_doing_anything_twice() {
    let (scene, calls) = (Scene::new(|_| ()), Arc::new(Mutex::new(Vec::new())));
    let recording = scene.recording(RecordingState::Recording, &[("01-feed-1.mp4", b"a"), ("02-feed-2.mp4", b"b")]);
    let mut options = scene.options.clone();
    let called = Arc::clone(&calls);
    options.repair = Arc::new(move |path| {
        called.lock().push(path.file_name().unwrap().to_owned());
        Ok(Repaired::default())
    });
    let store = Recordings::open_with(options.clone()).unwrap();
    store.repair_all(|| calls.lock().len() == 1).unwrap();
    assert_eq!(store.get(recording.id.as_str()).unwrap().state, RecordingState::Finishing);
    drop(store);
    let store = Recordings::open_with(options).unwrap();
    store.repair_all(|| false).unwrap();
    assert_eq!(store.get(recording.id.as_str()).unwrap().state, RecordingState::Ready);
    assert_eq!(*calls.lock(), ["01-feed-1.mp4", "02-feed-2.mp4"]);
}

#[tokio::test]
async fn the_service_starts_at_once_repairs_aside_and_does_not_wait_for_it_when_it_ends() {
    let limit = std::time::Duration::from_secs(10);
    let scene = Scene::new(|_| ());
    let recordings = [(); 2].map(|()| scene.recording(RecordingState::Recording, &[("01-feed-1.mp4", b"abc")]));
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (go, goes) = std::sync::mpsc::channel::<()>();
    let (mut options, goes) = (scene.options.clone(), Mutex::new(goes));
    options.repair = Arc::new(move |_| {
        begun.send(()).unwrap();
        goes.lock().recv().map_err(|e| e.to_string())?;
        Ok(Repaired::default())
    });
    let (store, closing) = (Recordings::open_with(options).unwrap(), tokio_util::sync::CancellationToken::new());
    let (settled, mut settles) = tokio::sync::mpsc::unbounded_channel();
    store.on_change(Arc::new(move |r| settled.send(r.id.clone()).unwrap()));
    let task = store.start_housekeeping(closing.clone());
    tokio::time::timeout(limit, begins.recv()).await.expect("no repair has begun");
    go.send(()).unwrap();
    let first = tokio::time::timeout(limit, settles.recv()).await.expect("nothing is settled").unwrap();
    assert_eq!(store.get(first.as_str()).unwrap().state, RecordingState::Ready);
    tokio::time::timeout(limit, begins.recv()).await.expect("the second repair has not begun");
    closing.cancel();
    tokio::time::timeout(limit, task).await.expect("the end waits for the repair").unwrap();
    let other = recordings.iter().find(|r| r.id != first).unwrap();
    assert_eq!(store.get(other.id.as_str()).unwrap().state, RecordingState::Finishing);
    go.send(()).unwrap();
}
