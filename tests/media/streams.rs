//! Sources over SRT, UDP, RTMP and HTTP, and files, played by ffmpeg and judged by decoded pictures.

use crate::engine::{Room, config, until};
use crate::ffmpeg::{H264, H265, look_at, make, play, relay};
use crate::sources::{open, picture, room, status, wish};
use crate::web::{Web, serve, serve_tls};
use millrace::config::{Config, Reach};
use millrace::media::Engine;
use millrace::model::{Codec, EndReason, FeedId, IngestReason, IngestState, IngestWish, Kind, PeerId, Secret};
use std::net::UdpSocket;
use std::path::Path;

const AAC: [&str; 2] = ["-c:a", "aac"];
const MP2: [&str; 2] = ["-c:a", "mp2"];
const TS: [&str; 2] = ["-f", "mpegts"];

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("its address").port()
}

/// Waits for pictures and sound, and looks at a picture.
fn judge(room: &mut Room, (peer, feed): (PeerId, FeedId), video: &str, passthrough: bool) {
    let kinds: Vec<Kind> = room.live(feed).iter().map(|track| track.codec.kind()).collect();
    assert_eq!(kinds, [Kind::Audio, Kind::Video]);
    assert!(look_at(&picture(room, feed)) > 100, "a test picture is colourful");
    let status = room.engine.ingest_status(peer).expect("a source");
    let track = status.tracks.iter().find(|track| track.encoding == video);
    let track = track.unwrap_or_else(|| panic!("{:?}", status.tracks));
    assert_eq!((track.width, track.height), (Some(320), Some(240)));
    assert_eq!(track.passthrough, passthrough, "{track:?}");
    assert_eq!(track.why.is_none(), passthrough, "{track:?}");
    until("sound goes on", || {
        let stats = room.engine.feed_stats(feed).expect("a feed");
        stats.tracks.iter().any(|track| track.codec == Codec::Opus && track.packets > 20)
    });
}

#[test]
fn srt_is_called() {
    let (mut room, port) = (room(), free_port());
    let url = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=open sesame 1");
    let _camera = play(&H264, &AAC, &[&TS[..], &[&url]].concat());
    let wish = IngestWish { password: Secret::new("open sesame 1"), ..wish(&format!("srt://127.0.0.1:{port}")) };
    let opened = open(&room, wish);
    judge(&mut room, opened, "H264", true);
    assert!(!room.engine.graph(&[opened.0], &[opened.1]).contains("open sesame"));
}

#[test]
fn srt_is_listened_for() {
    let (mut room, port) = (room(), free_port());
    let opened = open(&room, wish(&format!("srt://127.0.0.1:{port}?mode=listener")));
    let url = format!("srt://127.0.0.1:{port}?mode=caller");
    let _camera = play(&H265, &MP2, &[&TS[..], &[&url]].concat());
    judge(&mut room, opened, "H265", false);
}

#[test]
fn transport_streams_come_in_datagrams() {
    let (mut room, port) = (room(), free_port());
    let opened = open(&room, wish(&format!("udp://127.0.0.1:{port}")));
    let url = format!("udp://127.0.0.1:{port}?pkt_size=1316");
    let _camera = play(&["-c:v", "mpeg2video", "-g", "15"], &MP2, &[&TS[..], &[&url]].concat());
    judge(&mut room, opened, "MPEG2", false);
}

/// ffmpeg publishes to nginx, and it is pulled from there: ffmpeg's own server sends on a message stream that nobody created.
#[test]
fn rtmp_is_pulled() {
    let (mut room, port) = (room(), free_port());
    let dir = tempfile::tempdir().expect("a folder");
    let _server = relay(port, dir.path());
    let url = format!("rtmp://127.0.0.1:{port}/live/cam");
    let _camera = play(&H264, &AAC, &["-f", "flv", &url]);
    let opened = open(&room, wish(&url));
    judge(&mut room, opened, "H264", true);
}

/// With B-frames, and its index at the end: ranges are asked for.
#[test]
fn an_mp4_over_http_is_played_to_its_end() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    let video = ["-c:v", "libx264", "-bf", "2", "-b_strategy", "0", "-g", "15", "-pix_fmt", "yuv420p"];
    make("4", &video, &AAC, &["-f", "mp4"], &dir.path().join("clip.mp4"));
    let web = serve(dir.path());
    let opened = open(&room, wish(&web.url("clip.mp4")));
    judge(&mut room, opened, "H264", false);
    assert_eq!(room.ended(opened.0), EndReason::SourceEnded);
}

fn hls(segments: &str, dir: &Path) {
    let out = ["-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", "-hls_segment_type", segments];
    make("6", &H264, &AAC, &out, &dir.join("index.m3u8"));
}

#[test]
fn hls_of_transport_streams() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    hls("mpegts", dir.path());
    let web = serve(dir.path());
    let opened = open(&room, wish(&web.url("index.m3u8")));
    judge(&mut room, opened, "H264", true);
}

#[test]
fn hls_of_fragments() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    hls("fmp4", dir.path());
    let web = serve(dir.path());
    let opened = open(&room, wish(&web.url("index.m3u8")));
    judge(&mut room, opened, "H264", true);
}

