//! The room core: no JSON, HTTP or GStreamer.

mod actor;
pub mod budget;
pub mod command;
pub mod event;
pub mod lobby;
pub mod negotiation;
mod notice;
pub mod registry;
pub mod state;
mod storage;
#[cfg(test)]
mod tests;
pub mod view;

pub use budget::{MixCost, Mixes, Unmixable};
pub use command::{Command, RoomError, Side, Watched};
pub use event::{Audience, DataChange, Event, EventKind, TransportChange};
pub use lobby::{ClientKey, Lobby, LobbyEvent, Presence, Role};
pub use notice::Notice;
pub use registry::{EventStream, Reply, RoomHandle, Rooms};
pub use view::RoomView;
