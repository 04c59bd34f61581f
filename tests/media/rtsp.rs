//! IP cameras: what they are in, how they fail, how they come back.

use crate::camera::{Camera, H264, OPUS, PCMA};
use crate::engine::{Room, until};
use crate::sources::{open, picture, room, status, wish};
use millrace::media::Engine;
use millrace::model::{Codec, IngestReason, IngestState, IngestWish, Secret, Transport};

fn codecs(room: &mut Room, wish: IngestWish) -> (Vec<Codec>, Vec<u8>) {
    let (_, feed) = open(room, wish);
    let codecs = room.live(feed).iter().map(|track| track.codec).collect();
    (codecs, picture(room, feed))
}

#[test]
fn a_camera_passes_as_it_is_over_tcp_and_udp() {
    let camera = Camera::of(&[H264, OPUS]).start();
    let mut room = room();
    for transport in [Transport::Tcp, Transport::Udp] {
        let (codecs, picture) = codecs(&mut room, IngestWish { transport, ..wish(&camera.uri()) });
        assert_eq!(codecs, [Codec::Opus, Codec::H264], "{transport:?}");
        assert!(picture.starts_with(&[0xff, 0xd8]));
    }
}

#[test]
fn g711_passes() {
    let camera = Camera::of(&[H264, PCMA]).start();
    assert_eq!(codecs(&mut room(), wish(&camera.uri())).0, [Codec::Pcma, Codec::H264]);
}

#[test]
fn users_are_let_in_by_basic_and_digest_and_wrong_ones_told() {
    let mut room = room();
    for digest in [false, true] {
        let user = Some(("viewer".to_owned(), "p:ss@ w/rd".to_owned(), digest));
        let camera = Camera { user, ..Camera::of(&[H264]) }.start();
        let right = IngestWish { user: "viewer".into(), password: Secret::new("p:ss@ w/rd"), ..wish(&camera.uri()) };
        assert_eq!(codecs(&mut room, right.clone()).0, [Codec::H264], "digest {digest}");
        open(&room, IngestWish { password: Secret::new("wrong"), ..right });
        let refused = status(&mut room, "the refusal", |status| status.trouble.is_some());
        assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::Credentials), "digest {digest}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    open(&room, wish(&camera.uri().replace("stream", "nothing")));
    let refused = status(&mut room, "no such stream", |status| status.trouble.is_some());
    assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::NotFound));
    let port = camera.port;
    drop(camera);
    open(&room, wish(&format!("rtsp://127.0.0.1:{port}/stream")));
    let refused = status(&mut room, "nobody there", |status| status.trouble.is_some());
    assert_eq!(refused.trouble.map(|trouble| trouble.reason), Some(IngestReason::Unreachable));
}

#[test]
fn a_camera_that_was_away_is_live_again() {
    let camera = Camera::of(&[H264]).start();
    let mut room = room();
    let (peer, feed) = open(&room, wish(&camera.uri()));
    room.live(feed);
    let camera = camera.cut();
    status(&mut room, "the outage", |status| status.state == IngestState::Waiting);
    let _camera = camera.start();
    status(&mut room, "the return", |status| status.state == IngestState::Live && status.reconnects == 1);
    let before = room.engine.feed_stats(feed).expect("a feed").tracks[0].frames;
    until("pictures come", || room.engine.feed_stats(feed).expect("a feed").tracks[0].frames > before + 5);
    assert!(room.engine.ingest_status(peer).is_some());
}

/// Mean luma and saturation-free difference are enough to tell the placeholder from the pattern: decoded by ffmpeg.
fn luma(jpeg: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.jpg");
    std::fs::write(&path, jpeg).expect("a file");
    let mut decode = std::process::Command::new("ffmpeg");
    decode.args(["-v", "error", "-i"]).arg(&path).args(["-f", "rawvideo", "-pix_fmt", "gray", "-"]);
    decode.output().expect("ffmpeg").stdout
}

fn mean(picture: &[u8]) -> f64 {
    picture.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / picture.len().max(1) as f64
}

#[test]
fn a_silent_camera_shows_a_placeholder_until_its_own_pictures_come() {
    let white = H264.replace("pattern=ball", "pattern=white");
    let camera = Camera::of(&[&white]).start();
    let mut room = room();
    let (_, feed) = open(&room, wish(&camera.uri()));
    room.live(feed);
    // A clip kept in memory is no user; a recording is.
    let dir = tempfile::tempdir().expect("a folder");
    let recording = millrace::model::RecordingId::new("r");
    let (stem, preroll) = (dir.path().join("r"), std::time::Duration::ZERO);
    room.ask(millrace::media::MediaRequest::Record { recording: recording.clone(), feed, stem, preroll, only: None });
    let shown = |room: &Room| mean(&luma(&picture(room, feed)));
    assert!(shown(&room) > 200.0, "white");
    camera.fall_silent(true);
    status(&mut room, "silence", |status| {
        status.trouble.as_ref().is_some_and(|trouble| trouble.reason == IngestReason::Silent)
    });
    until("the placeholder", || {
        let m = shown(&room);
        eprintln!("{m} {:?}", room.engine.feed_stats(feed));
        (40.0..190.0).contains(&m)
    });
    camera.fall_silent(false);
    let back = std::time::Instant::now();
    until("its own pictures", || shown(&room) > 200.0);
    assert!(
        back.elapsed() < std::time::Duration::from_millis(3500),
        "{:?} (a second of it: cached pictures)",
        back.elapsed()
    );
    assert_eq!(room.engine.feed_stats(feed).expect("a feed").tracks.len(), 1);
}

