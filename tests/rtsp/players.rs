//! Players pull feeds: over TCP and UDP, by name, with tokens, together, until the end.

use crate::hall::{Hall, LIMIT, SECRET, judge, pull, run, until};
use millrace::auth::TokenRole;
use millrace::model::Codec;
use std::time::Instant;

const TCP: [&str; 2] = ["-rtsp_transport", "tcp"];
const UDP: [&str; 2] = ["-rtsp_transport", "udp"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_pulls_pictures_and_sound_over_tcp_and_udp() {
    let hall = Hall::open().await;
    let device = hall.device("door", Some(Codec::H264)).await;
    let dir = tempfile::tempdir().unwrap();
    for (options, path, sound) in [(TCP, "/hall", "aac"), (UDP, "/hall/door", "aac"), (TCP, "/hall?audio=opus", "opus")]
    {
        let file = dir.path().join("out.mkv");
        let begun = Instant::now();
        let (good, said) = pull(&hall.url("", path), &options, "3", &file).await;
        assert!(good, "{path} by {options:?}: {said}");
        let (codecs, [pictures, sounds]) = judge(&file).await;
        eprintln!(
            "{path} by {}: {codecs:?}, {pictures} pictures, {sounds} of sound, {:?}",
            options[1],
            begun.elapsed()
        );
        assert_eq!(codecs, {
            let mut all = [sound, "h264"];
            all.sort_unstable();
            all
        });
        assert!(pictures >= 60 && sounds >= 100, "{pictures} pictures, {sounds} of sound");
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_are_not_h264_are_transcoded_once_for_all() {
    let hall = Hall::open().await;
    let device = hall.device("door", Some(Codec::Vp8)).await;
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one.mkv"), dir.path().join("two.mkv"));
    let url = hall.url("", "/hall/door");
    let (first, second) = tokio::join!(pull(&url, &TCP, "4", &one), async {
        until("the first is in", async || hall.metric("media_rtsp_clients").await > 0.0).await;
        pull(&url, &UDP, "3", &two).await
    });
    assert!(first.0 && second.0, "{first:?} {second:?}");
    for file in [one, two] {
        let (codecs, [pictures, sounds]) = judge(&file).await;
        assert_eq!(codecs, ["aac", "h264"]);
        assert!(pictures >= 50 && sounds >= 100, "{pictures} pictures, {sounds} of sound");
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mix_of_two_is_pulled_like_any_feed() {
    let hall = Hall::open().await;
    let (ann, bob) = (hall.device("ann", Some(Codec::Vp8)).await, hall.device("bob", Some(Codec::Vp8)).await);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mix.mkv");
    let (good, said) = pull(&hall.url("", "/hall"), &TCP, "3", &file).await;
    assert!(good, "{said}");
    let (codecs, [pictures, sounds]) = judge(&file).await;
    assert_eq!(codecs, ["aac", "h264"]);
    assert!(pictures >= 55 && sounds >= 100, "{pictures} pictures, {sounds} of sound");
    ann.stop().await;
    bob.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_open_the_door_and_nothing_else_does() {
    let hall = Hall::with(|config| config.auth.secret = Some(SECRET.into())).await;
    let device = hall.device("door", Some(Codec::H264)).await;
    let (good, other) = (hall.token(TokenRole::Web, "hall"), hall.token(TokenRole::Web, "attic"));
    let publisher = hall.token(TokenRole::Device, "hall");
    let probe =
        async |url: String| run("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", "-show_streams", &url]).await;
    // ffmpeg cuts `user:password` off after 127 bytes: a token with a room goes into the query.
    let short = hall.running.auth().issue(TokenRole::Web, None, LIMIT).unwrap();
    for url in [hall.url(&format!("x:{short}@"), "/hall"), hall.url("", &format!("/hall/door?token={good}"))] {
        let (well, said) = probe(url).await;
        assert!(well && said.contains("codec_name=h264") && said.contains("codec_name=aac"), "{said}");
    }
    for (credentials, path, status) in [
        ("", "/hall", "401"),
        ("any:wrong@", "/hall", "401"),
        ("", &*format!("/hall?token={other}"), "403"),
        ("", &*format!("/hall?token={publisher}"), "403"),
        ("", &*format!("/hall/nobody?token={good}"), "404"),
        ("", "/nowhere", "401"),
    ] {
        let (well, said) = probe(hall.url(credentials, path)).await;
        assert!(!well && said.contains(status), "{path}: {said}");
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_end_with_the_feed_and_nothing_stays() {
    let hall = Hall::open().await;
    let device = hall.device("door", Some(Codec::H264)).await;
    let dir = tempfile::tempdir().unwrap();
    let (tcp, udp) = (dir.path().join("tcp.mkv"), dir.path().join("udp.mkv"));
    let url = hall.url("", "/hall/door");
    let begun = Instant::now();
    let (first, second, ()) = tokio::join!(pull(&url, &TCP, "600", &tcp), pull(&url, &UDP, "600", &udp), async {
        until("both are in", async || hall.metric("media_rtsp_clients").await > 1.0).await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        device.stop().await;
    });
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    for (file, (_, said)) in [(tcp, first), (udp, second)] {
        let (_, [pictures, _]) = judge(&file).await;
        assert!(pictures > 20, "{pictures} pictures: {said}");
    }
    until("nobody is left", async || hall.metric("media_rtsp_clients").await == 0.0).await;
}
