//! Recordings as this dialect has them: one at a time of a session, whose calls answer when it runs and when it is ready.
//!
//! Decides what the room is asked to record and what the finished thing looks like. `kept` is what is remembered of it beside
//! its files, `pack` makes the ZIP of an individual one, `recorder` starts and stops.

pub mod kept;
mod pack;
pub mod recorder;

pub use kept::Kept;
pub use recorder::{NotStarted, NotStopped, Recorder};
