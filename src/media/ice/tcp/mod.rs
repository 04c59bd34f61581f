//! ICE over TCP (RFC 6544, passive): one thread for the listener and all connections, feeding the same links as UDP.
//!
//! Decides who may stay connected: a newcomer must prove itself by an authentic check at once, with nothing else before
//! it; a stranger, a silent or a stalled client is cut off and counted. Leaves what a frame means to `mux`.

mod connection;
pub mod frame;
mod listener;
mod pipe;

pub use listener::{Listener, listen};
pub use pipe::Pipe;

use std::sync::atomic::AtomicU64;

/// What the listener has seen.
#[derive(Debug, Default)]
pub struct TcpCounters {
    /// Connections open now.
    pub open: AtomicU64,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Turned away or pushed out, since there were too many.
    pub crowded: AtomicU64,
    /// Cut off: the first frames were no authentic check, or a frame was longer than any datagram.
    pub garbage: AtomicU64,
    /// Cut off: no authentic check in time, or nothing at all for long.
    pub silent: AtomicU64,
    /// Cut off: the client did not read.
    pub stalled: AtomicU64,
}

#[cfg(test)]
mod tests;
