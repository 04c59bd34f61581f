//! The STUN and TURN server by itself: coturn's clients, clients with bad manners, floods.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "turn/caller.rs"]
mod caller;
#[path = "turn/clients.rs"]
mod clients;
#[path = "turn/floods.rs"]
mod floods;
#[path = "turn/hall.rs"]
mod hall;
#[path = "turn/refusals.rs"]
mod refusals;
#[path = "turn/relays.rs"]
mod relays;
