//! Which rendition of a feed each viewer gets, and why.
//!
//! The core is pure: `facts` of a feed become `candidates` for a viewer, `line` decides when and `share` how much of a client's
//! line each of its subscriptions gets, `reason` and `words` say why, `view` keeps what a subscription was given.

mod budget;
mod candidates;
mod facts;
mod held;
mod history;
mod line;
mod reason;
mod seat;
mod share;
mod signs;
mod view;
mod words;
#[cfg(test)]
mod world_test;
