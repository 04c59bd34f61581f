//! Recordings as this dialect has them: one at a time of a session, whose calls answer when it runs and when it is ready.
//!
//! Decides what the room is asked to record (`wish`) and what the finished thing looks like. `kept` is what is remembered of
//! it, `shelf` where, `pack` makes the ZIP of an individual one, `recorder` starts, `ending` stops and finishes, `news` waits.

mod ending;
pub mod kept;
mod news;
mod pack;
pub mod recorder;
mod shelf;
mod wish;

pub use kept::Kept;
pub use recorder::{NotStarted, NotStopped, Recorder};
