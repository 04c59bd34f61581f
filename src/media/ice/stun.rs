//! STUN (RFC 8489) as far as an ICE-lite agent needs it: binding requests in, answers out. Pure.
//!
//! Decides whether a request is well-formed and authentic; leaves whom it belongs to and what follows to `mux`.

use aws_lc_rs::hmac;
use std::net::{IpAddr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const FINGERPRINT_XOR: u32 = 0x5354_554e;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
/// Room for the longest answer.
pub const MAX_ANSWER: usize = 128;

/// A binding request, not yet authenticated.
#[derive(Debug, Default, PartialEq)]
pub struct Request<'a> {
    /// `receiver:sender` user name fragments.
    pub username: Option<&'a str>,
    /// The sender nominates this pair.
    pub use_candidate: bool,
    /// The sender believes to be controlled, as we are.
    pub controlled: bool,
    integrity_at: Option<usize>,
    fingerprint_at: Option<usize>,
}

/// The password's key for message integrity.
pub fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// Reads a binding request; `None` for anything else.
pub fn parse(packet: &[u8]) -> Option<Request<'_>> {
    let header = packet.first_chunk::<20>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != [0, 1] || header[4..8] != COOKIE || length % 4 != 0 || length + 20 != packet.len() {
        return None;
    }
    let mut request = Request::default();
    let mut at = 20;
    while at < packet.len() {
        let head = packet.get(at..at + 4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = packet.get(at + 4..at + 4 + length)?;
        request.attribute(u16::from_be_bytes([head[0], head[1]]), value, at)?;
        at += 4 + length.next_multiple_of(4);
    }
    Some(request)
}

/// A message's transaction id.
pub fn transaction(packet: &[u8]) -> [u8; 12] {
    packet.get(8..20).and_then(|id| id.try_into().ok()).unwrap_or_default()
}

impl<'a> Request<'a> {
    /// Takes in one attribute; what follows the integrity is not protected and counts for nothing.
    fn attribute(&mut self, kind: u16, value: &'a [u8], at: usize) -> Option<()> {
        if self.fingerprint_at.is_some() {
            return None;
        }
        match (kind, self.integrity_at) {
            (USERNAME, None) => self.username = Some(std::str::from_utf8(value).ok()?),
            (MESSAGE_INTEGRITY, None) if value.len() == 20 => self.integrity_at = Some(at),
            (MESSAGE_INTEGRITY, None) => return None,
            (USE_CANDIDATE, None) => self.use_candidate = true,
            (ICE_CONTROLLED, None) => self.controlled = true,
            (FINGERPRINT, _) if value.len() == 4 => self.fingerprint_at = Some(at),
            (FINGERPRINT, _) => return None,
            _ => {}
        }
        Some(())
    }

    /// Whether integrity (required) and fingerprint (if there) are right.
    pub fn authentic(&self, packet: &[u8], key: &hmac::Key) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let (Some(covered), Some(tag)) = (packet.get(..at), packet.get(at + 4..at + 24)) else { return false };
        let mut context = hmac::Context::with_key(key);
        context.update(&covered[..2]);
        context.update(&((at + 4) as u16).to_be_bytes());
        context.update(&covered[4..]);
        let right = aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), tag).is_ok();
        right && self.fingerprint_at.is_none_or(|at| packet.get(at + 4..at + 8) == Some(&fingerprint(&packet[..at])))
    }
}

fn fingerprint(covered: &[u8]) -> [u8; 4] {
    (crc32fast::hash(covered) ^ FINGERPRINT_XOR).to_be_bytes()
}

