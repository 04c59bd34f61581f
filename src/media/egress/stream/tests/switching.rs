//! Two feeds with clocks of their own, shown in turn.

use super::*;

/// A feed that films the same: its numbers and clocks are its own.
struct Feed {
    show: u32,
    codec: Codec,
    sequence: u64,
    picture: u16,
    /// RTP time at instant 0.
    clock: u32,
    /// How long its pictures take until they arrive, in milliseconds.
    late: u32,
    sent: Vec<Arc<Item>>,
}

impl Feed {
    fn new(show: u32, sequence: u64, clock: u32, late: u32) -> Self {
        Self { show, codec: Codec::Vp8, sequence, picture: 0x7ff0 ^ show as u16, clock, late, sent: Vec::new() }
    }

    /// The two packets of the picture filmed at this time, in milliseconds.
    fn picture(&mut self, start: Instant, time: u32, key: bool) -> [Arc<Item>; 2] {
        self.picture = (self.picture + 1) & 0x7fff;
        let packets = [0, 1].map(|part| {
            let item = self.packet(start, time, key, part);
            self.sequence += 1;
            Arc::new(item)
        });
        self.sent.extend(packets.iter().cloned());
        packets
    }

    fn packet(&self, start: Instant, time: u32, key: bool, part: u8) -> Item {
        let [high, low] = self.picture.to_be_bytes();
        let mut data = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        data[4..8].copy_from_slice(&self.clock.wrapping_add(time * 90).to_be_bytes());
        let first = if part == 0 { 0x90 } else { 0x80 };
        match self.codec {
            Codec::H264 => data.extend_from_slice(&[if key && part == 0 { 0x65 } else { 0x41 }, 0x88, part]),
            _ => data.extend_from_slice(&[
                first,
                0x80,
                0x80 | high,
                low,
                u8::from(!key),
                0,
                0,
                0x9d,
                1,
                0x2a,
                64,
                1,
                240,
                0,
            ]),
        }
        let at = start + Duration::from_millis(u64::from(time + self.late));
        Item::read(self.codec, &Header::read(&data).unwrap(), self.sequence, 0, data, at)
    }

    /// What to add to its timestamps to get those of `former`.
    fn line(&self, former: &Self) -> u32 {
        former.clock.wrapping_sub(self.clock)
    }
}

/// What a receiver sees.
struct Seen {
    sequence: u64,
    timestamp: u32,
    picture: u16,
}

fn send(stream: &mut Stream, item: &Item, show: u32, line: Option<u32>) -> Option<Seen> {
    let placed = stream.place(item, show, |_| line)?;
    stream.wrote(&placed, item);
    let picture = item.vp8.and_then(|vp8| vp8.picture_id).map_or(0, |id| id.value);
    let picture = picture.wrapping_add(placed.offsets.picture_id) & 0x7fff;
    Some(Seen { sequence: placed.sequence, timestamp: placed.timestamp, picture })
}

fn follows(next: &Seen, last: &Seen) -> bool {
    let same = next.timestamp == last.timestamp;
    next.sequence == last.sequence + 1 && next.picture == (last.picture + u16::from(!same)) & 0x7fff
}

#[test]
fn a_hundred_switches_leave_no_trace_but_the_pictures() {
    let (mut stream, start) = (stream(), Instant::now());
    let mut feeds = [Feed::new(0, 500, 1000, 0), Feed::new(1, 40_000, 0xffff_0000, 0)];
    let (mut seen, mut current) = (Vec::<Seen>::new(), 0);
    for picture in 0..1000u32 {
        let (turn, keyframe) = (picture as usize / 10 % 2, picture % 10 == 3);
        if picture % 10 == 0 {
            feeds[turn].show = picture / 10;
        }
        let items = [0, 1].map(|n| feeds[n].picture(start, picture * 40, keyframe && n == turn || picture == 0));
        // The awaited one is offered first or last: that must not matter.
        for n in [picture as usize % 2, 1 - picture as usize % 2] {
            let wanted = n == current || n == turn;
            let line = feeds[n].line(&feeds[1 - n]);
            for item in items[n].iter().filter(|_| wanted) {
                if let Some(new) = send(&mut stream, item, feeds[n].show, Some(line)) {
                    current = n;
                    seen.push(new);
                }
            }
        }
    }
    assert_eq!(current, 1);
    for pair in seen.windows(2) {
        assert!(follows(&pair[1], &pair[0]), "{} after {}", pair[1].sequence, pair[0].sequence);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        // At a switch both may have sent the same instant.
        assert!([0, 1, 3599, 3600].contains(&step), "a step of {step}");
    }
    let all = seen[seen.len() - 1].timestamp.wrapping_sub(seen[0].timestamp);
    assert_eq!(all, 999 * 3600, "on the line after a hundred switches");
}

