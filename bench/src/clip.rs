//! A short clip that decodes, made by `ffmpeg`, and its playing in a loop.
//!
//! Decides what is in the pictures and how they are encoded; leaves the pace to `sending`.

use crate::flash_beep::run;
use crate::{ivf, source};
use anyhow::{Result, ensure};
use std::process::Command;
use std::sync::Arc;

/// Seconds.
const SECONDS: u32 = 10;

/// What a clip is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Pictures a second.
    pub rate: u32,
    /// Kilobits a second.
    pub kilobits: u32,
    /// Pictures from one keyframe to the next.
    pub group: u32,
}

/// 640×360, 25 pictures and about 700 kbit a second, a keyframe every 2 s.
pub const SMALL: Shape = Shape { size: (640, 360), rate: 25, kilobits: 700, group: 50 };

/// VP8 pictures, cut into RTP payloads; the first is a keyframe.
pub struct Clip {
    pictures: Vec<Vec<Vec<u8>>>,
    /// What it is like.
    pub shape: Shape,
}

impl Clip {
    /// A small one.
    pub fn make() -> Result<Self> {
        Self::of(SMALL)
    }

    /// Makes it: moving shapes under noise, of which so few bits leave little, but which keeps the rate up. Takes seconds.
    pub fn of(shape: Shape) -> Result<Self> {
        let Shape { size: (width, height), rate, kilobits, group } = shape;
        let input = format!("testsrc2=s={width}x{height}:r={rate}:d={SECONDS},noise=alls=12:allf=t");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-f", "lavfi", "-i", &input, "-pix_fmt", "yuv420p", "-c:v", "libvpx"]);
        command.args(["-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-auto-alt-ref", "0"]);
        let (mean, most) = (format!("{kilobits}k"), format!("{}k", kilobits * 9 / 7));
        command.args(["-b:v", &mean, "-maxrate", &most, "-bufsize", &mean, "-g", &group.to_string()]);
        let file = run(command.args(["-f", "ivf", "-"]))?;
        let frames = ivf::frames(&file)?;
        ensure!(frames.len() as u32 == SECONDS * rate, "{} pictures instead of {}", frames.len(), SECONDS * rate);
        Ok(Self { pictures: frames.into_iter().map(source::vp8).collect(), shape })
    }

    /// Mean kilobits a second, without headers of RTP.
    pub fn kilobits(&self) -> u32 {
        let bytes: usize = self.pictures.iter().flatten().map(|payload| payload.len() - 1).sum();
        bytes as u32 * 8 / 1000 / SECONDS
    }
}

/// A place in a clip, and sound to it.
pub struct Player {
    clip: Arc<Clip>,
    next: usize,
    noise: u64,
}

impl Player {
    /// At its start.
    pub fn new(clip: Arc<Clip>) -> Self {
        Self { clip, next: 0, noise: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Pictures a second.
    pub fn rate(&self) -> u32 {
        self.clip.shape.rate
    }

    /// The payloads of the next picture; with `restart` of the first one, a keyframe.
    pub fn picture(&mut self, restart: bool) -> Vec<Vec<u8>> {
        let at = if restart { 0 } else { self.next };
        self.next = (at + 1) % self.clip.pictures.len();
        self.clip.pictures[at].clone()
    }

    /// The next 20 ms of sound: Opus noise.
    pub fn sound(&mut self) -> Vec<u8> {
        source::opus(&mut self.noise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_begins_with_a_keyframe_again_and_again() {
        let clip = Arc::new(Clip::make().expect("made"));
        assert!((500..900).contains(&clip.kilobits()), "{} kbit/s", clip.kilobits());
        let mut player = Player::new(clip.clone());
        let mut keyframe = |restart| source::keyframe_height(&player.picture(restart)[0]).is_some();
        let round: Vec<bool> = clip.pictures.iter().map(|_| keyframe(false)).collect();
        assert!(round[0] && round[SMALL.group as usize] && !round[1]);
        assert!(keyframe(false), "the loop begins anew");
        assert!(!keyframe(false) && keyframe(true) && !keyframe(false), "a keyframe when it is asked for");
    }
}