/// Writes the success answer to `request` and returns it.
pub fn success(request: &[u8], from: SocketAddr, key: &hmac::Key) -> Vec<u8> {
    let mut out = start(0x0101, request);
    let port = from.port() ^ 0x2112;
    let mask: Vec<u8> = COOKIE.iter().chain(&request[8..20]).copied().collect();
    let (family, address): (u8, Vec<u8>) = match from.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    out.extend_from_slice(&[0, XOR_MAPPED_ADDRESS as u8, 0, 4 + address.len() as u8, 0, family]);
    out.extend_from_slice(&port.to_be_bytes());
    out.extend(address.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    finish(out, key)
}

/// Writes the 487 (role conflict) answer: we are always the controlled side.
pub fn role_conflict(request: &[u8], key: &hmac::Key) -> Vec<u8> {
    let mut out = start(0x0111, request);
    out.extend_from_slice(&[0, 9, 0, 4, 0, 0, 4, 87]);
    finish(out, key)
}

/// A binding request to a STUN server: no credentials, no attributes.
pub fn plain_request(transaction: [u8; 12]) -> Vec<u8> {
    let mut out = vec![0, 1, 0, 0];
    out.extend_from_slice(&COOKIE);
    out.extend_from_slice(&transaction);
    out
}

/// What the success answer to `request` says of where that came from.
pub fn mapped_address(packet: &[u8], request: &[u8]) -> Option<SocketAddr> {
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    if packet[..2] != [1, 1] || packet.get(4..20)? != request.get(4..20)? || length + 20 != packet.len() {
        return None;
    }
    let mut rest = &packet[20..];
    while let [kind_high, kind_low, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = after.get(..length)?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == XOR_MAPPED_ADDRESS {
            return unmasked(value, &packet[4..20]);
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn unmasked(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ 0x2112;
    let bytes: Vec<u8> = address.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match head[1] {
        1 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn start(kind: u16, request: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(MAX_ANSWER);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&request[4..20]);
    out
}

fn finish(mut out: Vec<u8>, key: &hmac::Key) -> Vec<u8> {
    set_length(&mut out, 24);
    let tag = hmac::sign(key, &out);
    out.extend_from_slice(&[0, 8, 0, 20]);
    out.extend_from_slice(tag.as_ref());
    set_length(&mut out, 8);
    let sum = fingerprint(&out);
    out.extend_from_slice(&[0x80, 0x28, 0, 4]);
    out.extend_from_slice(&sum);
    out
}

fn set_length(out: &mut [u8], more: usize) {
    let length = (out.len() - 20 + more) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 2.1, with its password.
    const SAMPLE: &[u8] = &[
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87,
        0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
        0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
        0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
        0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
    ];
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_sample_request_of_rfc_5769_is_authentic() {
        let request = parse(SAMPLE).expect("well-formed");
        assert_eq!(request.username, Some("evtj:h6vY"));
        assert!(request.controlled && !request.use_candidate);
        assert!(request.authentic(SAMPLE, &key(PASSWORD)));
        assert!(!request.authentic(SAMPLE, &key("another")));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        // The type of the last attribute is left out: a fingerprint may be missing, and what is unknown is ignored.
        let unprotected = 100 * 8..102 * 8;
        for bit in (0..SAMPLE.len() * 8).filter(|bit| !unprotected.contains(bit)) {
            let mut bad = SAMPLE.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            let accepted = parse(&bad).is_some_and(|r| r.authentic(&bad, &key(PASSWORD)));
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn truncated_and_random_packets_never_panic() {
        for length in 0..SAMPLE.len() {
            assert!(parse(&SAMPLE[..length]).is_none());
        }
        let mut state = 1u64;
        for _ in 0..20_000 {
            let mut packet = SAMPLE.to_vec();
            for _ in 0..6 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % packet.len();
                packet[at] = (state >> 20) as u8;
            }
            packet.truncate((state >> 40) as usize % (packet.len() + 1));
            if let Some(request) = parse(&packet) {
                request.authentic(&packet, &key(PASSWORD));
            }
        }
    }

    /// RFC 5769 2.2 and 2.3: the mapped addresses of the sample responses, same transaction.
    #[test]
    fn the_mapped_address_is_that_of_rfc_5769() {
        let v4 = success(SAMPLE, "192.0.2.1:32853".parse().unwrap(), &key(PASSWORD));
        assert_eq!(v4[20..32], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = success(SAMPLE, "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap(), &key(PASSWORD));
        let sample = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(v6[20..44], sample);
        assert!(v6.len() <= MAX_ANSWER);
    }

    #[test]
    fn an_answers_mapped_address_is_read_back_and_only_that() {
        let request = plain_request([5; 12]);
        for address in ["192.0.2.1:32853", "[2001:db8::7]:1"] {
            let address: SocketAddr = address.parse().unwrap();
            let answer = success(&request, address, &key("x"));
            assert_eq!(mapped_address(&answer, &request), Some(address));
            assert_eq!(mapped_address(&answer, &plain_request([6; 12])), None, "another transaction");
            for length in 0..answer.len() {
                assert_eq!(mapped_address(&answer[..length], &request), None);
            }
            for bit in 0..answer.len() * 8 {
                let mut bad = answer.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                mapped_address(&bad, &request);
            }
        }
        assert_eq!(mapped_address(&role_conflict(&request, &key("x")), &request), None);
    }

    #[test]
    fn answers_carry_a_valid_integrity_and_fingerprint() {
        for answer in [role_conflict(SAMPLE, &key(PASSWORD)), success(SAMPLE, "1.2.3.4:5".parse().unwrap(), &key("x"))]
        {
            let end = answer.len();
            assert_eq!(answer[end - 4..], fingerprint(&answer[..end - 8]));
            assert_eq!(usize::from(u16::from_be_bytes([answer[2], answer[3]])) + 20, end);
        }
    }

    #[test]
    fn attributes_after_the_integrity_count_for_nothing() {
        let mut packet = finish(start(1, SAMPLE), &key("x"));
        packet.truncate(packet.len() - 8);
        packet.extend_from_slice(&[0, 0x25, 0, 0]);
        set_length(&mut packet, 0);
        assert!(!parse(&packet).expect("well-formed").use_candidate);
    }
}
