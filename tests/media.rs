//! The real engine with real clients on loopback.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "harness/camera.rs"]
mod camera;
#[path = "media/conversing.rs"]
mod conversing;
#[path = "media/cross_codec.rs"]
mod cross_codec;
#[path = "media/early.rs"]
mod early;
#[path = "media/engine.rs"]
mod engine;
#[path = "harness/ffmpeg.rs"]
mod ffmpeg;
#[path = "media/live_mix.rs"]
mod live_mix;
#[path = "media/outages.rs"]
mod outages;
#[path = "media/publish.rs"]
mod publish;
#[path = "harness/rtc.rs"]
mod rtc;
#[path = "media/rtsp.rs"]
mod rtsp;
#[path = "media/secrets.rs"]
mod secrets;
#[path = "harness/service.rs"]
mod service;
#[path = "media/several_codecs.rs"]
mod several_codecs;
#[path = "media/sources.rs"]
mod sources;
#[path = "media/streams.rs"]
mod streams;
#[path = "media/subscribe.rs"]
mod subscribe;
#[path = "harness/talker.rs"]
mod talker;
#[path = "media/transports.rs"]
mod transports;
#[path = "harness/web.rs"]
mod web;
#[path = "media/whip.rs"]
mod whip;
