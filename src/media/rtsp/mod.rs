//! The RTSP server: feeds for players, recorders and video walls that pull, `rtsp://HOST:8554/ROOM/FEED`.
//!
//! `door` listens, and reads each connection's first requests itself: who may come in is asked there (asynchronously, under
//! a deadline), so that gst-rtsp-server never sees a stranger and no lookup holds up other clients. `house` hands the
//! connection over together with what was read, and knows who is here; `stream` is one feed for all of them; `factory`
//! makes each client's pipeline. Leaves tokens and names to the [`Door`], and a feed's units to `outlet`.

mod door;
mod factory;
mod house;
mod request;
#[cfg(test)]
mod request_test;
mod stream;

use crate::model::{FeedId, RoomId};
use futures::future::BoxFuture;
pub use house::House;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The room.
    pub room: RoomId,
    /// A feed's number, its publisher's or camera's name, or `mix`; `None`: the only feed, else the mix.
    pub feed: Option<String>,
    /// In which form its sound goes out.
    pub sound: Sound,
}

/// How sound goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sound {
    /// What every player and recorder takes.
    #[default]
    Aac,
    /// As it comes: `?audio=opus`.
    Opus,
    /// Pictures alone: `?audio=none`.
    None,
}

/// Why somebody does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or a bad one: 401, and clients ask again with credentials.
    Unauthorized,
    /// The token is not for this: 403.
    Forbidden,
    /// No such room or feed: 404.
    NotFound,
    /// Not just now: 503.
    Busy,
}

/// Decides who may see what.
pub trait Door: Send + Sync + 'static {
    /// The feed that a place means, for who has this token. Dropped when it takes too long.
    fn enter(&self, place: Place, token: Option<String>) -> BoxFuture<'static, Result<FeedId, Refusal>>;
}
