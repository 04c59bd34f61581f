//! A subscriber's sound and pictures from different feeds, changed while it watches.

use super::world::*;
use super::{NACK, PLI};
use crate::media::egress::Show;
use crate::media::feed::{Feed, Source, SourceTrack};
use crate::model::{Codec, Kind};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn show(feed: &Arc<Feed>) -> Option<Show> {
    Some(Show { feed: feed.clone(), keep: None })
}

fn two() -> (World, World) {
    let a = World::new();
    let b = a.another();
    (a, b)
}

#[test]
fn pictures_change_at_the_next_keyframe_without_a_seam_and_sound_goes_on() {
    let (a, b) = two();
    let mut viewer = a.subscribe();
    a.publish(&key(VIDEO, 10, 0));
    let first = viewer.rtp("the first feed's keyframe");
    b.publish(&inter(VIDEO, 500, 77));
    upward(&b.upstream, PLI, "a request for the new source");
    viewer.downlink.show(Kind::Video, show(&b.feed));
    let report = viewer.until("both are known", |report| report.showing.is_some());
    assert_eq!((report.showing, report.waiting), (Some(a.feed.id()), Some(b.feed.id())));
    a.publish(&inter(VIDEO, 11, 3000));
    assert_eq!(viewer.rtp("the old goes on").sequence, first.sequence.wrapping_add(1));
    assert_eq!((a.feed.picture_users(), b.feed.picture_users()), (1, 1));
    upward(&b.upstream, PLI, "a keyframe request for the viewer");
    b.publish(&key(VIDEO, 501, 3077));
    let switched = viewer.rtp("the new feed's keyframe");
    assert_eq!((switched.ssrc, switched.sequence), (OUT_VIDEO, first.sequence.wrapping_add(2)));
    assert!((switched.timestamp.wrapping_sub(first.timestamp) as i32) > 0);
    a.publish(&inter(VIDEO, 12, 6000));
    a.publish(&rtp(111, AUDIO, 5, 100, &[1, 2, 3]));
    assert_eq!(viewer.rtp("sound of the first, no picture").ssrc, OUT_AUDIO);
    b.publish(&inter(VIDEO, 502, 6077));
    assert_eq!(viewer.rtp("the new feed").sequence, first.sequence.wrapping_add(3));
    viewer.until("the switch is told", |report| report.showing == Some(b.feed.id()) && report.waiting.is_none());
    assert_eq!((a.feed.picture_users(), b.feed.picture_users()), (0, 1));
    assert_eq!((a.feed.users(), b.feed.users()), (1, 1), "sound of one, pictures of the other");
    while b.upstream.try_recv().is_ok() {}
    viewer.pli();
    upward(&b.upstream, PLI, "the viewer's request at the feed in use");
}

#[test]
fn what_was_sent_before_a_switch_is_still_sent_again() {
    let (a, b) = two();
    let mut viewer = a.subscribe();
    a.publish(&key(VIDEO, 10, 0));
    let lost = viewer.rtp("the packet that gets lost");
    b.publish(&key(VIDEO, 500, 0));
    viewer.downlink.show(Kind::Video, show(&b.feed));
    let switched = viewer.rtp("a young keyframe is at hand");
    assert_eq!(switched.sequence, lost.sequence.wrapping_add(1));
    viewer.nack(lost.sequence);
    let again = viewer.rtp("the retransmission");
    assert_eq!((again.ssrc, &again.payload[..2]), (OUT_RTX, &lost.sequence.to_be_bytes()[..]));
    assert_eq!((again.timestamp, &again.payload[2..]), (lost.timestamp, &lost.payload[..]));
    assert!(b.upstream.try_iter().all(|packet| packet[1] != PLI), "no keyframe was needed");
    assert!(a.upstream.try_iter().all(|packet| packet[1] != NACK));
}

#[test]
fn the_codec_may_change_at_a_switch() {
    let (a, b) = two();
    let (back, _upstream) = upstream();
    let track = |track: SourceTrack| SourceTrack { codec: Codec::H264, payload_type: 98, ..track };
    let tracks = tracks(VIDEO, AUDIO).into_iter().take(1).map(track).collect();
    b.feed.set_source(Source { tracks, upstream: back });
    let mut viewer = a.subscribe();
    a.publish(&key(VIDEO, 10, 0));
    let first = viewer.rtp("VP8");
    viewer.downlink.show(Kind::Video, show(&b.feed));
    b.publish(&rtp(98, VIDEO, 500, 0, &[0x65, 0x88, 0x80, 0x10]));
    let second = viewer.rtp("H.264");
    assert_eq!([first.payload_type, second.payload_type], [101, 103]);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    viewer.nack(second.sequence);
    let again = viewer.rtp("H.264 again");
    assert_eq!((again.payload_type, again.ssrc, &again.payload[2..]), (104, OUT_RTX, &second.payload[..]));
}

