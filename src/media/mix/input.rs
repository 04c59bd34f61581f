//! One track of one participant as the mix sees it: the newest picture at an instant, the sound of a span.
//!
//! Decides which decoded frame counts when; knows no clock: the time asked for is the mix's own.

use super::canvas::Rect;
use super::decoder::{Decoder, Next};
use super::frame::{Frame, running_time};
use super::sound::{self, Fifo};
use std::time::{Duration, Instant};

/// A picture that is older is not shown any more: the camera is off.
const STALE: i64 = 5_000_000_000;
/// A decoder that gives nothing for so long, though it is waited for, gives nothing any more.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// From a pipeline's running time to the mix's: piece by piece, each with its shift in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement(Vec<(i64, i64)>);

impl Placement {
    /// All of it shifted alike.
    pub fn shifted(by: i64) -> Self {
        Self(vec![(i64::MIN, by)])
    }

    /// From each of these running times on, in order, another shift.
    pub fn pieces(pieces: Vec<(i64, i64)>) -> Self {
        Self(pieces)
    }

    /// Where something belongs.
    pub fn place(&self, at: i64) -> i64 {
        let piece = self.0.iter().rev().find(|(from, _)| *from <= at).or(self.0.first());
        at + piece.map_or(0, |(_, shift)| *shift)
    }
}

/// Somebody's pictures.
pub struct Pictures {
    decoder: Decoder,
    placement: Placement,
    area: Option<Rect>,
    shown: Option<Frame>,
    next: Option<Frame>,
    over: bool,
}

impl Pictures {
    /// What a decoder gives, placed so.
    pub fn new(decoder: Decoder, placement: Placement) -> Self {
        Self { decoder, placement, area: None, shown: None, next: None, over: false }
    }

    /// The pipeline.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The box it is shown in.
    pub fn resize(&mut self, area: Rect) {
        if self.area != Some(area) {
            self.area = Some(area);
            self.decoder.resize(area);
        }
    }

    /// Goes on to an instant: the newest picture not later than it is the one shown. Waits for one up to `limit`.
    pub fn advance(&mut self, until: i64, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !self.over {
            if self.next.as_ref().is_some_and(|next| next.at > until) {
                return;
            }
            self.shown = self.next.take().or(self.shown.take());
            match self.decoder.next(deadline.saturating_duration_since(Instant::now())) {
                Next::Sample(sample) => {
                    self.next = Frame::of(&sample).map(|frame| frame.moved(|at| self.placement.place(at)));
                }
                Next::Later if limit < PATIENCE => return,
                Next::Later | Next::Over => self.over = true,
            }
        }
        if self.next.as_ref().is_some_and(|next| next.at <= until) {
            self.shown = self.next.take();
        }
    }

    /// The picture to show at an instant, unless it is too old.
    pub fn picture(&self, at: i64) -> Option<&Frame> {
        self.shown.as_ref().filter(|frame| at - frame.at < STALE)
    }
}

/// Somebody's sound.
pub struct Voice {
    decoder: Decoder,
    placement: Placement,
    fifo: Fifo,
    /// Decoded, but not wanted yet.
    next: Option<(i64, Vec<sound::Frame>)>,
    over: bool,
}

impl Voice {
    /// What a decoder gives, placed so.
    pub fn new(decoder: Decoder, placement: Placement) -> Self {
        Self { decoder, placement, fifo: Fifo::default(), next: None, over: false }
    }

    /// The pipeline.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Takes what is decoded up to an instant, in frames of sound. Waits for it up to `limit`.
    pub fn advance(&mut self, until: i64, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            if let Some((at, block)) = self.next.take_if(|(at, _)| *at <= until) {
                self.fifo.push(at, &block);
            }
            if self.next.is_some() || self.over || self.fifo.end() >= until + sound::RATE / 10 {
                return;
            }
            match self.decoder.next(deadline.saturating_duration_since(Instant::now())) {
                Next::Sample(sample) => self.next = self.read(&sample),
                Next::Later if limit < PATIENCE => return,
                Next::Later | Next::Over => self.over = true,
            }
        }
    }

    fn read(&self, sample: &gst::Sample) -> Option<(i64, Vec<sound::Frame>)> {
        let buffer = sample.buffer()?;
        let at = self.placement.place(running_time(sample, buffer.pts()?)?);
        let data = buffer.map_readable().ok()?;
        let value = |bytes: &[u8]| i16::from_le_bytes([bytes[0], bytes[1]]);
        let frames = data.chunks_exact(4).map(|bytes| [value(&bytes[..2]), value(&bytes[2..])]).collect();
        Some((frames_at(at), frames))
    }

    /// Adds what belongs from `at` on, in frames, to the sum.
    pub fn add_to(&mut self, at: i64, mix: &mut [[i32; 2]]) {
        self.fifo.add_to(at, mix);
    }
}

/// Nanoseconds as frames of sound, rounded.
pub fn frames_at(nanoseconds: i64) -> i64 {
    let exact = i128::from(nanoseconds) * i128::from(sound::RATE);
    i64::try_from((exact + 500_000_000).div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_shift_what_comes_after_them() {
        let placement = Placement::pieces(vec![(i64::MIN, 100), (1000, -50)]);
        assert_eq!([0, 999, 1000, 2000].map(|at| placement.place(at)), [100, 1099, 950, 1950]);
        assert_eq!(Placement::shifted(-7).place(7), 0);
        assert_eq!((frames_at(1_000_000_000), frames_at(-20_833)), (48_000, -1));
    }
}
