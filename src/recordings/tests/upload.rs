//! Copies elsewhere, against a real S3-compatible server that stops, refuses and lies.

use super::*;
use crate::config::Destination;
use crate::recordings::tests::s3::{ACCESS_KEY, BUCKET, S3, SECRET_KEY};
use object_store::aws::AmazonS3Builder;
use object_store::{ObjectStoreExt, path::Path};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(30);
/// S3 takes no smaller ones, and this server neither.
const PART: usize = 5 << 20;
const HOUR: Duration = Duration::from_secs(3600);

/// Three and a half parts.
fn media() -> Vec<u8> {
    let mut data = (0..251).collect::<Vec<u8>>().repeat(PART * 7 / 2 / 251 + 1);
    data.truncate(PART * 7 / 2);
    data
}

fn to_s3(server: &S3) -> Destination {
    let text = |t: &str| t.to_owned();
    Destination {
        url: format!("s3://{BUCKET}/from/here"),
        endpoint: format!("http://{}", server.address),
        region: String::new(),
        access_key: text(ACCESS_KEY),
        secret_key: text(SECRET_KEY),
        allow_http: true,
    }
}

fn quick(options: &mut Options) {
    let (first, most) = (Duration::from_millis(20), Duration::from_millis(100));
    options.pace = Pace { part_bytes: PART as u64, first, most, refused: HOUR };
}

/// A store's tasks at work, until it is dropped or ended.
struct Work {
    store: Recordings,
    news: Arc<Notify>,
    closing: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Work {
    fn start(store: &Recordings) -> Self {
        let (news, closing) = (Arc::new(Notify::new()), CancellationToken::new());
        let told = Arc::clone(&news);
        store.on_change(Arc::new(move |_| told.notify_one()));
        Self { store: store.clone(), news, tasks: store.start_uploads(&closing), closing }
    }
    /// As the service ends: in the middle of whatever it does.
    async fn end(self) {
        self.closing.cancel();
        for task in self.tasks {
            timeout(LIMIT, task).await.expect("an upload task does not end").unwrap();
        }
    }
    /// Waits until the copies are as wanted.
    async fn until(&self, id: &RecordingId, what: &str, wanted: impl Fn(&[(String, Upload)]) -> bool) {
        let uploads = || self.store.uploads(id.as_str()).unwrap();
        let waiting = async {
            while !wanted(&uploads()) {
                self.news.notified().await;
            }
        };
        timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("not {what} within {LIMIT:?}: {:#?}", uploads()));
    }
    async fn until_done(&self, id: &RecordingId) {
        self.until(id, "done", |all| all.iter().all(|(_, u)| u.state == UploadState::Done)).await;
    }
    async fn until_error(&self, id: &RecordingId, words: &str) {
        let told =
            |all: &[(String, Upload)]| all.iter().any(|(_, u)| u.error.as_deref().is_some_and(|e| e.contains(words)));
        self.until(id, words, told).await;
    }
}

