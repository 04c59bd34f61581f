//! Which peer a trickled candidate belongs to: the publisher, the subscription whose answer carries the candidate's
//! ICE user name fragment, or the newest. What comes before its description is kept, never lost.

use super::{State, Subscription};
use crate::media::MediaRequest;
use crate::model::{Candidate, ParticipantId};
use crate::room::command::{RoomError, Side};

impl State {
    pub(super) fn candidate(
        &mut self,
        who: &ParticipantId,
        side: Side,
        candidate: Option<Candidate>,
    ) -> Result<(), RoomError> {
        match side {
            Side::Publisher => self.publisher_candidate(who, candidate),
            Side::Subscriber => self.subscriber_candidate(who, candidate),
        }
    }

    fn publisher_candidate(&mut self, who: &ParticipantId, candidate: Option<Candidate>) -> Result<(), RoomError> {
        let participant = self.participant(who)?;
        let Some(publisher) = participant.publisher.as_mut() else {
            participant.early_publisher.keep(candidate);
            return Ok(());
        };
        let peer = publisher.peer;
        if let Some(candidate) = publisher.negotiation.candidate(candidate) {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        Ok(())
    }

    fn subscriber_candidate(&mut self, who: &ParticipantId, candidate: Option<Candidate>) -> Result<(), RoomError> {
        let participant = self.participant(who)?;
        let ufrag = candidate.as_ref().and_then(|c| c.ufrag.as_ref());
        let owner = match ufrag {
            Some(ufrag) => participant.subscriptions.iter_mut().find(|s| s.ufrags.contains(ufrag)),
            None => participant.subscriptions.iter_mut().rev().find(|s| s.is_open()),
        };
        let Some(Subscription { peer, negotiation, .. }) = owner else {
            participant.early_subscriber.keep(candidate);
            return Ok(());
        };
        let peer = *peer;
        if let Some(candidate) = negotiation.candidate(candidate) {
            self.ask(MediaRequest::Candidate { peer, candidate });
        }
        Ok(())
    }
}
