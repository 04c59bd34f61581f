//! Who may call: HTTP Basic with the deployment's secret; and the address that clients are told.

use super::OpenVidu;
use crate::config;
use crate::signaling::client::host;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
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
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"OpenVidu\"")]).into_response()
}

fn is_allowed(settings: &config::OpenVidu, headers: &HeaderMap) -> bool {
    let Some(secret) = &settings.secret else { return false };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    let Some((_, encoded)) = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")) else { return false };
    let expected = format!("{USER}:{secret}");
    STANDARD.decode(encoded.trim()).is_ok_and(|given| is_same(&given, expected.as_bytes()))
}

/// Whether this is the deployment's secret.
pub fn is_secret(settings: &config::OpenVidu, given: &str) -> bool {
    settings.secret.as_ref().is_some_and(|secret| is_same(given.as_bytes(), secret.as_bytes()))
}

fn is_same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len() && verify_slices_are_equal(given, expected).is_ok()
}

/// `https://host[:port]` that clients use, without a slash at its end.
pub fn public_url(openvidu: &OpenVidu, headers: &HeaderMap) -> String {
    if let Some(url) = &openvidu.settings.public_url {
        return url.clone();
    }
    let host = host(headers).unwrap_or("localhost");
    let proxied = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let tls = openvidu.shared.server.https.map(|address| format!(":{}", address.port()));
    let secure = proxied.map_or_else(|| tls.is_some_and(|port| host.ends_with(&port)), |scheme| scheme == "https");
    format!("{}://{host}", if secure { "https" } else { "http" })
}

/// The same for sockets: what tokens begin with.
pub fn socket_url(openvidu: &OpenVidu, headers: &HeaderMap) -> String {
    public_url(openvidu, headers).replacen("http", "ws", 1)
}
