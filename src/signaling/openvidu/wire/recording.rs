//! Properties of recordings: what a request or a session's defaults say, and as answers show them.

use super::fields::{Fields, Wrong};
use crate::model::Kind;
use serde_json::{Map, Value, json};

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One picture of all.
    Composed,
    /// The same here.
    QuickStart,
    /// A file of each stream, in a ZIP.
    Individual,
}

const MODES: [(&str, Mode); 3] =
    [("COMPOSED", Mode::Composed), ("COMPOSED_QUICK_START", Mode::QuickStart), ("INDIVIDUAL", Mode::Individual)];
const LAYOUTS: [&str; 5] =
    ["BEST_FIT", "PICTURE_IN_PICTURE", "VERTICAL_PRESENTATION", "HORIZONTAL_PRESENTATION", "CUSTOM"];
/// Least memory that the original gives its browser; here it means nothing.
const LEAST_SHM: f64 = 134_217_728.0;

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Properties {
    /// `""`: the recording's id.
    pub name: String,
    /// What is made.
    pub mode: Mode,
    /// With sound.
    pub audio: bool,
    /// With pictures.
    pub video: bool,
    /// How pictures are arranged.
    pub layout: &'static str,
    /// Of `CUSTOM`.
    pub custom_layout: String,
    /// In pixels.
    pub size: (u32, u32),
    /// Pictures a second.
    pub frame_rate: u32,
    /// Taken, and shown again.
    pub shm_size: u64,
    /// Individual: go on without streams that do not start.
    pub ignore_failed: bool,
}

impl Default for Properties {
    fn default() -> Self {
        Self {
            name: String::new(),
            mode: Mode::Composed,
            audio: true,
            video: true,
            layout: "BEST_FIT",
            custom_layout: String::new(),
            size: (1280, 720),
            frame_rate: 25,
            shm_size: 536_870_912,
            ignore_failed: false,
        }
    }
}

/// Why properties are refused: REST has a status for each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 400
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// 422
    #[error("{0}")]
    Impossible(String),
}

impl Mode {
    /// As the protocol spells it.
    pub fn as_str(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    /// Whether one picture, or one sound, of all is made.
    pub fn is_composed(self) -> bool {
        self != Self::Individual
    }
}

impl Properties {
    /// What a request says; what it does not is as in `defaults`, and which composed mode is made too.
    pub fn read(fields: Fields<'_>, defaults: &Self) -> Result<Self, Refused> {
        let read = Self::read_any(fields, defaults)?;
        Ok(Self { mode: prefer(read.mode, defaults.mode), ..read })
    }

    /// What a session says of its recordings.
    pub fn read_defaults(fields: Fields<'_>) -> Result<Self, Refused> {
        Self::read_any(fields, &Self::default())
    }

    fn read_any(fields: Fields<'_>, defaults: &Self) -> Result<Self, Refused> {
        let name = fields.text("name")?.unwrap_or_default();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-~".contains(&b)) {
            return Err(Wrong("name may have letters, digits, _, - and ~".into()).into());
        }
        let mode = fields.word("outputMode", &MODES.map(|(name, _)| name))?;
        let mut read = Self {
            name: Some(name).filter(|name| !name.is_empty()).unwrap_or(&defaults.name).to_owned(),
            mode: MODES.iter().find(|(name, _)| Some(*name) == mode).map_or(defaults.mode, |(_, mode)| *mode),
            audio: fields.switch("hasAudio")?.unwrap_or(defaults.audio),
            video: fields.switch("hasVideo")?.unwrap_or(defaults.video),
            ignore_failed: fields.switch("ignoreFailedStreams")?.unwrap_or(defaults.ignore_failed),
            ..defaults.clone()
        };
        let composed = read.mode.is_composed().then(|| Composed::read(fields)).transpose()?;
        // What is of a wrong type comes first, then what cannot be.
        if !read.audio && !read.video {
            return Err(Refused::Impossible("hasAudio and hasVideo cannot both be false".into()));
        }
        composed.map_or(Ok(()), |composed| read.take(composed))?;
        Ok(read)
    }

    fn take(&mut self, composed: Composed<'_>) -> Result<(), Refused> {
        self.layout = composed.layout.unwrap_or(self.layout);
        if let Some(layout) = composed.custom_layout {
            self.custom_layout = layout.to_owned();
        }
        if let Some(text) = composed.resolution {
            let words = || Refused::Impossible("resolution must be WxH, each 100 to 1999".into());
            self.size = size(text).ok_or_else(words)?;
        }
        if let Some(rate) = composed.frame_rate {
            let fits = Some(rate as u32).filter(|_| (1.0..=120.0).contains(&rate));
            self.frame_rate = fits.ok_or_else(|| Refused::Impossible("frameRate must be 1 to 120".into()))?;
        }
        if let Some(bytes) = composed.shm_size {
            let fits = Some(bytes as u64).filter(|_| bytes >= LEAST_SHM);
            self.shm_size = fits.ok_or_else(|| Refused::Impossible("shmSize must be at least 134217728".into()))?;
        }
        Ok(())
    }

