//! The real engine with real clients on loopback.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "harness/camera.rs"]
mod camera;
#[path = "media/engine.rs"]
mod engine;
#[path = "media/outages.rs"]
mod outages;
#[path = "media/publish.rs"]
mod publish;
#[path = "harness/rtc.rs"]
mod rtc;
#[path = "media/rtsp.rs"]
mod rtsp;
#[path = "media/sources.rs"]
mod sources;
#[path = "media/subscribe.rs"]
mod subscribe;
