//! Feeds that live for tests: real packets, sent in their own time, again and again.

use crate::media::branch::testing::{encode_with, source};
use crate::media::egress::Pool;
use crate::media::feed::{Feed, Source, SourceTrack, Upstream};
use crate::media::rtcp::{SenderReport, write_sender_report};
use crate::model::{Codec, FeedId, Kind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Nobody to ask.
struct Nobody;

impl Upstream for Nobody {
    fn send_rtcp(&self, _packet: &[u8]) {}
}

/// A publisher of a feed: 320x240 at 25 pictures per second, a keyframe each second. Dropped, it falls silent.
pub(in crate::media) struct Publisher {
    pub feed: Arc<Feed>,
    late: Duration,
    stop: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

type Clip = (u8, u32, Codec, Vec<(Duration, Vec<u8>)>);

impl Publisher {
    pub(in crate::media) fn start(codecs: &[Codec]) -> Self {
        Self::start_late(codecs, Duration::ZERO)
    }

    /// The same with pictures that come so much later than their sound; sender reports tell where they belong.
    pub(in crate::media) fn start_late(codecs: &[Codec], late: Duration) -> Self {
        crate::media::start().unwrap();
        let feed = Feed::new(FeedId::next(), Pool::start(1).unwrap(), Duration::from_millis(300), Box::new(|_| {}));
        let mut publisher = Self { feed, late, stop: None, thread: None };
        publisher.publish(codecs, 7);
        publisher
    }

    /// Goes on with these, as another source does.
    pub(in crate::media) fn publish(&mut self, codecs: &[Codec], ssrc: u32) {
        self.publish_some(codecs, codecs, ssrc, |_| true);
    }

    /// Announces tracks, and sends of some of them those packets that `keep` takes (by their number).
    pub(in crate::media) fn publish_some(
        &mut self,
        announced: &[Codec],
        codecs: &[Codec],
        ssrc: u32,
        keep: impl Fn(usize) -> bool + Send + 'static,
    ) {
        self.silence();
        let track = |codec: &Codec| SourceTrack { ssrc: Some(ssrc_of(*codec, ssrc)), ..source(*codec, payload_type(*codec)) };
        let tracks = announced.iter().map(track).collect();
        self.feed.set_source(Source { tracks, upstream: Arc::new(Nobody) });
        let clips: Vec<Clip> = codecs.iter().map(|codec| clip(*codec, ssrc)).collect();
        let (stop, stopped) = channel::<()>();
        let feed = self.feed.clone();
        let mut all: Vec<(Duration, usize, usize)> = Vec::new();
        for (track, (.., codec, packets)) in clips.iter().enumerate() {
            let late = if codec.kind() == Kind::Video { self.late } else { Duration::ZERO };
            all.extend(packets.iter().enumerate().map(|(index, (due, _))| (*due + late, track, index)));
        }
        clips.iter().for_each(|clip| self.feed.on_rtcp(&report(clip)));
        all.sort();
        let run = move || {
            let begin = Instant::now();
            for round in 0u32.. {
                for (due, track, index) in &all {
                    let at = begin + *due + LENGTH * round;
                    let wait = at.saturating_duration_since(Instant::now());
                    if !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                        return;
                    }
                    if keep(*index) {
                        feed.on_rtp(later(&clips[*track], *index, round), Instant::now());
                        feed.drained();
                    }
                }
            }
        };
        (self.stop, self.thread) = (Some(stop), Some(std::thread::spawn(run)));
    }

    /// Sends nothing any more.
    pub(in crate::media) fn silence(&mut self) {
        self.stop = None;
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.silence();
        self.feed.close();
    }
}

const LENGTH: Duration = Duration::from_secs(2);

fn payload_type(codec: Codec) -> u8 {
    if codec.kind() == Kind::Audio { 111 } else { 96 }
}

fn ssrc_of(codec: Codec, ssrc: u32) -> u32 {
    ssrc + u32::from(codec.kind() == Kind::Audio) * 1000
}

fn clip(codec: Codec, ssrc: u32) -> Clip {
    let packets = encode_with(codec, 2, (320, 240), 25);
    (payload_type(codec), ssrc_of(codec, ssrc), codec, packets.into_iter().map(|(due, packet)| (due, packet.data)).collect())
}

/// A packet of the clip, `round` times its length later.
fn later((payload_type, ssrc, codec, packets): &Clip, index: usize, round: u32) -> Vec<u8> {
    let mut data = packets[index].1.clone();
    let sequence = u16::from_be_bytes([data[2], data[3]]).wrapping_add((packets.len() as u32 * round) as u16);
    let time = u32::from_be_bytes(data[4..8].try_into().unwrap());
    let time = time.wrapping_add(codec.clock_rate() * 2 * round);
    data[1] = (data[1] & 0x80) | payload_type;
    data[2..4].copy_from_slice(&sequence.to_be_bytes());
    data[4..8].copy_from_slice(&time.to_be_bytes());
    data[8..12].copy_from_slice(&ssrc.to_be_bytes());
    data
}

/// All clips begin at the same instant of the sender's clock.
fn report((_, ssrc, _, packets): &Clip) -> Vec<u8> {
    let rtp = u32::from_be_bytes(packets[0].1[4..8].try_into().unwrap());
    let mut out = Vec::new();
    let report = SenderReport { ssrc: *ssrc, ntp: 3_900_000_000 << 32, rtp, packets: 1, bytes: 1 };
    write_sender_report(&report, "test", &mut out);
    out
}
