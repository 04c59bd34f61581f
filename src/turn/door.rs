//! Who may come in: long-term credentials (RFC 8489 9.2) that are good for a time. Pure.
//!
//! Nothing is remembered of anybody here, so that strangers, whose addresses may be invented, cost no memory. What they may do
//! once they are in is `session`'s.

use super::Credentials;
use super::message::{REALM, With, refused};
use super::nonce::Nonces;
use metrics::counter;
use std::net::SocketAddr;
use turn_types::stun::attribute::{ErrorCode, MessageIntegrity, Nonce, Realm, Username};
use turn_types::stun::message::{IntegrityAlgorithm, IntegrityKey, LongTermCredentials, Message};

/// Checks requests.
pub(super) struct Door {
    credentials: Credentials,
    nonces: Nonces,
}

/// Whose request it is, proved.
pub(super) struct Guest {
    /// `EXPIRY:USER`.
    pub(super) name: String,
    /// Its password.
    pub(super) password: String,
    /// What both together protect messages with.
    pub(super) key: IntegrityKey,
    /// Whether the name's time is not over yet.
    pub(super) is_current: bool,
}

impl Guest {
    /// The part of the name that is the same each time; quotas go by it.
    pub(super) fn user(&self) -> &str {
        self.name.split_once(':').map_or(&self.name, |(_, user)| user)
    }
}

/// Why a request is refused; the label of `media_turn_refused_total`.
pub(super) fn count(reason: &'static str) {
    counter!("media_turn_refused_total", "reason" => reason).increment(1);
}

impl Door {
    /// `None` when the system gives no random numbers.
    pub(super) fn new(credentials: Credentials) -> Option<Self> {
        Some(Self { credentials, nonces: Nonces::random()? })
    }

    /// Who has sent `request`; or the answer that it gets, if any. `now` in seconds since 1970.
    ///
    /// A name whose time is over still passes, marked: what it has opened it may go on using, and close.
    pub(super) fn check(&self, request: &Message<'_>, client: SocketAddr, now: u64) -> Result<Guest, Option<Vec<u8>>> {
        let challenge = |code| refused(request, code, With::Challenge(&self.nonces.make(client, now)));
        if request.attribute::<MessageIntegrity>().is_err() {
            // The first request of everybody: not worth counting.
            return Err(challenge(ErrorCode::UNAUTHORIZED));
        }
        let (name, nonce) = (request.attribute::<Username>(), request.attribute::<Nonce>());
        let (Ok(name), Ok(nonce), Ok(_)) = (name, nonce, request.attribute::<Realm>()) else {
            count("malformed");
            return Err(refused(request, ErrorCode::BAD_REQUEST, With::Nothing));
        };
        if !self.nonces.is_good(nonce.nonce(), client, now) {
            return Err(challenge(ErrorCode::STALE_NONCE));
        }
        let guest = self.guest(name.username(), now);
        if request.validate_integrity_with_key(&guest.key).is_err() {
            count("wrong_password");
            return Err(challenge(ErrorCode::UNAUTHORIZED));
        }
        Ok(guest)
    }

    /// The answer to one who proved a name that is no longer, or not, good.
    pub(super) fn expired(&self, request: &Message<'_>, client: SocketAddr, now: u64) -> Option<Vec<u8>> {
        count("expired");
        refused(request, ErrorCode::UNAUTHORIZED, With::Challenge(&self.nonces.make(client, now)))
    }

    fn guest(&self, name: &str, now: u64) -> Guest {
        let password = self.credentials.password(name);
        let long_term = LongTermCredentials::new(name.to_owned(), password.clone());
        let key = long_term.to_key(REALM.to_owned()).make_key(IntegrityAlgorithm::Sha1);
        Guest { name: name.to_owned(), password, key, is_current: self.credentials.check(name, now).is_some() }
    }
}
