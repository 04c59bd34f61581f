//! Addresses of older deployments, without `/openvidu` before them: rewritten, not redirected.
//!
//! Decides whose an address is where ours is spelt alike: the dialect's when the request brings its credentials. A preflight
//! brings none; the two addresses that both have are only read, and whether a page may read the answer is the answer's to say.

use super::super::access;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use tower::ServiceExt;

/// What is under `/api` in the dialect; ours is `/api/v1` and a few more.
const API: [&str; 7] = ["sessions", "tokens", "signal", "recordings", "config", "health", "broadcast"];
/// Addresses of both.
const SHARED: [&str; 2] = ["/config", "/api/config"];

/// The whole service's routes, reached by the older addresses too.
pub fn with_aliases(router: Router) -> Router {
    Router::new().fallback_service(router.map_request(|mut request: Request| {
        if let Some(uri) = rewritten(request.method(), request.uri(), request.headers()) {
            *request.uri_mut() = uri;
        }
        request
    }))
}

fn rewritten(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let path = uri.path();
    if SHARED.contains(&path) && !access::names_its_user(headers) && !asks_for_credentials(method, headers) {
        return None;
    }
    let path = target(path)?;
    let path = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Where an address leads; `None`: where it says.
fn target(path: &str) -> Option<String> {
    if let Some(longer) = path.strip_suffix('/').filter(|path| path.starts_with("/openvidu/")) {
        return Some(longer.to_owned());
    }
    let (first, rest) = path.strip_prefix('/')?.split_once('/').unwrap_or((path.get(1..)?, ""));
    let second = rest.split('/').next().unwrap_or_default();
    let whole = path.trim_end_matches('/');
    match first {
        "api" if API.contains(&second) => Some(format!("/openvidu{whole}")),
        "config" => Some(format!("/openvidu/api{whole}")),
        // One segment alone is a page of ours.
        "recordings" if rest.contains('/') => Some(format!("/openvidu{path}")),
        "cdr" => Some(format!("/openvidu{whole}")),
        "layouts" => Some(format!("/openvidu/layouts{}", path.strip_prefix("/layouts/custom")?)),
        "info" | "accept-certificate" if rest.is_empty() => Some(format!("/openvidu{whole}")),
        _ => None,
    }
}

fn asks_for_credentials(method: &Method, headers: &HeaderMap) -> bool {
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let named = |wanted: &str| wanted.split(',').any(|name| name.trim().eq_ignore_ascii_case("authorization"));
    method == Method::OPTIONS && wanted.is_some_and(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, path: &str, header: Option<(&'static str, &str)>) -> Option<String> {
        let headers = header.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        rewritten(&method, &path.parse().unwrap(), &headers.into_iter().collect()).map(|uri| uri.to_string())
    }

    #[test]
    fn older_addresses_lead_to_newer_ones() {
        for (old, new) in [
            ("/api/sessions?pendingConnections=true", "/openvidu/api/sessions?pendingConnections=true"),
            ("/api/recordings/stop/S~1", "/openvidu/api/recordings/stop/S~1"),
            ("/api/config/openvidu-cdr", "/openvidu/api/config/openvidu-cdr"),
            ("/config/openvidu-publicurl", "/openvidu/api/config/openvidu-publicurl"),
            ("/cdr", "/openvidu/cdr"),
            ("/cdr/CDR.x.log", "/openvidu/cdr/CDR.x.log"),
            ("/recordings/S/S.mp4", "/openvidu/recordings/S/S.mp4"),
            ("/layouts/custom/mine/index.html", "/openvidu/layouts/mine/index.html"),
            ("/info", "/openvidu/info"),
            ("/accept-certificate/", "/openvidu/accept-certificate"),
            ("/openvidu/api/sessions/", "/openvidu/api/sessions"),
        ] {
            assert_eq!(of(Method::GET, old, None).as_deref(), Some(new), "{old}");
        }
    }

    #[test]
    fn ours_stay_ours() {
        for ours in
            ["/", "/api/v1/rooms", "/api/docs", "/api/check", "/recordings", "/recordings/x", "/web/config", "/infos"]
        {
            assert_eq!(of(Method::GET, ours, Some(("authorization", "Basic T1BFTlZJRFVBUFA6WA=="))), None, "{ours}");
        }
    }

    #[test]
    fn what_both_have_goes_by_the_credentials() {
        for both in SHARED {
            assert_eq!(of(Method::GET, both, None), None);
            assert_eq!(of(Method::GET, both, Some(("authorization", "Bearer x"))), None);
            assert_eq!(of(Method::GET, both, Some(("authorization", "Basic dmlld2VyOng="))), None, "somebody else's");
            let theirs = of(Method::GET, both, Some(("authorization", "Basic T1BFTlZJRFVBUFA6WA==")));
            assert_eq!(theirs.as_deref(), Some("/openvidu/api/config"));
            assert_eq!(of(Method::OPTIONS, both, None), None);
            assert!(
                of(Method::OPTIONS, both, Some(("access-control-request-headers", "content-type, Authorization")))
                    .is_some()
            );
        }
    }
}
