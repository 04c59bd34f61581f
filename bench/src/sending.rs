//! What a publisher sends, and when: pictures and sound at their pace.
//!
//! Decides the pace, timestamps and sequence numbers; leaves the payloads to `source` and `clip`, the socket to `peer`.

use crate::clip::Player;
use crate::peer::Received;
use crate::source;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::media::{Mid, Pt};
use str0m::rtp::{RtpWrite, SeqNo};

/// Bytes of an ordinary synthetic frame: 1.5 Mbit/s at 30 frames a second. A keyframe has four times as many.
const FRAME_BYTES: usize = 6250;
/// A synthetic keyframe at least this often.
const KEYFRAME_EVERY: Duration = Duration::from_secs(3);
/// Ticks of the pictures' RTP clock in a second.
const CLOCK: u32 = 90_000;

/// Where a publisher's payloads come from.
pub(crate) enum Material {
    /// Shaped like VP8 and Opus, with the send time inside; nobody can decode it.
    Shaped {
        /// When the last keyframe was sent.
        last_keyframe: Instant,
    },
    /// Decodes.
    Real(Player),
}

impl Material {
    /// Synthetic.
    pub(crate) fn shaped() -> Self {
        Self::Shaped { last_keyframe: Instant::now() }
    }

    /// Pictures a second.
    fn rate(&self) -> u32 {
        match self {
            Self::Shaped { .. } => 30,
            Self::Real(player) => player.rate(),
        }
    }

    fn picture(&mut self, keyframe_wanted: bool, now: Instant) -> Vec<Vec<u8>> {
        match self {
            Self::Shaped { last_keyframe } => {
                let key = keyframe_wanted || now - *last_keyframe > KEYFRAME_EVERY;
                if key {
                    *last_keyframe = now;
                }
                source::frame(if key { 4 * FRAME_BYTES } else { FRAME_BYTES }, key)
            }
            Self::Real(player) => player.picture(keyframe_wanted),
        }
    }

    fn sound(&mut self) -> Vec<u8> {
        match self {
            Self::Shaped { .. } => source::audio(),
            Self::Real(player) => player.sound(),
        }
    }
}

/// What a publisher sends next.
pub(crate) struct Sending {
    video: Option<Mid>,
    audio: Option<Mid>,
    material: Material,
    sequence: [u64; 2],
    frame: u32,
    tick: u32,
    next_frame: Instant,
    next_audio: Instant,
    keyframe_wanted: bool,
}

impl Sending {
    pub(crate) fn new(video: Option<Mid>, audio: Option<Mid>, material: Material) -> Self {
        let now = Instant::now();
        Self {
            video,
            audio,
            material,
            sequence: [1000, 1000],
            frame: 0,
            tick: 0,
            next_frame: now,
            next_audio: now,
            keyframe_wanted: true,
        }
    }

    /// Nothing is due before.
    pub(crate) fn begin_at(&mut self, at: Instant) {
        (self.next_frame, self.next_audio) = (at, at);
    }

    /// The next picture is a keyframe.
    pub(crate) fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    pub(crate) fn due(&self) -> Instant {
        self.next_frame.min(self.next_audio)
    }

    pub(crate) fn send_due(&mut self, rtc: &mut Rtc, seen: &Received, now: Instant) {
        if now >= self.next_audio {
            self.next_audio += Duration::from_millis(20);
            self.tick = self.tick.wrapping_add(960);
            if let Some(mid) = self.audio {
                let payload = self.material.sound();
                self.write(rtc, seen, mid, 0, self.tick, &payload, true, now);
            }
        }
        if now >= self.next_frame {
            let rate = self.material.rate();
            self.next_frame += Duration::from_secs(1) / rate;
            self.frame = self.frame.wrapping_add(CLOCK / rate);
            if let Some(mid) = self.video {
                self.send_frame(rtc, seen, mid, now);
            }
        }
    }

    fn send_frame(&mut self, rtc: &mut Rtc, seen: &Received, mid: Mid, now: Instant) {
        let payloads = self.material.picture(std::mem::take(&mut self.keyframe_wanted), now);
        let count = payloads.len();
        for (index, payload) in payloads.iter().enumerate() {
            self.write(rtc, seen, mid, 1, self.frame, payload, index + 1 == count, now);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn write(
        &mut self,
        rtc: &mut Rtc,
        seen: &Received,
        mid: Mid,
        kind: usize,
        time: u32,
        payload: &[u8],
        marker: bool,
        now: Instant,
    ) {
        let Some(pt) = payload_type(rtc, mid) else { return };
        self.sequence[kind] += 1;
        let packet = RtpWrite::new(pt, SeqNo::from(self.sequence[kind]), time, now, payload).marker(marker);
        let packet = if kind == 1 { packet.nackable(true) } else { packet };
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(packet);
            seen.sent.fetch_add(1, Relaxed);
        }
    }
}

fn payload_type(rtc: &Rtc, mid: Mid) -> Option<Pt> {
    rtc.media(mid)?.remote_pts().first().copied()
}
