//! Leaving and unpublishing, by oneself or by force. An evicted client goes on `participantEvicted`, after all have heard
//! that it left.

use super::super::ids;
use super::super::wire::frame::{Refusal, Request, answer};
use super::happening::{end, with};
use super::state::{Ask, Effect};
use super::{Connection, State, Subscribed, agent, view};
use crate::room::Command;
use serde_json::{Value, json};

impl State {
    pub(super) fn unpublish(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        if self.stream_mut(me).is_none() {
            return Err(Refusal::new(105, "The connection is not publishing"));
        }
        self.end_stream(me, "unpublish");
        self.ask(me, Ask::Other, Command::Unpublish);
        let others = self.clients(Some(me));
        self.notify(&others, "participantUnpublished", &json!({ "connectionId": me, "reason": "unpublish" }));
        self.done(me, &request.id);
        Ok(())
    }

    pub(super) fn force_unpublish(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        self.moderates(me, "force an unpublish")?;
        let name = request.params.text("streamId")?;
        let owner = ids::owner(name).filter(|owner| self.find(owner).is_some());
        let owner = owner.ok_or_else(|| Refusal::new(102, format!("There is no stream {name}")))?.to_owned();
        self.unpublish_by_force(&owner, name, "forceUnpublishByUser", Some((me, &request.id)))
    }

    /// `asked`: the moderator and its request, answered before all are told.
    fn unpublish_by_force(
        &mut self,
        owner: &str,
        name: &str,
        reason: &str,
        asked: Option<(&str, &Value)>,
    ) -> Result<(), Refusal> {
        let connection = self.find(owner);
        if connection.is_some_and(Connection::is_camera) {
            return Err(Refusal::new(10, "A camera cannot be unpublished: disconnect it"));
        }
        if connection.and_then(|c| c.stream()).is_none_or(|stream| stream.id != name) {
            return Err(Refusal::new(105, format!("There is no stream {name}")));
        }
        self.end_stream(owner, reason);
        self.ask(owner, Ask::Other, Command::Unpublish);
        if let Some((moderator, request)) = asked {
            self.done(moderator, request);
        }
        let all = self.clients(None);
        self.notify(&all, "participantUnpublished", &json!({ "connectionId": owner, "reason": reason }));
        Ok(())
    }

    /// The application unpublishes a stream. `Err(true)`: it is a camera's; `Err(false)`: there is none.
    pub fn delete_stream(&mut self, name: &str) -> Result<(), bool> {
        let owner = self.connections.iter().find(|c| c.stream().is_some_and(|stream| stream.id == name));
        let (owner, camera) = owner.map(|owner| (owner.id.clone(), owner.is_camera())).ok_or(false)?;
        if camera {
            return Err(true);
        }
        self.unpublish_by_force(&owner, name, "forceUnpublishByServer", None).map_err(|_| false)
    }

    /// A stream and all who watch it.
    fn end_stream(&mut self, owner: &str, reason: &str) {
        let Some(active) = self.active_mut(owner) else { return };
        let Some(stream) = active.publisher.take() else { return };
        let waiting = active.publishing.take();
        if let Some(waiting) = waiting {
            self.refuse(owner, &waiting.request, Refusal::new(105, "The stream was unpublished meanwhile"));
        }
        let now = self.now;
        for (viewer, watched) in self.viewers(&stream.id) {
            if watched.told && !agent::is(&viewer) {
                let fields = view::inbound(&viewer, &watched, Some(&stream));
                self.tell("webrtcConnectionDestroyed", with(fields, end(watched.at, now, reason)));
            }
        }
        if stream.told {
            let fields = self.outbound(owner, &stream);
            self.tell("webrtcConnectionDestroyed", with(fields, end(stream.created_at, now, reason)));
        }
    }

    /// Takes all subscriptions to a stream out.
    fn viewers(&mut self, stream: &str) -> Vec<(String, Subscribed)> {
        let mut ended = Vec::new();
        for connection in &mut self.connections {
            let Some(active) = connection.active.as_mut() else { continue };
            let watched = active.subscribers.extract_if(.., |watched| watched.stream == stream);
            ended.extend(watched.map(|watched| (connection.id.clone(), watched)));
        }
        ended
    }

    pub(super) fn leave(&mut self, me: &str, request: &Request) {
        self.done(me, &request.id);
        self.depart(me, "disconnect");
        self.effects.push(Effect::Dismiss(me.to_owned()));
        self.end_if_empty();
    }

    pub(super) fn force_disconnect(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        self.moderates(me, "force a disconnect")?;
        let who = request.params.text("connectionId")?.to_owned();
        if self.active(&who).is_none() || agent::is(&who) {
            return Err(Refusal::new(102, format!("There is no connection {who}")));
        }
        self.evict(&who, "forceDisconnectByUser", Some((me, &request.id)));
        Ok(())
    }

    /// The application ends a connection, or takes the token of one that has not joined.
    pub fn delete_connection(&mut self, who: &str) -> bool {
        let Some(connection) = self.find(who).filter(|_| !agent::is(who)) else { return false };
        if connection.active.is_some() {
            self.evict(who, "forceDisconnectByServer", None);
        } else {
            self.connections.retain(|connection| connection.id != who);
        }
        true
    }

    /// All who stay hear that it left, a moderator is answered, then all hear that it was evicted, itself too.
    pub(super) fn evict(&mut self, who: &str, reason: &str, asked: Option<(&str, &Value)>) {
        if self.active(who).is_none() {
            return;
        }
        if agent::is(who) {
            self.evict_agents();
            return;
        }
        let (mut all, camera) = (self.clients(None), self.is_camera(who));
        // A moderator may evict itself: its answer needs what goes with it.
        let rpc = asked.and_then(|(moderator, _)| self.active(moderator)).map(|active| active.rpc.clone());
        self.depart(who, reason);
        if let Some((moderator, request)) = asked {
            let frame = answer(request, rpc.as_deref().unwrap_or_default(), Ok(json!({})));
            self.effects.push(Effect::Send(moderator.to_owned(), frame));
        }
        all.sort_by_key(|one| one == who);
        self.notify(&all, "participantEvicted", &json!({ "connectionId": who, "reason": reason }));
        self.let_go(who, camera);
        self.end_if_empty();
    }

    /// Out of the session, and told so: its stream, what it watched, itself.
    pub(super) fn depart(&mut self, who: &str, reason: &str) {
        let watched = self.active_mut(who).map(|active| std::mem::take(&mut active.subscribers)).unwrap_or_default();
        watched.iter().for_each(|watched| self.unwatched(who, watched, reason));
        self.end_stream(who, reason);
        let Some(at) = self.connections.iter().position(|connection| connection.id == who) else { return };
        let gone = self.connections.remove(at);
        if agent::is(who) {
            return;
        }
        let others = self.clients(None);
        self.notify(&others, "participantLeft", &json!({ "connectionId": who, "reason": reason }));
        let began = gone.active.as_ref().map_or(gone.created_at, |active| active.at);
        self.tell("participantLeft", with(view::participant(&gone), end(began, self.now, reason)));
    }
}
