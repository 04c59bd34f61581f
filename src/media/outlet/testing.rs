//! Feeds that live for tests: real packets, sent in their own time, again and again.

use crate::media::branch::testing::{encode_with, source};
use crate::media::egress::Pool;
use crate::media::feed::{Feed, Source, Upstream};
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
    stop: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

type Clip = (u8, u32, Codec, Vec<(Duration, Vec<u8>)>);

impl Publisher {
    pub(in crate::media) fn start(codecs: &[Codec]) -> Self {
        crate::media::start().unwrap();
        let feed = Feed::new(FeedId::next(), Pool::start(1).unwrap(), Duration::from_millis(300), Box::new(|_| {}));
        let mut publisher = Self { feed, stop: None, thread: None };
        publisher.publish(codecs, 7);
        publisher
    }

    /// Goes on with these, as another source does.
    pub(in crate::media) fn publish(&mut self, codecs: &[Codec], ssrc: u32) {
        self.silence();
        let tracks = codecs.iter().map(|codec| source(*codec, payload_type(*codec))).collect();
        self.feed.set_source(Source { tracks, upstream: Arc::new(Nobody) });
        let clips: Vec<Clip> = codecs.iter().map(|codec| clip(*codec, ssrc)).collect();
        let (stop, stopped) = channel::<()>();
        let feed = self.feed.clone();
        let mut all: Vec<(Duration, usize, usize)> = Vec::new();
        for (track, (.., packets)) in clips.iter().enumerate() {
            all.extend(packets.iter().enumerate().map(|(index, (due, _))| (*due, track, index)));
        }
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
                    feed.on_rtp(later(&clips[*track], *index, round), Instant::now());
                    feed.drained();
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

fn clip(codec: Codec, ssrc: u32) -> Clip {
    let packets = encode_with(codec, 2, (320, 240), 25);
    let ssrc = ssrc + u32::from(codec.kind() == Kind::Audio) * 1000;
    (payload_type(codec), ssrc, codec, packets.into_iter().map(|(due, packet)| (due, packet.data)).collect())
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
