//! Our candidates in SDP (RFC 8839 5.1, RFC 6544 4.5).

use super::text::push;
use std::net::SocketAddr;

/// An address where we wait for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostCandidate {
    /// Address and port.
    pub address: SocketAddr,
    /// Over TCP, passively; else UDP.
    pub tcp: bool,
}

/// Type preferences: any UDP candidate before any TCP one, which is for networks that block UDP.
const UDP: u32 = 126;
const TCP: u32 = 90;
/// RFC 6544 4.2: the preference of the passive direction is the upper part of the local preference.
const PASSIVE: u32 = 4 << 13;

impl HostCandidate {
    fn priority(&self, index: usize) -> u32 {
        let index = index as u32;
        let (kind, local) = match self.tcp {
            true => (TCP, PASSIVE + 8191u32.saturating_sub(index)),
            false => (UDP, 65_535u32.saturating_sub(index)),
        };
        kind << 24 | local << 8 | 255
    }
}

/// Writes them, the first preferred.
pub fn write(out: &mut String, candidates: &[HostCandidate]) {
    for (index, candidate) in candidates.iter().enumerate() {
        let (ip, port) = (candidate.address.ip(), candidate.address.port());
        let (protocol, suffix) = if candidate.tcp { ("tcp", " tcptype passive") } else { ("udp", "") };
        let (foundation, priority) = (index + 1, candidate.priority(index));
        push(out, format!("a=candidate:{foundation} 1 {protocol} {priority} {ip} {port} typ host{suffix}"));
    }
    if !candidates.is_empty() {
        push(out, "a=end-of-candidates");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_stands_below_udp_and_says_passive() {
        let of = |tcp| HostCandidate { address: "192.0.2.1:8443".parse().unwrap(), tcp };
        let v6 = HostCandidate { address: "[2001:db8::1]:8443".parse().unwrap(), tcp: true };
        let mut out = String::new();
        write(&mut out, &[of(false), of(true), v6]);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[0], "a=candidate:1 1 udp 2130706431 192.0.2.1 8443 typ host");
        assert_eq!(lines[1], "a=candidate:2 1 tcp 1520434943 192.0.2.1 8443 typ host tcptype passive");
        assert_eq!(lines[2], "a=candidate:3 1 tcp 1520434687 2001:db8::1 8443 typ host tcptype passive");
        assert_eq!(lines[3], "a=end-of-candidates");
    }

    #[test]
    fn nothing_to_announce_writes_nothing() {
        let mut out = String::new();
        write(&mut out, &[]);
        assert_eq!(out, "");
    }
}
