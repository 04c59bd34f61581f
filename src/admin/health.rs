//! Is it well, and the figures: `/health` for load balancers and containers, `/metrics` for Prometheus.

use super::Shared;
use super::access::Access;
use super::error::ApiError;
use crate::config::GuestDialect;
use crate::room::RoomView;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Bounds of request durations in seconds.
const DURATIONS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// How the service is.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`, or `stopping` (then with status 503).
    pub status: String,
    /// Of this program.
    pub version: String,
    /// Since the start.
    pub uptime_seconds: u64,
    /// Rooms now.
    pub rooms: usize,
    /// Peer connections now.
    pub peers: usize,
    /// Whether any token is good: no secret is set.
    #[serde(default)]
    pub open: bool,
    /// Dialects that ask for no token: `sender-viewer`, `call`, `ringing`.
    #[serde(default)]
    pub guests: Vec<String>,
    /// Whether a synthetic device is connected.
    #[serde(default)]
    pub demo: bool,
}

/// How the service is; asks for no token. Status 503 once it is shutting down.
#[utoipa::path(
    get, path = "/health", tag = "operation", security(()),
    responses((status = OK, body = Health), (status = SERVICE_UNAVAILABLE, body = Health))
)]
pub async fn health(State(shared): State<Shared>) -> impl IntoResponse {
    let rooms = shared.rooms.list().await;
    let stopping = shared.closing.is_cancelled();
    let health = Health {
        status: if stopping { "stopping" } else { "ok" }.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_seconds: shared.started.elapsed().as_secs(),
        rooms: rooms.len(),
        peers: rooms.iter().map(|room| publishers(room) + subscribers(room)).sum(),
        open: shared.auth.is_open(),
        guests: guests(&shared).map(|dialect| dialect.as_str().to_owned()).collect(),
        demo: shared.demo,
    };
    let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    // It is nobody's secret: any page may ask.
    (status, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(health))
}

fn guests(shared: &Shared) -> impl Iterator<Item = GuestDialect> {
    const ALL: [GuestDialect; 4] =
        [GuestDialect::SenderViewer, GuestDialect::Call, GuestDialect::Ringing, GuestDialect::Conference];
    ALL.into_iter().filter(|dialect| shared.auth.is_open() || shared.guests.contains(dialect))
}

/// All figures in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = OK, body = String, content_type = "text/plain"), (status = UNAUTHORIZED, body = ApiError))
)]
pub async fn metrics(access: Access, State(shared): State<Shared>) -> Result<impl IntoResponse, ApiError> {
    access.admin_only()?;
    measure(&shared, &shared.rooms.list().await);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render()))
}

/// What is counted when it is asked for: there is no second copy to go wrong.
fn measure(shared: &Shared, rooms: &[RoomView]) {
    let sum = |count: fn(&RoomView) -> usize| rooms.iter().map(count).sum::<usize>() as f64;
    gauge!("media_rooms").set(rooms.len() as f64);
    gauge!("media_participants").set(sum(|room| room.participants.len()));
    gauge!("media_feeds").set(sum(|room| room.feeds.iter().filter(|feed| feed.live).count()));
    gauge!("media_recordings").set(sum(|room| room.recordings.len()));
    gauge!("media_peers", "kind" => "publisher").set(sum(publishers));
    gauge!("media_peers", "kind" => "subscriber").set(sum(subscribers));
    let mut bits: HashMap<&'static str, u64> = HashMap::from([("vp8", 0), ("h264", 0), ("opus", 0)]);
    let stats = rooms.iter().flat_map(|room| &room.feeds).filter_map(|feed| shared.engine.feed_stats(feed.id));
    for track in stats.flat_map(|stats| stats.tracks) {
        *bits.entry(track.codec.as_str()).or_default() += track.bitrate;
    }
    for (codec, bits) in bits {
        gauge!("media_received_bits_per_second", "codec" => codec).set(bits as f64);
    }
}

fn publishers(room: &RoomView) -> usize {
    room.participants.iter().filter(|p| p.publisher.is_some()).count()
}

fn subscribers(room: &RoomView) -> usize {
    room.participants.iter().map(|p| p.subscriptions.len()).sum()
}

/// Makes this process' metrics readable; further calls return the same handle.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    let durations = Matcher::Suffix("_seconds".into());
    let recorder = match builder.set_buckets_for_metric(durations, &DURATIONS) {
        Ok(builder) => builder.build_recorder(),
        Err(_) => PrometheusBuilder::new().build_recorder(),
    };
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is installed: /metrics will be empty");
    }
    handle
}
