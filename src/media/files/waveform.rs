//! The picture of a sound: how loud it is at each time.

use super::reader::Frame;
use crate::media::MediaError;
use crate::media::picture::{Picture, peaks};
use std::collections::HashMap;
use std::time::Duration;

/// Colours of the ground and of the wave.
const GROUND: u8 = 28;
const WAVE: u8 = 190;

/// A packet is decoded after so many before it: Opus predicts, and one out of the blue is far too loud.
const RUN: usize = 4;

/// Keeps the newest packets, those before one and it.
pub(super) fn follow(run: &mut Vec<Frame>, frame: Frame) {
    if run.len() == RUN {
        run.remove(0);
    }
    run.push(frame);
}

/// Peaks, 0 to 1, with their times in nanoseconds, in order.
pub(super) struct Waveform {
    peaks: Vec<(u64, f32)>,
    apart: u64,
}

impl Waveform {
    /// Of these packets of sound, spread over a file of this length. Decodes them alone: what lies between is not looked at.
    pub(super) fn of(sounds: &[(u64, Vec<Frame>)], end: u64, limit: Duration) -> Result<Self, MediaError> {
        let first = sounds.first().and_then(|(_, run)| run.first());
        let caps = first.map(|frame| frame.caps.clone()).ok_or(MediaError::NotReady("there is no sound".into()))?;
        let all = sounds.iter().flat_map(|(_, run)| run.iter().map(|frame| frame.buffer.copy()));
        // Only the last one of each run counts.
        let ends: HashMap<u64, u64> = sounds
            .iter()
            .scan(0, |sum, (at, run)| {
                *sum += run.len() as u64;
                Some((sum.saturating_sub(1), *at))
            })
            .collect();
        let found = peaks(&caps, all, limit)?.into_iter();
        let peaks = found.filter_map(|(number, peak)| Some((*ends.get(&number)?, peak))).collect();
        Ok(Self { peaks, apart: end / sounds.len() as u64 + 1 })
    }

    /// The part `from`…`to` in nanoseconds.
    pub(super) fn draw(&self, from: u64, to: u64, width: u32, height: u32) -> Result<Picture, MediaError> {
        let mut picture = Picture::gray(width, height, GROUND)?;
        let step = (to.saturating_sub(from) / u64::from(width)).max(1);
        for x in 0..width {
            let begin = from + step * u64::from(x);
            let half = (self.loudest(begin, begin + step) * (height / 2) as f32) as u32;
            picture.column(x, height / 2 - half.min(height / 2), height / 2 + half.max(1), WAVE);
        }
        Ok(picture)
    }

    /// The loudest that begins there, or the newest one shortly before: a packet is longer than a pixel of a short file.
    fn loudest(&self, from: u64, to: u64) -> f32 {
        let first = self.peaks.partition_point(|(at, _)| *at < from);
        let inside = self.peaks.iter().skip(first).take_while(|(at, _)| *at < to);
        let before = first.checked_sub(1).and_then(|before| self.peaks.get(before));
        let near = before.filter(|(at, _)| from - at < 2 * self.apart).map_or(0.0, |(_, peak)| *peak);
        inside.map(|(_, peak)| *peak).reduce(f32::max).unwrap_or(near)
    }
}
