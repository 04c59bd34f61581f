//! Values that all layers share. Plain data: serialisable, no behaviour beyond their own consistency.
//!
//! Decides what things are called and how they look as text; leaves what happens to them to `room` and `media`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod address;
mod broadcast;
mod data;
mod end;
mod filter;
mod ice;
mod ingest;
pub mod network;
mod opaque;
mod recording;
mod secret;
mod transport;
mod viewing;
pub use broadcast::{Broadcast, BroadcastState, BroadcastStatus, BroadcastWish};
pub use data::{DataPort, DataStream};
pub use end::EndReason;
pub use filter::{BadCommand, CodeSeen, FilterChange, FilterElement, FilterRefused, FilterWish};
pub use ice::{IceAddress, IceKey, IceServer};
pub use ingest::{
    Ingest, IngestReason, IngestState, IngestStatus, IngestTrack, IngestTrouble, IngestWish, Transport, VideoPolicy,
};
pub use opaque::Opaque;
pub use recording::{
    FileFacts, Film, Gap, Happening, Layout, LayoutBox, PictureWish, RecordWhen, Recording, RecordingEvent,
    RecordingFile, RecordingKind, RecordingState, RecordingWish, RoomSettings, Thumbnails, Upload, UploadState,
    gap_reason,
};
pub use secret::Secret;
pub use transport::{TransportLocal, TransportRemote};
pub use viewing::{
    Content, Explanation, Rendition, RenditionKind, RenditionOption, Switch, Transcode, Transcodes, ViewChange,
    ViewLimits, ViewSample, Why,
};

/// Defines an identifier that is a number, unique in this process, shown as `PREFIX-N`.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The next unused identifier of this process.
            pub fn next() -> Self {
                static LAST: AtomicU64 = AtomicU64::new(0);
                Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Defines an identifier that is a short text, cheap to clone.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// Wraps a text; whether it is allowed is the caller's to check.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().into())
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

number_id!(/// One peer connection (one webrtcbin): a publisher's, or one subscription's.
    PeerId, "peer");
number_id!(/// What a publisher offers to the room: its audio and video tracks.
    FeedId, "feed");
number_id!(/// The way to one client: its peers share it, and what it carries.
    LineId, "line");
number_id!(/// A feed or mix being pushed to another server.
    BroadcastId, "broadcast");
text_id!(/// A room. `[A-Za-z0-9_-]{1,64}`; rooms made by the server are decimal integers.
    RoomId);
text_id!(/// Somebody in a room, unique in it. Made by the dialect, e.g. `DEVICE:42`.
    ParticipantId);
text_id!(/// A recording of a room: a folder with one file per feed and a manifest.
    RecordingId);

impl RoomId {
    /// The room of a name that people gave: itself if it is valid, else a name made of its digest.
    pub fn of_name(name: &str) -> Self {
        if Self::is_valid(name) {
            return Self::new(name);
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
        let hex: String = digest.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self::new(format!("named-{hex}"))
    }
    /// Whether the text may name a room: 1 to 64 of `[A-Za-z0-9_-]`.
    pub fn is_valid(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
}

/// A session description (RFC 8866). Its `Debug` hides the text: SDP carries ICE passwords and stays out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sdp(pub Arc<str>);

impl Sdp {
    /// Wraps SDP text, not parsed yet.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

/// A trickled ICE candidate (RFC 8838), as browsers' `RTCIceCandidate` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// `candidate:…` (RFC 8839 5.1), never empty: the end of candidates is `None` where a candidate is expected.
    pub candidate: String,
    /// The m-section's mid, if told.
    pub mid: Option<String>,
    /// The m-section's index, if told.
    pub mline: Option<u32>,
    /// The sender's ICE user name fragment: which of several peers it belongs to.
    pub ufrag: Option<String>,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

impl Kind {
    /// `audio` or `video`, as in SDP's m-line.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
        }
    }
}

/// The codecs the service forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// RFC 7741.
    Vp8,
    /// RFC 6184, packetization-mode 1, constrained baseline to high.
    H264,
    /// RFC 9628, profile 0.
    Vp9,
    /// AOM's "RTP Payload Format For AV1" 1.0, profile 0.
    Av1,
    /// RFC 7587.
    Opus,
    /// G.711 µ-law (RFC 3551), 8 kHz: many cameras, telephones.
    Pcmu,
    /// G.711 A-law (RFC 3551), 8 kHz.
    Pcma,
}

impl Codec {
    /// What the codec carries.
    pub fn kind(self) -> Kind {
        match self {
            Codec::Opus | Codec::Pcmu | Codec::Pcma => Kind::Audio,
            Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => Kind::Video,
        }
    }
    /// RTP clock rate in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Codec::Opus => 48_000,
            Codec::Pcmu | Codec::Pcma => 8_000,
            Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => 90_000,
        }
    }
    /// The encoding name of `a=rtpmap` in the form GStreamer's caps use.
    pub fn encoding_name(self) -> &'static str {
        match self {
            Codec::Vp8 => "VP8",
            Codec::H264 => "H264",
            Codec::Vp9 => "VP9",
            Codec::Av1 => "AV1",
            Codec::Opus => "OPUS",
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }
    /// What it is in a file: neither WebM nor MP4 for browsers holds G.711.
    pub fn in_files(self) -> Self {
        match self {
            Codec::Pcmu | Codec::Pcma => Codec::Opus,
            other => other,
        }
    }
    /// 20 ms of silence, one packet's payload; empty for pictures.
    pub fn silence(self) -> &'static [u8] {
        match self {
            // Stereo, RFC 6716.
            Codec::Opus => &[0xfc, 0xff, 0xfe],
            Codec::Pcmu => &[0xff; 160],
            Codec::Pcma => &[0xd5; 160],
            Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => &[],
        }
    }
    /// Lower-case name for labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::Vp8 => "vp8",
            Codec::H264 => "h264",
            Codec::Vp9 => "vp9",
            Codec::Av1 => "av1",
            Codec::Opus => "opus",
            Codec::Pcmu => "pcmu",
            Codec::Pcma => "pcma",
        }
    }
}

/// One track of a feed, as the room knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrackInfo {
    /// Negotiated codec; tells audio from video.
    pub codec: Codec,
}

impl TrackInfo {
    /// Audio or video.
    pub fn kind(&self) -> Kind {
        self.codec.kind()
    }
}

/// What a participant may do, from its token. See `auth`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Create rooms, invite, record.
    pub control: bool,
    /// Send media.
    pub publish: bool,
    /// Receive media.
    pub subscribe: bool,
    /// Restricts the holder to one room.
    pub room: Option<RoomId>,
}

impl Grants {
    /// Whether the grants let their holder into this room.
    pub fn allows_room(&self, room: &RoomId) -> bool {
        self.room.as_ref().is_none_or(|only| only == room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_leads_to_one_valid_room() {
        assert_eq!(RoomId::of_name("hall-7").as_str(), "hall-7");
        let odd = ["客厅", "a b", "", "a/b"].map(RoomId::of_name);
        assert!(odd.iter().all(|id| RoomId::is_valid(id.as_str())), "{odd:?}");
        assert!(odd.iter().enumerate().all(|(at, id)| !odd[..at].contains(id)), "{odd:?}");
        assert_eq!(RoomId::of_name("客厅"), odd[0]);
    }
}
