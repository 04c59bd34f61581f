//! Flash and beep: a file with a white picture and a beep each second, and where they are found in any recording of it.
//!
//! Judges sync as a viewer would: by what `ffmpeg` decodes, at the times at which a player would show and play it.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Steps in which pictures are looked at, per second.
const STEPS: usize = 200;
const SIZE: (usize, usize) = (32, 18);
const RATE: usize = 48_000;
/// Sound is judged in windows of 2 ms.
const WINDOW: usize = RATE / 500;

/// Where flashes and beeps begin, in seconds of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Pictures that turn from dark to white.
    pub flashes: Vec<f64>,
    /// Sounds that begin after silence.
    pub beeps: Vec<f64>,
}

impl Found {
    /// For each flash the beep next to it: how much later the sound is, in milliseconds. Flashes without a beep within
    /// half a second are left out.
    pub fn offsets_ms(&self) -> Vec<f64> {
        let nearest = |flash: &f64| {
            let apart = self.beeps.iter().map(|beep| (beep - flash) * 1000.0);
            apart.min_by(|a, b| a.abs().total_cmp(&b.abs())).filter(|apart| apart.abs() < 500.0)
        };
        self.flashes.iter().filter_map(nearest).collect()
    }
}

/// Makes a file of so many seconds with a flash and a beep of 100 ms at the beginning of each: `.webm` VP8, `.mp4` H264
/// of the constrained baseline profile; Opus.
pub fn make(path: &Path, seconds: u32, (width, height): (u32, u32)) -> Result<()> {
    let picture = format!(
        "color=c=black:s={width}x{height}:r=25:d={seconds},drawbox=c=white:t=fill:enable='lt(mod(t\\,1)\\,0.1)'"
    );
    let sound = format!("aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1)':s={RATE}:d={seconds}");
    let codec: &[&str] = match path.extension().and_then(|extension| extension.to_str()) {
        Some("mp4") => &["libx264", "-profile:v", "baseline", "-tune", "zerolatency", "-preset", "ultrafast"],
        _ => &["libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    };
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound, "-c:v"]);
    command.args(codec).args(["-g", "25", "-pix_fmt", "yuv420p", "-c:a", "libopus"]).arg(path);
    run(&mut command).map(drop)
}

/// Finds them. `crop` looks at a part of the picture only, in ffmpeg's words: `iw/2:ih/2:0:0` (width, height, x, y).
pub fn find(path: &Path, crop: Option<&str>) -> Result<Found> {
    Ok(Found { flashes: flashes(path, crop)?, beeps: beeps(path)? })
}

fn flashes(path: &Path, crop: Option<&str>) -> Result<Vec<f64>> {
    let crop = crop.map(|crop| format!("crop={crop},")).unwrap_or_default();
    let filter = format!("{crop}scale={}:{}:flags=area,format=gray", SIZE.0, SIZE.1);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:v", "-vf", &filter]);
    command.args(["-fps_mode", "cfr", "-r", &STEPS.to_string(), "-f", "rawvideo", "-"]);
    let data = run(&mut command)?;
    let bright = data.chunks_exact(SIZE.0 * SIZE.1).map(|frame| {
        let sum: u64 = frame.iter().map(|luma| u64::from(*luma)).sum();
        sum / frame.len() as u64 > 110
    });
    Ok(onsets(bright, STEPS as f64, 1))
}

fn beeps(path: &Path) -> Result<Vec<f64>> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:a", "-af", "aresample=async=1:first_pts=0"]);
    command.args(["-ac", "1", "-ar", &RATE.to_string(), "-f", "s16le", "-"]);
    let data = run(&mut command)?;
    let samples: Vec<i16> = data.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let loud = samples.chunks(WINDOW).map(|window| window.iter().any(|sample| sample.unsigned_abs() > 1500));
    // A beep after less than 200 ms of silence is the same one.
    Ok(onsets(loud, (RATE / WINDOW) as f64, 100))
}

/// When `on` begins after at least so many steps without.
fn onsets(on: impl Iterator<Item = bool>, per_second: f64, quiet: usize) -> Vec<f64> {
    let (mut found, mut silent) = (Vec::new(), quiet);
    for (index, on) in on.enumerate() {
        if on && silent >= quiet {
            found.push(index as f64 / per_second);
        }
        silent = if on { 0 } else { silent + 1 };
    }
    found
}

/// What the program prints; its complaint as an error.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context("ffmpeg is not installed")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {words}");
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["a.webm", "a.mp4"] {
            let path = dir.path().join(name);
            make(&path, 3, (64, 36)).expect("made");
            let found = find(&path, None).expect("found");
            assert_eq!((found.flashes.len(), found.beeps.len()), (3, 3), "{name}: {found:?}");
            assert!(found.offsets_ms().iter().all(|offset| offset.abs() < 15.0), "{name}: {found:?}");
        }
    }
}
