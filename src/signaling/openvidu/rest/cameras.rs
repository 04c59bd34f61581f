//! `POST /sessions/S/connection` of a camera: answered at once, whatever the camera does.

use super::super::session::actor::Handle;
use super::super::wire::new_connection::{Kind, NewConnection};
use super::refusal::Refusal;
use axum::http::StatusCode;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::lookup_host;
use url::Url;

/// A name server that takes longer is not waited for: the address is only shown.
const LOOK_UP: Duration = Duration::from_millis(300);

/// The connection as it is shown. All in the session have heard of it by then.
pub async fn add(session: &Handle, wanted: NewConnection, url: String) -> Result<Value, Refusal> {
    let ip = match &wanted.kind {
        Kind::Camera { uri, .. } => address(uri).await,
        Kind::WebRtc { .. } => None,
    };
    let added = session.with(move |state| state.add_camera(wanted, ip)).await.ok_or(Refusal::NOT_FOUND)?;
    let id = added.ok_or_else(not_taken)?;
    // Carried out before this is asked.
    let view = session.with(move |state| state.connection_view(&id, &url)).await;
    view.ok_or(Refusal::NOT_FOUND)?.ok_or_else(not_taken)
}

fn not_taken() -> Refusal {
    Refusal::Words(StatusCode::INTERNAL_SERVER_ERROR, "the session takes no more cameras: the log says why".into())
}

/// What the address of a camera resolves to; `None` without host, or when nobody knows it soon.
async fn address(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(ip.to_string());
    }
    let found = tokio::time::timeout(LOOK_UP, lookup_host((host, 0))).await.ok()?.ok()?.next();
    found.map(|address| address.ip().to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_shown_when_it_is_known() {
        for (uri, ip) in [
            ("rtsp://u:p@10.0.0.7:554/cam", Some("10.0.0.7")),
            ("rtsp://[fe80::1]/cam", Some("fe80::1")),
            ("file:///clip.mp4", None),
            ("http://no-such-host.invalid/x", None),
            ("nonsense", None),
        ] {
            assert_eq!(address(uri).await.as_deref(), ip, "{uri}");
        }
        assert!(["127.0.0.1", "::1"].contains(&address("http://localhost:1/x").await.unwrap().as_str()));
    }
}
