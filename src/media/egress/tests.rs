//! The fan-out from the publisher's packet to the subscriber's datagram and back, through the contracts only.

mod line;
mod pace;
mod switching;
mod trunk;
mod world;

use crate::media::feed::{Source, SourceTrack, TapItem};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use world::*;

const PLI: u8 = 206;
const NACK: u8 = 205;

/// A feed whose source began without a keyframe, which was asked for.
fn without_keyframe() -> World {
    let world = World::new();
    world.publish(&inter(VIDEO, 100, 0));
    upward(&world.upstream, PLI, "a keyframe request for the new source");
    world
}

#[test]
fn a_join_asks_for_a_keyframe_and_begins_there() {
    let world = without_keyframe();
    let mut viewer = world.subscribe();
    let pli = upward(&world.upstream, PLI, "a keyframe request");
    assert_eq!(pli[8..12], VIDEO.to_be_bytes());
    world.publish(&inter(VIDEO, 101, 3000));
    world.publish(&key(VIDEO, 102, 6000));
    world.publish(&inter(VIDEO, 103, 9000));
    let first = viewer.rtp("the keyframe");
    assert_eq!((first.ssrc, &first.payload[..2]), (OUT_VIDEO, &[0x10, 0x10][..]));
    let second = viewer.rtp("the frame after it");
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3000);
    assert_eq!(world.feed.stats().subscribers, 1);
}

#[test]
fn a_join_after_a_young_keyframe_gets_the_pictures_since_then_and_asks_for_none() {
    let world = World::new();
    world.publish(&key(VIDEO, 100, 0));
    world.publish(&inter(VIDEO, 101, 3000));
    let mut viewer = world.subscribe();
    world.publish(&inter(VIDEO, 102, 6000));
    let seen: Vec<_> = (0..3).map(|_| viewer.rtp("the keyframe and all since, once")).collect();
    assert_eq!(seen[0].payload[..2], [0x10, 0x10]);
    let after = |n: usize| (seen[n].sequence.wrapping_sub(seen[0].sequence), seen[n].timestamp - seen[0].timestamp);
    assert_eq!([after(1), after(2)], [(1, 3000), (2, 6000)]);
    assert_eq!(world.feed.stats().keyframe_requests, 0);
}

#[test]
fn ten_at_once_cause_at_most_two_requests() {
    let world = without_keyframe();
    let before = world.feed.stats().keyframe_requests;
    let _viewers: Vec<_> = (0..10).map(|_| world.subscribe()).collect();
    upward(&world.upstream, PLI, "a keyframe request");
    world.publish(&key(VIDEO, 101, 3000));
    let mut more = 0;
    let end = Instant::now() + Duration::from_millis(700);
    while let Ok(packet) = world.upstream.recv_timeout(end.saturating_duration_since(Instant::now())) {
        more += u32::from(packet[1] == PLI);
    }
    assert!(more <= 1, "{more} more requests after the keyframe");
    assert!(world.feed.stats().keyframe_requests - before <= 2);
}

