//! A peer connection that is described by parameters rather than by SDP (ORTC, as mediasoup's clients have it).

use super::{DataPort, Secret};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Our side of a transport: what a client needs to connect. We are ICE lite (RFC 8445 2.5) and wait for its handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportLocal {
    /// ICE user name fragment.
    pub name: String,
    /// ICE password.
    pub password: Secret,
    /// Where we wait, best first; `true`: over TCP, passively (RFC 6544).
    pub addresses: Vec<(SocketAddr, bool)>,
    /// `sha-256 AB:CD:…` of our certificate (RFC 8122 5).
    pub fingerprint: String,
    /// What it takes of data channels, if it was asked for any.
    pub data: Option<DataPort>,
}

/// The client's side of a transport. Its ICE names are not known, nor needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportRemote {
    /// It waits for our DTLS handshake; else it begins.
    pub waits: bool,
    /// Its certificate has one of these: `sha-256 AB:CD:…`.
    pub fingerprints: Vec<String>,
}
