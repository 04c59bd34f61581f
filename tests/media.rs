//! The real engine with real clients on loopback.

#[path = "media/engine.rs"]
mod engine;
#[path = "media/publish.rs"]
mod publish;
#[path = "media/subscribe.rs"]
mod subscribe;
#[path = "harness/rtc.rs"]
mod rtc;
