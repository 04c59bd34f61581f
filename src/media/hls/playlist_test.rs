use super::super::shelf::{Chunk, Found, Opening};
use super::*;
use bytes::Bytes;
use m3u8_rs::{MediaPlaylist, parse_media_playlist_res};

const MS: u64 = 1_000_000;

fn terms() -> Terms {
    Terms { target: 3, part: 350 * MS, origin: "2026-11-21T10:00:00Z".parse().unwrap() }
}

/// `segments` of two seconds in six parts, and two parts of the next.
fn shelf(segments: u64) -> Shelf {
    let mut shelf = Shelf::new(3, None);
    shelf.init(0, Bytes::from_static(b"init"));
    for part in 0..segments * 6 + 2 {
        shelf.put(chunk(part, 0, false));
    }
    shelf
}

fn chunk(part: u64, init: u32, discontinuity: bool) -> Chunk {
    let opens = part.is_multiple_of(6).then_some(Opening { discontinuity, init });
    let start = part * 2000 * MS / 6;
    let end = (part + 1) * 2000 * MS / 6;
    let bytes = Bytes::from(format!("<{part}>"));
    Chunk { bytes, start, end, independent: opens.is_some(), opens, closes: part % 6 == 5 }
}

fn read(shelf: &Shelf) -> (String, MediaPlaylist) {
    let text = media(Kind::Video, shelf, &terms(), &[(Kind::Audio, shelf)]);
    let read = parse_media_playlist_res(text.as_bytes()).expect("a playlist");
    (text, read)
}

#[test]
fn a_playlist_is_what_the_rfc_says() {
    let (text, read) = read(&shelf(2));
    assert_eq!((read.target_duration, read.media_sequence, read.segments.len()), (3, 0, 2), "{text}");
    assert!(read.segments.iter().all(|segment| (segment.duration - 2.0).abs() < 0.001));
    assert_eq!(read.segments[0].map.as_ref().map(|map| map.uri.as_str()), Some("video-init-0.mp4"));
    assert!(!read.end_list && text.starts_with("#EXTM3U\n"));
    for line in [
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.050",
        "#EXT-X-PART-INF:PART-TARGET=0.350",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:02.000Z",
        "#EXT-X-PART:DURATION=0.33333,URI=\"video-0.0.m4s\",INDEPENDENT=YES",
        "#EXT-X-PART:DURATION=0.33333,URI=\"video-2.1.m4s\"",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video-2.2.m4s\"",
        "#EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=2,LAST-PART=1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn old_segments_leave_and_parts_are_told_near_the_end_alone() {
    let mut shelf = Shelf::new(7, None);
    (0..20 * 6).for_each(|part| shelf.put(chunk(part, 0, false)));
    let (text, read) = read(&shelf);
    assert_eq!((read.media_sequence, read.segments.len()), (13, 7), "{text}");
    assert!(!text.contains("video-14.0.m4s") && text.contains("video-16.0.m4s"), "{text}");
    assert!(text.contains("URI=\"video-20.0.m4s\"") && text.contains("LAST-MSN=19,LAST-PART=5"), "{text}");
    assert_eq!(shelf.find(Wanted::Segment(11)), Found::Here("<66><67><68><69><70><71>".into()), "just left");
    assert_eq!(shelf.find(Wanted::Segment(9)), Found::Nowhere);
}

#[test]
fn a_part_is_found_while_its_segment_grows_and_after() {
    let shelf = shelf(1);
    assert_eq!(shelf.find(Wanted::Part(0, 5)), Found::Here("<5>".into()));
    assert_eq!(shelf.find(Wanted::Part(1, 1)), Found::Here("<7>".into()));
    assert_eq!(shelf.find(Wanted::Part(1, 2)), Found::Soon);
    assert_eq!(shelf.find(Wanted::Part(1, 3)), Found::Nowhere);
    assert_eq!(shelf.find(Wanted::Segment(1)), Found::Soon);
    assert_eq!(shelf.find(Wanted::Init(0)), Found::Here("init".into()));
    assert!(shelf.has(0, None) && shelf.has(1, Some(1)) && shelf.has(0, Some(9)));
    assert!(!shelf.has(1, None) && !shelf.has(1, Some(2)) && !shelf.has(2, Some(0)));
}

#[test]
fn what_does_not_go_on_is_told_and_counted() {
    let mut shelf = Shelf::new(2, None);
    shelf.init(0, Bytes::new());
    (0..6).for_each(|part| shelf.put(chunk(part, 0, false)));
    shelf.init(1, Bytes::new());
    (6..12).for_each(|part| shelf.put(chunk(part, 1, true)));
    let (text, read_back) = read(&shelf);
    assert!(read_back.segments[1].discontinuity && text.contains("video-init-1.mp4"), "{text}");
    assert_eq!(read_back.discontinuity_sequence, 0);
    (12..30).for_each(|part| shelf.put(chunk(part, 1, false)));
    let (text, later) = read(&shelf);
    assert_eq!((later.media_sequence, later.discontinuity_sequence), (3, 1), "{text}");
    let beside = Shelf::new(2, Some(&shelf));
    assert_eq!((beside.coming(), beside.discontinuities()), ((5, 0), 1), "a track that comes later stands beside");
}

#[test]
fn the_end_is_told() {
    let mut shelf = shelf(2);
    shelf.end();
    let (text, read) = read(&shelf);
    assert!(read.end_list && !text.contains("PRELOAD-HINT"), "{text}");
    assert_eq!(read.segments.len(), 3);
    assert!((read.segments[2].duration - 2.0 / 3.0).abs() < 0.001, "{text}");
    assert_eq!(shelf.find(Wanted::Part(3, 0)), Found::Nowhere);
}
