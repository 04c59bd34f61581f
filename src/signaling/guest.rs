//! Clients of dialects that have no tokens: who is let in all the same, from which pages, and what they may do.

use super::Shared;
use super::session::http::bearer;
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
    // Both sides of these dialects send and receive; the token tells only who is let in, and where.
    let grants = held(shared, headers, query).ok_or(AuthError::Unauthorized)?;
    Ok(Grants { publish: true, subscribe: true, ..grants })
}

/// What the request's token allows, a console's, a device's or an admin's; `None`: it has no good one.
pub fn held(shared: &Shared, headers: &HeaderMap, query: Option<&str>) -> Option<Grants> {
    let token = token(headers, query).unwrap_or_default();
    [TokenRole::Web, TokenRole::Device].into_iter().find_map(|role| shared.auth.check(&token, role).ok())
}

/// Whether somebody without a token may be told of servers with accounts: one of the guests' dialects is open.
pub fn any_open(shared: &Shared) -> bool {
    shared.auth.is_open() || !shared.guests.dialects.is_empty()
}

/// The token of a request.
pub fn token(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    if let Some(token) = bearer(headers) {
        return Some(token.to_owned());
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
