//! Data channels (RFC 8831) without a word of their own: streams agreed beforehand, messages of one producer to all its
//! consumers. Pure; sockets and threads are `peer`'s.
//!
//! Why SCTP is not webrtcbin's: in 1.22 a negotiated channel can only be made before the first negotiation (`max-channels` stays 0),
//! an association is known by a random 16-bit number in the whole process, and one who sends a byte on each of 500 streams makes a
//! thousand threads. `sctp` drives sctp-proto instead, one association per transport, on the bytes that DTLS carries.
//!
//! Decides what is kept, dropped and too much; leaves to `room` who may produce and consume. `message` is what travels, `sending`
//! what waits for one consumer, `topic` who takes a producer's messages, `registry` where each producer and consumer is, `effort` what a client's datagrams cost.

mod effort;
mod message;
mod registry;
mod sctp;
mod sending;
#[cfg(test)]
mod testing;
mod topic;

pub use effort::Effort;
pub use message::Message;
pub use registry::{Channels, Registry, Work};
pub use sctp::{Heard, Sctp};
pub use sending::{Sending, Taken};
pub use topic::{Inbox, Topic};

use crate::model::DataPort;

/// The longest message that is passed on, in bytes. Longer ones are dropped.
const MESSAGE: u32 = 64 * 1024;
/// What a message may have before the association ends: SCTP puts it together first.
const ASSEMBLED: u32 = 2 * MESSAGE;
/// What SCTP keeps of messages that are not whole yet, or not next in order.
const RECEIVED: u32 = 256 * 1024;
/// Streams in use at once on one transport.
const STREAMS: usize = 64;
/// What may wait for one consumer, in bytes.
const BUDGET: usize = 1024 * 1024;
/// What a waiting message costs besides its bytes.
const OVERHEAD: usize = 256;
/// Streams that nobody announced before an association is no client's any more.
const STRAYS: usize = 64;

/// What a client is told.
pub const PORT: DataPort = DataPort { port: 5000, streams: 1024, message: MESSAGE };

/// A message was not passed on: `too_long`, `not_text`, `nobodys` (stream), `not_reading` (its consumer).
fn dropped(reason: &'static str) {
    metrics::counter!("media_data_dropped_total", "reason" => reason).increment(1);
}
