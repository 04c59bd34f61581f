//! Numbers over losses, padding and changes of source.

mod switching;

use super::retry::{PAUSE, TRIES};
use super::*;
use crate::media::egress::OutCodec;
use crate::media::rtp::Header;
use crate::model::Codec;

fn stream() -> Stream {
    let first = OutCodec { codec: Codec::Vp8, payload_type: 96, rtx: Some(97) };
    let spec = OutStream { first, others: Vec::new(), mid: "0".into(), ssrc: 1, rtx_ssrc: Some(2) };
    Stream::new(spec, 100)
}

/// Places and sends a packet of the first choice.
fn place(stream: &mut Stream, item: &Item) -> Option<Placed> {
    let placed = stream.place(item, 0, |_| None)?;
    stream.wrote(&placed, item);
    Some(placed)
}

/// A VP8 packet with a 15-bit picture id.
fn item(sequence: u64, generation: u32, key: bool, picture: u16, at: Instant) -> Item {
    let [high, low] = picture.to_be_bytes();
    let mut data = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    data[4..8].copy_from_slice(&(u32::from(picture) * 3000).to_be_bytes());
    data.extend_from_slice(&[0x90, 0x80, 0x80 | high, low, u8::from(!key), 0, 0, 0x9d, 1, 0x2a, 64, 1, 240, 0]);
    let header = Header::read(&data).unwrap();
    Item::read(Codec::Vp8, &header, sequence, generation, data, at)
}

#[test]
fn begins_at_a_keyframe_and_goes_on_over_a_change_of_source() {
    let (mut stream, start) = (stream(), Instant::now());
    assert_eq!(place(&mut stream, &item(500, 0, false, 7, start)), None);
    let first = place(&mut stream, &item(501, 0, true, 8, start)).unwrap();
    assert_eq!(first.sequence, 101);
    let second = place(&mut stream, &item(502, 0, false, 9, start)).unwrap();
    let later = start + Duration::from_millis(100);
    assert_eq!(place(&mut stream, &item(90_000, 1, false, 300, later)), None, "the new source begins at a keyframe");
    let switched = place(&mut stream, &item(90_001, 1, true, 301, later)).unwrap();
    assert_eq!(switched.sequence, second.sequence + 1);
    assert_eq!(switched.timestamp.wrapping_sub(second.timestamp), 9000);
    assert_eq!(301u16.wrapping_add(switched.offsets.picture_id), 9u16.wrapping_add(first.offsets.picture_id) + 1);
    assert_eq!(place(&mut stream, &item(503, 0, false, 10, later)), None, "the former source is over");
}

#[test]
fn late_packets_keep_their_place_and_padding_leaves_no_gap() {
    let (mut stream, now) = (stream(), Instant::now());
    let at = |stream: &mut Stream, n| place(stream, &item(n, 0, n == 10, n as u16, now)).map(|p| p.sequence);
    assert_eq!(at(&mut stream, 10), Some(101));
    assert_eq!(at(&mut stream, 12), Some(103));
    assert_eq!(at(&mut stream, 11), Some(102), "late");
    let padding = vec![0xa0, 96, 0, 13, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4];
    let header = Header::read(&padding).unwrap();
    assert_eq!(place(&mut stream, &Item::read(Codec::Vp8, &header, 13, 0, padding, now)), None);
    assert_eq!(at(&mut stream, 14), Some(104));
    assert_eq!(at(&mut stream, 9), None, "before the keyframe");
}

#[test]
fn retransmissions_are_limited() {
    let (mut stream, now) = (stream(), Instant::now());
    let item = Arc::new(item(10, 0, true, 1, now));
    let placed = place(&mut stream, &item).unwrap();
    let number = placed.sequence as u16;
    let mut again = |number, round_trip, at| {
        let found =
            stream.retransmit(number, round_trip, at, |_: &Origin, source| (source == 10).then(|| item.clone()));
        found.map(|(placed, _)| placed)
    };
    assert_eq!(again(number, Duration::ZERO, now), Some(placed));
    assert_eq!(again(number, Duration::ZERO, now), None, "too soon");
    assert_eq!(again(number + 1, Duration::ZERO, now), None, "never sent");
    let more = (1..20).filter(|n| again(number, PAUSE, now + *n * PAUSE).is_some()).count();
    assert_eq!(more, usize::from(TRIES) - 1);
}

#[test]
fn what_was_sent_is_found_again_over_gaps_and_a_change_of_source() {
    let (mut stream, now) = (stream(), Instant::now());
    let padding = vec![0xa0, 96, 0, 12, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4];
    let header = Header::read(&padding).unwrap();
    let mut items: Vec<_> = [10, 11, 13].map(|n| Arc::new(item(n, 0, n == 10, n as u16, now))).into();
    items.insert(2, Arc::new(Item::read(Codec::Vp8, &header, 12, 0, padding, now)));
    items.extend([70_000, 70_001].map(|n| Arc::new(item(n, 1, n == 70_000, n as u16, now))));
    let sent: Vec<_> = items.iter().filter_map(|item| Some((place(&mut stream, item)?, item.clone()))).collect();
    assert_eq!(sent.iter().map(|(placed, _)| placed.sequence).collect::<Vec<_>>(), [101, 102, 103, 104, 105]);
    for (placed, item) in &sent {
        let find = |_: &Origin, source| items.iter().find(|item| item.packet.sequence == source).cloned();
        let (again, same) = stream.retransmit(placed.sequence as u16, PAUSE, now, find).expect("a packet");
        assert!(again == *placed && Arc::ptr_eq(&same, item), "{placed:?} is {again:?}");
    }
    assert!(sent.iter().all(|(_, item)| place(&mut stream, item).is_none()), "once");
}
