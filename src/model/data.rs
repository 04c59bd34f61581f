//! Data channels: how a stream's messages travel, and what a transport takes of them.

use serde::{Deserialize, Serialize};

/// How a stream's messages travel (RFC 8831 6.1). It is negotiated beforehand: both sides know it, no message opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataStream {
    /// SCTP stream, 0 to [`DataStream::LAST`].
    pub id: u16,
    /// Messages come in the order in which they were sent.
    pub ordered: bool,
    /// A message is given up so many milliseconds after it was sent; not together with the next.
    pub max_packet_life_time: Option<u16>,
    /// A message is given up when it was repeated so often.
    pub max_retransmits: Option<u16>,
}

impl DataStream {
    /// The last one: 65535 is nobody's (RFC 8832 6).
    pub const LAST: u16 = 65_534;

    /// Every message arrives.
    pub fn is_reliable(&self) -> bool {
        self.max_packet_life_time.is_none() && self.max_retransmits.is_none()
    }
}

/// What a transport takes of data channels; for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPort {
    /// SCTP port.
    pub port: u16,
    /// Streams each way.
    pub streams: u16,
    /// The longest message, in bytes.
    pub message: u32,
}
