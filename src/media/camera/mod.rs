//! Sources that are no WebRTC publishers: each becomes a feed and stays one, whatever becomes of the source.
//!
//! Decides when a source is opened, that it is opened again, what of it passes and what is transcoded, and makes one
//! uninterrupted RTP stream per track of whatever comes. Leaves fan-out to `feed`, what may be opened to `reach`, and where a
//! source stands in a room to `room`.
//!
//! ```text
//! supervisor ── opens ──> session: one pipeline an attempt
//!                           head (rtsp, pattern, …) ─pads─> line: parsed, measured ─┬─ as it is ─┐
//!                                                                                   └ transcode ─┤
//! cover: the placeholder in an outage ───────────────────────────────────────────────────────────┴> output ─> Feed
//! ```

mod attach;
mod backoff;
mod board;
mod container;
mod cover;
mod file;
mod head;
mod http;
mod knock;
mod line;
mod meter;
mod output;
mod pattern;
mod placeholder;
mod plan;
mod rtsp;
mod session;
mod skew;
mod splice;
mod streams;
mod supervisor;
mod transcode;
mod trouble;
mod upstream;

pub use board::Board;
pub use supervisor::{Job, run};

/// What a source's task hears.
#[derive(Debug)]
pub enum Input {
    /// End, without an event: whoever asks knows why.
    Close,
    /// Close it and open it again, at once.
    Restart,
    /// Somebody may want it: a keyframe was asked for.
    Wake,
    /// From the attempt of this number.
    Session(u64, Signal),
}

/// What happens in an attempt's pipeline.
#[derive(Clone, Debug)]
pub enum Signal {
    /// It cannot go on.
    Failed(trouble::Trouble),
    /// The source came to its end.
    Ended,
    /// A track's first unit came, or one was given up; all that is needed is known when no more are coming.
    Tracks,
    /// The pipeline's latency is to be worked out again.
    Latency,
}
