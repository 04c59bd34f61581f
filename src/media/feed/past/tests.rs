use super::*;
use crate::model::Codec;
use std::sync::Arc;

fn packet(codec: Codec, sequence: u64, keyframe: bool, at: Instant) -> TapItem {
    let data = vec![0; 1000];
    let timestamp = sequence as u32 * 3000;
    let (marker, size, payload) = (true, None, 12..1000);
    TapItem::Packet(Arc::new(Packet { codec, sequence, timestamp, marker, keyframe, size, data, payload, at }))
}

/// A keyframe each two seconds, 10 pictures and 10 sounds a second.
fn feed(past: &mut Past, start: Instant, seconds: u64) {
    for n in 0..seconds * 10 {
        let at = start + Duration::from_millis(n * 100);
        past.push(packet(Codec::Vp8, 1000 + n, n % 20 == 0, at), at);
        past.push(packet(Codec::Opus, 5000 + n, true, at), at);
    }
}

fn pictures(items: &[TapItem]) -> Vec<u64> {
    let video = items.iter().filter_map(item_packet).filter(|p| p.codec == Codec::Vp8);
    video.map(|p| p.sequence).collect()
}

#[test]
fn it_begins_at_the_keyframe_before_and_forgets_the_rest() {
    let (mut past, start) = (Past::new(Duration::from_secs(5)), Instant::now());
    feed(&mut past, start, 60);
    let now = start + Duration::from_secs(60);
    assert_eq!(pictures(&past.since(Duration::from_secs(5), now)), (1540..1600).collect::<Vec<_>>());
    assert_eq!(pictures(&past.since(Duration::from_secs(50), now))[0], 1520, "the oldest there is");
    assert!(past.kept.len() < 200, "{} kept", past.kept.len());
    assert_eq!(past.bytes, 1000 * past.kept.len());
}

#[test]
fn sound_alone_begins_where_it_is_asked_for() {
    let (mut past, start) = (Past::new(Duration::from_secs(5)), Instant::now());
    for n in 0..1000 {
        let at = start + Duration::from_millis(n * 20);
        past.push(packet(Codec::Opus, n, true, at), at);
    }
    let now = start + Duration::from_secs(20);
    assert_eq!(past.since(Duration::from_secs(5), now).len(), 250);
    assert!(past.kept.len() <= 252);
}

#[test]
fn bytes_are_bounded_and_without_a_keyframe_there_is_nothing() {
    let (mut past, start) = (Past::new(Duration::from_secs(500)), Instant::now());
    past.most_bytes = 100_000;
    feed(&mut past, start, 60);
    assert!(past.bytes <= 100_000 && !past.since(Duration::from_secs(9), start + Duration::from_secs(60)).is_empty());
    for n in 0..200 {
        past.push(packet(Codec::Vp8, 9000 + n, false, start), start);
        assert!(past.bytes <= 100_000);
    }
    assert!(past.since(Duration::from_secs(9), start + Duration::from_secs(60)).is_empty());
}

#[test]
fn packets_of_the_keyframe_that_overtook_its_first_belong_to_it() {
    let (mut past, start) = (Past::new(Duration::from_secs(5)), Instant::now());
    past.push(packet(Codec::Vp8, 1, true, start), start);
    past.push(packet(Codec::Vp8, 12, false, start), start);
    past.push(packet(Codec::Vp8, 11, true, start), start);
    past.push(packet(Codec::Vp8, 13, false, start), start);
    let at = start + Duration::from_secs(1);
    past.push(packet(Codec::Vp8, 21, true, at), at);
    past.push(TapItem::SenderReport { codec: Codec::Vp8, ntp: 1, rtp: 1 }, at);
    let mut all = pictures(&past.since(Duration::from_millis(500), at));
    all.sort_unstable();
    assert_eq!(all, [11, 12, 13, 21]);
    past.push(TapItem::TracksChanged(Vec::new()), at);
    assert!(past.since(Duration::from_secs(9), at).is_empty(), "other tracks: the past does not fit them");
}

#[test]
fn a_keyframe_is_asked_for_once_when_there_is_none_or_an_old_one() {
    let (mut past, start) = (Past::new(Duration::from_secs(60)), Instant::now());
    past.push(packet(Codec::Opus, 1, true, start), start);
    assert!(!past.wants_keyframe(start), "sound needs none");
    past.push(packet(Codec::Vp8, 1, false, start), start);
    assert!(past.wants_keyframe(start), "it began amid a group");
    assert!(!past.wants_keyframe(start), "once: the limiter repeats it");
    past.push(packet(Codec::Vp8, 2, true, start), start);
    assert!(!past.wants_keyframe(start + Duration::from_secs(4)));
    assert!(past.wants_keyframe(start + Duration::from_secs(5)));
    past.push(TapItem::TracksChanged(Vec::new()), start);
    past.push(packet(Codec::Vp8, 3, false, start), start);
    assert!(past.wants_keyframe(start), "other tracks, nothing to begin with");
}
