//! The STUN messages that are written here rather than by `turn-server-proto`: answers to binding requests, and errors. Pure.
//!
//! What is written holds few and short attributes, so that no answer to a stranger is much longer than his question.

use std::net::SocketAddr;
use turn_types::stun::attribute::{AttributeType, ErrorCode, Nonce, Realm, UnknownAttributes, XorMappedAddress};
use turn_types::stun::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageWrite, MessageWriteExt, MessageWriteVec, StunWriteError,
};

/// In which all users are; part of what a password's key is made of.
pub(super) const REALM: &str = "millrace";

/// A good answer to a binding request: the address that it came from (RFC 8489 14.2), and a fingerprint.
pub(super) fn bound(request: &Message<'_>, client: SocketAddr) -> Option<Vec<u8>> {
    let mut answer = Message::builder_success(request, MessageWriteVec::with_capacity(64));
    answer.add_attribute(&XorMappedAddress::new(client, request.transaction_id())).ok()?;
    answer.add_fingerprint().ok()?;
    Some(answer.finish())
}

/// What an error answer has beside its code.
pub(super) enum With<'a> {
    /// Nothing.
    Nothing,
    /// Realm and nonce: come again with a password.
    Challenge(&'a str),
    /// Integrity, by the key that the request was protected with.
    Integrity(&'a IntegrityKey),
    /// What was not understood.
    Unknown(&'a [AttributeType], Option<&'a IntegrityKey>),
}

/// An error answer with the usual words of `code`.
pub(super) fn refused(request: &Message<'_>, code: u16, with: With<'_>) -> Option<Vec<u8>> {
    write(request, code, with).ok()
}

fn write(request: &Message<'_>, code: u16, with: With<'_>) -> Result<Vec<u8>, StunWriteError> {
    let mut answer = Message::builder_error(request, MessageWriteVec::with_capacity(128));
    answer.add_attribute(&ErrorCode::builder(code).build()?)?;
    match with {
        With::Nothing => {}
        With::Challenge(nonce) => {
            answer.add_attribute(&Realm::new(REALM)?)?;
            answer.add_attribute(&Nonce::new(nonce)?)?;
        }
        With::Integrity(key) => answer.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)?,
        With::Unknown(attributes, key) => {
            answer.add_attribute(&UnknownAttributes::new(attributes))?;
            if let Some(key) = key {
                answer.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)?;
            }
        }
    }
    answer.add_fingerprint()?;
    Ok(answer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    fn answer(client: &str) -> Vec<u8> {
        bound(&Message::from_bytes(&REQUEST).unwrap(), client.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_binding_answer_is_what_rfc_8489_says_byte_for_byte() {
        let got = answer("192.0.2.1:32853");
        // Header: success of binding, 20 bytes follow, the cookie, the transaction.
        assert_eq!(got[..4], [0x01, 0x01, 0, 20]);
        assert_eq!(got[4..20], REQUEST[4..20]);
        // XOR-MAPPED-ADDRESS: IPv4, port ^ 0x2112, address ^ cookie.
        assert_eq!(got[20..32], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        // FINGERPRINT: CRC-32 of all before it ^ "STUN".
        let crc = crc32fast::hash(&got[..32]) ^ 0x5354_554e;
        assert_eq!(got[32..], [&[0x80, 0x28, 0, 4][..], &crc.to_be_bytes()].concat());
    }

    #[test]
    fn an_ipv6_address_is_mixed_with_the_transaction_too() {
        let got = answer("[2001:db8::1]:32853");
        let mixed: Vec<u8> = "2001:db8::1"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets()
            .iter()
            .zip(&REQUEST[4..])
            .map(|(a, b)| a ^ b)
            .collect();
        assert_eq!(got[20..28], [0, 0x20, 0, 20, 0, 2, 0xa1, 0x47]);
        assert_eq!(got[28..44], mixed);
    }

    #[test]
    fn a_challenge_has_realm_and_nonce_and_is_short() {
        let request = Message::from_bytes(&REQUEST).unwrap();
        let got = refused(&request, 401, With::Challenge("0123-456789abcdef")).unwrap();
        let read = Message::from_bytes(&got).unwrap();
        assert_eq!(read.attribute::<ErrorCode>().unwrap().code(), 401);
        assert_eq!(read.attribute::<Realm>().unwrap().realm(), REALM);
        assert_eq!(read.attribute::<Nonce>().unwrap().nonce(), "0123-456789abcdef");
        assert!(got.len() <= 120, "{}", got.len());
    }
}
