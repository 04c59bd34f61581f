//! `GET /config` and its parts.

use super::super::{OpenVidu, access};
use crate::config;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

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
        "OPENVIDU_RECORDING": settings.recording, "OPENVIDU_WEBHOOK": settings.webhook.is_some(),
    });
    if let Some(folder) = &settings.cdr {
        config["OPENVIDU_CDR_PATH"] = folder.to_string_lossy().into();
    }
    if let Some(fields) = config.as_object_mut().filter(|_| settings.recording) {
        fields.extend(recordings(&openvidu));
    }
    if let Some(webhook) = &settings.webhook {
        let all: &[&str] = &config::OPENVIDU_EVENTS;
        let events = if settings.webhook_events.is_empty() { json!(all) } else { json!(settings.webhook_events) };
        config["OPENVIDU_WEBHOOK_ENDPOINT"] = webhook.clone().into();
        config["OPENVIDU_WEBHOOK_HEADERS"] = json!(settings.webhook_headers);
        config["OPENVIDU_WEBHOOK_EVENTS"] = events;
    }
    Json(config)
}

/// The version alone.
pub async fn version() -> &'static str {
    VERSION
}

/// The address, with a slash.
pub async fn public_url(State(openvidu): State<OpenVidu>, headers: HeaderMap) -> String {
    format!("{}/", access::public_url(&openvidu, &headers))
}

/// What is said of recordings when there are any.
fn recordings(openvidu: &OpenVidu) -> Map<String, Value> {
    let settings = &openvidu.settings;
    let layouts = settings.layouts.as_ref().map(|folder| folder.display().to_string());
    let fields = json!({
        "OPENVIDU_RECORDING_VERSION": VERSION, "OPENVIDU_RECORDING_PATH": folder(openvidu),
        "OPENVIDU_RECORDING_PUBLIC_ACCESS": settings.recording_public_access,
        "OPENVIDU_RECORDING_NOTIFICATION": settings.recording_notification.as_str(),
        "OPENVIDU_RECORDING_CUSTOM_LAYOUT": layouts.unwrap_or_default(),
        "OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT": settings.recording_autostop.as_secs(),
    });
    if let Value::Object(fields) = fields { fields } else { Map::new() }
}

fn folder(openvidu: &OpenVidu) -> String {
    format!("{}/", openvidu.shared.recordings.dir().display())
}

/// Where recordings are.
pub async fn recording_path(State(openvidu): State<OpenVidu>) -> String {
    folder(&openvidu)
}

/// Whether there are recordings.
pub async fn recording(State(openvidu): State<OpenVidu>) -> String {
    openvidu.settings.recording.to_string()
}

/// Whether there is a call detail record.
pub async fn cdr(State(openvidu): State<OpenVidu>) -> String {
    openvidu.settings.cdr.is_some().to_string()
}

/// For load balancers.
pub async fn health() -> Json<Value> {
    Json(json!({ "status": "UP", "disconnectedMediaNodes": [] }))
}
