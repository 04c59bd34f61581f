//! The parts of other layers that are started here, each behind one small function.

use super::StartError;
use crate::config;
use crate::demo::publisher::PublisherSpec;
use crate::demo::{self, DemoSpec};
use crate::media::{Engine, GstEngine};
use crate::signaling;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;

/// The synthetic device of demo mode.
pub type Demo = demo::Demo;

/// The real engine and the address of its UDP port.
pub fn start_engine(config: &config::Media, min_free_bytes: u64) -> Result<(Arc<dyn Engine>, SocketAddr), StartError> {
    let engine = GstEngine::start(config, min_free_bytes).map_err(|e| StartError::Media(e.to_string()))?;
    let address = engine.local_addr();
    Ok((engine, address))
}

/// The dialects' routes.
pub fn signaling_routes(shared: signaling::Shared) -> Router {
    signaling::router(shared)
}

/// A synthetic device that connects to this service like any other.
pub fn start_demo(url: String, token: String) -> Demo {
    demo::start(DemoSpec { url, id: "demo".into(), token, media: PublisherSpec::default() })
}

/// Ends the synthetic device.
pub async fn stop_demo(demo: Demo) {
    demo.stop().await;
}
