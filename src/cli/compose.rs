//! `millrace compose`: one film of a recording's individual files, in any layout, with its progress.

use crate::config;
use crate::media::mix::{ComposeSpec, Composed, compose};
use crate::model::{Layout, Recording};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  millrace compose 20261121-100000-42-k3xq                        as it looked while it was recorded
  millrace compose 20261121-100000-42-k3xq --layout speaker       who speaks is large
  millrace compose data/recordings/20261121-100000-42-k3xq --layout side-by-side --out talk.mp4
  millrace compose 20261121-100000-42-k3xq --size 1920x1080 --fps 30
  millrace compose 20261121-100000-42-k3xq --layout '[{\"x\":0,\"y\":0,\"width\":1,\"height\":1}]'

Layouts: grid, speaker, side-by-side, picture-in-picture, or boxes of your own as JSON (0 to 1, later ones over
earlier ones, \"participant\" names who is in it). People appear and leave when they did, pauses are cut out.";

#[derive(Debug, Args)]
pub(super) struct ComposeArgs {
    /// Its id, or its folder.
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Name of a layout, or boxes as JSON; without it as it was while recording.
    #[arg(long, value_name = "NAME", value_parser = layout)]
    layout: Option<Layout>,
    /// File to write; without it RECORDING.mp4 in this folder. An existing one is not overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Size of the picture in pixels, e.g. 1280x720.
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(usize, usize)>,
    /// Pictures per second.
    #[arg(long, value_name = "N")]
    fps: Option<u32>,
    /// Settings file, which tells where recordings are; without it ./millrace.toml if there is one.
    #[arg(long, value_name = "FILE", env = "MILLRACE_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &ComposeArgs) -> Result<ExitCode> {
    let folder = args.folder()?;
    let recording = manifest(&folder)?;
    let out = args.out.clone().unwrap_or_else(|| format!("{}.mp4", recording.id).into());
    ensure!(!out.exists(), "{} exists already: give another --out, or remove it", out.display());
    let (layout, size, fps) = (args.layout.clone(), args.size, args.fps);
    let spec = ComposeSpec { recording, folder, out, layout, size, fps, templates: None };
    let mut progress = Progress::new();
    let composed = compose(&spec, |done, total| progress.tell(done, total));
    progress.end();
    told(&composed.map_err(anyhow::Error::msg)?, &spec.out);
    Ok(ExitCode::SUCCESS)
}

impl ComposeArgs {
    /// The folder itself, or the one of this id among the recordings.
    fn folder(&self) -> Result<PathBuf> {
        if self.recording.join("manifest.json").is_file() {
            return Ok(self.recording.clone());
        }
        let default = PathBuf::from("millrace.toml");
        let file = self.config.clone().or_else(|| default.exists().then_some(default));
        let config = config::load(file.as_deref(), std::env::vars(), Vec::new())?;
        let all = config.recording.folder(&config.server);
        let folder = all.join(&self.recording);
        if !folder.join("manifest.json").is_file() {
            let name = self.recording.display();
            bail!(
                "there is no recording {name}: neither a folder with a manifest.json, nor an id under {}",
                all.display()
            );
        }
        Ok(folder)
    }
}

fn manifest(folder: &Path) -> Result<Recording> {
    let path = folder.join("manifest.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no manifest of a recording", path.display()))
}

fn told(composed: &Composed, out: &Path) {
    for note in &composed.notes {
        eprintln!("note: left out, since it cannot be read: {note}");
    }
    let report = &composed.report;
    let length = Duration::from_secs(report.duration_ms / 1000);
    println!("{}: {}, {} bytes", out.display(), humantime::format_duration(length), report.bytes);
}

fn layout(text: &str) -> Result<Layout, String> {
    let layout = match text.starts_with('[') {
        true => Layout::Custom(serde_json::from_str(text).map_err(|error| format!("not boxes as JSON: {error}"))?),
        false => Layout::Named(text.into()),
    };
    crate::media::check_layout(&layout, None).map(|()| layout)
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or_else(|| "WIDTHxHEIGHT is expected, e.g. 1280x720".into())
}

/// A bar on a terminal, else a line every 10 %; on standard error.
struct Progress {
    bar: Option<ProgressBar>,
    tenths: u128,
}

impl Progress {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {percent:>3} %  {elapsed_precise}, {eta_precise} left");
            ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, tenths: 0 }
    }

    fn tell(&mut self, done: Duration, total: Duration) {
        let tenths = done.as_millis() * 10 / total.as_millis().max(1);
        match &self.bar {
            Some(bar) => {
                bar.set_length(u64::try_from(total.as_millis()).unwrap_or(u64::MAX));
                bar.set_position(u64::try_from(done.as_millis()).unwrap_or(u64::MAX));
            }
            None if tenths > self.tenths => eprintln!("{} %", tenths * 10),
            None => {}
        }
        self.tenths = tenths;
    }

    fn end(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_and_sizes_are_read_or_refused_in_words() {
        assert_eq!(layout("speaker"), Ok(Layout::Named("speaker".into())));
        assert!(layout("mosaic").unwrap_err().contains("side-by-side"));
        assert!(
            matches!(layout("[{\"x\":0,\"y\":0,\"width\":1,\"height\":0.5}]"), Ok(Layout::Custom(boxes)) if boxes.len() == 1)
        );
        assert!(layout("[{\"x\":0}]").unwrap_err().contains("JSON"));
        assert_eq!(size("1280x720"), Ok((1280, 720)));
        assert!(size("big").is_err());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("c.toml");
        std::fs::write(&config, format!("[recording]\ndir = {:?}\n", dir.path())).unwrap();
        let recording = PathBuf::from("r1");
        let args = ComposeArgs { recording, layout: None, out: None, size: None, fps: None, config: Some(config) };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.contains("r1") && error.contains(dir.path().to_str().unwrap()), "{error}");
        std::fs::create_dir(dir.path().join("r1")).unwrap();
        std::fs::write(dir.path().join("r1/manifest.json"), "{}").unwrap();
        assert!(format!("{:#}", run(&args).unwrap_err()).contains("no manifest"));
    }
}
