//! Pictures leave at the pace of the line, sound at once; what cannot leave in time is given up until a keyframe.

use super::PLI;
use super::world::*;
use std::time::{Duration, Instant};

/// A picture of this many packets of a thousand bytes.
fn picture_of(world: &World, from: u16, packets: u16, timestamp: u32, keyframe: bool, before_last: Option<Vec<u8>>) {
    for n in 0..packets {
        let from = from.wrapping_add(n);
        let mut packet = if n == 0 && keyframe { key(VIDEO, from, timestamp) } else { inter(VIDEO, from, timestamp) };
        packet.resize(1000, 7);
        if n > 0 {
            packet[12] = 0;
        }
        packet[1] = 96;
        if n + 1 == packets {
            // They leave together.
            before_last.iter().for_each(|packet| world.feed.on_rtp(packet.clone(), Instant::now()));
            packet[1] |= 0x80;
        }
        world.feed.on_rtp(packet, Instant::now());
    }
}

#[test]
fn a_large_picture_leaves_at_the_pace_of_the_line_and_sound_goes_before_it() {
    let world = World::new();
    let mut viewer = world.subscribe();
    // 200 kbit/s: pictures leave at 512 kbit/s.
    viewer.remb(200);
    let began = Instant::now();
    picture_of(&world, 10, 20, 0, true, Some(rtp(111, AUDIO, 5, 100, &[1, 2, 3])));
    let (mut pictures, mut before_sound) = (Vec::new(), None);
    while pictures.len() < 20 {
        let packet = viewer.rtp("all 20 packets and the sound");
        if packet.ssrc == OUT_AUDIO {
            before_sound = Some(pictures.len());
        } else {
            pictures.push(packet.sequence);
        }
    }
    let took = began.elapsed();
    assert!(before_sound.is_some_and(|pictures| pictures < 10), "sound waited behind {before_sound:?} packets");
    assert!(pictures.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    // 21 kB less what may leave at once, at 64 kB/s.
    assert!(took > Duration::from_millis(200), "20 kB took {took:?}");
}

#[test]
fn what_waits_too_long_is_given_up_until_a_keyframe_and_its_numbers_are_used_anew() {
    let world = World::new();
    let mut viewer = world.subscribe();
    viewer.remb(50);
    world.publish(&key(VIDEO, 9, 0));
    let mut last = viewer.rtp("the keyframe").sequence;
    while world.upstream.try_recv().is_ok() {}
    // 60 kB of further pictures at once, at 37.5 kB/s: more than 600 ms.
    for n in 10..70 {
        let mut packet = inter(VIDEO, n, u32::from(n) * 3000);
        packet.resize(1000, 7);
        packet[1] = 96;
        world.feed.on_rtp(packet, Instant::now());
    }
    world.feed.flush();
    upward(&world.upstream, PLI, "a keyframe request for what was given up");
    world.publish(&inter(VIDEO, 70, 70 * 3000));
    world.publish(&key(VIDEO, 71, 71 * 3000));
    world.publish(&inter(VIDEO, 72, 72 * 3000));
    for n in 0..70 {
        let packet = viewer.rtp("what left, then the new keyframe");
        assert_eq!(packet.sequence, last.wrapping_add(1), "no gap");
        last = packet.sequence;
        if packet.payload[1] & 1 == 0 {
            assert!(n < 40, "{n} packets were not given up");
            assert_eq!(viewer.rtp("what follows").payload[2], 72);
            return;
        }
    }
    panic!("no keyframe came");
}

/// Answers like a browser on a line without limits, for this long, while the publisher sends: a picture of `packets`
/// kilobytes 25 times a second, each second a keyframe of four times that. Returns the sequence numbers that came, and how
/// long packets waited at most.
fn watch(world: &World, viewer: &mut Viewer, packets: u16, pictures: u32) -> (Vec<u16>, Duration) {
    let (mut seen, mut next, mut longest) = (Vec::new(), 10u16, Duration::ZERO);
    for picture in 0..pictures {
        let due = Instant::now() + Duration::from_millis(40);
        let count = if picture % 25 == 0 { 4 * packets } else { packets };
        picture_of(world, next, count, picture * 3600, picture % 25 == 0, None);
        next = next.wrapping_add(count);
        seen.extend(viewer.answer_until(due));
        longest = longest.max(viewer.downlink.report().queued);
    }
    (seen, longest)
}

#[test]
fn a_fast_line_gets_every_packet_in_time_from_the_start() {
    let world = World::new();
    let mut viewer = world.subscribe();
    // 2 Mbit/s.
    let (seen, longest) = watch(&world, &mut viewer, 10, 75);
    let seen = [seen, viewer.answer_until(Instant::now() + Duration::from_millis(300))].concat();
    let report = viewer.downlink.report();
    assert!(longest < Duration::from_millis(400), "packets waited {longest:?}: {report:?}");
    println!("packets waited {longest:?} at most");
    assert!(report.estimate.is_some(), "{report:?}");
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    assert!(seen.len() >= 72 * 10 + 3 * 40, "only {} packets came: {report:?}", seen.len());
    assert!(world.upstream.try_iter().filter(|packet| packet[1] == PLI).count() <= 1, "something was given up");
}