#[test]
fn nothing_is_sent_of_a_kind_that_is_switched_off_and_it_begins_at_a_keyframe_again() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 0));
    let first = viewer.rtp("the keyframe");
    viewer.downlink.show(Kind::Video, None);
    world.publish(&inter(VIDEO, 11, 3000));
    world.publish(&rtp(111, AUDIO, 5, 100, &[1, 2, 3]));
    assert_eq!(viewer.rtp("sound alone").ssrc, OUT_AUDIO);
    assert_eq!((world.feed.picture_users(), world.feed.users()), (0, 1));
    assert_eq!(viewer.downlink.report().showing, None);
    viewer.downlink.show(Kind::Video, show(&world.feed));
    world.publish(&key(VIDEO, 12, 6000));
    // This keyframe, or the first one again, which was at hand.
    let again = viewer.rtp("pictures again");
    assert_eq!((again.sequence, &again.payload[..2]), (first.sequence.wrapping_add(1), &[0x10, 0x10][..]));
    assert!((again.timestamp.wrapping_sub(first.timestamp) as i32) > 0);
    assert_eq!(world.feed.picture_users(), 1);
}

#[test]
fn sound_changes_at_once() {
    let (a, b) = two();
    let mut viewer = a.subscribe();
    a.publish(&rtp(111, AUDIO, 5, 100, &[1]));
    let first = viewer.rtp("sound");
    viewer.downlink.show(Kind::Audio, show(&b.feed));
    b.publish(&rtp(111, AUDIO, 900, 70_000, &[2]));
    let second = viewer.rtp("the other's sound");
    assert_eq!((second.sequence, second.payload), (first.sequence.wrapping_add(1), vec![2]));
    assert!((1..48_000 * 5).contains(&second.timestamp.wrapping_sub(first.timestamp)));
    a.publish(&rtp(111, AUDIO, 6, 1060, &[1]));
    b.publish(&rtp(111, AUDIO, 901, 70_960, &[2]));
    let third = viewer.rtp("the other's sound alone");
    assert_eq!((third.payload, third.timestamp.wrapping_sub(second.timestamp)), (vec![2], 960));
}

#[test]
fn a_hundred_switches_leave_nothing_behind() {
    let (a, b) = two();
    let mut viewer = a.subscribe();
    a.publish(&key(VIDEO, 0, 0));
    let mut last = viewer.rtp("the first keyframe");
    let keeps: Vec<Arc<()>> = (0..100).map(|_| Arc::new(())).collect();
    for (n, keep) in keeps.iter().enumerate() {
        let world = if n % 2 == 0 { &b } else { &a };
        // Another keyframe may be at hand from the last time: what counts is that nothing is missing or doubled.
        viewer.downlink.show(Kind::Video, Some(Show { feed: world.feed.clone(), keep: Some(Box::new(keep.clone())) }));
        world.publish(&key(VIDEO, n as u16 / 2 + 1, (n as u32 + 1) * 3000));
        viewer.until("it is shown", |report| report.showing == Some(world.feed.id()));
    }
    viewer.downlink.show(Kind::Video, None);
    b.publish(&rtp(111, AUDIO, 5, 100, &[1]));
    a.publish(&rtp(111, AUDIO, 5, 100, &[1]));
    loop {
        let next = viewer.rtp("all that was sent, then sound");
        if next.ssrc == OUT_AUDIO {
            break;
        }
        assert_eq!(next.sequence, last.sequence.wrapping_add(1), "no gap");
        assert!((next.timestamp.wrapping_sub(last.timestamp) as i32) > 0, "time never goes back");
        last = next;
    }
    assert!(keeps.iter().all(|keep| Arc::strong_count(keep) == 1), "nothing is kept that is not shown");
    drop(viewer);
    // The timer takes one for a moment at each tick.
    let end = Instant::now() + Duration::from_secs(5);
    while Arc::strong_count(&a.feed) + Arc::strong_count(&b.feed) > 2 {
        assert!(Instant::now() < end, "a feed is still held");
        std::thread::yield_now();
    }
    assert_eq!((a.feed.users(), b.feed.users(), a.feed.picture_users()), (0, 0, 0));
}

#[test]
fn a_keyframe_whose_first_packet_is_late_is_sent_whole() {
    let (a, b) = two();
    let mut viewer = a.subscribe();
    a.publish(&key(VIDEO, 10, 0));
    let first = viewer.rtp("the first feed's keyframe");
    b.publish(&inter(VIDEO, 500, 77));
    viewer.downlink.show(Kind::Video, show(&b.feed));
    viewer.until("both are known", |report| report.waiting == Some(b.feed.id()));
    b.publish(&rtp(96, VIDEO, 502, 3077, &[0, 1, 2]));
    b.publish(&rtp(96, VIDEO, 503, 3077, &[0, 3, 4]));
    b.publish(&key(VIDEO, 501, 3077));
    let mut numbers = [1, 2, 3].map(|_| viewer.rtp("three packets").sequence.wrapping_sub(first.sequence));
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
}
