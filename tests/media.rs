//! The real engine with real clients on loopback.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "media/engine.rs"]
mod engine;
#[path = "media/live_mix.rs"]
mod live_mix;
#[path = "media/publish.rs"]
mod publish;
#[path = "harness/rtc.rs"]
mod rtc;
#[path = "media/subscribe.rs"]
mod subscribe;
