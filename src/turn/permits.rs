//! Which peers and channels a client has named, and how many it may: `turn-server-proto` would keep any number. Pure.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use turn_types::Instant;

/// Addresses at once. A call needs a few dozen: each candidate of the other side is one.
const MAX_PEERS: usize = 200;
/// Channels at once.
const MAX_CHANNELS: usize = 200;
/// RFC 8656 9.
const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656 12.
const CHANNEL: Duration = Duration::from_secs(600);

/// Why a client may not name a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There are too many (508).
    Full,
    /// The channel is another peer's (400, RFC 8656 12.2).
    Taken,
}

/// What one client has named, kept in step with its server.
#[derive(Debug, Default)]
pub(super) struct Permits {
    peers: HashMap<IpAddr, Instant>,
    channels: HashMap<u16, (SocketAddr, Instant)>,
}

impl Permits {
    /// Whether these may be added, the last for a channel if one is given.
    pub(super) fn fit(&mut self, peers: &[SocketAddr], channel: Option<u16>, now: Instant) -> Result<(), Unfit> {
        self.peers.retain(|_, end| *end >= now);
        self.channels.retain(|_, (_, end)| *end >= now);
        let new = peers.iter().filter(|peer| !self.peers.contains_key(&peer.ip())).count();
        if self.peers.len() + new > MAX_PEERS {
            return Err(Unfit::Full);
        }
        let Some(channel) = channel else { return Ok(()) };
        match self.channels.get(&channel) {
            Some((peer, _)) if peers.last() != Some(peer) => Err(Unfit::Taken),
            None if self.channels.len() >= MAX_CHANNELS => Err(Unfit::Full),
            _ => Ok(()),
        }
    }

    /// They have been added.
    pub(super) fn added(&mut self, peers: &[SocketAddr], channel: Option<u16>, now: Instant) {
        self.peers.extend(peers.iter().map(|peer| (peer.ip(), now + PERMISSION)));
        if let Some((channel, peer)) = channel.zip(peers.last()) {
            self.channels.insert(channel, (*peer, now + CHANNEL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> SocketAddr {
        SocketAddr::from(([1, 1, 1, number], 1000))
    }

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn peers_are_bounded_until_their_time_is_over() {
        let (mut permits, all) = (Permits::default(), (0..200).map(peer).collect::<Vec<_>>());
        assert_eq!(permits.fit(&all, None, at(0)), Ok(()));
        permits.added(&all, None, at(0));
        assert_eq!(permits.fit(&[peer(200)], None, at(300)), Err(Unfit::Full));
        assert_eq!(permits.fit(&[peer(7)], None, at(300)), Ok(()), "one that is there");
        assert_eq!(permits.fit(&[peer(200)], None, at(301)), Ok(()));
    }

    #[test]
    fn a_channel_stays_its_peers() {
        let mut permits = Permits::default();
        permits.added(&[peer(1)], Some(0x4000), at(0));
        assert_eq!(permits.fit(&[peer(2)], Some(0x4000), at(600)), Err(Unfit::Taken));
        assert_eq!(permits.fit(&[peer(1)], Some(0x4000), at(600)), Ok(()));
        assert_eq!(permits.fit(&[peer(2)], Some(0x4000), at(601)), Ok(()));
    }
}
