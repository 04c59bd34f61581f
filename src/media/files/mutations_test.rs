//! Small real files with random damage: whatever comes of it, nothing panics or hangs, and nothing is left behind.

use super::testing::finished;
use super::*;
use crate::model::Codec;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 40;

/// Bytes changed, doubled, taken out, or the end cut off.
fn damaged(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..bytes.len());
        // Half of the damage in the headers, where it does most.
        let at = if random.random() { at % 600 } else { at };
        let length = random.random_range(1..64).min(bytes.len() - at);
        match random.random_range(0..4) {
            0 => bytes[at..at + length].iter_mut().for_each(|byte| *byte = random.random()),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => drop(bytes.splice(at..at, vec![0xff; length])),
            _ => drop(bytes.drain(at..at + length)),
        }
    }
    if random.random_ratio(1, 4) {
        bytes.truncate(random.random_range(0..bytes.len()));
    }
    bytes
}

fn survives(codecs: &[Codec], seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let whole = finished(codecs, 2, dir.path());
    let bytes = std::fs::read(&whole).unwrap();
    let (path, out) = (whole.with_file_name("broken"), whole.with_file_name("clip"));
    let mut random = StdRng::seed_from_u64(seed);
    let mut repaired = 0;
    for round in 0..ROUNDS {
        std::fs::write(&path, damaged(&bytes, &mut random)).unwrap();
        let begun = Instant::now();
        let length = duration(&path);
        let clipped = clip(&path, Duration::from_millis(500), Duration::from_secs(1), &out);
        let pictures = thumbnails(&path, dir.path());
        let fixed = repair(&path);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(90), "round {round} took {took:?}: {length:?} {clipped:?} {fixed:?}");
        assert_eq!(clipped.is_ok(), out.exists(), "{clipped:?}");
        if fixed.is_ok() {
            repaired += 1;
            assert!(length.is_ok() && duration(&path).is_ok(), "round {round}: {fixed:?}");
        }
        for name in ["clip", "poster-broken.jpg", "sprite-broken.jpg"] {
            let _ = std::fs::remove_file(dir.path().join(name));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "round {round}: {pictures:?} {fixed:?}");
    }
    assert!(repaired > 0, "not one of {ROUNDS} was repaired");
}

#[test]
fn a_damaged_webm_does_no_harm() {
    survives(&[Codec::Vp8, Codec::Opus], 1);
}

#[test]
fn a_damaged_mp4_does_no_harm() {
    survives(&[Codec::H264, Codec::Opus], 2);
}
