//! Who may call: HTTP Basic with the deployment's secret; and the address that clients are told.

use super::OpenVidu;
use super::rest::refusal::Refusal;
use crate::config;
use crate::signaling::client::host;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const USER: &str = "OPENVIDUAPP";

/// Lets holders of the secret pass.
pub async fn guard(State(openvidu): State<OpenVidu>, request: Request, next: Next) -> Response {
    if is_allowed(&openvidu.settings, request.headers()) {
        return next.run(request).await;
    }
    let refused = Refusal::Words(StatusCode::UNAUTHORIZED, format!("{USER} and the deployment's secret are asked for"));
    let mut response = refused.into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"OpenVidu\""));
    response
}

fn is_allowed(settings: &config::OpenVidu, headers: &HeaderMap) -> bool {
    let Some((secret, given)) = settings.secret.as_ref().zip(given(headers)) else { return false };
    is_same(&given, format!("{USER}:{secret}").as_bytes())
}

/// Whether a request brings credentials of this dialect, good or not.
pub fn names_its_user(headers: &HeaderMap) -> bool {
    given(headers).is_some_and(|given| given.starts_with(format!("{USER}:").as_bytes()))
}

/// What HTTP Basic says, `user:password`.
fn given(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let basic = scheme.eq_ignore_ascii_case("basic");
    basic.then(|| STANDARD.decode(encoded.trim()).ok()).flatten()
}

/// Whether this is the deployment's secret.
pub fn is_secret(settings: &config::OpenVidu, given: &str) -> bool {
    settings.secret.as_ref().is_some_and(|secret| is_same(given.as_bytes(), secret.as_bytes()))
}

fn is_same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && verify_slices_are_equal(given, expected).is_ok()
}

/// `https://host[:port]` that clients use, without a slash at its end. How a client came, a proxy or our own listener says.
pub fn public_url(openvidu: &OpenVidu, headers: &HeaderMap) -> String {
    if let Some(url) = &openvidu.settings.public_url {
        return url.clone();
    }
    let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().starts_with(b"https"));
    let (scheme, usual) = if secure { ("https", ":443") } else { ("http", ":80") };
    let host = host(headers).unwrap_or("localhost");
    format!("{scheme}://{}", host.strip_suffix(usual).unwrap_or(host))
}

/// The same for sockets: what tokens begin with.
pub fn socket_url(openvidu: &OpenVidu, headers: &HeaderMap) -> String {
    public_url(openvidu, headers).replacen("http", "ws", 1)
}
