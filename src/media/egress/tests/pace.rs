//! Pictures leave at the pace of the line, sound at once; what cannot leave in time is given up until a keyframe.

use super::PLI;
use super::world::*;
use std::time::{Duration, Instant};

/// A keyframe of this many packets of a thousand bytes.
fn large(world: &World, from: u16, packets: u16, timestamp: u32) {
    for n in 0..packets {
        let mut packet = if n == 0 { key(VIDEO, from, timestamp) } else { inter(VIDEO, from + n, timestamp) };
        packet.resize(1000, 7);
        if n > 0 {
            packet[12] = 0;
        }
        packet[1] = if n + 1 == packets { 0x80 | 96 } else { 96 };
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
    large(&world, 10, 20, 0);
    world.publish(&rtp(111, AUDIO, 5, 100, &[1, 2, 3]));
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
    // 60 kB of further pictures at 37.5 kB/s: more than 600 ms.
    for n in 10..70 {
        let mut packet = inter(VIDEO, n, u32::from(n) * 3000);
        packet.resize(1000, 7);
        world.publish(&packet);
    }
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
