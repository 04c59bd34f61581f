//! The way from a page on plain HTTP to the same page on HTTPS, where browsers give it the camera. A page cannot know the
//! port.

use super::calls::Calls;
use super::problem::Problem;
use crate::signaling::client::host;
use axum::extract::{Query, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use serde::Deserialize;

/// `?to=/video_call/…`
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    to: String,
}

/// Leads to a call's page on this machine, and nowhere else.
pub async fn lead(
    State(calls): State<Calls>,
    Query(Wanted { to }): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Redirect, Problem> {
    let off = || Problem::new(StatusCode::NOT_FOUND, "this server has no HTTPS: ask its operator for server.https");
    let port = calls.shared().server.https.map(|address| address.port()).ok_or_else(off)?;
    address(host(&headers), port, &to)
        .map(|to| Redirect::temporary(&to))
        .ok_or_else(|| Problem::bad_request("`to` must be the path of a call's page, beginning with /video_call/"))
}

fn address(host: Option<&str>, port: u16, path: &str) -> Option<String> {
    let host: Authority = host?.parse().ok()?;
    let plain = path.starts_with("/video_call/") && path.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    plain.then(|| format!("https://{}:{port}{path}", host.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_to_this_machine_alone() {
        let to = address(Some("192.168.1.5:8080"), 4443, "/video_call/call/7/");
        assert_eq!(to.as_deref(), Some("https://192.168.1.5:4443/video_call/call/7/"));
        let to = address(Some("[::1]:8080"), 4443, "/video_call/");
        assert_eq!(to.as_deref(), Some("https://[::1]:4443/video_call/"));
        for wrong in ["//evil.example/", "https://evil.example", "/console", "/video_call/\r\nx", "@evil.example/"] {
            assert_eq!(address(Some("host"), 4443, wrong), None, "{wrong}");
        }
    }
}
