//! The one port of all peers, UDP and TCP: an ICE-lite agent (RFC 8445 2.5) that webrtcbin takes in libnice's place.
//!
//! Decides which datagram belongs to which peer and which never get in: strangers, forged checks, RTP nobody
//! announced, media before the DTLS certificate was verified. Leaves DTLS to webrtcbin, SRTP to `ingest` and `egress`.
//!
//! `stun` reads and writes checks, `gate` and `gates` judge RTP, `link` is one peer's side of the port with its `path`s and its `user`, `mux` the
//! port itself with its reader and `worker`s, `tcp` the same over connections; `elements` and `gobject` dress a link as
//! what webrtcbin expects, `agent` makes one with it; `discover` asks how the world sees us.

mod agent;
mod discover;
mod elements;
mod gate;
mod gates;
pub(super) mod gobject;
mod link;
mod mux;
mod path;
mod socket;
#[doc(hidden)]
pub mod stun;
mod tcp;
#[cfg(test)]
mod testing;
mod user;
mod worker;

pub use agent::{Agent, webrtcbin};
pub use discover::public_ips;
pub use gate::{Datagram, Gate, Pass};
pub use link::Link;
pub use mux::Mux;
#[doc(hidden)]
pub use tcp::frame;
pub use user::{IceState, LinkUser};

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the port has seen, for metrics and tests. A flood must not become log lines.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connectivity checks answered.
    pub checks: AtomicU64,
    /// Checks for a user name nobody has.
    pub unknown_user: AtomicU64,
    /// Checks with a wrong password or peer name.
    pub bad_integrity: AtomicU64,
    /// Authentic checks seen before from another address.
    pub replayed: AtomicU64,
    /// Neither STUN, DTLS, RTP nor RTCP.
    pub malformed: AtomicU64,
    /// DTLS, RTP or RTCP of an address without a valid check.
    pub unknown_address: AtomicU64,
    /// RTP with an SSRC that no description announced.
    pub unannounced_ssrc: AtomicU64,
    /// RTP or RTCP before the certificate was verified.
    pub unverified: AtomicU64,
    /// DTLS held back until webrtcbin was ready.
    pub held: AtomicU64,
    /// DTLS given up because webrtcbin was not ready in time.
    pub held_dropped: AtomicU64,
    /// A client's address changed.
    pub roamed: AtomicU64,
    /// Datagrams the socket did not take.
    pub send_failed: AtomicU64,
    /// Datagrams received, over UDP and TCP.
    pub received: AtomicU64,
    /// What concerns TCP alone.
    pub tcp: tcp::TcpCounters,
}

impl Counters {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Reports all drops under one metric, by reason.
    pub fn report(&self) {
        metrics::counter!("media_ice_datagrams_total").absolute(self.received.load(Relaxed));
        metrics::counter!("media_ice_checks_total").absolute(self.checks.load(Relaxed));
        metrics::counter!("media_ice_roamed_total").absolute(self.roamed.load(Relaxed));
        for (reason, counter) in [
            ("unknown_user", &self.unknown_user),
            ("bad_integrity", &self.bad_integrity),
            ("replayed", &self.replayed),
            ("malformed", &self.malformed),
            ("unknown_address", &self.unknown_address),
            ("unannounced_ssrc", &self.unannounced_ssrc),
            ("unverified", &self.unverified),
            ("not_ready", &self.held_dropped),
            ("send_failed", &self.send_failed),
        ] {
            metrics::counter!("media_ice_dropped_total", "reason" => reason).absolute(counter.load(Relaxed));
        }
        self.report_tcp();
    }

    fn report_tcp(&self) {
        let tcp = &self.tcp;
        metrics::gauge!("media_ice_tcp_connections").set(tcp.open.load(Relaxed) as f64);
        metrics::counter!("media_ice_tcp_accepted_total").absolute(tcp.accepted.load(Relaxed));
        for (reason, counter) in
            [("crowded", &tcp.crowded), ("garbage", &tcp.garbage), ("silent", &tcp.silent), ("stalled", &tcp.stalled)]
        {
            metrics::counter!("media_ice_tcp_cut_total", "reason" => reason).absolute(counter.load(Relaxed));
        }
    }
}
