//! What a mix costs, before it is started: a model with measured constants. Pure.
//!
//! Measured on 2026-11-21 on a virtual machine of 2 AMD EPYC cores, unoptimised build, by the test
//! `four_feeds_cost_less_than_a_core`: 4 × 640×360 VP8 → 1280×720 at 25 pictures per second took 0.24 cores, of which
//! encoding 0.13, decoding and scaling 0.05, mixing 0.05, sound 0.03. Its pictures are synthetic and easier than a camera's: the
//! constants are about twice what was measured there.

use crate::model::RecordingKind;

/// Fixed: threads, muxing, the sound's encoder.
const BASE: f64 = 0.02;
/// An input's sound, decoded and summed.
const VOICE: f64 = 0.01;
/// An input's pictures, decoded (640×360 at 25 per second) and scaled.
const PICTURES: f64 = 0.03;
/// Composing and encoding a million pixels.
const MEGAPIXEL: f64 = 0.012;

/// Cores that a mix of so many inputs needs on average. Individual recordings are not mixed and cost nothing here.
pub fn mix_cost(kind: RecordingKind, inputs: usize, (width, height): (u32, u32), fps: u32) -> f64 {
    let megapixels = f64::from(width) * f64::from(height) * f64::from(fps) / 1e6;
    match kind {
        RecordingKind::Individual => 0.0,
        RecordingKind::Audio => BASE + inputs as f64 * VOICE,
        RecordingKind::Composed => BASE + inputs as f64 * (VOICE + PICTURES) + megapixels * MEGAPIXEL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_of_anything_costs_more() {
        let cost = |kind, inputs, fps| mix_cost(kind, inputs, (1280, 720), fps);
        let composed = cost(RecordingKind::Composed, 4, 25);
        assert!(composed < 1.0 && composed > cost(RecordingKind::Composed, 2, 25));
        assert!(composed < cost(RecordingKind::Composed, 4, 30) && composed > cost(RecordingKind::Audio, 4, 25));
        assert_eq!(cost(RecordingKind::Individual, 4, 25), 0.0);
    }
}
