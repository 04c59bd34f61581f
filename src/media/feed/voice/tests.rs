//! Levels as microphones send them, on a virtual clock; and a feed whose packets carry them.

use super::*;
use crate::media::egress::Pool;
use crate::media::feed::{Feed, Source, SourceTrack, Upstream};
use crate::model::{Codec, FeedId};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

const PACKET: Duration = Duration::from_millis(20);

/// A microphone that sends 20 ms packets.
struct Microphone {
    voice: Voice,
    start: Instant,
    now: Instant,
    rtp: u32,
    /// Changes, with their times since the start in milliseconds.
    told: Vec<(u128, bool)>,
}

impl Microphone {
    fn new() -> Self {
        let now = Instant::now();
        Self { voice: Voice::default(), start: now, now, rtp: u32::MAX - 5000, told: Vec::new() }
    }

    fn packet(&mut self, level: u8) {
        (self.now, self.rtp) = (self.now + PACKET, self.rtp.wrapping_add(960));
        let told = self.voice.hear(level, self.rtp, 48_000, self.now);
        self.told.extend(told.map(|speaking| ((self.now - self.start).as_millis(), speaking)));
    }

    fn send(&mut self, level: u8, milliseconds: u32) {
        (0..milliseconds / 20).for_each(|_| self.packet(level));
    }

    /// Words: syllables of 160 ms with gaps of 80 ms, and a pause of 400 ms after six of them.
    fn talk(&mut self, loud: u8, noise: u8, seconds: u32) {
        let end = self.now + Duration::from_secs(seconds.into());
        while self.now < end {
            for _ in 0..6 {
                self.send(loud, 160);
                self.send(noise, 80);
            }
            self.send(noise, 400);
        }
    }

    fn changes(&mut self) -> Vec<bool> {
        std::mem::take(&mut self.told).into_iter().map(|(_, speaking)| speaking).collect()
    }
}

#[test]
fn speech_begins_soon_goes_on_over_pauses_and_ends_a_second_after() {
    let mut mic = Microphone::new();
    mic.send(75, 2000);
    mic.talk(25, 70, 30);
    mic.send(75, 3000);
    let [(begun, true), (ended, false)] = mic.told[..] else { panic!("{:?}", mic.told) };
    assert!((2200..2500).contains(&begun), "begun at {begun}");
    let talked = 2000 + 30_000;
    assert!((talked + 300..talked + 3000).contains(&ended), "ended at {ended}");
    let last = mic.voice.last_spoken.unwrap();
    assert!((last - mic.start).as_millis() + 1000 <= ended);
}

#[test]
fn quiet_speech_in_a_quiet_room_is_heard_and_what_is_too_quiet_is_not() {
    let mut mic = Microphone::new();
    mic.talk(42, 80, 5);
    assert_eq!(mic.changes(), [true]);
    let mut mic = Microphone::new();
    mic.talk(50, 90, 20);
    assert!(mic.changes().is_empty());
}

#[test]
fn noise_that_goes_on_is_no_voice_but_who_speaks_over_it_is_heard() {
    let mut mic = Microphone::new();
    mic.send(40, 60_000);
    // Nobody can know in the first seconds.
    assert_eq!(mic.changes(), [true, false]);
    mic.send(38, 10_000);
    assert!(mic.changes().is_empty());
    mic.talk(22, 39, 20);
    assert_eq!(mic.changes(), [true]);
    mic.send(39, 10_000);
    assert_eq!(mic.changes(), [false]);
}

#[test]
fn clicks_and_a_cough_are_no_voice() {
    let mut mic = Microphone::new();
    for _ in 0..50 {
        mic.send(15, 40);
        mic.send(75, 160);
    }
    mic.send(75, 1000);
    mic.send(20, 120);
    mic.send(75, 1000);
    assert!(mic.changes().is_empty());
}

#[test]
fn a_client_that_flags_voice_is_believed() {
    let mut mic = Microphone::new();
    mic.send(0x80 | 30, 1000);
    assert_eq!(mic.changes(), [true]);
    // As loud, but no voice by the client's own word.
    mic.send(30, 2000);
    assert_eq!(mic.changes(), [false]);
}