#[test]
fn a_certificate_is_taken_when_it_is_the_pinned_one() {
    let made = rcgen::generate_simple_self_signed(["camera".to_owned()]).expect("a certificate");
    let tls = Some(made.cert.pem() + &made.signing_key.serialize_pem());
    let camera = Camera { tls, ..Camera::of(&[H264]) }.start();
    let mut room = room();
    open(&room, wish(&camera.uri()));
    let refused = status(&mut room, "the refusal", |status| status.trouble.is_some()).trouble.expect("a trouble");
    assert_eq!(refused.reason, IngestReason::Certificate);
    // What it says is what to pin.
    let fingerprint = refused.detail.rsplit(' ').next().expect("a fingerprint").to_owned();
    let other = fingerprint.replace(&fingerprint[..2], if fingerprint.starts_with("00") { "11" } else { "00" });
    open(&room, IngestWish { fingerprint: other, ..wish(&camera.uri()) });
    let refused = status(&mut room, "the other", |status| status.trouble.is_some()).trouble.expect("a trouble");
    assert_eq!(refused.reason, IngestReason::Certificate);
    assert_eq!(codecs(&mut room, IngestWish { fingerprint, ..wish(&camera.uri()) }).0, [Codec::H264]);
}

/// A server that answers each request with the same; how many connections it got.
fn answering(
    answer: String,
) -> (u16, std::sync::Arc<std::sync::atomic::AtomicUsize>, std::sync::Arc<std::sync::Mutex<Vec<u8>>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (port, count) = (listener.local_addr().expect("an address").port(), std::sync::Arc::default());
    let heard: std::sync::Arc<std::sync::Mutex<Vec<u8>>> = std::sync::Arc::default();
    let (counted, hearing): (std::sync::Arc<std::sync::atomic::AtomicUsize>, _) =
        (std::sync::Arc::clone(&count), heard.clone());
    std::thread::spawn(move || {
        for mut client in listener.incoming().filter_map(Result::ok) {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let (answer, hearing) = (answer.clone(), hearing.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                let mut sequence = 0;
                while let Ok(length @ 1..) = client.read(&mut buffer) {
                    hearing.lock().expect("a list").extend_from_slice(&buffer[..length]);
                    sequence += 1;
                    let answer = answer.replace("{n}", &sequence.to_string());
                    let _ = client.write_all(answer.as_bytes());
                }
            });
        }
    });
    (port, count, heard)
}

#[test]
fn a_camera_cannot_send_us_elsewhere() {
    let (elsewhere, _, heard) = answering("RTSP/1.0 200 OK\r\nCSeq: {n}\r\n\r\n".into());
    let moved = format!("RTSP/1.0 302 Moved\r\nCSeq: {{n}}\r\nLocation: rtsp://127.0.0.1:{elsewhere}/x\r\n\r\n");
    let (port, _, asked) = answering(moved);
    let mut room = room();
    open(&room, wish(&format!("rtsp://127.0.0.1:{port}/stream")));
    let refused = status(&mut room, "the refusal", |status| status.trouble.is_some()).trouble.expect("a trouble");
    assert!(!asked.lock().expect("a list").is_empty(), "it was asked");
    assert_eq!(refused.reason, IngestReason::Forbidden, "{}", refused.detail);
    assert!(heard.lock().expect("a list").is_empty(), "nothing is said elsewhere");
}

/// VLC as a camera: another RTSP server than ours, another way to pack H264.
#[test]
fn an_independent_server_is_taken() {
    let dir = tempfile::tempdir().expect("a folder");
    let clip = dir.path().join("clip.ts");
    let mut make = std::process::Command::new("ffmpeg");
    make.args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=20", "-c:v", "libx264"]);
    make.args(["-bf", "0", "-g", "15", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]).arg(&clip);
    assert!(make.status().expect("ffmpeg").success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    // As root it refuses to run.
    let mut vlc = std::process::Command::new("setpriv");
    vlc.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc", "-q", "--loop"]).arg(&clip);
    vlc.arg(format!("--sout=#rtp{{sdp=rtsp://127.0.0.1:{port}/stream}}")).arg("--sout-keep").env("HOME", "/tmp");
    vlc.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut vlc = vlc.spawn().expect("VLC");
    let mut room = room();
    // It speaks UDP alone.
    let transport = Transport::Udp;
    let (_, feed) = open(&room, IngestWish { transport, ..wish(&format!("rtsp://127.0.0.1:{port}/stream")) });
    status(&mut room, "a live source", |status| status.state == IngestState::Live);
    let picture = picture(&room, feed);
    let _ = (vlc.kill(), vlc.wait());
    assert!(mean(&luma(&picture)) > 20.0);
}
