//! One input's sound on its way into the mix: 48 kHz stereo, in its place by time. Pure.
//!
//! Decides what happens to gaps (silence), to what comes too late (dropped) and to clocks that run a little fast or slow
//! (one sample more or less in a block, which nobody hears). Time is counted in frames: one sample of each channel.

use std::collections::VecDeque;

/// Frames per second.
pub const RATE: i64 = 48_000;
/// Blocks that are off by less lie where the one before ended: time stamps are rounded.
const ROUNDING: i64 = RATE / 1000;
/// Blocks that are off by more begin anew, where their time says.
const JUMP: i64 = RATE / 50;
/// More than this is never kept: 20 s.
const MOST: i64 = 20 * RATE;

/// A sample of each channel.
pub type Frame = [i16; 2];

/// Sound of one input, from a moving start on.
#[derive(Debug, Default)]
pub struct Fifo {
    start: i64,
    frames: VecDeque<Frame>,
}

impl Fifo {
    /// Where what is here ends.
    pub fn end(&self) -> i64 {
        self.start + self.frames.len() as i64
    }

    /// A decoded block whose first frame belongs at `at`.
    pub fn push(&mut self, at: i64, block: &[Frame]) {
        let off = at - self.end();
        match off {
            _ if self.frames.is_empty() => self.place(at, block),
            off if off.abs() <= ROUNDING => self.frames.extend(block),
            // Slewed: 1 frame of 960 is 1 ms per second.
            1..JUMP => {
                self.frames.extend(block);
                self.frames.extend(block.last());
            }
            off if off < 0 && -off < JUMP => self.frames.extend(block.iter().skip(1)),
            _ => self.place(at, block),
        }
        self.trim();
    }

    fn place(&mut self, at: i64, block: &[Frame]) {
        if at >= self.end() {
            let gap = (at - self.end()).min(MOST);
            if self.frames.is_empty() || gap == MOST {
                (self.start, self.frames) = (at, VecDeque::new());
            } else {
                self.frames.extend((0..gap).map(|_| Frame::default()));
            }
            self.frames.extend(block);
        } else {
            let known = usize::try_from(self.end() - at).unwrap_or(usize::MAX);
            self.frames.extend(block.iter().skip(known));
        }
    }

    fn trim(&mut self) {
        let over = self.frames.len().saturating_sub(MOST as usize);
        self.frames.drain(..over);
        self.start += over as i64;
    }

    /// Adds the frames from `at` on to `mix`, and forgets them and what lies before.
    pub fn add_to(&mut self, at: i64, mix: &mut [[i32; 2]]) {
        self.forget(at);
        let skip = usize::try_from(self.start - at).unwrap_or(0).min(mix.len());
        let count = self.frames.len().min(mix.len() - skip);
        for (sum, frame) in mix[skip..].iter_mut().zip(self.frames.drain(..count)) {
            sum[0] += i32::from(frame[0]);
            sum[1] += i32::from(frame[1]);
        }
        self.start += count as i64;
        self.forget(at + mix.len() as i64);
    }

    fn forget(&mut self, before: i64) {
        let old = usize::try_from(before - self.start).unwrap_or(0).min(self.frames.len());
        self.frames.drain(..old);
        self.start = self.start.max(if self.frames.is_empty() { before } else { self.start + old as i64 });
    }
}

/// A sum of voices as 16-bit samples, saturated.
pub fn clamp(mix: &[[i32; 2]]) -> Vec<u8> {
    let sample = |value: i32| (value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16).to_le_bytes();
    mix.iter().flatten().flat_map(|value| sample(*value)).collect()
}

/// A sum of voices without one of them, likewise.
pub fn without(mix: &[[i32; 2]], own: &[[i32; 2]]) -> Vec<u8> {
    let rest: Vec<_> = mix.iter().zip(own).map(|(sum, own)| [sum[0] - own[0], sum[1] - own[1]]).collect();
    clamp(&rest)
}

/// Mean loudness of a sum of one voice, 0 to 1.
pub fn loudness(mix: &[[i32; 2]]) -> f32 {
    let sum: u64 = mix.iter().map(|frame| u64::from(frame[0].unsigned_abs())).sum();
    sum as f32 / (mix.len().max(1) as f32 * 32_768.0)
}

#[cfg(test)]
#[path = "sound/tests.rs"]
mod tests;
