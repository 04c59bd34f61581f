//! Clients of dialects that have no tokens: who is let in all the same, from which pages, and what they may do.

use super::Shared;
use crate::auth::{AuthError, TokenRole};
use crate::config::GuestDialect;
use crate::model::Grants;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser remembers that it may ask.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Why a guest is not let in, with the remedy.
pub const REFUSED: &str = "this needs a token: add ?token=… to the address, or let guests in by guests.dialects";

/// What a client may do: as a guest, or by its token (`?token=…` in `query`, or a bearer's).
pub fn admit(
    shared: &Shared,
    dialect: GuestDialect,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Grants, AuthError> {
    if shared.auth.is_open() || shared.guests.dialects.contains(&dialect) {
        return Ok(Grants { control: false, publish: true, subscribe: true, room: None });
    }
    let token = token(headers, query).unwrap_or_default();
    let roles = [TokenRole::Web, TokenRole::Device];
    let checked = roles.map(|role| shared.auth.check(&token, role));
    let found: Vec<&Grants> = checked.iter().filter_map(|grants| grants.as_ref().ok()).collect();
    let Some(first) = found.first() else { return Err(AuthError::Unauthorized) };
    // Both sides of these dialects send and receive; the token tells only who is let in, and where.
    Ok(Grants { control: first.control, publish: true, subscribe: true, room: first.room.clone() })
}

/// Whether somebody without a token may be told of servers with accounts: one of the guests' dialects is open.
pub fn any_open(shared: &Shared) -> bool {
    shared.auth.is_open() || !shared.guests.dialects.is_empty()
}

/// The token of a request.
pub fn token(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        return Some(token.trim().to_owned());
    }
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == "token").map(|(_, value)| value)?;
    percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

/// Which pages may ask. Without a secret any: `app` lets only those of this machine in, unless it is told otherwise.
pub fn cors(shared: &Shared) -> CorsLayer {
    let origins = &shared.server.allow_origins;
    let listed = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = match shared.auth.is_open() || origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(listed),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_in_a_header_or_in_the_address() {
        let bearer = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"))]);
        assert_eq!(token(&bearer, Some("token=other")).as_deref(), Some("abc"));
        assert_eq!(token(&HeaderMap::new(), Some("a=1&token=x%2By")).as_deref(), Some("x+y"));
        assert_eq!(token(&HeaderMap::new(), Some("a=1")), None);
    }
}
