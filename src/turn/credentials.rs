//! Passwords that are good for a time: the TURN REST scheme, which coturn knows as `use-auth-secret`.
//!
//! The user name is `EXPIRY:USER` (seconds since 1970), the password the base64 of its HMAC-SHA1 under the shared secret:
//! a server needs no list of users.

use crate::model::Secret;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::sync::Arc;
use std::time::Duration;

/// Expiry times are rounded up to this: who asks often gets the same name for a while.
const STEP: u64 = 300;
/// Bytes of the digest that stands for a user.
const USER_BYTES: usize = 12;

/// Makes and checks them. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<hmac::Key>);

impl Credentials {
    /// With the secret that is shared with the TURN server.
    pub fn new(secret: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret)))
    }

    /// With a secret that nobody knows; `None` when the system gives no random numbers.
    pub fn random() -> Option<Self> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        Some(Self::new(&secret))
    }

    /// A name and its password, good for at least `ttl` from `now` (seconds since 1970). `who` is whatever tells users
    /// apart; the name shows a digest of it.
    pub fn issue(&self, who: &str, now: u64, ttl: Duration) -> (String, Secret) {
        let expiry = now.saturating_add(ttl.as_secs()).next_multiple_of(STEP);
        let digest = hmac::sign(&self.0, who.as_bytes());
        let user = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..USER_BYTES]);
        let name = format!("{expiry}:{user}");
        let password = Secret::new(self.password(&name));
        (name, password)
    }

    /// The password of a name, whether or not it is still good.
    pub fn password(&self, name: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, name.as_bytes()))
    }

    /// The password of a name that is still good at `now`, and the user in it.
    pub fn check<'a>(&self, name: &'a str, now: u64) -> Option<(String, &'a str)> {
        let (expiry, user) = name.split_once(':')?;
        let good = expiry.parse::<u64>().is_ok_and(|expiry| expiry > now);
        good.then(|| (self.password(name), user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_coturn_expects() {
        // printf '1700000000:alice' | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(Credentials::new(b"north").password("1700000000:alice"), "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
    }

    #[test]
    fn a_name_is_good_until_its_time_and_no_longer() {
        let credentials = Credentials::random().unwrap();
        let (name, password) = credentials.issue("192.0.2.1", 1000, Duration::from_secs(600));
        let (expected, user) = credentials.check(&name, 1599).unwrap();
        assert_eq!((expected.as_str(), user.len()), (password.reveal(), 16));
        assert!(!name.contains("192.0.2.1"));
        assert!(credentials.check(&name, 1800).is_none());
        assert_eq!(credentials.issue("192.0.2.1", 1100, Duration::from_secs(600)).0, name, "who asks again");
        for wrong in ["", "x", "x:y", "-1:y", ":"] {
            assert!(credentials.check(wrong, 0).is_none(), "{wrong}");
        }
    }
}
