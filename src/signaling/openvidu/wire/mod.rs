//! The dialect's JSON: bodies of REST requests judged, answers written, frames of the socket.

pub mod fields;
pub mod filter;
pub mod frame;
pub mod ice;
pub mod new_connection;
pub mod new_session;
pub mod recording;
