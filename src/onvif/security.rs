//! Proving who asks, without sending the password: WS-Security's UsernameToken, with a digest over the device's time.

use crate::model::Secret;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::xml::escape;

/// User and password of a device; no user: as anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// Their password.
    pub password: Secret,
}

/// The header's element for a request that the device gets `at` (its own clock).
pub fn token(credentials: &Credentials, nonce: [u8; 16], at: Timestamp) -> String {
    let created = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let digest = password_digest(&nonce, &created, credentials.password.reveal());
    let (user, nonce) = (escape(&credentials.user), STANDARD.encode(nonce));
    format!(
        "<wsse:Security s:mustUnderstand=\"1\" xmlns:wsse=\"{WSSE}-wssecurity-secext-1.0.xsd\" \
         xmlns:wsu=\"{WSSE}-wssecurity-utility-1.0.xsd\"><wsse:UsernameToken><wsse:Username>{user}</wsse:Username>\
         <wsse:Password Type=\"{WSSE}-username-token-profile-1.0#PasswordDigest\">{digest}</wsse:Password>\
         <wsse:Nonce EncodingType=\"{WSSE}-soap-message-security-1.0#Base64Binary\">{nonce}</wsse:Nonce>\
         <wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    )
}

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";

/// `Base64(SHA-1(nonce + created + password))`: SHA-1 is what the standard prescribes.
pub fn password_digest(nonce: &[u8], created: &str, password: &str) -> String {
    let all = [nonce, created.as_bytes(), password.as_bytes()].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &all))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of ONVIF's Application Programmer's Guide, 6.1.1.3.
    #[test]
    fn the_digest_is_the_standards() {
        let nonce = STANDARD.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        let digest = password_digest(&nonce, "2010-09-16T07:50:45Z", "userpassword");
        assert_eq!(digest, "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
    }

    #[test]
    fn names_are_escaped_and_the_password_is_not_there() {
        let credentials = Credentials { user: "a<b>&".into(), password: Secret::new("hunter2") };
        let token = token(&credentials, [7; 16], Timestamp::UNIX_EPOCH);
        assert!(token.contains("<wsse:Username>a&lt;b&gt;&amp;</wsse:Username>"), "{token}");
        assert!(token.contains("<wsu:Created>1970-01-01T00:00:00.000Z</wsu:Created>"), "{token}");
        assert!(!token.contains("hunter2"));
    }
}
