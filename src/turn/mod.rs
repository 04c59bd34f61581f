//! STUN and TURN (RFC 8489, RFC 8656): help for clients that cannot reach each other, or us, directly.
//!
//! `handout` decides which servers a client is told of, `credentials` makes the passwords that are good for a time.

mod credentials;
mod handout;

pub use credentials::Credentials;
pub use handout::{Handout, Ports};
