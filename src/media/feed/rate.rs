//! Packets, bits and frames per second of a track.

use crate::media::TrackStats;
use crate::media::rtp::Packet;
use crate::model::Codec;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Counts, and the figures of the last full second.
#[derive(Debug, Default)]
pub struct Rate {
    packets: u64,
    bytes: u64,
    frames: u64,
    size: Option<(u32, u32)>,
    last_timestamp: Option<u32>,
    window: Option<Window>,
    bitrate: u64,
    framerate: f32,
}

#[derive(Debug)]
struct Window {
    begun: Instant,
    bytes: u64,
    frames: u32,
}

impl Rate {
    /// A packet of so many bytes came.
    pub fn count(&mut self, bytes: usize, packet: &Packet, at: Instant) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.size = packet.size.or(self.size);
        let new_frame = self.last_timestamp != Some(packet.timestamp) && !packet.payload.is_empty();
        self.frames += u64::from(new_frame);
        self.last_timestamp = Some(packet.timestamp);
        let window = self.window.get_or_insert(Window { begun: at, bytes: 0, frames: 0 });
        let elapsed = at.saturating_duration_since(window.begun);
        if elapsed >= WINDOW {
            self.bitrate = (window.bytes as f64 * 8.0 / elapsed.as_secs_f64()) as u64;
            self.framerate = window.frames as f32 / elapsed.as_secs_f32();
            *window = Window { begun: at, bytes: 0, frames: 0 };
        }
        window.bytes += bytes as u64;
        window.frames += u32::from(new_frame);
    }

    /// The figures; a track that has gone silent has none per second.
    pub fn stats(&self, codec: Codec, video: bool, now: Instant) -> TrackStats {
        let live = self.window.as_ref().is_some_and(|w| now.saturating_duration_since(w.begun) < 2 * WINDOW);
        TrackStats {
            codec,
            packets: self.packets,
            bytes: self.bytes,
            frames: self.frames,
            bitrate: if live { self.bitrate } else { 0 },
            framerate: if live && video { self.framerate } else { 0.0 },
            width: self.size.map(|s| s.0),
            height: self.size.map(|s| s.1),
        }
    }
}
