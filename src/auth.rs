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
    /// Somebody the service itself let into one room, to send and to watch by WHIP and WHEP and no more; see
    /// [`Auth::check_media`]. Only the service makes such a token.
    #[value(skip)]
    Guest,
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
    /// Checks a token for a role: an `Admin` token is good for every role, a `Guest` token for none.
    pub fn check(&self, token: &str, role: TokenRole) -> Result<Grants, AuthError> {
        self.checked(token, |claimed| claimed != TokenRole::Guest && (claimed == role || claimed == TokenRole::Admin))
    }
    /// The same for sending and watching by WHIP and WHEP, where a `Guest` token is good besides, in its room.
    pub fn check_media(&self, token: &str, role: TokenRole) -> Result<Grants, AuthError> {
        self.checked(token, |claimed| [role, TokenRole::Admin, TokenRole::Guest].contains(&claimed))
    }
    fn checked(&self, token: &str, suits: impl Fn(TokenRole) -> bool) -> Result<Grants, AuthError> {
        let Some(keys) = &self.keys else { return Ok(grants(TokenRole::Admin, None)) };
        // The signature is compared in constant time by the library.
        let claims = decode::<Claims>(token, &keys.verify, &keys.rules).map_err(|_| AuthError::Unauthorized)?.claims;
        if !suits(claims.role) {
            return Err(AuthError::Forbidden);
        }
        let sound = match &claims.room {
            Some(room) => RoomId::is_valid(room.as_str()),
            None => claims.role != TokenRole::Guest,
        };
        if !sound {
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
    Grants {
        control: matches!(role, TokenRole::Admin | TokenRole::Web),
        publish: matches!(role, TokenRole::Admin | TokenRole::Device | TokenRole::Guest),
        subscribe: matches!(role, TokenRole::Admin | TokenRole::Web | TokenRole::Guest),
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
    fn a_guest_sends_and_watches_in_his_room_and_has_no_role() {
        let room = RoomId::new("ring-1");
        let token = auth().issue(TokenRole::Guest, Some(room.clone()), HOUR).unwrap();
        for role in [TokenRole::Web, TokenRole::Device, TokenRole::Admin, TokenRole::Guest] {
            assert_eq!(auth().check(&token, role), Err(AuthError::Forbidden), "{role:?}");
        }
        for role in [TokenRole::Web, TokenRole::Device] {
            let grants = auth().check_media(&token, role).unwrap();
            assert_eq!((grants.control, grants.publish, grants.subscribe), (false, true, true));
            assert!(grants.allows_room(&room) && !grants.allows_room(&RoomId::new("ring-2")));
        }
        let anywhere = auth().issue(TokenRole::Guest, None, HOUR).unwrap();
        assert_eq!(auth().check_media(&anywhere, TokenRole::Web), Err(AuthError::Unauthorized), "it must name a room");
    }

    #[test]
    fn media_needs_its_role_as_anything_else() {
        let media = |has, wants| auth().check_media(&auth().issue(has, None, HOUR).unwrap(), wants).map(|_| ());
        assert_eq!(media(TokenRole::Device, TokenRole::Web), Err(AuthError::Forbidden));
        assert_eq!(media(TokenRole::Web, TokenRole::Web), Ok(()));
        assert_eq!(media(TokenRole::Admin, TokenRole::Device), Ok(()));
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
