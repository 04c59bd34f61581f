//! What surrounds every route: figures and a span, refusals while closing or from foreign pages, security headers.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use metrics::{counter, histogram};
use std::net::IpAddr;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

/// Wraps the routes; `confined` when the service has no secret and serves this machine only.
pub fn around(router: Router, closing: CancellationToken, confined: bool) -> Router {
    let router = if confined { router.layer(middleware::from_fn(refuse_foreign_pages)) } else { router };
    router
        .layer(middleware::from_fn_with_state(closing, refuse_newcomers))
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(add_security_headers))
        .layer(middleware::from_fn(observe))
}

/// One span and one figure per request. Only the route's pattern is told: addresses can hold tokens.
async fn observe(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let span = tracing::debug_span!("http", method, route);
    let begun = Instant::now();
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16();
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
    tracing::debug!(method, route = labels[1].1, status, duration_ms = begun.elapsed().as_millis() as u64, "answered");
    histogram!("http_request_duration_seconds", &labels[..2]).record(begun.elapsed());
    counter!("http_requests_total", &labels).increment(1);
    response
}

/// Clients may invent methods; labels must not grow with them.
fn known_method(method: &axum::http::Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

async fn refuse_newcomers(State(closing): State<CancellationToken>, request: Request, next: Next) -> Response {
    // Health tells it in its own words.
    if closing.is_cancelled() && request.uri().path() != "/health" {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "the service is shutting down");
    }
    next.run(request).await
}

/// Without a secret, a page from anywhere on the web that is open in a browser on this machine could otherwise call
/// this service, by its address or by a name made to point here.
async fn refuse_foreign_pages(request: Request, next: Next) -> Response {
    if is_foreign(request.headers(), request.uri()) {
        return refusal(
            StatusCode::FORBIDDEN,
            "foreign_page",
            "without auth.secret this service answers only requests to, and pages from, this machine",
        );
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).or_else(|| uri.authority().map(|a| a.as_str()));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    [host, origin].into_iter().flatten().any(|authority| !is_local(authority))
}

/// Whether `host` or `host:port` is this machine.
fn is_local(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<axum::http::uri::Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let name = host.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(serde_json::json!({ "code": code, "message": message }))).into_response()
}

/// Styles may stand in the page: Swagger UI sets them so. Scripts may not.
const PAGE_RULES: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
                          media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
                          base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

async fn add_security_headers(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, PAGE_RULES),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(self)"),
    ];
    for (name, value) in fixed {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        is_foreign(&headers, &Uri::from_static("/"))
    }

    #[test]
    fn this_machines_pages_and_programs_are_welcome() {
        assert!(!foreign("localhost:8080", None));
        assert!(!foreign("127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        assert!(!foreign("[::1]:4443", Some("https://localhost:3000")));
    }

    #[test]
    fn pages_from_elsewhere_and_names_made_to_point_here_are_not() {
        assert!(foreign("localhost:8080", Some("https://example.org")));
        assert!(foreign("localhost:8080", Some("null")));
        assert!(foreign("rebound.example.org:8080", None));
        assert!(foreign("localhost.example.org", None));
    }
}