#[test]
fn a_loss_of_the_publisher_is_recovered_for_all() {
    let world = World::new();
    let mut viewers = [world.subscribe(), world.subscribe()];
    let tap = world.feed.tap(100, Duration::ZERO);
    for sequence in [10, 11, 13, 14, 15] {
        world.publish(&if sequence == 10 { key(VIDEO, 10, 0) } else { inter(VIDEO, sequence, 0) });
    }
    let nack = upward(&world.upstream, NACK, "a NACK for 12");
    assert_eq!((&nack[8..12], &nack[12..14]), (&VIDEO.to_be_bytes()[..], &[0, 12][..]));
    world.publish(&rtp(97, RTX, 1, 0, &[0, 12, 0x10, 0x11, 12]));
    world.publish(&rtp(97, RTX, 2, 0, &[0, 12, 0x10, 0x11, 12]));
    world.publish(&inter(VIDEO, 16, 0));
    for viewer in &mut viewers {
        let seen: Vec<_> = (0..7).map(|_| viewer.rtp("all seven, once")).collect();
        let order: Vec<u16> = seen.iter().map(|packet| packet.sequence.wrapping_sub(seen[0].sequence)).collect();
        // The recovered one may still have caught its batch.
        assert!(order == [0, 1, 3, 4, 5, 2, 6] || order == [0, 1, 2, 3, 4, 5, 6], "{order:?}");
        let recovered = order.iter().position(|sequence| *sequence == 2).unwrap();
        assert_eq!(seen[recovered].payload, [0x10, 0x11, 12]);
    }
    let tapped: Vec<u64> = tap
        .try_iter()
        .filter_map(|item| if let TapItem::Packet(p) = item { Some(p.sequence & 0xffff) } else { None })
        .collect();
    assert_eq!(tapped, [10, 11, 13, 14, 15, 12, 16]);
}

#[test]
fn a_nack_is_answered_on_the_rtx_stream() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 500));
    world.publish(&inter(VIDEO, 11, 3500));
    viewer.rtp("the keyframe");
    let lost = viewer.rtp("the packet that gets lost");
    viewer.nack(lost.sequence);
    let again = viewer.rtp("the retransmission");
    assert_eq!((again.ssrc, again.timestamp), (OUT_RTX, lost.timestamp));
    assert_eq!(again.payload[..2], lost.sequence.to_be_bytes(), "original sequence number");
    assert_eq!(again.payload[2..], lost.payload);
    viewer.nack(lost.sequence);
    assert!(viewer.silent(), "not twice within 20 ms");
    assert_eq!(viewer.downlink.stats().retransmitted, 1);
    assert!(viewer.downlink.last_rtcp().is_some());
}

#[test]
fn a_replaced_source_continues_the_streams() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 60_000, 500));
    world.publish(&rtp(111, AUDIO, 5, 100, &[1, 2, 3]));
    let (video, audio) = (viewer.rtp("video"), viewer.rtp("audio"));
    let (back, upstream) = upstream();
    world.feed.set_source(Source { tracks: tracks(0x3000_0001, 0x3000_0002), upstream: back });
    world.publish(&inter(VIDEO, 60_001, 3500));
    world.publish(&inter(0x3000_0001, 7, 900_000));
    upward(&upstream, PLI, "a keyframe request at the new source");
    world.publish(&rtp(111, 0x3000_0002, 999, 77, &[4, 5, 6]));
    world.publish(&key(0x3000_0001, 8, 903_000));
    let (next_audio, next_video) = (viewer.rtp("audio at once"), viewer.rtp("video at the keyframe"));
    assert_eq!((next_audio.ssrc, next_audio.sequence), (OUT_AUDIO, audio.sequence.wrapping_add(1)));
    assert_eq!((next_video.ssrc, next_video.sequence), (OUT_VIDEO, video.sequence.wrapping_add(1)));
    for (rate, step) in [
        (48_000, next_audio.timestamp.wrapping_sub(audio.timestamp)),
        (90_000, next_video.timestamp.wrapping_sub(video.timestamp)),
    ] {
        assert!((1..rate * 5).contains(&step), "time goes on by the real pause, not by {step}");
    }
}

#[test]
fn a_renegotiation_without_announced_ssrcs_interrupts_nothing() {
    let world = World::new();
    let (back, _upstream) = upstream();
    let unannounced = || {
        let tracks = tracks(VIDEO, AUDIO).into_iter().map(|track| SourceTrack { ssrc: None, rtx_ssrc: None, ..track });
        Source { tracks: tracks.collect(), upstream: back.clone() }
    };
    world.feed.set_source(unannounced());
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 0));
    world.feed.set_source(unannounced());
    world.publish(&inter(VIDEO, 11, 3000));
    let (first, second) = (viewer.rtp("the keyframe"), viewer.rtp("the frame after the renegotiation"));
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3000);
    let (back, _upstream) = upstream();
    world.feed.set_source(Source { upstream: back, ..unannounced() });
    world.publish(&key(0x3000_0001, 99, 0));
    assert_eq!(viewer.rtp("another peer's first keyframe").sequence, second.sequence.wrapping_add(1));
}

