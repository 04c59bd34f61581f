//! Real feeds through real presentations, judged by `ffprobe`, a full decode and the playlists' own figures.

use super::*;
use crate::config::Hls;
use crate::media::egress::Pool;
use crate::media::files::testing::decode;
use crate::media::outlet::testing::Publisher;
use crate::media::rendition::Renditions;
use crate::media::{HlsRequest, MediaError};
use crate::model::Codec;
use m3u8_rs::{MediaPlaylist, parse_master_playlist_res, parse_media_playlist_res};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn start(publisher: &Publisher) -> Presentation {
    let renditions = Renditions::new(Pool::start(1).unwrap(), None, 60).unwrap();
    Presentation::start(&publisher.feed, &renditions, &Hls::default()).unwrap()
}

async fn get(presentation: &Presentation, file: &str) -> Result<Vec<u8>, MediaError> {
    let request = HlsRequest { file: file.into(), ..HlsRequest::default() };
    let reply = tokio::time::timeout(LIMIT, presentation.file(&request)).await.expect("an answer");
    Ok(reply?.body.to_vec())
}

async fn text(presentation: &Presentation, file: &str) -> String {
    String::from_utf8(get(presentation, file).await.unwrap()).unwrap()
}

/// The playlist once it has this part.
async fn at(presentation: &Presentation, kind: &str, msn: u64, part: Option<u64>) -> String {
    let request = HlsRequest { file: format!("{kind}.m3u8"), msn: Some(msn), part };
    let reply = tokio::time::timeout(LIMIT, presentation.file(&request)).await.expect("an answer").unwrap();
    String::from_utf8(reply.body.to_vec()).unwrap()
}

fn read(text: &str) -> MediaPlaylist {
    parse_media_playlist_res(text.as_bytes()).expect(text)
}

/// Lengths in seconds of the parts that a playlist names.
fn parts(text: &str) -> Vec<f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PART:DURATION="));
    lines.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
}

fn target(text: &str) -> f64 {
    text.split_once("PART-TARGET=").unwrap().1.lines().next().unwrap().parse().unwrap()
}

/// A track's header and whole segments as a file.
async fn file(
    presentation: &Presentation,
    kind: &str,
    list: &MediaPlaylist,
    dir: &std::path::Path,
) -> std::path::PathBuf {
    let mut all = get(presentation, &format!("{kind}-init-0.mp4")).await.unwrap();
    for segment in &list.segments {
        all.extend(get(presentation, &segment.uri).await.unwrap());
    }
    let path = dir.join(format!("{kind}.mp4"));
    std::fs::write(&path, all).unwrap();
    path
}

async fn plays(codec: Codec) {
    let publisher = Publisher::start(&[codec, Codec::Opus]);
    let presentation = start(&publisher);
    let index = text(&presentation, "index.m3u8").await;
    let main = parse_master_playlist_res(index.as_bytes()).expect(&index);
    let codecs = main.variants[0].codecs.clone().unwrap();
    assert!(codecs.starts_with("avc1.") && codecs.ends_with(",mp4a.40.2"), "{index}");
    assert_eq!(main.variants[0].resolution.map(|size| (size.width, size.height)), Some((320, 240)), "{index}");
    let dir = tempfile::tempdir().unwrap();
    for kind in ["video", "audio"] {
        let told = at(&presentation, kind, 2, None).await;
        let list = read(&told);
        assert!(list.segments.len() >= 3, "{told}");
        assert!(list.segments.iter().all(|segment| segment.duration.round() as u64 <= list.target_duration), "{told}");
        assert!(parts(&told).iter().all(|length| *length <= target(&told)), "{told}");
        let path = file(&presentation, kind, &list, dir.path()).await;
        decode(&path);
        let length: f32 = list.segments.iter().map(|segment| segment.duration).sum();
        let real = length_of(&path);
        assert!((f64::from(length) - real).abs() < 0.1, "{kind}: {length} told, {real} decoded\n{told}");
    }
}

