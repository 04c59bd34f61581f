//! Independent WebRTC peers on `str0m` (no GStreamer): they publish VP8-shaped RTP, or a clip, and count what they receive.
//!
//! Used by the end-to-end tests and by the benchmark. Decides what a peer sends and how it judges what comes; leaves
//! rooms and signaling messages to [`signal`].

pub mod camera;
pub mod clip;
pub mod compose;
pub mod data;
pub mod film;
pub mod flash_beep;
pub mod http;
pub mod ivf;
pub mod janus;
pub mod load;
pub mod local;
pub mod namespace;
pub mod openvidu;
pub mod peer;
pub mod process;
pub mod record;
pub mod report;
pub mod scene;
pub mod sending;
pub mod servers;
pub mod signal;
pub mod soak;
pub mod socket;
pub mod source;
pub mod strangers;
pub mod transcode;
pub mod whip;

pub use peer::{Peer, Received};
pub use signal::{Attended, Client, Role};
