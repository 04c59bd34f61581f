//! Recordings made by ffmpeg, composed and judged.

use super::super::testing::assert_good;
use super::*;
use millrace_bench::flash_beep;
use serde_json::json;

/// A recording of files that begin at these milliseconds and last so many seconds.
fn recording(folder: &Path, files: &[(&str, u64, u32)]) -> Recording {
    let zero: jiff::Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let entries = files.iter().enumerate().map(|(index, (name, from, seconds))| {
        flash_beep::make(&folder.join(name), *seconds, (160, 90)).unwrap();
        let started_at = zero + jiff::SignedDuration::from_millis(*from as i64);
        let video = if name.ends_with("mp4") { "h264" } else { "vp8" };
        json!({"name": name, "feed": index, "publisher": format!("Person {index}"), "state": "ready",
            "codecs": [video, "opus"], "started_at": started_at, "duration_ms": seconds * 1000, "bytes": 1,
            "width": 160, "height": 90, "reason": null, "detail": null})
    });
    let text = json!({"id": "r", "room": "7", "state": "ready", "started_at": zero, "ended_at": null, "reason": null,
        "files": entries.collect::<Vec<_>>()});
    serde_json::from_value(text).unwrap()
}

fn spec(folder: &Path, recording: Recording) -> ComposeSpec {
    ComposeSpec {
        recording,
        folder: folder.into(),
        out: folder.join("out.mp4"),
        layout: None,
        size: Some((320, 180)),
        fps: None,
        templates: None,
    }
}

#[test]
fn a_minute_is_in_sync_from_start_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(dir.path(), recording(dir.path(), &[("a.webm", 0, 60)]));
    let mut told = Vec::new();
    let composed = compose(&spec, |done, total| told.push(done.as_secs_f64() / total.as_secs_f64())).unwrap();
    assert!(composed.notes.is_empty(), "{:?}", composed.notes);
    assert_eq!((composed.report.duration_ms, composed.report.file.as_str()), (60_000, "out.mp4"));
    assert_good(dir.path(), &composed.report, 25);
    assert!(told.is_sorted() && told.last() == Some(&1.0));
    let found = flash_beep::find(&spec.out, Some("iw/2:ih/2:iw/4:ih/4")).unwrap();
    let offsets = found.offsets_ms();
    assert_eq!((found.flashes.len(), offsets.len()), (60, 60), "{found:?}");
    assert!(offsets.iter().all(|offset| offset.abs() <= 40.0), "{offsets:?}");
    eprintln!("sound later than picture by {:?} ms at the start, {:?} ms at the end", offsets[0], offsets[59]);
}

#[test]
fn files_lie_where_they_began_whatever_their_codec() {
    let dir = tempfile::tempdir().unwrap();
    let files = [("a.webm", 0, 6), ("b.mp4", 2_500, 3)];
    let spec = ComposeSpec {
        layout: Some(Layout::Named("side-by-side".into())),
        ..spec(dir.path(), recording(dir.path(), &files))
    };
    let composed = compose(&spec, |_, _| {}).unwrap();
    assert_eq!(composed.report.duration_ms, 6_000);
    assert_good(dir.path(), &composed.report, 25);
    // The right half has flashes at 2.5, 3.5 and 4.5 s; the left one, while both are there, at 3, 4 and 5 s.
    let right = flash_beep::find(&spec.out, Some("iw/4:ih/8:iw*5/8:ih*3/8")).unwrap();
    for expected in [2.5, 3.5, 4.5] {
        assert!(right.flashes.iter().any(|at| (at - expected).abs() <= 0.045), "{expected}: {right:?}");
        assert!(right.beeps.iter().any(|at| (at - expected).abs() <= 0.045), "{expected}: {right:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_composed() {
    let dir = tempfile::tempdir().unwrap();
    let made = recording(dir.path(), &[("a.webm", 0, 2), ("b.webm", 0, 2)]);
    std::fs::write(dir.path().join("b.webm"), b"no video at all").unwrap();
    let composed = compose(&spec(dir.path(), made.clone()), |_, _| {}).unwrap();
    assert_good(dir.path(), &composed.report, 25);
    assert!(composed.notes.iter().any(|note| note.contains("Person 1")), "{:?}", composed.notes);
    let unknown = ComposeSpec { layout: Some(Layout::Named("mosaic".into())), ..spec(dir.path(), made.clone()) };
    assert!(compose(&unknown, |_, _| {}).unwrap_err().contains("there is no layout"));
    let nowhere = ComposeSpec { out: "/nonexistent/out.mp4".into(), ..spec(dir.path(), made.clone()) };
    assert!(compose(&nowhere, |_, _| {}).unwrap_err().contains("/nonexistent/out.mp4"));
    let odd = ComposeSpec { size: Some((321, 180)), ..spec(dir.path(), made) };
    assert!(compose(&odd, |_, _| {}).unwrap_err().contains("321x180"));
}
