//! STUN and TURN (RFC 8489, RFC 8656): help for clients that cannot reach each other, or us, directly.
//!
//! `server` listens. A message goes through `datagrams` or `streams` (whose `frames` it comes in) to `house`: binding requests
//! are answered from `message`, all else must prove a password at the `door` (`credentials`, `nonce`) before anything is
//! remembered. A client's `session` (pure) is a `TurnServer` of `turn-server-proto` with bounds around it (`peers`, `permits`,
//! `bucket`); its `allocation` is the open relay, `ground` has the sockets, `ledger` and `crowd` count. `handout` decides which
//! servers clients are told of.

mod allocation;
mod bucket;
mod credentials;
mod crowd;
mod datagrams;
mod door;
mod frames;
mod ground;
mod handout;
mod house;
mod ledger;
mod message;
mod nonce;
mod peers;
mod permits;
mod server;
mod session;
mod streams;
mod way;

pub use credentials::Credentials;
pub use handout::{Handout, Ports};
pub use server::{Own, Server, TurnError};
