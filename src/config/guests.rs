//! `[guests]`: clients that bring no token, and what one address may have and do.

use serde::Deserialize;

/// A dialect whose clients cannot bring a token: they were written before there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestDialect {
    /// `WS /ws` and the pages `/sender` and `/viewer`.
    SenderViewer,
    /// The two-party call, `/video_call/`.
    Call,
    /// Presence and ringing by Socket.IO.
    Ringing,
    /// `WS /ws/conference` and the pages `/conference/{room}`.
    Conference,
}

impl GuestDialect {
    /// Its name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SenderViewer => "sender-viewer",
            Self::Call => "call",
            Self::Ringing => "ringing",
            Self::Conference => "conference",
        }
    }
}

/// `[guests]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guests {
    /// Dialects that are open to everybody though `auth.secret` is set. Without a secret all are.
    pub dialects: Vec<GuestDialect>,
    /// Signaling sockets at once from one address (of IPv6: one /64).
    pub max_sockets: usize,
    /// Rooms, and lines of calls, at once that one address has made.
    pub max_rooms: usize,
    /// Rooms, lines and rings that one address may make in a minute.
    pub max_made_per_minute: u32,
}

impl Default for Guests {
    fn default() -> Self {
        Self { dialects: Vec::new(), max_sockets: 200, max_rooms: 100, max_made_per_minute: 120 }
    }
}
