//! The STUN and TURN servers of a client of this dialect: told when it asks, and again before its account is over.

use super::wire::ServerMessage;
use crate::model::IceServer;
use crate::signaling::client::ClientAddress;
use crate::turn::Handout;
use tokio::time::Instant;

/// One client's. Nothing is told before it has asked.
pub struct Welcome {
    handout: Handout,
    /// The name it has reached us by.
    host: Option<String>,
    /// Whose account it is.
    who: String,
    due: Option<Instant>,
}

impl Welcome {
    /// For a client from this address, which came to `host`.
    pub fn new(handout: Handout, host: Option<String>, from: ClientAddress) -> Self {
        // Not its id, which it chooses: relays are limited for each user.
        Self { handout, host, who: from.household().to_string(), due: None }
    }

    /// It asks, or asks for other things only.
    pub fn wanted(&mut self, wanted: bool) {
        self.due = wanted.then(Instant::now);
    }

    /// When the next message is due; for ever without a wish.
    pub async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// The message, and the next one while what it says is still good.
    pub fn message(&mut self) -> ServerMessage {
        let ttl = self.handout.ttl();
        self.due = Some(Instant::now() + ttl / 2);
        let servers = self.handout.servers(self.host.as_deref(), Some(&self.who));
        ServerMessage::Welcome { ice_servers: IceServer::list(&servers), ttl: ttl.as_secs() }
    }
}
