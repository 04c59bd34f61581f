//! `GET /config` and its parts.

use super::super::{OpenVidu, access};
use crate::config;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

/// The version that we are like.
const VERSION: &str = "2.32.2";

/// `GET /config`
pub async fn all(State(openvidu): State<OpenVidu>, headers: HeaderMap) -> Json<Value> {
    let (settings, url) = (&openvidu.settings, access::public_url(&openvidu, &headers));
    let parsed = url::Url::parse(&url).ok();
    let host = parsed.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
    let port = parsed.as_ref().and_then(url::Url::port_or_known_default).unwrap_or(443);
    let mut config = json!({
        "VERSION": VERSION, "DOMAIN_OR_PUBLIC_IP": host, "HTTPS_PORT": port, "OPENVIDU_PUBLICURL": url,
        "OPENVIDU_CDR": settings.cdr.is_some(),
        "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH": settings.video_max_recv,
        "OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH": settings.video_min_recv,
        "OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH": settings.video_max_send,
        "OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH": settings.video_min_send,
        "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC": settings.forced_codec.as_str(),
        "OPENVIDU_STREAMS_ALLOW_TRANSCODING": settings.allow_transcoding, "OPENVIDU_WEBRTC_SIMULCAST": false,
        "OPENVIDU_SESSIONS_GARBAGE_INTERVAL": settings.unused_interval.as_secs(),
        "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD": settings.unused_limit.as_secs(),
        "OPENVIDU_RECORDING": true, "OPENVIDU_WEBHOOK": settings.webhook.is_some(),
    });
    if let Some(folder) = &settings.cdr {
        config["OPENVIDU_CDR_PATH"] = folder.to_string_lossy().into();
    }
    add_recording(&mut config, &openvidu);
    if let Some(webhook) = &settings.webhook {
        let all: &[&str] = &config::OPENVIDU_EVENTS;
        let events = if settings.webhook_events.is_empty() { json!(all) } else { json!(settings.webhook_events) };
        config["OPENVIDU_WEBHOOK_ENDPOINT"] = webhook.clone().into();
        config["OPENVIDU_WEBHOOK_HEADERS"] = json!(settings.webhook_headers);
        config["OPENVIDU_WEBHOOK_EVENTS"] = events;
    }
    Json(config)
}

/// What is there with recording on.
fn add_recording(config: &mut Value, openvidu: &OpenVidu) {
    let fields = [
        ("VERSION", json!(VERSION)),
        ("PATH", recordings(openvidu).into()),
        ("PUBLIC_ACCESS", json!(false)),
        ("NOTIFICATION", json!("publisher_moderator")),
        ("CUSTOM_LAYOUT", json!("")),
        ("AUTOSTOP_TIMEOUT", json!(120)),
    ];
    for (name, value) in fields {
        config[format!("OPENVIDU_RECORDING_{name}")] = value;
    }
}

fn recordings(openvidu: &OpenVidu) -> String {
    openvidu.shared.recordings.dir().to_string_lossy().into_owned()
}

/// The folder of the recordings.
pub async fn recording_path(State(openvidu): State<OpenVidu>) -> String {
    recordings(&openvidu)
}

/// The version alone.
pub async fn version() -> &'static str {
    VERSION
}

/// The address, with a slash.
pub async fn public_url(State(openvidu): State<OpenVidu>, headers: HeaderMap) -> String {
    format!("{}/", access::public_url(&openvidu, &headers))
}

/// Whether there are recordings.
pub async fn recording() -> &'static str {
    "true"
}

/// Whether there is a call detail record.
pub async fn cdr(State(openvidu): State<OpenVidu>) -> String {
    openvidu.settings.cdr.is_some().to_string()
}

/// For load balancers.
pub async fn health() -> Json<Value> {
    Json(json!({ "status": "UP", "disconnectedMediaNodes": [] }))
}