    /// Sound or pictures alone.
    pub fn only(&self) -> Option<Kind> {
        match (self.audio, self.video) {
            (true, false) => Some(Kind::Audio),
            (false, true) => Some(Kind::Video),
            _ => None,
        }
    }

    /// Those that mean something in this mode.
    pub fn to_json(&self) -> Map<String, Value> {
        let all = json!({
            "name": self.name, "hasAudio": self.audio, "hasVideo": self.video, "outputMode": self.mode.as_str(),
        });
        let Value::Object(mut fields) = all else { return Map::new() };
        if self.mode == Mode::Individual {
            fields.insert("ignoreFailedStreams".into(), self.ignore_failed.into());
        } else if self.video {
            fields.insert("recordingLayout".into(), self.layout.into());
            fields.insert("resolution".into(), self.resolution().into());
            fields.insert("frameRate".into(), self.frame_rate.into());
            fields.insert("shmSize".into(), self.shm_size.into());
            if self.layout == "CUSTOM" {
                fields.insert("customLayout".into(), self.custom_layout.clone().into());
            }
        }
        fields
    }

    /// `1280x720`
    pub fn resolution(&self) -> String {
        format!("{}x{}", self.size.0, self.size.1)
    }
}

/// What only composed recordings have, of the right types.
struct Composed<'a> {
    layout: Option<&'static str>,
    custom_layout: Option<&'a str>,
    resolution: Option<&'a str>,
    frame_rate: Option<f64>,
    shm_size: Option<f64>,
}

impl<'a> Composed<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, Wrong> {
        Ok(Self {
            layout: fields.word("recordingLayout", &LAYOUTS)?,
            custom_layout: fields.text("customLayout")?,
            resolution: fields.text("resolution")?,
            frame_rate: fields.number("frameRate")?,
            shm_size: fields.number("shmSize")?,
        })
    }
}

/// Which of the two composed modes is made, the session's default says.
fn prefer(asked: Mode, default: Mode) -> Mode {
    if asked.is_composed() && default.is_composed() { default } else { asked }
}

fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (100..2000).contains(side));
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Properties, Refused> {
        Properties::read(Fields::of(&value).unwrap(), &Properties::default())
    }

    #[test]
    fn what_is_not_said_is_as_the_session_says() {
        let defaults = Properties { mode: Mode::QuickStart, audio: false, ..Properties::default() };
        let value = json!({ "outputMode": "COMPOSED", "resolution": "640x480", "frameRate": null });
        let read = Properties::read(Fields::of(&value).unwrap(), &defaults).unwrap();
        assert_eq!((read.mode, read.audio, read.size, read.frame_rate), (Mode::QuickStart, false, (640, 480), 25));
    }

    #[test]
    fn wrong_and_impossible_are_two_things() {
        for wrong in [
            json!({ "name": "a b" }),
            json!({ "outputMode": "X" }),
            json!({ "hasAudio": 1 }),
            json!({ "recordingLayout": "?" }),
            json!({ "hasAudio": false, "hasVideo": false, "frameRate": "25" }),
        ] {
            assert!(matches!(read(wrong.clone()), Err(Refused::Wrong(_))), "{wrong}");
        }
        for impossible in [
            json!({ "hasAudio": false, "hasVideo": false }),
            json!({ "resolution": "99x100" }),
            json!({ "frameRate": 0 }),
            json!({ "shmSize": 1 }),
        ] {
            assert!(matches!(read(impossible.clone()), Err(Refused::Impossible(_))), "{impossible}");
        }
        assert!(read(json!({ "outputMode": "INDIVIDUAL", "resolution": "1x1" })).is_ok(), "not looked at");
    }

    #[test]
    fn the_sessions_mode_decides_between_the_two_composed() {
        let quick = json!({ "outputMode": "COMPOSED_QUICK_START" });
        assert_eq!(read(quick.clone()).unwrap().mode, Mode::Composed, "as by default");
        let session = Properties::read_defaults(Fields::of(&quick).unwrap()).unwrap();
        let asked = json!({ "outputMode": "COMPOSED" });
        assert_eq!(Properties::read(Fields::of(&asked).unwrap(), &session).unwrap().mode, Mode::QuickStart);
        let asked = json!({ "outputMode": "INDIVIDUAL" });
        assert_eq!(Properties::read(Fields::of(&asked).unwrap(), &session).unwrap().mode, Mode::Individual);
    }

    #[test]
    fn only_what_means_something_is_shown() {
        let shown = |properties: Properties| properties.to_json().keys().cloned().collect::<Vec<_>>().join(" ");
        let individual = Properties { mode: Mode::Individual, ..Properties::default() };
        assert_eq!(shown(individual), "hasAudio hasVideo ignoreFailedStreams name outputMode");
        let sound = Properties { video: false, ..Properties::default() };
        assert_eq!(shown(sound), "hasAudio hasVideo name outputMode");
    }
}
