//! The real binary and peers that are not GStreamer (`str0m`), over real sockets. Any GLib critical kills the server
//! (`G_DEBUG=fatal-criticals`).

#[path = "peers/crash.rs"]
mod crash;
#[path = "peers/cycles.rs"]
mod cycles;
#[path = "peers/fan_out.rs"]
mod fan_out;
#[path = "peers/hls.rs"]
mod hls;
#[path = "peers/hostile.rs"]
mod hostile;
#[allow(clippy::expect_used, reason = "a test ends by panicking")]
#[path = "harness/line.rs"]
mod line;
#[path = "peers/lines.rs"]
mod lines;
#[path = "peers/liveness.rs"]
mod liveness;
#[path = "peers/pieces.rs"]
mod pieces;
#[path = "harness/process.rs"]
mod process;
#[path = "peers/recording.rs"]
mod recording;
#[path = "peers/relay.rs"]
mod relay;
#[path = "peers/roaming.rs"]
mod roaming;
#[path = "peers/scene.rs"]
mod scene;
#[path = "peers/shutdown.rs"]
mod shutdown;
#[path = "peers/strangers.rs"]
mod strangers;
#[path = "peers/studio.rs"]
mod studio;
#[path = "peers/sync.rs"]
mod sync;
#[path = "peers/whip.rs"]
mod whip;
