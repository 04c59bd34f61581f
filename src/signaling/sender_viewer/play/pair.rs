//! One of two pages whose messages are passed on: when each hears of the other, and what is kept for one who is not here.

use super::super::translate::{Refusal, name};
use super::super::wire::{ClientMessage, Role, ServerMessage};
use super::Step;
use crate::model::{Opaque, ParticipantId};
use crate::room::{Command, EventKind, RoomView};

/// A page's part.
#[derive(Debug)]
pub struct Pair {
    role: Role,
    other: ParticipantId,
    other_is_here: bool,
    /// Whether the other has been here since we sat down.
    met: bool,
    /// Whether an offer is kept for the other, who is away: its candidates are kept with it.
    offer_is_kept: bool,
}

impl Pair {
    /// The sender hears of a viewer who was here before it.
    pub fn begin(role: Role, room: &RoomView) -> (Self, Vec<Step>) {
        let other = ParticipantId::new(match role {
            Role::Sender => name(Role::Viewer),
            Role::Viewer => name(Role::Sender),
        });
        let here = room.participants.iter().any(|participant| participant.id == other);
        let steps = match role {
            Role::Sender if here => vec![Step::Tell(ServerMessage::ViewerReady)],
            _ => Vec::new(),
        };
        (Self { role, other, other_is_here: here, met: here, offer_is_kept: false }, steps)
    }

    pub fn said(&mut self, message: ClientMessage) -> Result<Vec<Step>, Refusal> {
        match message {
            ClientMessage::Offer(offer) => {
                self.offer_is_kept = !self.other_is_here;
                Ok(self.pass(&ServerMessage::Offer { sdp: offer.whole }, self.offer_is_kept))
            }
            ClientMessage::Answer(answer) => {
                self.check_met()?;
                Ok(self.pass(&ServerMessage::Answer { sdp: answer.whole }, false))
            }
            ClientMessage::IceCandidate(candidate) => {
                if self.role == Role::Viewer {
                    self.check_met()?;
                }
                let passed = ServerMessage::IceCandidate { candidate: candidate.whole };
                Ok(self.pass(&passed, self.offer_is_kept))
            }
            ClientMessage::Ready if self.role == Role::Viewer && self.other_is_here => {
                Ok(self.pass(&ServerMessage::ViewerReady, false))
            }
            ClientMessage::Ready | ClientMessage::Join(_) => Ok(Vec::new()),
        }
    }

    /// What is not kept is dropped when the other has gone meanwhile: it was meant for a connection that is no more, and
    /// its leaving is told. So an offer for one viewer never reaches the next, who gets one of its own.
    fn pass(&self, message: &ServerMessage, keep: bool) -> Vec<Step> {
        if !self.other_is_here && !keep {
            return Vec::new();
        }
        let Ok(body) = serde_json::to_string(message) else { return Vec::new() };
        vec![Step::Ask(Command::Relay { to: Some(self.other.clone()), body: Opaque::new(body), keep })]
    }

    /// A viewer that nobody has offered anything to has nothing to answer.
    fn check_met(&self) -> Result<(), Refusal> {
        match self.met {
            true => Ok(()),
            false => Err(Refusal::bad_request("no sender has been here yet: wait for its offer")),
        }
    }

    pub fn heard(&mut self, event: EventKind) -> Vec<Step> {
        match event {
            // Who came while we sat down is among those we found.
            EventKind::ParticipantJoined { participant } if participant == self.other && !self.other_is_here => {
                (self.other_is_here, self.met, self.offer_is_kept) = (true, true, false);
                vec![Step::Tell(match self.role {
                    Role::Sender => ServerMessage::ViewerReady,
                    Role::Viewer => ServerMessage::SenderReady,
                })]
            }
            EventKind::ParticipantLeft { participant, .. } if participant == self.other && self.other_is_here => {
                self.other_is_here = false;
                vec![Step::Tell(match self.role {
                    Role::Sender => ServerMessage::ViewerLeft,
                    Role::Viewer => ServerMessage::SenderLeft,
                })]
            }
            EventKind::Relayed { from, body } if from == self.other => vec![Step::Pass(body)],
            _ => Vec::new(),
        }
    }
}
