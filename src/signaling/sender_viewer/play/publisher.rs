//! A sender whose peer is the server: it is asked for an offer at once, and again when its media was lost on the way.

use super::super::translate::{Refusal, was_lost, was_wanted};
use super::super::wire::{ClientMessage, Role, ServerMessage};
use super::Step;
use crate::model::{Content, ParticipantId};
use crate::room::{Command, EventKind, Side};
use serde_json::json;

/// A sender's part.
#[derive(Debug)]
pub struct Publisher {
    me: ParticipantId,
    /// Whether media has flowed since the last offer was asked for.
    was_live: bool,
}

impl Publisher {
    pub fn begin(me: ParticipantId) -> (Self, Vec<Step>) {
        (Self { me, was_live: false }, vec![Step::Tell(ServerMessage::ViewerReady)])
    }

    pub fn said(&mut self, message: ClientMessage) -> Vec<Step> {
        match message {
            ClientMessage::Offer(offer) => {
                vec![Step::Ask(Command::Publish { offer: offer.sdp, content: Content::Camera })]
            }
            ClientMessage::IceCandidate(given) => {
                vec![Step::Ask(Command::Candidate { side: Side::Publisher, candidate: given.candidate })]
            }
            ClientMessage::Answer(_) | ClientMessage::Ready | ClientMessage::Join(_) => Vec::new(),
        }
    }

    pub fn heard(&mut self, event: EventKind) -> Vec<Step> {
        match event {
            EventKind::PublishAnswered { answer, .. } => {
                vec![Step::Tell(ServerMessage::Answer { sdp: json!({ "type": "answer", "sdp": answer }) })]
            }
            EventKind::PublishRefused { error } => vec![Step::Tell(Refusal::of(&error, Role::Sender).told())],
            EventKind::FeedPublished { publisher, .. } if publisher == self.me => {
                self.was_live = true;
                Vec::new()
            }
            EventKind::FeedEnded { publisher, reason, .. } if publisher == self.me => {
                let again = std::mem::take(&mut self.was_live) && was_lost(reason);
                match again {
                    true => vec![Step::Tell(ServerMessage::ViewerLeft), Step::Tell(ServerMessage::ViewerReady)],
                    false if was_wanted(reason) => Vec::new(),
                    false => vec![Step::Tell(
                        Refusal::server_error(format!("the connection for media failed ({reason}): join again")).told(),
                    )],
                }
            }
            _ => Vec::new(),
        }
    }
}