/// A playlist that moves: segments come and go while it is played.
#[test]
fn hls_that_is_live() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    let index = dir.path().join("index.m3u8");
    let out = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "4", "-hls_flags", "delete_segments"];
    let _camera = play(&H264, &AAC, &[&out[..], &[index.to_str().expect("a path")]].concat());
    until("the first segments", || index.exists());
    let web = serve(dir.path());
    let opened = open(&room, wish(&web.url("index.m3u8")));
    judge(&mut room, opened, "H264", true);
    let packets = |room: &Room| {
        let stats = room.engine.feed_stats(opened.1).expect("a feed");
        stats.tracks.iter().find(|track| track.codec == Codec::H264).map_or(0, |track| track.packets)
    };
    let begin = packets(&room);
    until("pictures of later segments", || packets(&room) > begin + 75);
    assert_eq!(room.engine.ingest_status(opened.0).expect("a source").reconnects, 0);
}

fn mjpeg(dir: &Path) -> Web {
    let one = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-frames:v", "1"];
    make("1", &one, &["-an"], &["-f", "image2"], &dir.join("picture.jpg"));
    serve(dir)
}

#[test]
fn mjpeg_with_a_password() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    let web = mjpeg(dir.path());
    let named = |password: &str| IngestWish {
        user: "viewer".into(),
        password: Secret::new(password),
        ..wish(&web.url("locked/live"))
    };
    let (peer, feed) = open(&room, named("hunter2-is-right"));
    assert_eq!(room.live(feed).len(), 1);
    assert!(look_at(&picture(&room, feed)) > 100);
    let told = format!("{:?}", room.engine.ingest_status(peer));
    assert!(told.contains("JPEG → H264") && !told.contains("hunter2"), "{told}");
    assert!(!room.engine.graph(&[peer], &[feed]).contains("hunter2"));
    let digest = IngestWish { uri: web.url("digest/live"), ..named("hunter2-is-right") };
    let (_, feed) = open(&room, digest);
    assert_eq!(room.live(feed).len(), 1);
    open(&room, named("hunter2-is-wrong"));
    let refused = status(&mut room, "a refusal", |status| status.state == IngestState::Waiting);
    let trouble = refused.trouble.expect("a reason");
    assert_eq!(trouble.reason, IngestReason::Credentials);
    assert!(!trouble.detail.contains("hunter2"), "{trouble:?}");
}

#[test]
fn https_with_a_pinned_certificate() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    make("3", &H264, &AAC, &["-f", "matroska"], &dir.path().join("clip.mkv"));
    let (web, fingerprint) = serve_tls(dir.path());
    let pinned = |fingerprint: &str| IngestWish { fingerprint: fingerprint.into(), ..wish(&web.url("clip.mkv")) };
    for bad in [String::new(), "00".repeat(32)] {
        let (peer, _) = open(&room, pinned(&bad));
        let status = status(&mut room, "a refusal", |status| status.state == IngestState::Waiting);
        assert_eq!(status.trouble.expect("a reason").reason, IngestReason::Certificate);
        room.close(peer);
    }
    let opened = open(&room, pinned(&fingerprint));
    judge(&mut room, opened, "H264", true);
}

fn refused(room: &mut Room, uri: &str) -> IngestReason {
    let (peer, _) = open(room, wish(uri));
    let status = status(room, uri, |status| status.state == IngestState::Waiting);
    room.close(peer);
    status.trouble.expect("a reason").reason
}

#[test]
fn nothing_leads_where_nobody_may_go() {
    let (mut room, dir) = (room(), tempfile::tempdir().expect("a folder"));
    std::fs::write(
        dir.path().join("bad.m3u8"),
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://169.254.169.254/a.ts\n",
    )
    .expect("a playlist");
    std::fs::write(dir.path().join("page.html"), "<!DOCTYPE html><html></html>").expect("a page");
    let web = serve(dir.path());
    for uri in
        ["http://169.254.169.254/latest", "http://[::1]/", "rtmp://169.254.169.254/a/b", "srt://169.254.169.254:9000"]
    {
        assert_eq!(refused(&mut room, uri), IngestReason::Forbidden, "{uri}");
    }
    assert_eq!(refused(&mut room, &web.url("redirect")), IngestReason::Forbidden);
    assert_eq!(refused(&mut room, &web.url("bad.m3u8")), IngestReason::Forbidden);
    assert_eq!(refused(&mut room, &web.url("nothing.mp4")), IngestReason::NotFound);
    assert_eq!(refused(&mut room, &web.url("page.html")), IngestReason::Unsupported);
    assert_eq!(refused(&mut room, "file:///etc/passwd"), IngestReason::Forbidden);
}

#[test]
fn a_file_is_played_again_and_again() {
    let dir = tempfile::tempdir().expect("a folder");
    make("1", &H264, &AAC, &["-f", "matroska"], &dir.path().join("clip.mkv"));
    let reach = Reach { files: Some(dir.path().into()), ..Reach::default() };
    let mut room = Room::of(Config { media: config(), reach, ..Config::default() });
    let again = IngestWish { repeat: true, ..wish("file:///clip.mkv") };
    let (peer, feed) = open(&room, again);
    assert_eq!(room.live(feed).len(), 2);
    assert!(look_at(&picture(&room, feed)) > 100);
    until("its third time", || {
        let stats = room.engine.feed_stats(feed).expect("a feed");
        stats.tracks.iter().any(|track| track.codec == Codec::H264 && track.packets > 35)
    });
    assert_eq!(room.engine.ingest_status(peer).expect("a source").trouble, None);
    // What looks like a launch text is a name.
    let pasted = dir.path().join("pasted");
    let uri = format!("file:///clip.mkv ! filesink location={}", pasted.display());
    assert_eq!(refused(&mut room, &uri), IngestReason::NotFound);
    assert!(!pasted.exists());
}
