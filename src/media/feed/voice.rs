//! Whether a publisher speaks, by the audio levels in its packets (RFC 6464). Pure: time comes in.
//!
//! Decides that voice is what stands out of the feed's own noise floor, that speaking begins after some 200 ms of it and ends
//! 1 s after the last; leaves to the room who of several speakers counts. Lengths are counted by RTP time, so that packets that
//! come in a burst are as long as others; the silence at the end by our clock, so that a microphone that sends nothing (DTX, muted)
//! ends as well. A feed whose packets carry no level (a camera, a client that did not negotiate the extension) never speaks.

use super::Feed;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// At or below nobody speaks, in dBov.
const SILENCE: f32 = -50.0;
/// Digital silence counts as this, so that it takes no time to climb out of it.
const LOWEST: f32 = -70.0;
/// Louder than the floor by so many dB to begin, and to go on.
const BEGINS_ABOVE: f32 = 9.0;
const STAYS_ABOVE: f32 = 6.0;
/// Where the floor may lie: noise that is louder than the upper end is taken for voice.
const FLOOR: (f32, f32) = (-60.0, -35.0);
/// How fast the floor follows, in dB per second: up slowly, for speech is no noise; down in the gaps between words.
const FLOOR_RISES: f32 = 3.0;
const FLOOR_FALLS: f32 = 30.0;
/// Levels are smoothed over so many seconds: a click is no voice.
const SMOOTHING: f32 = 0.06;
/// Seconds of voice until somebody speaks; silence takes away half as fast as voice adds.
const BEGINS_AFTER: f32 = 0.2;
const FORGETS: f32 = 0.5;
const ENDS_AFTER: Duration = Duration::from_secs(1);
/// No packet is longer in seconds; what is, is a gap.
const LONGEST: f32 = 0.12;

/// Follows one feed's levels.
#[derive(Debug)]
pub struct Voice {
    smoothed: f32,
    floor: f32,
    /// Seconds of voice so far.
    voiced: f32,
    speaking: bool,
    /// When voice came last.
    last: Option<Instant>,
    last_spoken: Option<Instant>,
    rtp: Option<u32>,
    /// The client says itself which packets are voice.
    flags: bool,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            smoothed: LOWEST,
            floor: FLOOR.0,
            voiced: 0.0,
            speaking: false,
            last: None,
            last_spoken: None,
            rtp: None,
            flags: false,
        }
    }
}

impl Voice {
    /// A packet's level as it stands in the extension, with its RTP time in ticks of `clock` Hz. `Some`: speaking has begun, or
    /// ended.
    pub fn hear(&mut self, level: u8, rtp: u32, clock: u32, at: Instant) -> Option<bool> {
        let length = self.length(rtp, clock)?;
        self.flags |= level & 0x80 != 0;
        let voice = self.follow(-f32::from(level & 0x7f), length) && (!self.flags || level & 0x80 != 0);
        let change = if voice { length } else { -length * FORGETS };
        self.voiced = (self.voiced + change).clamp(0.0, BEGINS_AFTER);
        if voice {
            self.last = Some(at);
            self.last_spoken = if self.speaking { Some(at) } else { self.last_spoken };
        }
        if !self.speaking && self.voiced >= BEGINS_AFTER {
            (self.speaking, self.last_spoken) = (true, Some(at));
            return Some(true);
        }
        self.look(at)
    }

    /// Seconds since the packet before; `None`: it is the first one, or comes late.
    fn length(&mut self, rtp: u32, clock: u32) -> Option<f32> {
        let step = self.rtp.map(|before| rtp.wrapping_sub(before) as i32);
        // A sender that began anew jumps anywhere.
        if step.is_none_or(|step| step > 0 || step < -i32::try_from(clock).unwrap_or(i32::MAX)) {
            self.rtp = Some(rtp);
        }
        step.filter(|step| *step > 0).map(|step| (step as f32 / clock.max(1) as f32).min(LONGEST))
    }

    /// Smooths a level of so many seconds, moves the floor, and says whether it stands out.
    fn follow(&mut self, level: f32, length: f32) -> bool {
        self.smoothed += (level.max(LOWEST) - self.smoothed) * (1.0 - (-length / SMOOTHING).exp());
        let step = (self.smoothed - self.floor).clamp(-FLOOR_FALLS * length, FLOOR_RISES * length);
        self.floor = (self.floor + step).clamp(FLOOR.0, FLOOR.1);
        let above = if self.speaking { STAYS_ABOVE } else { BEGINS_ABOVE };
        self.smoothed > SILENCE && self.smoothed - self.floor >= above
    }

    /// Time has passed: speaking may have ended.
    pub fn look(&mut self, now: Instant) -> Option<bool> {
        let silent = self.last.is_none_or(|last| now.saturating_duration_since(last) >= ENDS_AFTER);
        if !self.speaking || !silent {
            return None;
        }
        (self.speaking, self.voiced) = (false, 0.0);
        Some(false)
    }

    /// Another track, or none any more: all begins anew.
    pub fn stop(&mut self) -> Option<bool> {
        let before = std::mem::replace(self, Self { last_spoken: self.last_spoken, ..Self::default() });
        before.speaking.then_some(false)
    }
}

/// Told when speaking begins and ends. Called by the thread that brings packets: must not block, and not ask the feed for its
/// voice.
pub type OnVoice = Box<dyn Fn(bool) + Send + Sync>;

/// A feed's voice, and who is told of it.
#[derive(Default)]
pub struct Watched {
    voice: Mutex<Voice>,
    on_voice: OnceLock<OnVoice>,
}

impl Watched {
    /// Says who is told; the first one stays it.
    pub fn set_on_voice(&self, on_voice: OnVoice) {
        let _ = self.on_voice.set(on_voice);
    }

    /// Looks at the voice; what changes is told in order.
    pub fn with(&self, look: impl FnOnce(&mut Voice) -> Option<bool>) {
        let mut voice = self.voice.lock();
        if let (Some(speaking), Some(tell)) = (look(&mut voice), self.on_voice.get()) {
            tell(speaking);
        }
    }

    /// Whether it speaks just now.
    pub fn is_speaking(&self) -> bool {
        self.voice.lock().speaking
    }

    /// When it spoke last.
    pub fn last_spoken(&self) -> Option<Instant> {
        self.voice.lock().last_spoken
    }
}

impl Feed {
    /// Says who is told when the publisher begins and ceases to speak; the first one stays it.
    pub fn set_on_voice(&self, on_voice: OnVoice) {
        self.voice.set_on_voice(on_voice);
    }

    /// Whether the publisher speaks just now, by the levels in its packets; never when they carry none.
    pub fn is_speaking(&self) -> bool {
        self.voice.is_speaking()
    }

    /// When the publisher spoke last.
    pub fn last_spoken(&self) -> Option<Instant> {
        self.voice.last_spoken()
    }
}

#[cfg(test)]
#[path = "voice/tests.rs"]
mod tests;
