//! HLS and low-latency HLS of a feed: CMAF segments and parts in memory, playlists that can be waited on.
//!
//! Decides segments, parts, names and playlists; leaves what is in them to `outlet`, and HTTP, tokens and rooms to `admin`.
//! `cutter` where segments end · `muxer` CMAF · `lane` a track · `packager` both · `shelf`, `shelves` what is kept ·
//! `playlist`, `multivariant`, `names` the text · `presentation` a feed's, with who waits.

mod cutter;
mod lane;
mod multivariant;
mod muxer;
mod names;
mod packager;
mod playlist;
mod presentation;
mod shelf;
mod shelves;
#[cfg(test)]
mod tests;

pub use presentation::Presentation;
