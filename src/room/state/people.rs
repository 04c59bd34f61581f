//! Who is in the room: joining, resuming, grace, leaving, being kicked, and the end of the room.

use super::{Effect, Participant, State};
use crate::model::{EndReason, Happening, LineId, ParticipantId};
use crate::room::command::{Command, RoomError};
use crate::room::event::{Audience, EventKind};
use crate::room::negotiation::Early;
use crate::room::registry::{Joining, Reply};

impl State {
    pub(super) fn join(&mut self, who: Joining) {
        if let Err(error) = self.may_join(&who) {
            return self.reply(Err(error));
        }
        let id = who.id.clone();
        self.reply(Ok(Reply::Done));
        match self.participants.get_mut(&id) {
            Some(here) => {
                here.lost_at = None;
                here.joining = who;
            }
            None => self.newcomer(who),
        }
        self.tell_live_feeds(&id);
        self.tell_data(&id);
        self.tell_speaker_to(&id);
        self.tell_kept(&id);
    }

    pub(super) fn may_join(&self, who: &Joining) -> Result<(), RoomError> {
        if self.closing.is_some() {
            return Err(RoomError::RoomNotFound);
        }
        if !who.grants.allows_room(&self.id) {
            return Err(RoomError::Forbidden("the token is for another room".into()));
        }
        if who.unique && self.participants.get(&who.id).is_some_and(|here| here.lost_at.is_none()) {
            return Err(RoomError::Occupied);
        }
        let full = self.participants.len() >= self.limits.max_participants;
        if full && !self.participants.contains_key(&who.id) {
            return Err(RoomError::Limit(format!("{} participants in a room", self.limits.max_participants)));
        }
        Ok(())
    }

    pub(super) fn newcomer(&mut self, who: Joining) {
        let id = who.id.clone();
        let participant = Participant {
            joining: who,
            joined_at: self.now.wall,
            line: LineId::next(),
            own: None,
            lost_at: None,
            publisher: None,
            transports: Vec::new(),
            data: Default::default(),
            subscriptions: Vec::new(),
            early_publisher: Early::default(),
            early_subscriber: Early::default(),
        };
        let name = participant.joining.name.clone();
        self.participants.insert(id.clone(), participant);
        self.log(&Happening::Joined { participant: id.clone(), name });
        self.emit(Audience::Everyone, EventKind::ParticipantJoined { participant: id });
    }

    pub(super) fn connection_lost(&mut self, who: &ParticipantId) {
        let now = self.now.instant;
        if let Some(participant) = self.participants.get_mut(who) {
            participant.lost_at.get_or_insert(now);
            self.effects.push(Effect::DropStream(who.clone()));
        }
    }

    pub(super) fn end_graces(&mut self) {
        let grace = self.limits.reconnect_grace;
        let over = self.participants.iter().filter(|(_, p)| self.is_due(p.lost_at.map(|at| at + grace)));
        let over: Vec<_> = over.map(|(id, _)| id.clone()).collect();
        for id in over {
            self.remove(&id, EndReason::ConnectionLost);
        }
    }

    /// Ends all that a participant has here, then tells everybody, itself included.
    pub(super) fn remove(&mut self, who: &ParticipantId, reason: EndReason) {
        self.end_peers_of(who, reason);
        if self.participants.contains_key(who) {
            let participant = who.clone();
            self.log(&Happening::Left { participant: participant.clone(), reason });
            self.emit(Audience::Everyone, EventKind::ParticipantLeft { participant, reason });
            self.participants.remove(who);
            self.relays.forget(who);
            self.forget_ingest(who);
            self.effects.push(Effect::DropStream(who.clone()));
        }
    }

    fn end_peers_of(&mut self, who: &ParticipantId, reason: EndReason) {
        self.end_transports_of(who, reason);
        let Some(participant) = self.participants.get(who) else { return };
        let feed = participant.publisher.as_ref().map(|publisher| publisher.feed);
        let peers: Vec<_> = participant.subscriptions.iter().map(|s| s.peer).collect();
        if let Some(feed) = feed {
            self.close_feed(feed, reason);
        }
        for peer in peers {
            self.close_subscription(peer, reason);
        }
    }

