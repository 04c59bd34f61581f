//! Token → Grants. HS256 JWT (RFC 7519) when a secret is set; without one any token is good.
//!
//! Decides what a token says; what the grants allow in a room is the room's to decide. Tokens are never logged.

use crate::model::{Grants, RoomId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Not a valid token, wrong signature or expired: 401.
    #[error("the token is missing, malformed, expired or signed with another secret")]
    Unauthorized,
    /// A valid token of another role or room: 403.
    #[error("the token does not allow this")]
    Forbidden,
}

/// Role a token names; the device protocol's URL says the same word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenRole {
    /// A console.
    Web,
    /// A device.
    Device,
    /// The REST API.
    Admin,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    role: TokenRole,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<RoomId>,
    /// Seconds since 1970.
    exp: u64,
}

struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// Checks tokens. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    keys: Option<Arc<Keys>>,
}

impl Auth {
    /// With a secret, or open.
    pub fn new(secret: Option<&str>) -> Self {
        let keys = secret.map(|secret| {
            let mut rules = Validation::new(Algorithm::HS256);
            // Tokens are made and checked on machines with clocks; a minute more than promised helps nobody.
            rules.leeway = 0;
            Arc::new(Keys {
                sign: EncodingKey::from_secret(secret.as_bytes()),
                verify: DecodingKey::from_secret(secret.as_bytes()),
                rules,
            })
        });
        Self { keys }
    }
    /// Whether any token is good.
    pub fn is_open(&self) -> bool {
        self.keys.is_none()
    }
    /// Checks a token for a role: an `Admin` token is good for every role.
    pub fn check(&self, token: &str, role: TokenRole) -> Result<Grants, AuthError> {
        let Some(keys) = &self.keys else { return Ok(grants(TokenRole::Admin, None)) };
        // The signature is compared in constant time by the library.
        let claims = decode::<Claims>(token, &keys.verify, &keys.rules).map_err(|_| AuthError::Unauthorized)?.claims;
        if claims.role != role && claims.role != TokenRole::Admin {
            return Err(AuthError::Forbidden);
        }
        if claims.room.as_ref().is_some_and(|room| !RoomId::is_valid(room.as_str())) {
            return Err(AuthError::Unauthorized);
        }
        Ok(grants(claims.role, claims.room))
    }
    /// Makes a token; `None` without a secret.
    pub fn issue(&self, role: TokenRole, room: Option<RoomId>, ttl: Duration) -> Option<String> {
        let keys = self.keys.as_ref()?;
        let exp = jsonwebtoken::get_current_timestamp().saturating_add(ttl.as_secs());
        encode(&Header::new(Algorithm::HS256), &Claims { role, room, exp }, &keys.sign).ok()
    }
}

/// What each role may do.
fn grants(role: TokenRole, room: Option<RoomId>) -> Grants {
    let admin = role == TokenRole::Admin;
    Grants {
        control: admin || role == TokenRole::Web,
        publish: admin || role == TokenRole::Device,
        subscribe: admin || role == TokenRole::Web,
        room,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of at least sixteen bytes";
    const HOUR: Duration = Duration::from_secs(3600);

    fn auth() -> Auth {
        Auth::new(Some(SECRET))
    }

    fn signed(header: &Header, claims: &serde_json::Value) -> String {
        encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    #[test]
    fn without_a_secret_any_token_has_full_grants() {
        let open = Auth::new(None);
        assert!(open.is_open());
        let all = Grants { control: true, publish: true, subscribe: true, room: None };
        assert_eq!(open.check("anything", TokenRole::Device), Ok(all));
        assert_eq!(open.issue(TokenRole::Web, None, HOUR), None);
    }

    #[test]
    fn each_role_has_its_grants() {
        let grants = |role| auth().check(&auth().issue(role, None, HOUR).unwrap(), role).unwrap();
        let parts = |g: Grants| (g.control, g.publish, g.subscribe);
        assert_eq!(parts(grants(TokenRole::Web)), (true, false, true));
        assert_eq!(parts(grants(TokenRole::Device)), (false, true, false));
        assert_eq!(parts(grants(TokenRole::Admin)), (true, true, true));
    }

    #[test]
    fn a_token_carries_its_room() {
        let token = auth().issue(TokenRole::Web, Some(RoomId::new("7")), HOUR).unwrap();
        let grants = auth().check(&token, TokenRole::Web).unwrap();
        assert!(grants.allows_room(&RoomId::new("7")) && !grants.allows_room(&RoomId::new("8")));
    }

    #[test]
    fn another_role_is_forbidden_but_admin_is_good_for_all() {
        let device = auth().issue(TokenRole::Device, None, HOUR).unwrap();
        assert_eq!(auth().check(&device, TokenRole::Web), Err(AuthError::Forbidden));
        let admin = auth().issue(TokenRole::Admin, None, HOUR).unwrap();
        assert!(auth().check(&admin, TokenRole::Device).is_ok());
    }

    #[test]
    fn expired_foreign_and_malformed_tokens_are_unauthorized() {
        let now = jsonwebtoken::get_current_timestamp();
        let header = Header::new(Algorithm::HS256);
        let refused =
            |token: &str| assert_eq!(auth().check(token, TokenRole::Web), Err(AuthError::Unauthorized), "{token}");
        refused(&signed(&header, &serde_json::json!({"role": "WEB", "exp": now - 2})));
        refused(&signed(&header, &serde_json::json!({"role": "WEB"})));
        refused(&signed(&header, &serde_json::json!({"role": "KING", "exp": now + 60})));
        refused(&signed(&header, &serde_json::json!({"role": "WEB", "room": "a b", "exp": now + 60})));
        refused(&signed(&Header::new(Algorithm::HS512), &serde_json::json!({"role": "WEB", "exp": now + 60})));
        refused(&Auth::new(Some("another secret of sixteen")).issue(TokenRole::Web, None, HOUR).unwrap());
        refused("");
        refused("not.a.token");
        // {"alg":"none"} with an empty signature, the oldest trick.
        refused("eyJhbGciOiJub25lIn0.eyJyb2xlIjoiV0VCIiwiZXhwIjo5OTk5OTk5OTk5fQ.");
    }
}