async fn download(server: &S3, key: &str) -> Vec<u8> {
    let to = to_s3(server);
    let client = AmazonS3Builder::new().with_bucket_name(BUCKET).with_endpoint(to.endpoint).with_allow_http(true);
    let client = client.with_access_key_id(ACCESS_KEY).with_secret_access_key(SECRET_KEY).build().unwrap();
    client.get(&Path::from(key)).await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_both_places_and_only_then_from_here() {
    let (server, disk) = (S3::start(), tempfile::tempdir().unwrap());
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
        o.storage.backup.url = format!("file://{}", disk.path().display());
        o.storage.delete_local = true;
    });
    let running = scene.recording(RecordingState::Recording, &[("a.webm", b"abc")]);
    let recording =
        scene.recording(RecordingState::Ready, &[("a.webm", &media()), ("b.webm", b"small"), ("c.webm", b"")]);
    let work = Work::start(&scene.store);
    work.until_done(&recording.id).await;
    work.end().await;
    let key = |name: &str| format!("from/here/{}/{name}", recording.id);
    assert_eq!(download(&server, &key("a.webm")).await, media());
    assert_eq!(download(&server, &key("b.webm")).await, b"small");
    assert_eq!(std::fs::read(disk.path().join(recording.id.as_str()).join("a.webm")).unwrap(), media());
    assert_eq!(server.parts(), ["1", "2", "3", "4"]);
    assert_eq!(server.half_sent(), Vec::<std::path::PathBuf>::new());
    assert_eq!(scene.names(&recording), ["c.webm", "manifest.json"], "verified files are removed");
    assert_eq!(scene.names(&running), ["a.webm", "manifest.json"], "a running recording is left alone");

    let copies = &scene.get(&recording).files[0].uploads;
    assert_eq!(copies.len(), 2, "{copies:?}");
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &media());
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    for copy in copies {
        assert!(copy.state == UploadState::Done && copy.local_removed && copy.verified_at.is_some(), "{copy:?}");
        assert_eq!((copy.sent_bytes as usize, copy.attempts, copy.sha256.as_ref()), (media().len(), 1, Some(&sum)));
    }
    assert_eq!(copies[0].url, format!("s3://{BUCKET}/{}", key("a.webm")));
    // The manifest went last: it tells of the copies of the others.
    let manifest: Recording = serde_json::from_slice(&download(&server, &key("manifest.json")).await).unwrap();
    assert!(manifest.files[1].uploads.iter().any(|u| u.destination == "primary" && u.state == UploadState::Done));
    assert_eq!(scene.store.used_bytes().unwrap(), 3, "only the running one takes space here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_mid_upload_gets_the_rest_when_it_is_back() {
    let mut server = S3::start();
    server.gate.hold_after.store(2, Ordering::SeqCst);
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
        o.storage.delete_local = true;
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let work = Work::start(&scene.store);
    timeout(LIMIT, server.gate.reached.notified()).await.expect("the third part is not sent");
    server.stop();
    let failed = |all: &[(String, Upload)]| all.iter().any(|(_, u)| u.error.is_some() && u.attempts >= 2);
    work.until(&recording.id, "tried twice", failed).await;
    assert_eq!(scene.get(&recording).files[0].uploads[0].sent_bytes as usize, 2 * PART, "two parts are there");
    assert!(scene.names(&recording).contains(&"a.webm".into()), "the file stays until it is verified");
    server.gate.hold_after.store(usize::MAX, Ordering::SeqCst);
    server.start_again();
    work.until_done(&recording.id).await;
    work.end().await;
    assert_eq!(download(&server, &format!("from/here/{}/a.webm", recording.id)).await, media());
    assert_eq!(server.parts(), ["1", "2", "3", "4"], "nothing is sent twice");
    assert_eq!(server.half_sent(), Vec::<std::path::PathBuf>::new());
    assert_eq!(scene.names(&recording), ["manifest.json"]);
}

