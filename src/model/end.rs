//! The one table of endings: why a peer, a feed, a participant, a recording or a room ended.

use serde::{Deserialize, Serialize};

/// Why something ended. The text form is stable: it stands in events, logs, metrics and the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The participant left the room.
    Left,
    /// The publisher stopped publishing.
    Unpublished,
    /// The subscriber stopped this subscription.
    Unsubscribed,
    /// The same identity connected again, or the same subscription was asked for again.
    Replaced,
    /// A moderator removed the participant.
    Kicked,
    /// The room was closed.
    RoomClosed,
    /// The signaling connection was lost and its grace time ran out.
    ConnectionLost,
    /// No ICE consent check for 30 s (RFC 7675).
    IceFailed,
    /// Neither RTP nor RTCP for the liveness limit (10 s).
    MediaTimeout,
    /// The peer's DTLS certificate is not the one its SDP announced (RFC 8122).
    FingerprintMismatch,
    /// No answer, or no connection, within the negotiation deadline.
    NegotiationTimeout,
    /// The description was refused by the media engine.
    NegotiationFailed,
    /// The feed that was being watched or recorded ended.
    FeedEnded,
    /// The publisher changed to a codec that this subscription or file cannot carry on with.
    CodecChanged,
    /// Asked for by the API or the console.
    Requested,
    /// The disk is full.
    DiskFull,
    /// Writing failed for another reason than space.
    StorageFailed,
    /// The media engine failed inside.
    EngineError,
    /// The service is shutting down.
    Shutdown,
    /// A recording into which nothing came.
    NoMedia,
    /// Nobody has published for the time that was set.
    RoomEmpty,
    /// The length that was asked for is reached.
    LengthReached,
    /// It was paused, and nobody resumed it.
    Expired,
    /// The service died while it ran; what was written was put right at the next start.
    Crashed,
    /// A source (a file, a stream) came to its end.
    SourceEnded,
    /// Nobody uses it any more.
    Unused,
    /// More waited for a consumer of a data channel than is kept.
    NotReading,
    /// What carried a transport's data channels (SCTP) has ended.
    DataLost,
}

impl EndReason {
    /// The stable text, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Unpublished => "unpublished",
            Self::Unsubscribed => "unsubscribed",
            Self::Replaced => "replaced",
            Self::Kicked => "kicked",
            Self::RoomClosed => "room_closed",
            Self::ConnectionLost => "connection_lost",
            Self::IceFailed => "ice_failed",
            Self::MediaTimeout => "media_timeout",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::NegotiationTimeout => "negotiation_timeout",
            Self::NegotiationFailed => "negotiation_failed",
            Self::FeedEnded => "feed_ended",
            Self::CodecChanged => "codec_changed",
            Self::Requested => "requested",
            Self::DiskFull => "disk_full",
            Self::StorageFailed => "storage_failed",
            Self::EngineError => "engine_error",
            Self::Shutdown => "shutdown",
            Self::NoMedia => "no_media",
            Self::RoomEmpty => "room_empty",
            Self::LengthReached => "length_reached",
            Self::Expired => "expired",
            Self::Crashed => "crashed",
            Self::SourceEnded => "source_ended",
            Self::Unused => "unused",
            Self::NotReading => "not_reading",
            Self::DataLost => "data_lost",
        }
    }

    /// Whether somebody should look into it: logged as a warning, and a recording that ended so has failed.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::FingerprintMismatch
                | Self::NegotiationTimeout
                | Self::NegotiationFailed
                | Self::DiskFull
                | Self::StorageFailed
                | Self::EngineError
        )
    }
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
