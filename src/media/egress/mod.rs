//! Per subscriber: rewrite, retransmit, encrypt, send. A fixed pool of workers; no GStreamer here.

use super::PeerStats;
use super::feed::Feed;
use crate::model::{Codec, PeerId};
use std::sync::Arc;

/// The socket side of a subscriber: datagrams to its selected address.
pub trait Wire: Send + Sync + 'static {
    /// Sends datagrams that lie one after another in `data`, their lengths in `lengths` (GSO where equal sizes
    /// follow each other). Never blocks; returns how many were not taken by the socket.
    fn send(&self, data: &[u8], lengths: &[usize]) -> usize;
}

/// One outgoing stream as the subscriber's SDP announces it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutStream {
    /// Codec.
    pub codec: Codec,
    /// Media id of its m-section (RFC 8843).
    pub mid: String,
    /// RTP payload type.
    pub payload_type: u8,
    /// SSRC, random.
    pub ssrc: u32,
    /// Payload type and SSRC of retransmissions (RFC 4588); video only.
    pub rtx: Option<(u8, u32)>,
}

/// Header-extension ids toward a subscriber (RFC 8285 one-byte form); 0 = not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutExtensions {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: u8,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`
    pub abs_send_time: u8,
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`
    pub transport_cc: u8,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`
    pub audio_level: u8,
}

/// SRTP master keys and salts (AES_CM_128_HMAC_SHA1_80: 16 + 14 bytes) from the DTLS handshake.
pub struct Keys {
    /// Ours.
    pub send: [u8; 30],
    /// The subscriber's.
    pub receive: [u8; 30],
}

/// What a connected subscriber needs.
pub struct DownlinkSpec {
    /// The subscription.
    pub peer: PeerId,
    /// What it watches.
    pub feed: Arc<Feed>,
    /// Its streams, as negotiated.
    pub streams: Vec<OutStream>,
    /// Its extensions, as negotiated.
    pub extensions: OutExtensions,
    /// Its keys.
    pub keys: Keys,
    /// Its socket.
    pub wire: Arc<dyn Wire>,
    /// CNAME of all its streams (RFC 8834 4.9).
    pub cname: String,
}

/// The workers that send to subscribers, and the timer that keeps sender reports and NACKs on time.
pub struct Pool {
    _todo: (),
}

impl Pool {
    /// Starts `workers` threads `egress-N` (at least one).
    pub fn start(_workers: usize) -> std::io::Result<Arc<Self>> {
        todo!()
    }
    /// Begins sending to a connected subscriber, with a keyframe request for its feed.
    pub fn attach(&self, _spec: DownlinkSpec) -> Downlink {
        todo!()
    }
}

/// A subscriber being served; dropping it ends the sending before `drop` returns.
pub struct Downlink {
    _todo: (),
}

impl Downlink {
    /// One SRTCP datagram of the subscriber, as it came from the socket.
    pub fn on_srtcp(&self, _datagram: &[u8]) {
        todo!()
    }
    /// When the subscriber's last authentic RTCP came.
    pub fn last_rtcp(&self) -> Option<std::time::Instant> {
        todo!()
    }
    /// Live figures (`state` and `remote_address` are filled by the caller).
    pub fn stats(&self) -> PeerStats {
        todo!()
    }
}
