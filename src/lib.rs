//! Millrace: a WebRTC media service on GStreamer. `docs/ARCHITECTURE.md` is the map.

pub mod admin;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod courier;
pub mod demo;
pub mod journal;
pub mod media;
pub mod model;
pub mod onvif;
pub mod recordings;
pub mod room;
pub mod signaling;
pub mod turn;