#[test]
fn a_source_that_is_behind_catches_up_and_one_before_it_goes_on_at_once() {
    let (mut stream, start) = (stream(), Instant::now());
    let (mut fast, mut slow) = (Feed::new(0, 10, 0, 0), Feed::new(1, 70_000, 5_000_000, 200));
    let mut seen = Vec::new();
    for picture in 0..20 {
        let items = fast.picture(start, picture * 40, picture == 0);
        seen.extend(items.iter().filter_map(|item| send(&mut stream, item, 0, None)));
    }
    let base = seen[0].timestamp;
    let line = slow.line(&fast);
    for picture in 15..40 {
        let items = slow.picture(start, picture * 40, picture == 15);
        seen.extend(items.iter().filter_map(|item| send(&mut stream, item, 1, Some(line))));
    }
    assert_eq!(seen.len(), 2 * (20 + 25));
    assert!(seen.windows(2).all(|pair| follows(&pair[1], &pair[0]) && pair[1].timestamp >= pair[0].timestamp));
    let at = |seen: &Seen| seen.timestamp.wrapping_sub(base);
    assert_eq!(at(&seen[2 * 20]), 19 * 3600 + 1, "not before what was sent");
    assert_eq!(at(&seen[2 * 24 + 1]), 19 * 3600 + 5);
    assert_eq!(at(&seen[2 * 25]), 20 * 3600, "on the line again");
    assert_eq!(at(&seen[seen.len() - 1]), 39 * 3600);
    fast.show = 2;
    let back = fast.picture(start, 46 * 40, true);
    let back = send(&mut stream, &back[0], 2, Some(fast.line(&slow))).unwrap();
    assert_eq!(at(&back), 46 * 3600);
    for number in [seen[2 * 22].sequence, seen[3].sequence] {
        let find = |origin: &Origin, source| {
            let feed = if origin.show == 0 { &fast } else { &slow };
            feed.sent.iter().find(|item| item.packet.sequence == source).cloned()
        };
        let (placed, _) = stream.retransmit(number as u16, PAUSE, start, find).expect("what was sent is found");
        let before = seen.iter().find(|seen| seen.sequence == number).unwrap();
        assert_eq!((placed.sequence, placed.timestamp), (before.sequence, before.timestamp));
    }
}

#[test]
fn another_codec_goes_on_with_the_numbers() {
    let (mut stream, start) = (stream(), Instant::now());
    stream.spec.others.push(OutCodec { codec: Codec::H264, payload_type: 103, rtx: Some(104) });
    let (mut vp8, mut h264) = (Feed::new(0, 10, 0, 0), Feed::new(1, 10, 9_000, 0));
    h264.codec = Codec::H264;
    let first = send(&mut stream, &vp8.picture(start, 0, true)[0], 0, None).unwrap();
    let line = Some(h264.line(&vp8));
    assert!(send(&mut stream, &h264.picture(start, 40, false)[0], 1, line).is_none());
    let second = send(&mut stream, &h264.picture(start, 80, true)[0], 1, line).unwrap();
    assert_eq!((second.sequence, second.timestamp.wrapping_sub(first.timestamp)), (first.sequence + 1, 7200));
    vp8.show = 2;
    let third = send(&mut stream, &vp8.picture(start, 120, true)[0], 2, Some(vp8.line(&h264))).unwrap();
    assert_eq!((third.sequence, third.picture), (second.sequence + 1, first.picture + 1));
}

#[test]
fn clocks_that_cannot_be_right_are_not_believed() {
    let (mut stream, start) = (stream(), Instant::now());
    let (mut one, mut other) = (Feed::new(0, 10, 0, 0), Feed::new(1, 10, 0, 0));
    let first = send(&mut stream, &one.picture(start, 0, true)[0], 0, None).unwrap();
    let second = send(&mut stream, &other.picture(start, 40, true)[0], 1, Some(90_000 * 60)).unwrap();
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3600, "by the arrivals");
}

#[test]
fn what_is_given_up_leaves_no_gap() {
    let (mut stream, start) = (stream(), Instant::now());
    let mut feed = Feed::new(0, 10, 0, 0);
    let first = feed.picture(start, 0, true).map(|item| send(&mut stream, &item, 0, None).unwrap());
    let waits = feed.picture(start, 40, false).map(|item| stream.place(&item, 0, |_| None).unwrap());
    assert_eq!(waits[1].sequence, first[1].sequence + 2);
    stream.give_up(None);
    assert!(stream.place(&feed.picture(start, 80, false)[0], 0, |_| None).is_none(), "nothing before a keyframe");
    let find = |_: &Origin, source| feed.sent.iter().find(|item| item.packet.sequence == source).cloned();
    assert!(stream.retransmit(waits[0].sequence as u16, PAUSE, start, find).is_none(), "never sent");
    let late = feed.sent[3].clone();
    let next = feed.picture(start, 120, true).map(|item| send(&mut stream, &item, 0, None).unwrap());
    assert!(follows(&next[0], &first[1]));
    assert_eq!(next[0].timestamp.wrapping_sub(first[0].timestamp), 3 * 3600, "time was not given up");
    assert!(stream.place(&late, 0, |_| None).is_none(), "what was given up does not come late");
}
