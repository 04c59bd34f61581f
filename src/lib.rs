//! Millrace: a WebRTC media service on GStreamer. `docs/ARCHITECTURE.md` is the map.

pub mod auth;
pub mod config;
pub mod demo;
pub mod media;
pub mod model;
pub mod recordings;
pub mod room;
