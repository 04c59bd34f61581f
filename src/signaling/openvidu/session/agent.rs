//! Participants that are the deployment's own: what records a session from a page, or writes down what is said. They come by
//! the secret instead of a token, nobody is told of them, and they do not keep a session alive.

use super::super::ids;
use super::super::wire::new_connection::NewConnection;
use super::state::Effect;
use super::{Connection, State};
use serde_json::json;

/// What records from a page.
pub const RECORDER: &str = "RECORDER";
/// What writes down what is said.
pub const SPEECH_TO_TEXT: &str = "SPEECH_TO_TEXT";

/// Whether a connection is one of them.
pub fn is(connection: &str) -> bool {
    [RECORDER, SPEECH_TO_TEXT].contains(&connection)
}

impl State {
    /// Lets one in; the token that it joins by, `None`: it is here already.
    pub fn admit(&mut self, agent: &'static str) -> Option<String> {
        if self.active(agent).is_some() {
            return None;
        }
        self.connections.retain(|connection| connection.id != agent);
        let new = NewConnection::read(&json!({ "role": "SUBSCRIBER", "record": false }), 0).ok()?;
        let token = ids::token();
        self.add(agent.to_owned(), Some(token.clone()), new);
        Some(token)
    }

    /// Participants that people and the application know of.
    pub(super) fn participants(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|connection| !is(&connection.id))
    }

    /// They leave, and nobody else hears of it.
    pub(super) fn evict_agents(&mut self) {
        let here: Vec<String> = self.connections.iter().map(|c| c.id.clone()).filter(|id| is(id)).collect();
        for agent in here {
            let active = self.active(&agent).is_some();
            let told = json!({ "connectionId": agent, "reason": "" });
            self.notify(std::slice::from_ref(&agent), "participantEvicted", &told);
            self.depart(&agent, "");
            if active {
                self.effects.push(Effect::Dismiss(agent));
            }
        }
    }
}