#[test]
fn a_sender_that_begins_anew_is_asked_for_a_keyframe() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 60_000, 0));
    let first = viewer.rtp("the keyframe");
    while world.upstream.try_recv().is_ok() {}
    world.publish(&inter(VIDEO, 20_000, 90_000));
    upward(&world.upstream, PLI, "a keyframe request: numbers and pictures begin anew");
    world.publish(&key(VIDEO, 20_001, 93_000));
    assert_eq!(viewer.rtp("the new keyframe").sequence, first.sequence.wrapping_add(1));
}

#[test]
fn sender_reports_keep_audio_and_video_in_sync() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 1_000_000));
    world.publish(&rtp(111, AUDIO, 5, 2_000_000, &[1]));
    let (video, audio) = (viewer.rtp("video"), viewer.rtp("audio"));
    // the publisher's clock stands in 1970; audio's report is of an instant 2 s later
    let ntp = 2_208_988_800u64 << 32;
    world.feed.on_rtcp(&sender_report(VIDEO, ntp, 1_000_000));
    world.feed.on_rtcp(&sender_report(AUDIO, ntp + (2 << 32), 2_000_000 + 96_000));
    let (video_report, audio_report) = (viewer.report(OUT_VIDEO), viewer.report(OUT_AUDIO));
    // what our reports say of the instant at which both packets were captured
    let captured = |report: (u64, u32), timestamp: u32, rate: f64| {
        let seconds = (report.0 as f64) / 4_294_967_296.0;
        seconds - f64::from(report.1.wrapping_sub(timestamp) as i32) / rate
    };
    let skew = captured(video_report, video.timestamp, 90_000.0) - captured(audio_report, audio.timestamp, 48_000.0);
    assert!(skew.abs() < 0.005, "audio and video are {skew} s apart");
}

#[test]
fn a_receivers_time_is_answered() {
    let world = World::new();
    let mut viewer = world.subscribe();
    let time = [0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
    let mut compound = vec![0x80, 201, 0, 1, 0, 0, 0, 1];
    compound.extend_from_slice(&time);
    viewer.say(&compound);
    let answer = viewer.extended_report();
    assert_eq!(answer[12..20], [0, 0, 0, 1, 0x33, 0x44, 0x55, 0x66]);
}

#[test]
fn a_viewers_pli_reaches_the_publisher_and_garbage_does_nothing() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 0));
    viewer.rtp("the keyframe");
    let before = world.feed.stats().keyframe_requests;
    let mut pli = vec![0x81, PLI, 0, 2, 0, 0, 0, 1];
    pli.extend_from_slice(&OUT_VIDEO.to_be_bytes());
    viewer.say(&pli);
    while world.feed.stats().keyframe_requests == before {
        upward(&world.upstream, PLI, "the viewer's request, after the limiter's pause");
    }
    viewer.downlink.on_srtcp(&[0x81, PLI, 0, 2, 1, 2, 3], Instant::now());
    viewer.downlink.on_srtcp(&[], Instant::now());
}

#[test]
fn what_a_full_socket_refuses_for_a_moment_comes_later_in_order() {
    let world = World::new();
    let mut viewer = world.subscribe();
    world.publish(&key(VIDEO, 10, 0));
    let first = viewer.rtp("the keyframe").sequence;
    let asked = world.feed.stats().keyframe_requests;
    viewer.socket.refuses.store(true, SeqCst);
    (11..15).for_each(|sequence| world.publish(&inter(VIDEO, sequence, 0)));
    assert!(viewer.silent());
    viewer.socket.refuses.store(false, SeqCst);
    for n in 1..5 {
        assert_eq!(viewer.rtp("what waited").sequence, first.wrapping_add(n));
    }
    assert_eq!(world.feed.stats().keyframe_requests, asked);
}

