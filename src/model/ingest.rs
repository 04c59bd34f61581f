//! Sources that are no WebRTC publishers: IP cameras, other servers, files. What may be asked of one, and what is known.

use super::{FeedId, ParticipantId, PeerId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The lower transport of RTSP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    #[default]
    Tcp,
    /// Ports of its own.
    Udp,
    /// A multicast group that the camera names.
    Multicast,
}

/// What becomes of a source's pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoPolicy {
    /// As they come where browsers can play them (H264 without B-frames), else transcoded.
    #[default]
    Auto,
    /// Always transcoded: a source whose keyframes are rare.
    Transcode,
    /// No pictures.
    Off,
}

/// A source to be opened. Only `uri` is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestWish {
    /// `[A-Za-z0-9_-]{1,64}`, unique in its room, part of URLs; empty: made by the server. An existing one of the same name
    /// is refused.
    pub name: String,
    /// `rtsp://`, `rtsps://`, `rtmp://`, `srt://`, `udp://`, `http://`, `https://`, `file://` or `test://`. Without
    /// credentials: those in it are moved into `user` and `password`. Shown without its query.
    pub uri: String,
    /// For RTSP and HTTP, basic and digest.
    pub user: String,
    /// To `user`; the passphrase of SRT.
    pub password: Secret,
    /// Of RTSP.
    pub transport: Transport,
    /// SHA-256 of the server's certificate (hex, colons allowed): accepted whoever signed it, and no other. Empty: it must
    /// be signed by an authority this machine trusts.
    pub fingerprint: String,
    /// Milliseconds that packets may come late by.
    pub latency_ms: u64,
    /// Open it for the first viewer, recording or broadcast only. (It is opened once at the start, to know its tracks,
    /// unless it is `lazy`.)
    pub on_demand: bool,
    /// With `on_demand`: not opened at the start either. It is no live feed before a viewer whose client makes the offer (an
    /// OpenVidu application's, a WHEP player's) or a recording wanted it once.
    pub lazy: bool,
    /// Close it so many milliseconds after the last of them.
    pub linger_ms: u64,
    /// Pictures.
    pub video: VideoPolicy,
    /// Whether its sound is taken.
    pub audio: bool,
    /// Milliseconds between keyframes when pictures are transcoded.
    pub keyframe_interval_ms: u64,
    /// A file or finite stream begins anew at its end; without it the feed ends there.
    pub repeat: bool,
    /// Address of the camera's ONVIF device service, with which it can be moved; empty: it has none. The same user and
    /// password are used.
    pub onvif: String,
    /// The token of its profile there.
    pub onvif_profile: String,
}

impl Default for IngestWish {
    fn default() -> Self {
        Self {
            name: String::new(),
            uri: String::new(),
            user: String::new(),
            password: Secret::default(),
            transport: Transport::Tcp,
            fingerprint: String::new(),
            latency_ms: 100,
            on_demand: false,
            lazy: false,
            linger_ms: 10_000,
            video: VideoPolicy::Auto,
            audio: true,
            keyframe_interval_ms: 2000,
            repeat: false,
            onvif: String::new(),
            onvif_profile: String::new(),
        }
    }
}

/// Where a source stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IngestState {
    /// Being opened.
    #[default]
    Connecting,
    /// Its media comes.
    Live,
    /// It failed or fell silent; tried again at `next_try_at`.
    Waiting,
    /// On demand, and nobody wants it.
    Idle,
    /// It came to its end.
    Ended,
}

/// What is wrong with a source, by what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IngestReason {
    /// No way to it, or it does not answer.
    Unreachable,
    /// The settings do not allow to open it (`[reach]`).
    Forbidden,
    /// User or password are wrong, or missing.
    Credentials,
    /// The address has no such stream.
    NotFound,
    /// Its certificate is not trusted, or not the pinned one.
    Certificate,
    /// It was live, and nothing comes any more.
    Silent,
    /// It closed the connection.
    Closed,
    /// It has nothing that can be used.
    Unsupported,
    /// Something else failed.
    Failed,
}

impl IngestReason {
    /// The text, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Credentials => "credentials",
            Self::NotFound => "not_found",
            Self::Certificate => "certificate",
            Self::Silent => "silent",
            Self::Closed => "closed",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
    /// Whether trying again soon may help; the others are tried again at a slower pace.
    pub fn may_pass_soon(self) -> bool {
        matches!(self, Self::Unreachable | Self::Silent | Self::Closed | Self::Failed)
    }
}

/// What went wrong last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IngestTrouble {
    /// What kind.
    pub reason: IngestReason,
    /// In words, with what to do; no secrets in it.
    pub detail: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A track as the source sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IngestTrack {
    /// Name of its encoding in capitals: `H264`, `H265`, `JPEG`, `AAC`, `PCMA`, `OPUS`…
    pub encoding: String,
    /// Whether it is forwarded as it comes.
    pub passthrough: bool,
    /// Why not, e.g. `H265 → H264: not every browser plays H265`.
    pub why: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Pictures per second, measured.
    pub framerate: f32,
    /// Bits per second, measured as they come.
    pub bitrate: u64,
    /// Milliseconds between the last two keyframes; `None` for sound, and before the second.
    pub keyframe_interval_ms: Option<u64>,
}

/// A source's health.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IngestStatus {
    /// Where it stands.
    pub state: IngestState,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Its tracks, those of the last time it was live.
    pub tracks: Vec<IngestTrack>,
    /// Times it was live again after an outage.
    pub reconnects: u64,
    /// What went wrong last; stays when it is live again.
    pub trouble: Option<IngestTrouble>,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_try_at: Option<Timestamp>,
    /// The source's clock against ours, in parts per million; `None` before enough was seen.
    pub clock_skew_ppm: Option<f64>,
    /// Viewers and branches that use it.
    pub users: usize,
    /// What an operator should know: rare keyframes, much loss…
    pub warnings: Vec<String>,
}

/// A source in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Ingest {
    /// Its name.
    pub name: String,
    /// The participant it is in the room.
    pub participant: ParticipantId,
    /// Its feed.
    pub feed: FeedId,
    /// What it is for the engine.
    #[serde(skip, default = "no_peer")]
    #[schema(ignore)]
    pub peer: PeerId,
    /// What was asked for, without secrets.
    pub source: IngestWish,
    /// How it is.
    pub status: IngestStatus,
}

fn no_peer() -> PeerId {
    PeerId(0)
}