#[test]
fn packets_that_stop_end_it_by_the_clock() {
    let mut mic = Microphone::new();
    mic.send(20, 1000);
    assert_eq!(mic.changes(), [true]);
    assert_eq!(mic.voice.look(mic.now + ENDS_AFTER - PACKET), None);
    assert_eq!(mic.voice.look(mic.now + ENDS_AFTER), Some(false));
    assert_eq!(mic.voice.look(mic.now + 2 * ENDS_AFTER), None, "once");
}

#[test]
fn bursts_and_late_packets_count_by_their_own_time() {
    let mut mic = Microphone::new();
    let (at, first) = (mic.now, mic.rtp);
    let changes: Vec<bool> =
        (1..=30).filter_map(|n| mic.voice.hear(20, first.wrapping_add(n * 960), 48_000, at)).collect();
    assert_eq!(changes, [true], "all at once, and 600 ms long");
    mic.voice.stop();
    mic.packet(20);
    for _ in 0..100 {
        assert_eq!(mic.voice.hear(20, mic.rtp, 48_000, at), None, "the same packet again adds nothing");
        assert_eq!(mic.voice.hear(20, mic.rtp.wrapping_sub(960), 48_000, at), None, "late");
    }
    mic.rtp = mic.rtp.wrapping_sub(1 << 30);
    mic.send(20, 600);
    assert_eq!(mic.changes(), [true], "a sender that began anew is followed");
}

struct Nowhere;

impl Upstream for Nowhere {
    fn send_rtcp(&self, _: &[u8]) {}
}

fn microphone(ssrc: u32, audio_level_id: u8) -> Source {
    let track = SourceTrack {
        codec: Codec::Opus,
        fmtp: String::new(),
        payload_type: 111,
        ssrc: Some(ssrc),
        rtx_payload_type: None,
        rtx_ssrc: None,
        nack: false,
        audio_level_id,
    };
    Source { tracks: vec![track], upstream: Arc::new(Nowhere) }
}

fn feed() -> (Arc<Feed>, Receiver<bool>) {
    let feed = Feed::new(FeedId::next(), Pool::start(1).unwrap(), Duration::from_millis(300), Box::new(|_| {}));
    let (told, changes) = channel();
    feed.set_on_voice(Box::new(move |speaking| told.send(speaking).unwrap()));
    (feed, changes)
}

/// Half a second of a loud voice.
fn speak(feed: &Feed, ssrc: u32, from: Instant) -> Instant {
    for n in 0..25u16 {
        let mut packet = vec![0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 1 << 4, 0x80 | 20, 0, 0, 9];
        packet[2..4].copy_from_slice(&n.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(n) * 960).to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        feed.on_rtp(packet, from + u32::from(n) * PACKET);
    }
    from + 25 * PACKET
}

#[test]
fn a_feed_tells_of_its_voice_and_of_every_end_of_it() {
    let (feed, changes) = feed();
    feed.set_source(microphone(7, 1));
    assert!(feed.last_spoken().is_none());
    let now = speak(&feed, 7, Instant::now());
    assert!(feed.is_speaking() && feed.last_spoken().is_some());
    feed.tick(now + ENDS_AFTER);
    assert!(!feed.is_speaking());
    assert_eq!(changes.try_iter().collect::<Vec<_>>(), [true, false], "packets stopped");
    let now = speak(&feed, 7, now + ENDS_AFTER);
    assert_eq!(changes.try_iter().count(), 0, "numbers that were there before are no packets");
    feed.set_source(microphone(8, 1));
    speak(&feed, 8, now);
    feed.set_source(microphone(9, 1));
    assert_eq!(changes.try_iter().collect::<Vec<_>>(), [true, false], "another track");
    speak(&feed, 9, now);
    feed.close();
    assert_eq!(changes.try_iter().collect::<Vec<_>>(), [true, false], "its end");
}

#[test]
fn a_feed_without_the_extension_never_speaks() {
    let (feed, changes) = feed();
    feed.set_source(microphone(7, 0));
    speak(&feed, 7, Instant::now());
    assert!(!feed.is_speaking());
    assert_eq!(changes.try_iter().count(), 0);
}