/// Ends the uploads after two parts; returns what the next process finds.
async fn restarted(scene: &Scene, server: &S3) -> Recordings {
    server.gate.hold_after.store(2, Ordering::SeqCst);
    let work = Work::start(&scene.store);
    timeout(LIMIT, server.gate.reached.notified()).await.expect("the third part is not sent");
    work.end().await;
    server.gate.hold_after.store(usize::MAX, Ordering::SeqCst);
    scene.again()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_goes_on_where_the_old_one_was_cut_off() {
    let server = S3::start();
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let store = restarted(&scene, &server).await;
    let before = &store.get(recording.id.as_str()).unwrap().files[0].uploads[0];
    assert_eq!((before.state, before.sent_bytes as usize), (UploadState::Waiting, 2 * PART));
    let work = Work::start(&store);
    work.until_done(&recording.id).await;
    work.end().await;
    assert_eq!(download(&server, &format!("from/here/{}/a.webm", recording.id)).await, media());
    assert_eq!(server.parts(), ["1", "2", "3", "4"], "nothing is sent twice");
    assert_eq!(server.half_sent(), Vec::<std::path::PathBuf>::new());
    assert!(store.file(recording.id.as_str(), "a.webm").unwrap().exists(), "nothing is removed unless asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_forgotten_is_begun_anew() {
    let server = S3::start();
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let store = restarted(&scene, &server).await;
    server.half_sent().iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let work = Work::start(&store);
    work.until_done(&recording.id).await;
    work.end().await;
    assert_eq!(download(&server, &format!("from/here/{}/a.webm", recording.id)).await, media());
    assert_eq!(server.half_sent(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_recording_that_is_removed_in_mid_upload_nothing_stays_behind() {
    let server = S3::start();
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
    });
    let removed = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let store = restarted(&scene, &server).await;
    assert!(!server.half_sent().is_empty());
    assert!(store.purge(removed.id.as_str()).unwrap());
    let other = scene.recording(RecordingState::Ready, &[("a.webm", b"abc")]);
    let store = scene.again();
    let work = Work::start(&store);
    work.until_done(&other.id).await;
    work.end().await;
    assert_eq!(server.half_sent(), Vec::<std::path::PathBuf>::new());
    assert!(!server.object(&format!("from/here/{}", removed.id)).join("a.webm").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_in_words_and_right_ones_help() {
    let server = S3::start();
    for (wrong, words) in [
        (Destination { secret_key: "wrong".into(), ..to_s3(&server) }, "storage.primary.secret_key"),
        (Destination { access_key: "wrong".into(), ..to_s3(&server) }, "storage.primary.access_key"),
    ] {
        let scene = Scene::new(|o| {
            quick(o);
            o.storage.primary = wrong;
        });
        let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
        let work = Work::start(&scene.store);
        work.until_error(&recording.id, words).await;
        work.end().await;
        let told = scene.get(&recording).files[0].uploads[0].clone();
        assert_eq!((told.state, told.attempts), (UploadState::Waiting, 1), "{told:?}");
        assert!(!format!("{told:?}").contains(SECRET_KEY));

        let mut options = scene.options.clone();
        options.storage.primary = to_s3(&server);
        let store = Recordings::open_with(options).unwrap();
        let work = Work::start(&store);
        work.until_done(&recording.id).await;
        work.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_reads_back_differently_does_not_count() {
    let server = S3::start();
    server.gate.lies.store(true, Ordering::SeqCst);
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary = to_s3(&server);
        o.storage.delete_local = true;
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let work = Work::start(&scene.store);
    work.until_error(&recording.id, "differs").await;
    assert!(scene.names(&recording).contains(&"a.webm".into()));
    assert!(!scene.store.is_verified(&recording).unwrap());
    server.gate.lies.store(false, Ordering::SeqCst);
    work.until_done(&recording.id).await;
    work.end().await;
    assert!(scene.store.is_verified(&scene.get(&recording)).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_mounted_yet_gets_its_copies_later() {
    let disk = tempfile::tempdir().unwrap();
    let mount = disk.path().join("mount");
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary.url = format!("file://{}", mount.display());
    });
    let mut recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let work = Work::start(&scene.store);
    work.until_error(&recording.id, "No such file").await;
    std::fs::create_dir(&mount).unwrap();
    scene.store.retry_uploads(Some(recording.id.as_str())).unwrap();
    work.until_done(&recording.id).await;
    let copy = mount.join(recording.id.as_str());
    assert_eq!(std::fs::read(copy.join("a.webm")).unwrap(), media());

    // What comes later is sent too, and the manifest again.
    recording.thumbnails = Some(thumbnails());
    ["poster.jpg", "sprite.jpg"]
        .iter()
        .for_each(|n| std::fs::write(scene.store.folder(&recording.id).join(n), n).unwrap());
    scene.store.update(&recording.id, |r| r.thumbnails = recording.thumbnails.clone()).unwrap();
    work.until_done(&recording.id).await;
    work.end().await;
    let manifest: Recording = serde_json::from_slice(&std::fs::read(copy.join("manifest.json")).unwrap()).unwrap();
    assert!(manifest.thumbnails.is_some() && copy.join("sprite.jpg").exists());
    let mut left: Vec<_> = std::fs::read_dir(&copy).unwrap().flatten().map(|e| e.file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.webm", "manifest.json", "poster.jpg", "sprite.jpg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_does_not_send_again_what_manifests_tell_is_there() {
    let disk = tempfile::tempdir().unwrap();
    let scene = Scene::new(|o| {
        quick(o);
        o.storage.primary.url = format!("file://{}", disk.path().display());
    });
    let recording = scene.recording(RecordingState::Ready, &[("a.webm", &media())]);
    let work = Work::start(&scene.store);
    work.until_done(&recording.id).await;
    work.end().await;
    let before = scene.get(&recording).files[0].uploads.clone();
    let Scene { options, store, dir: _kept } = scene;
    drop(store);
    for entry in std::fs::read_dir(&options.dir).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(index::FILE) {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let store = Recordings::open_with(options).unwrap();
    assert_eq!(store.get(recording.id.as_str()).unwrap().files[0].uploads, before);
}

#[test]
fn wrong_settings_are_refused_at_start() {
    let mut options = Options::plain(tempfile::tempdir().unwrap().path().join("r"), 0);
    options.storage.primary =
        Destination { url: "gs://b".into(), secret_key: "/no/such/key".into(), ..Default::default() };
    let error = Recordings::open_with(options).unwrap_err();
    assert!(error.to_string().starts_with("storage.primary cannot be used"), "{error}");
}
