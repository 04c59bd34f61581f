//! Session descriptions (RFC 8866) read, judged and written. Pure: no GStreamer, no sockets.
//!
//! Decides what of a client's description counts (`offered`), which codec each m-section gets (`codec`; `formats` toward
//! viewers, who may take several), and what the client reads (`publish` and its `simulcast`, `subscribe`, `watch`; `converse` for both
//! directions on one transport, `transport` where the client has parameters instead of a description). webrtcbin only ever sees
//! descriptions written here (`inner`), one codec per section and nothing it could stumble over; what it answers serves
//! as the source of the transport lines alone.

mod candidate;
mod codec;
mod converse;
mod formats;
mod inner;
mod offered;
mod profile;
mod publish;
mod simulcast;
mod subscribe;
#[cfg(test)]
mod testing;
mod text;
mod transport;
mod watch;

pub use candidate::HostCandidate;
pub use converse::{Conversation, Receiving};
pub use inner::Local;
pub use offered::{Fingerprint, Remote};
pub use publish::Publication;
pub use subscribe::{Accepted, Subscription};
pub use transport::{STAND_IN, inner_answer};
pub use watch::Viewing;

/// Header extensions (RFC 8285) we understand.
pub mod extension {
    /// Media id (RFC 8843).
    pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
    /// Name of a simulcast layer (RFC 8852).
    pub const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    /// Name of the layer that is retransmitted (RFC 8852).
    pub const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
    /// Audio level (RFC 6464).
    pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    /// Absolute send time.
    pub const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
    /// Transport-wide congestion control.
    pub const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
}
