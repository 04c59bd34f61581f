//! What a seat in a room does: what its client says and its room tells → what is sent and asked. Pure, no sockets.
//!
//! There are three: one of a pair whose messages are passed on, a sender to the server, a viewer of the server.

mod pair;
mod publisher;
mod watcher;

use super::translate::Refusal;
use super::wire::{ClientMessage, Role, ServerMessage, Via};
use crate::model::{EndReason, Opaque, ParticipantId};
use crate::room::{Command, EventKind, RoomView};
use pair::Pair;
use publisher::Publisher;
use watcher::Watcher;

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Tell the client.
    Tell(ServerMessage),
    /// Pass on to the client what the other side said.
    Pass(Opaque),
    /// Ask the room.
    Ask(Command),
    /// It is out of the room; why, in words.
    Out(&'static str),
}

/// A seat's part.
#[derive(Debug)]
pub struct Play {
    role: Role,
    me: ParticipantId,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Pair(Pair),
    Publisher(Publisher),
    Watcher(Watcher),
}

impl Play {
    /// For one who has just sat down, in a room that looks so.
    pub fn begin(role: Role, via: Via, me: ParticipantId, room: &RoomView) -> (Self, Vec<Step>) {
        let (part, steps) = match (via, role) {
            (Via::Pages, _) => {
                let (pair, steps) = Pair::begin(role, room);
                (Part::Pair(pair), steps)
            }
            (Via::Server, Role::Sender) => {
                let (publisher, steps) = Publisher::begin(me.clone());
                (Part::Publisher(publisher), steps)
            }
            (Via::Server, Role::Viewer) => {
                let (watcher, steps) = Watcher::begin(room);
                (Part::Watcher(watcher), steps)
            }
        };
        (Self { role, me, part }, steps)
    }

    /// The client says something; `Join` is not a seat's matter.
    pub fn said(&mut self, message: ClientMessage) -> Result<Vec<Step>, Refusal> {
        match (&message, self.role) {
            (ClientMessage::Offer(_), Role::Viewer) => return Err(Refusal::wrong_role("offer", self.role)),
            (ClientMessage::Answer(_), Role::Sender) => return Err(Refusal::wrong_role("answer", self.role)),
            _ => {}
        }
        match &mut self.part {
            Part::Pair(pair) => pair.said(message),
            Part::Publisher(publisher) => Ok(publisher.said(message)),
            Part::Watcher(watcher) => watcher.said(message),
        }
    }

    /// The room tells something.
    pub fn heard(&mut self, event: EventKind) -> Vec<Step> {
        match &event {
            EventKind::ParticipantLeft { participant, reason } if *participant == self.me => return out(*reason),
            EventKind::RoomClosed { .. } => return vec![Step::Out("the room was closed")],
            _ => {}
        }
        match &mut self.part {
            Part::Pair(pair) => pair.heard(event),
            Part::Publisher(publisher) => publisher.heard(event),
            Part::Watcher(watcher) => watcher.heard(event),
        }
    }
}

fn out(reason: EndReason) -> Vec<Step> {
    vec![Step::Out(match reason {
        EndReason::Kicked => "you were removed from the room",
        _ => "you are out of the room",
    })]
}
