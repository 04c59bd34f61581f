//! What a peer hears from its link.

use crate::model::PeerId;
use std::time::Instant;

/// A link's state (RFC 8445, and RFC 7675 for its loss).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    /// No valid check yet.
    New,
    /// Checks come in.
    Connected,
    /// None for 10 s.
    Disconnected,
    /// None for 30 s.
    Failed,
}

/// What a peer hears from its link. Must not block.
pub trait LinkUser: Send + Sync + 'static {
    /// An SRTP datagram that somebody's gate let pass, in the reader; whether it was authentic.
    fn srtp(&self, datagram: &[u8], whose: PeerId, at: Instant) -> bool;
    /// An SRTCP datagram, in the reader; whether it was authentic.
    fn srtcp(&self, datagram: &[u8], at: Instant) -> bool;
    /// All media that had come in was handed on. Whether more of the same picture should come: `flush` follows within a
    /// millisecond or so.
    fn drained(&self) -> bool;
    /// What is held back goes out now.
    fn flush(&self);
    /// The client has another address now.
    fn roamed(&self);
    /// The state changed (on the link's worker).
    fn state(&self, state: IceState);
}
