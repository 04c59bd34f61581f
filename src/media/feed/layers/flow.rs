//! How one layer comes in: whether it flows, and which of two is better. Pure: time comes in.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// A layer has stopped when it is silent for so long…
const SILENCE: Duration = Duration::from_secs(1);
/// …while another sends so many pictures: a still screen sends one a second in all layers.
const PICTURES: u32 = 5;
/// Of two layers of the same size one must take so much more to be the better one: bit rates vary.
const CLEARLY: f64 = 1.5;

/// What is known of a layer.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    last: Option<Instant>,
    /// Pictures of other layers since.
    missed: [u32; super::MOST],
    /// A keyframe came: others can be compared with it, and it can be shown.
    pub begun: bool,
    /// Of the last keyframe.
    pub size: Option<(u32, u32)>,
    /// Bits per second while it flowed last.
    pub bitrate: u64,
}

impl Flow {
    /// Its own packet came.
    pub fn heard(&mut self, keyframe: bool, size: Option<(u32, u32)>, at: Instant) {
        self.last = Some(at);
        self.missed = Default::default();
        self.begun |= keyframe;
        self.size = size.or(self.size);
    }

    /// A picture of another layer came.
    pub fn missed(&mut self, other: usize) {
        if let Some(count) = self.missed.get_mut(other) {
            *count += 1;
        }
    }

    /// Whether it comes in, in a way that can be shown.
    pub fn flows(&self, now: Instant) -> bool {
        let silent = |last| now.saturating_duration_since(last) >= SILENCE;
        let stopped = self.last.is_none_or(silent) && self.missed.iter().any(|count| *count >= PICTURES);
        self.begun && !stopped
    }

    /// Greater is better: more pixels, or clearly more bits for as many.
    pub fn compare(&self, other: &Self) -> Ordering {
        let pixels = |flow: &Self| flow.size.map_or(0, |(width, height)| u64::from(width) * u64::from(height));
        pixels(self).cmp(&pixels(other)).then_with(|| {
            let (own, its) = (self.bitrate as f64, other.bitrate as f64);
            match () {
                () if own > its * CLEARLY => Ordering::Greater,
                () if its > own * CLEARLY => Ordering::Less,
                () => Ordering::Equal,
            }
        })
    }
}

/// The best of some layers; of equal ones the first.
pub fn best(flows: &[Flow], among: impl Fn(usize) -> bool) -> Option<usize> {
    let candidates = (0..flows.len()).filter(|at| among(*at));
    candidates.reduce(|best, at| if flows[at].compare(&flows[best]).is_gt() { at } else { best })
}

/// All of some layers, best first.
pub fn ranked(flows: &[Flow], among: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut left: Vec<usize> = (0..flows.len()).filter(|at| among(*at)).collect();
    let mut ranked = Vec::with_capacity(left.len());
    while let Some(next) = best(flows, |at| left.contains(&at)) {
        left.retain(|at| *at != next);
        ranked.push(next);
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(size: (u32, u32), bitrate: u64) -> Flow {
        Flow { begun: true, size: Some(size), bitrate, ..Flow::default() }
    }

    #[test]
    fn the_order_is_by_what_is_measured() {
        let flows = [
            flow((320, 180), 150),
            flow((1280, 720), 1500),
            flow((640, 360), 500),
            flow((640, 360), 600),
            flow((640, 360), 900),
        ];
        assert_eq!(ranked(&flows, |_| true), [1, 4, 2, 3, 0], "600 is not clearly more than 500");
        assert_eq!(best(&flows, |at| at != 1), Some(4));
        assert_eq!(best(&flows, |_| false), None);
    }

    #[test]
    fn a_layer_has_stopped_when_others_go_on_without_it() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        flow.heard(false, None, start);
        assert!(!flow.flows(start), "no keyframe yet");
        flow.heard(true, Some((64, 64)), start);
        (0..4).for_each(|_| flow.missed(1));
        assert!(flow.flows(start + 10 * SILENCE), "the others are as slow");
        flow.missed(1);
        assert!(flow.flows(start + SILENCE / 2), "it may be late");
        assert!(!flow.flows(start + SILENCE));
        flow.heard(false, None, start + 2 * SILENCE);
        assert!(flow.flows(start + 2 * SILENCE));
        assert_eq!(flow.size, Some((64, 64)));
    }
}