/// Length in seconds by the packets in it.
fn length_of(path: &std::path::Path) -> f64 {
    let entries = ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let output = std::process::Command::new("ffprobe").args(entries).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let times: Vec<f64> = text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    let (first, last) = (times[0], times[times.len() - 1]);
    last - first + (last - first) / (times.len() - 1) as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn an_h264_feed_plays() {
    plays(Codec::H264).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vp8_feed_plays() {
    plays(Codec::Vp8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_plays() {
    let publisher = Publisher::start(&[Codec::Opus]);
    let presentation = start(&publisher);
    let index = text(&presentation, "index.m3u8").await;
    assert!(index.contains("audio.m3u8") && !index.contains("video"), "{index}");
    let list = read(&at(&presentation, "audio", 1, None).await);
    let dir = tempfile::tempdir().unwrap();
    decode(&file(&presentation, "audio", &list, dir.path()).await);
}

/// A microphone that falls silent without a word does not hold up the pictures: silence takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn sound_that_stops_becomes_silence() {
    let mut publisher = Publisher::start(&[Codec::H264, Codec::Opus]);
    let presentation = start(&publisher);
    text(&presentation, "index.m3u8").await;
    let publisher = tokio::task::spawn_blocking(move || {
        publisher.publish(&[Codec::H264], 9);
        publisher
    });
    let publisher = publisher.await.unwrap();
    let mut told = String::new();
    for msn in 1..=3 {
        told = at(&presentation, "audio", msn, None).await;
    }
    let (list, dir) = (read(&told), tempfile::tempdir().unwrap());
    let path = file(&presentation, "audio", &list, dir.path()).await;
    decode(&path);
    assert!(length_of(&path) > 6.0, "{list:?}");
    drop(publisher);
}

/// Another source with other parameters: both tracks tell the break at once, and what comes after plays by its own header.
#[tokio::test(flavor = "multi_thread")]
async fn another_source_is_a_discontinuity() {
    let mut publisher = Publisher::start(&[Codec::H264, Codec::Opus]);
    let presentation = start(&publisher);
    text(&presentation, "index.m3u8").await;
    let switch = tokio::task::spawn_blocking(move || {
        publisher.publish(&[Codec::Vp8, Codec::Opus], 9);
        publisher
    });
    let publisher = switch.await.unwrap();
    let (mut msn, begun) = (1, Instant::now());
    // Two whole segments after the break.
    let list = loop {
        assert!(begun.elapsed() < LIMIT, "no break is told");
        let list = read(&at(&presentation, "video", msn, None).await);
        let broken = list.segments.iter().position(|segment| segment.discontinuity);
        if broken.is_some_and(|at| list.segments.len() > at + 1) {
            break list;
        }
        msn = list.media_sequence + list.segments.len() as u64;
    };
    let at_break = list.segments.iter().position(|segment| segment.discontinuity).unwrap();
    let map = list.segments[at_break].map.as_ref().map(|map| map.uri.clone());
    assert_eq!(map.as_deref(), Some("video-init-1.mp4"), "{list:?}");
    let mut after = get(&presentation, "video-init-1.mp4").await.unwrap();
    for segment in &list.segments[at_break..] {
        after.extend(get(&presentation, &segment.uri).await.unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("after.mp4");
    std::fs::write(&path, after).unwrap();
    decode(&path);
    let sound = read(&at(&presentation, "audio", list.media_sequence + at_break as u64, None).await);
    assert_eq!(sound.segments.iter().filter(|segment| segment.discontinuity).count(), 1, "{sound:?}");
    drop(publisher);
}

/// Each answer comes with its part, and soon: no part later than it takes to make it.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_request_is_answered_with_the_part() {
    let publisher = Publisher::start(&[Codec::H264]);
    let presentation = start(&publisher);
    let first = text(&presentation, "video.m3u8").await;
    let mut next = hint(&first);
    for _ in 0..12 {
        let asked = Instant::now();
        let told = at(&presentation, "video", next.0, Some(next.1)).await;
        assert!(asked.elapsed() < Duration::from_millis(1500), "{:?} for {next:?}", asked.elapsed());
        let name = format!("video-{}.{}.m4s", next.0, next.1);
        let begins_next = format!("video-{}.0.m4s", next.0 + 1);
        assert!(told.contains(&format!("URI=\"{name}\"")) || told.contains(&begins_next), "{name} is not in\n{told}");
        next = hint(&told);
    }
    let (msn, part) = next;
    let hinted = get(&presentation, &format!("video-{msn}.{part}.m4s")).await;
    assert!(hinted.is_ok_and(|bytes| bytes.windows(4).any(|at| at == b"moof")), "a hinted part is waited for");
    assert!(matches!(get(&presentation, "video-9999.m4s").await, Err(MediaError::NotReady(_))));
    let far = HlsRequest { file: "video.m3u8".into(), msn: Some(9999), part: None };
    assert!(matches!(presentation.file(&far).await, Err(MediaError::NotReady(_))));
}

/// What the playlist says will come next.
fn hint(text: &str) -> (u64, u64) {
    let name = text.split_once("TYPE=PART,URI=\"video-").unwrap().1.split_once(".m4s").unwrap().0;
    let (msn, part) = name.split_once('.').unwrap();
    (msn.parse().unwrap(), part.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feeds_end_is_the_playlists() {
    let mut publisher = Publisher::start(&[Codec::H264, Codec::Opus]);
    let presentation = Arc::new(start(&publisher));
    let told = text(&presentation, "video.m3u8").await;
    let waits = {
        let one = presentation.clone();
        tokio::spawn(async move { at(&one, "video", hint(&told).0 + 1, None).await })
    };
    tokio::task::spawn_blocking(move || {
        publisher.silence();
        publisher.feed.close();
    })
    .await
    .unwrap();
    let last = tokio::time::timeout(LIMIT, waits).await.expect("who waits hears of the end").unwrap();
    assert!(last.contains("#EXT-X-ENDLIST"), "{last}");
    let list = read(&last);
    let dir = tempfile::tempdir().unwrap();
    decode(&file(&presentation, "video", &list, dir.path()).await);
    assert!(text(&presentation, "audio.m3u8").await.contains("#EXT-X-ENDLIST"));
}