#[test]
fn a_full_socket_stops_nobody_else() {
    let world = World::new();
    let full = world.subscribe();
    let mut viewer = world.subscribe();
    full.socket.refuses.store(true, SeqCst);
    world.publish(&key(VIDEO, 10, 0));
    (11..200).for_each(|sequence| world.publish(&inter(VIDEO, sequence, 0)));
    let first = viewer.rtp("the keyframe").sequence;
    for n in 1..190 {
        assert_eq!(viewer.rtp("every packet").sequence, first.wrapping_add(n));
    }
    assert!(full.silent());
    assert!(world.feed.stats().keyframe_requests <= 3, "a full socket asks at most once a second");
}

#[test]
fn nothing_is_sent_after_a_downlink_is_dropped_or_the_feed_closed() {
    let world = World::new();
    let (gone, mut other) = (world.subscribe(), world.subscribe());
    world.publish(&key(VIDEO, 10, 0));
    let gone = gone.leave();
    while gone.try_recv().is_ok() {}
    world.publish(&inter(VIDEO, 11, 0));
    other.rtp("the keyframe");
    other.rtp("what came after the other left");
    assert!(gone.try_recv().is_err(), "sent after the downlink was dropped");
    let tap = world.feed.tap(10, Duration::ZERO);
    world.feed.close();
    world.publish(&key(VIDEO, 12, 0));
    assert!(matches!(tap.recv(), Ok(TapItem::Ended)));
    assert!(tap.recv().is_err() && world.feed.tap(1, Duration::ZERO).iter().all(|item| matches!(item, TapItem::Ended)));
    assert!(world.feed.ready().is_err());
    assert!(other.silent(), "sent after the feed was closed");
}

#[test]
fn a_tap_into_the_past_goes_on_with_live_packets_without_loss_or_doubles() {
    let world = World::new();
    world.feed.keep_past(Duration::from_secs(10));
    world.publish(&key(VIDEO, 100, 0));
    world.publish(&inter(VIDEO, 101, 3000));
    let tap = world.feed.tap(10, Duration::from_secs(5));
    world.publish(&inter(VIDEO, 102, 6000));
    let packets = |items: Vec<TapItem>| -> Vec<u64> {
        let numbers = items.iter().filter_map(|item| match item {
            TapItem::Packet(packet) => Some(packet.sequence & 0xffff),
            _ => None,
        });
        numbers.collect()
    };
    assert_eq!(packets(tap.try_iter().collect()), [100, 101, 102]);
    assert_eq!(packets(world.feed.past(Duration::from_secs(5))), [100, 101, 102]);
    assert_eq!(packets(world.feed.tap(10, Duration::ZERO).try_iter().collect()), [0; 0]);
    world.feed.keep_past(Duration::ZERO);
    assert!(world.feed.past(Duration::from_secs(5)).is_empty());
}

#[test]
fn garbage_from_a_publisher_is_harmless() {
    let world = World::new();
    let mut viewer = world.subscribe();
    let mut state = 5u32;
    for round in 0..20_000usize {
        let mut data: Vec<u8> = (0..round % 80)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        if data.len() > 11 {
            (data[0], data[1]) = (0x80 | data[0] & 0x3f, [96, 97, 111][round % 3]);
            data[8..12].copy_from_slice(&[VIDEO, RTX, AUDIO][round % 3].to_be_bytes());
        }
        world.feed.on_rtp(data.clone(), Instant::now());
        world.feed.on_rtcp(&data);
    }
    world.feed.flush();
    viewer.rtp("random payloads are forwarded all the same");
}
