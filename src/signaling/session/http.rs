//! The HTTP of both dialects: what a request must bring, and the headers of every answer.

use super::{Opened, Problem};
use crate::auth::{AuthError, TokenRole};
use crate::model::{Grants, IceServer, RoomId, Sdp};
use crate::signaling::Shared;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// Session descriptions.
pub const SDP: &str = "application/sdp";
/// Their fragments (RFC 8840 9).
pub const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Changes of a JSON object (RFC 7396).
pub const MERGE: &str = "application/merge-patch+json";
/// JSON.
pub const JSON: &str = "application/json";
/// Header of RFC 9110 5.3's kin: what a `POST` may carry.
pub const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// What a `PATCH` may carry (RFC 5789 3.1).
pub const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Pages from anywhere may speak to us: what they may do, their token says. No cookie is ever looked at.
pub async fn add_cors(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, PATCH, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, ETag, Link, Accept-Post, Accept-Patch, WWW-Authenticate"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Answer to `OPTIONS` of an endpoint.
pub async fn endpoint_options() -> Response {
    (StatusCode::NO_CONTENT, [(ACCEPT_POST, SDP)]).into_response()
}

/// Answer to `OPTIONS` of a session whose `PATCH` takes these kinds of body.
pub async fn session_options(accepts: &'static str) -> Response {
    (StatusCode::NO_CONTENT, [(ACCEPT_PATCH, accepts)]).into_response()
}

/// Answer to a verb that an address does not have.
pub async fn no_such_method() -> Problem {
    let words = "an endpoint takes POST of an offer, a session PATCH and DELETE, a session's layer POST";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", words)
}

/// Whose token it is, and the room of the address.
pub fn admit(shared: &Shared, headers: &HeaderMap, role: TokenRole, room: &str) -> Result<(RoomId, Grants), Problem> {
    let grants = shared.auth.check_media(bearer(headers).unwrap_or_default(), role)?;
    if !RoomId::is_valid(room) {
        return Err(Problem::bad_request("a room's name is 1 to 64 of A-Z, a-z, 0-9, _ and -"));
    }
    let room = RoomId::new(room);
    if grants.allows_room(&room) { Ok((room, grants)) } else { Err(AuthError::Forbidden.into()) }
}

/// The token of an `Authorization: Bearer …` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The offer of a `POST`.
pub fn offer(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Sdp, Problem> {
    let accepts = headers.get(header::ACCEPT).map(|accept| accept.to_str().unwrap_or_default().to_ascii_lowercase());
    if accepts.is_some_and(|accept| ![SDP, "application/*", "*/*"].iter().any(|kind| accept.contains(kind))) {
        let words = "the answer is application/sdp, which Accept does not allow";
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", words));
    }
    let text = text(headers, body, SDP)?;
    if text.trim().is_empty() {
        return Err(Problem::bad_request("the body must be the client's offer: the server makes none"));
    }
    Ok(Sdp::new(text))
}

/// Whether the body is said to be of this kind.
pub fn is(headers: &HeaderMap, kind: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}

/// The body as JSON of this kind.
pub fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    kind: &str,
) -> Result<T, Problem> {
    let text = text(headers, body, kind)?;
    serde_json::from_str(&text)
        .map_err(|error| Problem::bad_request(format!("the body is not what is expected: {error}")))
}

/// The body as text of this kind.
pub fn text(headers: &HeaderMap, body: Result<Bytes, BytesRejection>, kind: &str) -> Result<String, Problem> {
    if !is(headers, kind) {
        let words = format!("Content-Type must be {kind}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", words));
    }
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "bad_body", rejection.body_text()))?;
    String::from_utf8(body.into()).map_err(|_| Problem::bad_request("the body is not UTF-8"))
}

/// Answer to a `POST` that opened a session at `location`, whose `PATCH` takes these kinds of body.
pub fn created(opened: &Opened, location: String, accepts: &'static str, ice_servers: &[IceServer]) -> Response {
    let fixed = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, location),
        (header::ETAG, format!("\"{}\"", opened.tag)),
        (ACCEPT_PATCH, accepts.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let mut response = (StatusCode::CREATED, fixed, opened.answer.as_str().to_owned()).into_response();
    for link in ice_servers.iter().filter_map(|server| HeaderValue::from_str(&link(server)).ok()) {
        response.headers_mut().append(header::LINK, link);
    }
    response
}

/// A server of the client's for STUN or TURN, as a `Link` header says it (RFC 9725 4.4).
fn link(server: &IceServer) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut link = format!("<{}>; rel=\"ice-server\"", server.url);
    if let Some((user, credential)) = &server.account {
        let (user, credential) = (quoted(user), quoted(credential.reveal()));
        link += &format!("; username=\"{user}\"; credential=\"{credential}\"; credential-type=\"password\"");
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn an_ice_server_is_a_link() {
        let stun = IceServer { url: "stun:stun.example.net".into(), account: None };
        assert_eq!(link(&stun), "<stun:stun.example.net>; rel=\"ice-server\"");
        let account = Some(("user".to_owned(), Secret::new("a\"b")));
        let turn = IceServer { url: "turn:turn.example.net?transport=udp".into(), account };
        assert_eq!(
            link(&turn),
            "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"user\"; credential=\"a\\\"b\"; \
             credential-type=\"password\""
        );
    }

    #[test]
    fn kinds_are_compared_without_their_parameters() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
        assert!(text(&headers("Application/SDP; charset=utf-8"), Ok("v=0".into()), SDP).is_ok());
        assert_eq!(text(&headers("application/json"), Ok("{}".into()), SDP).unwrap_err().status(), 415);
        assert_eq!(text(&HeaderMap::new(), Ok("v=0".into()), SDP).unwrap_err().status(), 415);
    }
}
