//! What a viewer gets of a feed, what it wants at most, and why it gets nothing better.

use super::{Codec, FeedId, PeerId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// What is filmed: decides what a smaller rendition gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// People and things: frame rate is kept, pixels are given up.
    #[default]
    Camera,
    /// A shared screen: resolution is kept, frames are given up.
    Screen,
}

/// What a viewer wants of one subscription at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ViewLimits {
    /// Widest picture in pixels; `null`: any.
    pub max_width: Option<u32>,
    /// Most kilobits per second, sound and picture together; `null`: what the line carries.
    pub max_kbps: Option<u32>,
    /// Neither sound nor picture for now.
    pub paused: bool,
    /// Sound alone.
    pub audio_only: bool,
    /// Comes before the client's other subscriptions when its line does not carry all.
    pub pinned: bool,
}

/// A change of some of a subscription's limits; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ViewChange {
    /// `null` lifts the limit. 16 to 8192.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub max_width: Option<Option<u32>>,
    /// `null` lifts the limit. 16 to 1000000.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub max_kbps: Option<Option<u32>>,
    /// Neither sound nor picture for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Sound alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_only: Option<bool>,
    /// First of the client's subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
}

/// A field that is there, be it `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ViewLimits {
    /// With this change; the error says which field is out of range.
    pub fn changed(self, change: ViewChange) -> Result<Self, String> {
        let within = |name: &str, value: Option<u32>, most: u32| match value {
            Some(value) if !(16..=most).contains(&value) => Err(format!("{name}: 16 to {most}, or null for no limit")),
            _ => Ok(()),
        };
        let new = Self {
            max_width: change.max_width.unwrap_or(self.max_width),
            max_kbps: change.max_kbps.unwrap_or(self.max_kbps),
            paused: change.paused.unwrap_or(self.paused),
            audio_only: change.audio_only.unwrap_or(self.audio_only),
            pinned: change.pinned.unwrap_or(self.pinned),
        };
        within("max_width", new.max_width, 8192)?;
        within("max_kbps", new.max_kbps, 1_000_000)?;
        Ok(new)
    }
}

/// Why a viewer gets what it gets, and nothing better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is the best there is.
    Best,
    /// Its line has not been measured yet, or a better one is being begun.
    Starting,
    /// Its line carries no more.
    Line,
    /// Its decoder does not take the better ones.
    Decoder,
    /// It asked for no more.
    OwnLimit,
    /// The publisher sends nothing better just now.
    Source,
    /// The service has no computing power left for a better one.
    Budget,
    /// Other feeds come first on its line.
    Turn,
}

impl Why {
    /// As in JSON; a label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Starting => "starting",
            Self::Line => "line",
            Self::Decoder => "decoder",
            Self::OwnLimit => "own_limit",
            Self::Source => "source",
            Self::Budget => "budget",
            Self::Turn => "turn",
        }
    }
}

/// Where a rendition comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenditionKind {
    /// As the publisher sends it.
    Source,
    /// A smaller layer that the publisher sends as well (simulcast).
    Layer,
    /// Made here.
    Transcode,
    /// No picture.
    Sound,
    /// Nothing: paused.
    Nothing,
}

/// A rendition of a feed, as a viewer may get it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rendition {
    /// `source`, `layer h`, `360p`, `sound`, `nothing`…
    pub name: String,
    /// Where it comes from.
    pub kind: RenditionKind,
    /// Of its pictures.
    pub codec: Option<Codec>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// Pictures per second.
    pub framerate: Option<f32>,
    /// Kilobits per second of its pictures: measured when it runs, else what it is made for.
    pub kbps: u32,
}

/// A rendition that the viewer does not get, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RenditionOption {
    /// Which.
    #[serde(flatten)]
    pub rendition: Rendition,
    /// `null`: it is the one it gets.
    pub why_not: Option<Why>,
}

/// A change from one rendition to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Switch {
    /// When it was decided; the picture follows with the next keyframe.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Name of the former rendition.
    pub from: String,
    /// Name of the new one.
    pub to: String,
    /// The reason.
    pub why: Why,
    /// The reason in words, with figures.
    pub words: String,
}

/// A second of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ViewSample {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What the line carries by our estimate, in kbit/s; `null`: not known.
    pub estimate_kbps: Option<u32>,
    /// What was sent in this second, in kbit/s.
    pub sent_kbps: u32,
    /// Name of the rendition.
    pub rendition: String,
}

/// What a viewer gets, since when, and why nothing better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The subscription.
    #[schema(value_type = u64)]
    pub peer: PeerId,
    /// What it watches.
    pub feed: FeedId,
    /// What it gets.
    pub gets: Rendition,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why nothing better.
    pub why: Why,
    /// The same in words, with figures: one sentence for people.
    pub words: String,
    /// What the line carries by our estimate, in kbit/s; `null`: not known.
    pub estimate_kbps: Option<u32>,
    /// What was sent in the last second, in kbit/s.
    pub sent_kbps: u32,
    /// Its limits.
    pub limits: ViewLimits,
    /// Codecs of pictures that it takes.
    pub decoders: Vec<Codec>,
    /// All renditions that are or could be, best first.
    pub options: Vec<RenditionOption>,
    /// The last switches, newest first; at most 20.
    pub switches: Vec<Switch>,
    /// The last two minutes, oldest first.
    pub samples: Vec<ViewSample>,
}

/// A transcode that runs, its price and its users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Transcode {
    /// Of which feed.
    pub feed: FeedId,
    /// What it makes.
    #[serde(flatten)]
    pub rendition: Rendition,
    /// Element that encodes, e.g. `vp8enc`.
    pub encoder: String,
    /// Cores it takes: CPU seconds per second, measured over the last seconds; before that, what was reckoned with.
    pub cores: f64,
    /// Viewers, recordings, broadcasts that use it.
    pub users: usize,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// All transcodes and the budget they run in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Transcodes {
    /// Cores that transcodes may take together.
    pub budget_cores: f64,
    /// Cores that they take.
    pub used_cores: f64,
    /// Each one.
    pub running: Vec<Transcode>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let limits = ViewLimits { max_width: Some(640), audio_only: true, ..ViewLimits::default() };
        let change: ViewChange = serde_json::from_str(r#"{"max_width": null, "max_kbps": 300}"#).unwrap();
        let changed = limits.changed(change).unwrap();
        assert_eq!(changed, ViewLimits { max_kbps: Some(300), audio_only: true, ..ViewLimits::default() });
        let change = ViewChange { max_kbps: Some(Some(3)), ..ViewChange::default() };
        assert!(limits.changed(change).unwrap_err().contains("max_kbps: 16 to 1000000"));
        assert!(serde_json::from_str::<ViewChange>(r#"{"max_witdh": 3}"#).is_err());
    }
}
