//! The ladder: which smaller pictures may be made of a feed, from a file that operators may edit.
//!
//! Decides what a good ladder is (ranges, order, names), and that a broken edit changes nothing; leaves which rung somebody
//! gets to who chooses.

use super::super::template::text;
use crate::media::MediaError;
use crate::model::Content;
use parking_lot::Mutex;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The file's place below `pipelines/`.
const FILE: &str = "rendition/ladder.toml";
/// An edited file is looked at again not sooner than this.
const LOOK: Duration = Duration::from_secs(2);
/// Names that mean something else to viewers.
const RESERVED: [&str; 4] = ["source", "sound", "nothing", "layer"];
/// Pictures per second that keyframes are counted with when a rung says nothing.
const RATE: u32 = 30;

/// A step of the ladder: how pictures are encoded once more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rung {
    /// What it is called, e.g. `360p`.
    pub name: String,
    /// Most pixels of the shorter side, so that a portrait picture is as detailed as a landscape one; `None`: as they come.
    /// Never more than the source has.
    pub height: Option<u32>,
    /// Bits per second.
    pub bitrate: u32,
    /// Most pictures per second; `None`: all.
    pub framerate: Option<u32>,
    /// Time from keyframe to keyframe at most.
    pub keyframe_interval: Duration,
}

impl Rung {
    /// As they come, 2.5 Mbit/s, a keyframe each 2 s: for players and servers that take H264 alone.
    pub fn as_it_comes() -> Self {
        let keyframe_interval = Duration::from_secs(2);
        Self { name: "h264".into(), height: None, bitrate: 2_500_000, framerate: None, keyframe_interval }
    }

    /// Pictures per second that the encoder is told.
    pub(super) fn rate(&self) -> u32 {
        self.framerate.unwrap_or(RATE).clamp(1, 240)
    }

    /// Pictures from keyframe to keyframe at most.
    pub(super) fn group(&self) -> u32 {
        let pictures = self.keyframe_interval.as_millis() * u128::from(self.rate()) / 1000;
        u32::try_from(pictures).unwrap_or(u32::MAX).clamp(1, 10_000)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rung: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    /// For people.
    #[serde(rename = "purpose")]
    _purpose: String,
    content: Content,
    #[serde(default)]
    height: Option<u32>,
    kbps: u32,
    #[serde(default)]
    framerate: Option<u32>,
    keyframe_interval: u32,
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        let named = (1..=32).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !named || RESERVED.contains(&self.name.as_str()) {
            return Err(format!(
                "name: `{}` is no good name: 1 to 32 of A-Z, a-z, 0-9, `-`, `_`, `.`, and none of {}",
                self.name,
                RESERVED.join(", ")
            ));
        }
        self.within("height", self.height, 90..=4320)?;
        self.within("kbps", Some(self.kbps), 30..=50_000)?;
        self.within("framerate", self.framerate, 1..=120)?;
        self.within("keyframe_interval", Some(self.keyframe_interval), 1..=120)
    }

    fn within(&self, field: &str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<(), String> {
        match value.filter(|value| !range.contains(value)) {
            Some(value) => {
                Err(format!("rung {}: {field} is {value}, must be {} to {}", self.name, range.start(), range.end()))
            }
            None => Ok(()),
        }
    }

    fn rung(&self) -> Rung {
        Rung {
            name: self.name.clone(),
            height: self.height,
            bitrate: self.kbps * 1000,
            framerate: self.framerate,
            keyframe_interval: Duration::from_secs(u64::from(self.keyframe_interval)),
        }
    }
}

/// Rungs by what is filmed, best first.
#[derive(Debug)]
struct Rungs {
    camera: Arc<[Rung]>,
    screen: Arc<[Rung]>,
}

/// Reads a ladder; the error names the field.
fn parse(text: &str) -> Result<Rungs, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    for (index, entry) in file.rung.iter().enumerate() {
        entry.check()?;
        if file.rung[..index].iter().any(|other| other.name == entry.name) {
            return Err(format!("rung {}: name: another rung has it, too", entry.name));
        }
    }
    let of = |content| -> Result<Arc<[Rung]>, String> {
        let entries: Vec<&Entry> = file.rung.iter().filter(|entry| entry.content == content).collect();
        match entries.windows(2).find(|pair| pair[0].kbps <= pair[1].kbps) {
            Some(pair) => Err(format!(
                "rung {}: kbps must be less than that of {} before it: the best comes first",
                pair[1].name, pair[0].name
            )),
            None => Ok(entries.iter().map(|entry| entry.rung()).collect()),
        }
    };
    Ok(Rungs { camera: of(Content::Camera)?, screen: of(Content::Screen)? })
}

/// The ladder as it is just now.
pub(super) struct Ladder {
    folder: Option<PathBuf>,
    now: Mutex<Now>,
}

struct Now {
    rungs: Rungs,
    text: String,
    looked: Instant,
}

impl Ladder {
    /// Reads it. An error names the file and the field.
    pub(super) fn read(folder: Option<PathBuf>) -> Result<Self, MediaError> {
        let text = load(&folder).map_err(MediaError::Fatal)?;
        let rungs = parse(&text).map_err(|why| MediaError::Fatal(format!("{}: {why}", place(&folder))))?;
        Ok(Self { folder, now: Mutex::new(Now { rungs, text, looked: Instant::now() }) })
    }

    /// The rungs for this content, best first.
    pub(super) fn rungs(&self, content: Content) -> Arc<[Rung]> {
        let mut now = self.now.lock();
        if self.folder.is_some() && now.looked.elapsed() >= LOOK {
            now.looked = Instant::now();
            self.look(&mut now);
        }
        match content {
            Content::Camera => now.rungs.camera.clone(),
            Content::Screen => now.rungs.screen.clone(),
        }
    }

    /// Takes over an edited file, or says once what is wrong with it.
    fn look(&self, now: &mut Now) {
        let text = load(&self.folder).unwrap_or_else(|why| why);
        if text == now.text {
            return;
        }
        match parse(&text) {
            Ok(rungs) => now.rungs = rungs,
            Err(why) => {
                tracing::warn!(file = place(&self.folder), why, "the edited ladder is not used: the former stays")
            }
        }
        now.text = text;
    }
}

/// Names of all rungs. `Fatal`: the ladder is broken; names the file and the field.
pub fn check(folder: Option<PathBuf>) -> Result<Vec<String>, MediaError> {
    let ladder = Ladder::read(folder)?;
    let rungs = [Content::Camera, Content::Screen].map(|content| ladder.rungs(content));
    Ok(rungs.iter().flat_map(|rungs| rungs.iter()).map(|rung| rung.name.clone()).collect())
}

fn load(folder: &Option<PathBuf>) -> Result<String, String> {
    let text = text(FILE, folder.as_deref()).map_err(|error| format!("{}: {error}", place(folder)))?;
    text.ok_or_else(|| format!("{}: no such file", place(folder)))
}

fn place(folder: &Option<PathBuf>) -> String {
    folder.as_deref().map_or_else(|| format!("pipelines/{FILE}"), |folder| folder.join(FILE).display().to_string())
}

#[cfg(test)]
#[path = "ladder_test.rs"]
mod tests;
