//! Nonces that nobody has to remember: the time they end and a digest of it and of the client's address. Pure.
//!
//! A server that kept one for each address that asks would fill its memory with addresses that never were.

use aws_lc_rs::hmac;
use std::net::SocketAddr;

/// Clients fetch a new one after this (RFC 8656 5 wants at least one an hour), in seconds.
const LIFE: u64 = 3600;
/// Bytes of the digest that are shown.
const DIGEST: usize = 12;

/// Makes and checks them.
pub(super) struct Nonces(hmac::Key);

impl Nonces {
    /// With a secret that nobody knows; `None` when the system gives no random numbers.
    pub(super) fn random() -> Option<Self> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// For `client`, good for an hour from `now` (seconds since 1970).
    pub(super) fn make(&self, client: SocketAddr, now: u64) -> String {
        self.signed(client, now.saturating_add(LIFE))
    }

    /// Whether this is one of ours, for `client`, and still good at `now`.
    pub(super) fn is_good(&self, nonce: &str, client: SocketAddr, now: u64) -> bool {
        let end = nonce.split_once('-').and_then(|(end, _)| u64::from_str_radix(end, 16).ok());
        // Who guesses one wins an answer that says the password is wrong.
        end.is_some_and(|end| end > now && self.signed(client, end) == nonce)
    }

    fn signed(&self, client: SocketAddr, end: u64) -> String {
        let digest = hmac::sign(&self.0, format!("{end} {client}").as_bytes());
        let shown: String = digest.as_ref()[..DIGEST].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{end:x}-{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_client_and_its_time() {
        let (nonces, client) = (Nonces::random().unwrap(), "192.0.2.1:5000".parse().unwrap());
        let nonce = nonces.make(client, 1000);
        assert!(nonce.len() < 128 && nonces.is_good(&nonce, client, 4599));
        assert!(!nonces.is_good(&nonce, client, 4600));
        assert!(!nonces.is_good(&nonce, "192.0.2.1:5001".parse().unwrap(), 1000));
        assert!(!Nonces::random().unwrap().is_good(&nonce, client, 1000), "another server's");
        for odd in ["", "-", "ffffffff-", "ffffffff", "zz-00", "+1-00", &format!("0{nonce}")] {
            assert!(!nonces.is_good(odd, client, 1000), "{odd:?}");
        }
    }
}
