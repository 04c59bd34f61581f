//! What a transcode costs: 720p30 VP8 to a rung of the ladder, in its own time, for 1 user and for some; and the same done by
//! `ffmpeg` in alternating runs.

use crate::flash_beep::run as output;
use crate::record::median;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Users of the one rendition.
    #[arg(long, value_delimiter = ',', default_value = "1,20")]
    pub users: Vec<usize>,
    /// Codecs that are made.
    #[arg(long, value_delimiter = ',', default_value = "vp8,h264")]
    pub codecs: Vec<String>,
    /// Rounds; medians need at least 5 to mean something.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds measured each time.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
}

/// Does it, and prints the table of medians.
pub fn run(millrace: &Path, options: &Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.ivf");
    make_clip(&clip)?;
    println!(
        "720p30 VP8 (2 Mbit/s) to 640x360 at 30 a second and 400 kbit/s, cores; medians of {} rounds\n",
        options.rounds
    );
    println!("| to | users | cores | transcodes | pictures/s | kbit/s | ffmpeg, cores | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for codec in &options.codecs {
        for &users in &options.users {
            row(millrace, &clip, codec, users, options)?;
        }
    }
    Ok(())
}

fn row(millrace: &Path, clip: &Path, codec: &str, users: usize, options: &Options) -> Result<()> {
    let (mut ours, mut theirs, mut last) = (Vec::new(), Vec::new(), Value::Null);
    for _ in 0..options.rounds {
        last = measured(millrace, clip, codec, users, options.seconds)?;
        ours.push(last["cores"].as_f64().context("no cores")?);
        theirs.push(ffmpeg(clip, codec, options.seconds)?);
        eprintln!("{codec}, {users} users: {last}, ffmpeg {:.3}", theirs.last().copied().unwrap_or_default());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let (transcodes, rate, kbps) = (&last["transcodes"], last["framerate"].as_f64().unwrap_or_default(), &last["kbps"]);
    println!(
        "| {codec} | {users} | {ours:.3} | {transcodes} | {rate:.1} | {kbps} | {theirs:.3} | {:.2} |",
        ours / theirs
    );
    Ok(())
}

/// A test picture that moves everywhere, as a lively camera does.
fn make_clip(path: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-t", "30"]);
    command.args(["-pix_fmt", "yuv420p", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]);
    output(command.args(["-b:v", "2M", "-g", "300"]).arg(path)).map(drop)
}

fn measured(millrace: &Path, clip: &Path, codec: &str, users: usize, seconds: u64) -> Result<Value> {
    let mut command = Command::new(millrace);
    command.arg("measure").arg(clip).args(["--rung", "360p", "--to", codec]);
    command.args(["--users", &users.to_string(), "--length", &format!("{seconds}s")]);
    let told = command.output().context("millrace does not start")?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).context("its answer")?;
    ensure!(told["framerate"].as_f64().is_some_and(|rate| rate > 25.0), "pictures are missing: {told}");
    Ok(told)
}

/// The same in its own time, as fast as it encodes: `-re`, one thread each, what a careful operator would write.
fn ffmpeg(clip: &Path, codec: &str, seconds: u64) -> Result<f64> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-benchmark", "-re", "-threads", "1", "-i"]).arg(clip);
    command.args(["-t", &seconds.to_string(), "-vf", "scale=640:360:flags=bilinear", "-threads", "1", "-b:v", "400k"]);
    match codec {
        "h264" => command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]),
        _ => command.args(["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]),
    };
    let begun = Instant::now();
    let told = command.args(["-f", "null", "-"]).args(["-v", "info"]).output().context("ffmpeg does not start")?;
    let elapsed = begun.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    let number = |name: &str| {
        let line = text.lines().rev().find(|line| line.contains("utime="))?;
        line.split_whitespace().find_map(|part| part.strip_prefix(name))?.trim_end_matches('s').parse::<f64>().ok()
    };
    let cpu = number("utime=").zip(number("stime=")).with_context(|| format!("ffmpeg tells no times: {text}"))?;
    Ok((cpu.0 + cpu.1) / elapsed)
}
