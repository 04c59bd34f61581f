//! The RTSP server, pulled by independent players: ffmpeg, ffprobe, VLC, and sockets of our own.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "rtsp/hall.rs"]
mod hall;
#[path = "rtsp/hostile.rs"]
mod hostile;
#[path = "rtsp/players.rs"]
mod players;
