//! The real engine with real clients on loopback.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "media/engine.rs"]
mod engine;
#[path = "media/publish.rs"]
mod publish;
#[path = "harness/rtc.rs"]
mod rtc;
#[path = "harness/service.rs"]
mod service;
#[path = "media/subscribe.rs"]
mod subscribe;
#[path = "media/whip.rs"]
mod whip;
