//! Mixes: the pictures and sounds of a room in one file or feed, live or afterwards, by one core that knows no clock.
//!
//! `layout` boxes by number of people · `scene`, `canvas`, `text` the picture · `sound`, `speaker` the sound · `decoder`,
//! `input` one pipeline per participant and track · `mixer` the core · `encoder` the file or feed · `on_air` RTP into a feed ·
//! `others` its sound without one member's · `live` a running room · `offline` a finished recording. No compositor element: pictures come decoded in the size of their box, so that mixing
//! is copying rows, and no input can hold up another.

mod canvas;
mod cost;
mod decoder;
mod encoder;
mod frame;
mod input;
pub mod layout;
mod lead;
mod live;
mod member;
mod mixer;
mod offline;
mod on_air;
mod others;
mod scene;
mod sound;
mod speaker;
mod story;
mod text;

pub use cost::mix_cost;
pub use live::{Mix, MixEvent, MixSpec, Target};
pub use member::{Joining, since};
pub use offline::{ComposeSpec, Composed, compose};
pub use others::{MOST as MOST_LISTENERS, Others};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
