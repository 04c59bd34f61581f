//! Posters and sprites of real files, judged by `ffprobe` and a decoder that is not ours.

use super::super::testing::*;
use super::*;
use crate::model::Codec;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

fn size(path: &Path) -> (u32, u32) {
    let stream = &probe(path)["streams"][0];
    let side = |name: &str| u32::try_from(stream[name].as_u64().unwrap()).unwrap();
    assert_eq!((stream["codec_name"].as_str(), decode(path).as_str()), (Some("mjpeg"), ""));
    (side("width"), side("height"))
}

/// Whether each thumbnail, and what is beside them, is where it is said to be.
fn judge(folder: &Path, made: &Thumbnails) {
    let rows = made.count.div_ceil(made.columns);
    assert_eq!(size(&folder.join(&made.sprite)), (made.columns * made.width, rows * made.height), "{made:?}");
}

/// The file again and again, as one of an hour.
fn hour(source: &Path, times: u32) -> PathBuf {
    let long = source.with_file_name("long").with_extension(source.extension().unwrap());
    let mut ffmpeg = Command::new("ffmpeg");
    let done = ffmpeg.args(["-v", "error", "-stream_loop", &times.to_string(), "-i"]).arg(source).args(["-c", "copy"]);
    assert!(done.arg(&long).status().unwrap().success());
    long
}

#[test]
fn pictures_of_short_files() {
    for codecs in [[Codec::Vp8, Codec::Opus], [Codec::H264, Codec::Opus]] {
        let dir = tempfile::tempdir().unwrap();
        let source = finished(&codecs, 5, dir.path());
        let made = thumbnails(&source, dir.path()).unwrap();
        assert_eq!((made.poster.as_str(), made.sprite.as_str()), ("poster-feed-7.jpg", "sprite-feed-7.jpg"));
        assert_eq!((made.width, made.height, made.columns, made.interval_ms), (160, 120, 10, 1000));
        assert!((5..=6).contains(&made.count), "{made:?}");
        assert_eq!(size(&dir.path().join(&made.poster)), (320, 240));
        judge(dir.path(), &made);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}

#[test]
fn an_hour_takes_seconds() {
    let dir = tempfile::tempdir().unwrap();
    for codecs in [[Codec::Vp8, Codec::Opus], [Codec::H264, Codec::Opus]] {
        let source = hour(&finished(&codecs, 6, dir.path()), 600);
        let begun = Instant::now();
        let made = thumbnails(&source, dir.path()).unwrap();
        let took = begun.elapsed();
        println!("{codecs:?}: an hour, {} bytes, in {took:?}", source.metadata().unwrap().len());
        assert!(took < Duration::from_secs(30), "{took:?}");
        assert!((60..=61).contains(&made.count) && made.interval_ms == 60_000, "{made:?}");
        judge(dir.path(), &made);
    }
}

#[test]
fn sound_alone_is_drawn_as_a_wave() {
    let dir = tempfile::tempdir().unwrap();
    let short = finished(&[Codec::Opus], 4, dir.path());
    for source in [hour(&short, 900), short] {
        let begun = Instant::now();
        let made = thumbnails(&source, dir.path()).unwrap();
        println!("{}: {:?}", source.display(), begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert_eq!(size(&dir.path().join(&made.poster)), (1280, 720));
        judge(dir.path(), &made);
        assert_eq!((made.width, made.height), (160, 90));
        let found = look(&source).unwrap();
        let wave = Waveform::of(&found.sounds, found.end, LIMIT).unwrap();
        // A steady tone of 0.8: as high everywhere.
        let (mean, apart) = wave.draw(1_000_000_000, 3_000_000_000, 160, 90).unwrap().contrast();
        assert!((120.0..180.0).contains(&mean) && apart > 40.0, "{mean} {apart}");
    }
}

#[test]
fn a_poster_shows_something_if_anything_does() {
    gst::init().unwrap();
    let black = Picture::gray(160, 90, 16).unwrap();
    let gray = Picture::gray(160, 90, 120).unwrap();
    let mut shows = black.clone();
    shows.put(&Picture::gray(80, 90, 220).unwrap(), 0, 0);
    let of = |pictures: &[&Picture], from| {
        let all: Vec<_> = pictures.iter().enumerate().map(|(n, p)| (n as u64 * 10, n, (*p).clone())).collect();
        best(&all, from)
    };
    assert_eq!(of(&[&shows, &shows, &shows], 10), Some(1), "of about a tenth in");
    assert_eq!(of(&[&shows, &black, &gray, &shows], 10), Some(3), "neither black nor of one colour");
    assert_eq!(of(&[&shows, &black], 10), Some(0));
    assert_eq!(of(&[&black, &gray, &black], 10), Some(1), "the lightest of what is there");
    assert_eq!(of(&[], 0), None);
}

#[test]
fn there_are_at_most_a_hundred_thumbnails() {
    for seconds in [0, 1, 99, 100, 101, 3600, 86_400, 1_000_000] {
        let count = middles(seconds * 1_000_000_000).count();
        assert!((1..=100).contains(&count), "{seconds} s: {count}");
    }
}

#[test]
fn what_cannot_be_shown_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(thumbnails(&dir.path().join("no.webm"), dir.path()), Err(MediaError::NotReady(_))));
    let source = finished(&[Codec::Opus], 1, dir.path());
    assert!(matches!(thumbnails(&source, Path::new("/nonexistent")), Err(MediaError::Transient(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
