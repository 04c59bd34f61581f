//! The fuzz targets for a few seconds, always the same inputs: the kept corpus, whole and mutated from a fixed seed.
//! `fuzz/README.md` tells how to run them for long.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Mutated inputs of each target.
const MUTATIONS: usize = 4000;
/// Longest input: beyond a datagram, below the largest description.
const LONGEST: usize = 16 * 1024;
/// Values at which parsers stumble, and words of the texts they read.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\x80",
    b"\x7f",
    b"\0\0",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"=",
    b"/",
    b"0",
    b"-1",
    b"65536",
    b"4294967296",
    b"99999999999999999999",
    b"m=video 9 ",
    b"a=mid:0\r\n",
    b"a=inactive\r\n",
    b"a=ssrc:",
    b"\xc3\xa9",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"null",
    b"1e400",
    b"\\u0000",
    b"\\ud800",
];

/// Numbers from a fixed seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    /// A seed with one to six changes, sometimes spliced with another.
    fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut data = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut data, corpus);
        }
        data.truncate(LONGEST);
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let (at, other) = (self.below(data.len() + 1), self.below(data.len() + 1));
        let (from, to) = (at.min(other), at.max(other));
        match self.below(7) {
            0 if at < data.len() => data[at] ^= 1 << self.below(8),
            1 if at < data.len() => data[at] = self.below(256) as u8,
            2 => drop(data.splice(at..at, TOKENS[self.below(TOKENS.len())].iter().copied())),
            3 => drop(data.drain(from..to.min(from + 64))),
            4 => data.extend_from_within(from..to.min(from + 64)),
            5 => data.truncate(at),
            _ => {
                let donor = &corpus[self.below(corpus.len())];
                data.truncate(at);
                data.extend_from_slice(&donor[self.below(donor.len())..]);
            }
        }
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        std::fs::read_dir(format!("fuzz/corpus/{name}")).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "fuzz/corpus/{name} has {} seeds", files.len());
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn run(name: &str) {
    let (_, target) = *targets::ALL.iter().find(|(known, _)| *known == name).unwrap();
    let (corpus, mut random) = (corpus(name), Random(0x9e37_79b9_7f4a_7c15));
    let mutated: Vec<_> = (0..MUTATIONS).map(|_| random.mutated(&corpus)).collect();
    for input in corpus.iter().chain(&mutated) {
        let done = catch_unwind(AssertUnwindSafe(|| target(input)));
        let file = format!("{}/fuzz-{name}", env!("CARGO_TARGET_TMPDIR"));
        if done.is_err() {
            std::fs::write(&file, input).unwrap();
            panic!("{name} fails on the input in {file}: keep it in fuzz/corpus/{name} once it is understood");
        }
    }
}

#[test]
fn stun() {
    run("stun");
}

#[test]
fn tcp_frames() {
    run("tcp_frames");
}

#[test]
fn rtp() {
    run("rtp");
}

#[test]
fn rtcp() {
    run("rtcp");
}

#[test]
fn srtp() {
    run("srtp");
}

#[test]
fn srtcp() {
    run("srtcp");
}

#[test]
fn sdp_offer() {
    run("sdp_offer");
}

#[test]
fn sdp_answer() {
    run("sdp_answer");
}

#[test]
fn sdp_viewer() {
    run("sdp_viewer");
}

#[test]
fn sdp_fragment() {
    run("sdp_fragment");
}

#[test]
fn sender_viewer_json() {
    run("sender_viewer_json");
}

#[test]
fn device_json() {
    run("device_json");
}

#[test]
fn onvif() {
    run("onvif");
}

#[test]
fn estimate() {
    run("estimate");
}

#[test]
fn every_target_is_run_and_kept() {
    let programs = std::fs::read_dir("fuzz/fuzz_targets").unwrap().count();
    assert_eq!(programs, targets::ALL.len());
    for (name, _) in targets::ALL {
        assert!(include_str!("fuzz_smoke.rs").contains(&format!("run(\"{name}\")")), "{name}");
    }
}
