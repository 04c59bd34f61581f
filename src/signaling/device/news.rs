//! What a client may hear besides the protocol's own events, once it has asked for it: older clients hear nothing new.

use super::wire::{Misunderstood, ServerMessage, bad};
use crate::model::{FeedId, ParticipantId, Why};
use serde_json::{Map, Value};

/// A kind of event that has to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// What a subscription gets.
    Rendition,
    /// Who speaks.
    ActiveSpeaker,
    /// Which layers of one's own feed are in use.
    Layers,
    /// Its STUN and TURN servers.
    Welcome,
}

impl News {
    /// Its event's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rendition => "rendition",
            Self::ActiveSpeaker => "active_speaker",
            Self::Layers => "layers",
            Self::Welcome => "welcome",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Rendition, Self::ActiveSpeaker, Self::Layers, Self::Welcome].into_iter().find(|news| news.name() == name)
    }

    /// Whether a message has to be asked for, and as what.
    pub fn of(message: &ServerMessage) -> Option<Self> {
        match message {
            ServerMessage::Rendition { .. } => Some(Self::Rendition),
            ServerMessage::ActiveSpeaker { .. } => Some(Self::ActiveSpeaker),
            ServerMessage::Layers { .. } => Some(Self::Layers),
            ServerMessage::Welcome { .. } => Some(Self::Welcome),
            _ => None,
        }
    }

    /// `notify_me {events: ["rendition", …]}`: these, and no others from now on.
    pub fn read(data: &Map<String, Value>) -> Result<Vec<Self>, Misunderstood> {
        let Some(Value::Array(names)) = data.get("events") else {
            return Err(bad("events", "must be a list of names"));
        };
        let read = |name: &Value| {
            let known = name.as_str().and_then(Self::named);
            known.ok_or_else(|| bad("events", "may name `rendition`, `active_speaker`, `layers` and `welcome`"))
        };
        names.iter().map(read).collect()
    }
}

/// What a subscription gets from now on.
pub fn rendition(feed: FeedId, rendition: String, why: Why, words: String) -> ServerMessage {
    ServerMessage::Rendition { feed, rendition, why: why.as_str(), message: words }
}

/// Another one speaks; `publisher` as the protocol names it.
pub fn speaker(feed: Option<FeedId>, who: Option<&ParticipantId>, name: fn(&ParticipantId) -> String) -> ServerMessage {
    ServerMessage::ActiveSpeaker { feed, publisher: who.map(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_may_be_asked_for() {
        let read = |json: Value| News::read(json.as_object().unwrap()).map_err(|error| error.to_string());
        let known = read(serde_json::json!({ "events": ["layers", "rendition"] }));
        assert_eq!(known, Ok(vec![News::Layers, News::Rendition]));
        for wrong in [serde_json::json!({}), serde_json::json!({ "events": ["all"] })] {
            assert!(read(wrong).unwrap_err().starts_with("`events` "));
        }
    }
}
