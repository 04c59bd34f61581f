//! `millrace measure`: what a smaller picture costs on this machine.

use crate::media::rendition::{Measurement, measure};
use crate::model::Codec;
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  ffmpeg -f lavfi -i testsrc2=size=1280x720:rate=30 -t 10 -c:v libvpx -b:v 2M clip.ivf
  millrace measure clip.ivf                           720p30 VP8 to the ladder's 360p in VP8
  millrace measure clip.ivf --rung 180p --to h264 --users 20

One line of JSON: cores of the whole process, as metered, as reckoned beforehand; what came out.";

#[derive(Debug, Args)]
pub(super) struct MeasureArgs {
    /// What is sent: VP8 in IVF.
    #[arg(value_name = "CLIP")]
    clip: PathBuf,
    /// Name of a rung of the ladder.
    #[arg(long, value_name = "NAME", default_value = "360p")]
    rung: String,
    /// Codec that is made: vp8 or h264.
    #[arg(long, value_name = "CODEC", default_value = "vp8", value_parser = codec)]
    to: Codec,
    /// How long, e.g. 20s.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = humantime::parse_duration)]
    length: Duration,
    /// Who uses it at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    users: usize,
    /// Folder of templates that replace the built-in ones.
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
}

pub(super) fn run(args: &MeasureArgs) -> Result<ExitCode> {
    let MeasureArgs { clip, rung, to, length, users, templates } = args;
    let (clip, rung, templates) = (clip.clone(), rung.clone(), templates.clone());
    let wish = Measurement { clip, codec: *to, rung, length: *length, users: *users, templates };
    println!("{}", serde_json::to_string(&measure(&wish)?)?);
    Ok(ExitCode::SUCCESS)
}

fn codec(text: &str) -> Result<Codec> {
    match text {
        "vp8" => Ok(Codec::Vp8),
        "h264" => Ok(Codec::H264),
        _ => bail!("vp8 or h264"),
    }
}