    pub(super) fn kick(&mut self, who: &ParticipantId) -> Result<(), RoomError> {
        if !self.participants.contains_key(who) {
            return Err(RoomError::ParticipantNotFound);
        }
        self.remove(who, EndReason::Kicked);
        Ok(())
    }

    /// Files are told to finish first, then everybody goes; the room itself lasts until its recording is complete.
    pub(super) fn close(&mut self, reason: EndReason) {
        if self.closing.replace(reason).is_some() {
            return;
        }
        self.finish_recordings(reason);
        self.end_broadcasts(None, reason);
        self.end_mixes(reason);
        self.ingests.clear();
        let everybody: Vec<_> = self.participants.keys().cloned().collect();
        for who in &everybody {
            self.end_peers_of(who, reason);
        }
        self.emit(Audience::Everyone, EventKind::RoomClosed { reason });
        for participant in everybody {
            self.participants.remove(&participant);
            self.effects.push(Effect::DropStream(participant.clone()));
            self.emit(Audience::Journal, EventKind::ParticipantLeft { participant, reason });
        }
        self.end_if_done();
    }

    /// Called whenever the last thing a closing room waits for may have happened.
    pub(super) fn end_if_done(&mut self) {
        if self.closing.is_some() && !self.recorder.is_busy() && !self.effects.contains(&Effect::Closed) {
            self.effects.push(Effect::Closed);
        }
    }

    pub(super) fn note_emptiness(&mut self) {
        let empty = self.closing.is_none() && self.participants.is_empty() && !self.recorder.is_busy();
        self.empty_since = empty.then(|| self.empty_since.unwrap_or(self.now.instant));
    }

    /// The one table of what grants a command needs.
    pub(super) fn check_grants(&self, from: Option<&ParticipantId>, command: &Command) -> Result<(), RoomError> {
        let Some(from) = from else { return Ok(()) };
        let grants = &self.participants.get(from).ok_or(RoomError::NotInRoom)?.joining.grants;
        let (allowed, what) = match command {
            Command::Publish { .. } | Command::Produce { .. } | Command::ProduceData { .. } => {
                (grants.publish, "publish")
            }
            Command::Converse { .. } => (grants.publish && grants.subscribe, "publish and watch"),
            Command::Subscribe { .. }
            | Command::SubscribeWith { .. }
            | Command::Consume { .. }
            | Command::ConsumeData { .. } => (grants.subscribe, "watch feeds"),
            Command::Kick { .. } => (grants.control, "remove others"),
            Command::Close { .. } => (grants.control, "close the room"),
            Command::Regrant { .. } => (false, "change what others may do"),
            Command::StartRecording { .. }
            | Command::StopRecording { .. }
            | Command::PauseRecording { .. }
            | Command::RecordFeed { .. }
            | Command::SetLayout { .. } => (grants.control, "record"),
            Command::Configure { .. } => (grants.control, "change the room's settings"),
            Command::AddIngest { .. } | Command::RemoveIngest { .. } | Command::RestartIngest { .. } => {
                (grants.control, "change the room's ingests")
            }
            Command::StartBroadcast { .. } | Command::StopBroadcast { .. } => (grants.control, "broadcast"),
            Command::FindFeed { .. } => (grants.subscribe, "watch feeds"),
            Command::Unpublish
            | Command::Unsubscribe { .. }
            | Command::Limit { .. }
            | Command::NameOwn { .. }
            | Command::AnswerConversation { .. }
            | Command::OpenTransport { .. }
            | Command::ConnectTransport { .. }
            | Command::RestartTransport { .. }
            | Command::CloseTransport { .. }
            | Command::StopConsuming { .. }
            | Command::CloseData { .. }
            | Command::Face { .. }
            | Command::Relay { .. }
            | Command::Filter { .. }
            | Command::Leave => (true, ""),
            Command::Answer { .. } | Command::Candidate { .. } => (true, ""),
        };
        if allowed { Ok(()) } else { Err(RoomError::Forbidden(what.into())) }
    }
}
