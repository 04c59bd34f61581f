//! Filters of streams: who may have them, who hears of them, and who listens to what they see.
//!
//! What a filter may be is decided by `wire/filter` and the engine, which is asked before anybody is told.

use super::super::wire::filter::{self, Filter};
use super::super::wire::frame::{Params, Refusal, Request};
use super::super::wire::new_connection::{Kind, Role};
use super::state::{Ask, Effect};
use super::{State, Stream};
use crate::config;
use crate::model::{CodeSeen, FeedId, FilterChange, ParticipantId};
use crate::room::{Command, RoomError};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a session knows of filters besides those that its streams have.
#[derive(Debug, Default)]
pub struct Filters {
    settings: Arc<config::OpenVidu>,
    listeners: Vec<Listener>,
}

/// A connection that wants to hear of an event.
#[derive(Debug, PartialEq)]
struct Listener {
    connection: String,
    stream: String,
    event: String,
}

/// A change that the room was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// To be answered; `None`: nobody asked, the stream begins with it.
    request: Option<Value>,
    stream: String,
    /// The stream's filter from then on.
    becomes: Map<String, Value>,
    reason: &'static str,
}

impl State {
    /// Which elements and templates there are.
    pub fn allow_filters(&mut self, settings: Arc<config::OpenVidu>) {
        self.filters.settings = settings;
    }

    pub(super) fn apply_filter(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let kind = request.params.text("type")?;
        let (owner, feed) = self.filterable(me, request, Some(kind))?;
        if !self.filter_of(&owner).is_empty() {
            return Err(Refusal::new(405, "The stream has a filter already: remove it first"));
        }
        let filter = read(kind, request.params.raw("options"))?;
        let wish = filter.wish(&self.filters.settings).map_err(refused)?;
        self.ask_for(me, (request, feed), FilterChange::Apply(wish), filter.to_json(), "applyFilter")
    }

    pub(super) fn exec_filter_method(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let (owner, feed) = self.filterable(me, request, None)?;
        let mut filter = self.present(&owner)?;
        let (name, params) = (request.params.text("method")?, options(request.params.raw("params"))?);
        let change = filter::method(type_of(&filter), name, &params).map_err(refused)?;
        filter.insert("lastExecMethod".into(), json!({ "method": name, "params": params }));
        self.ask_for(me, (request, feed), change, filter, "execFilterMethod")
    }

    pub(super) fn remove_filter(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let (owner, feed) = self.filterable(me, request, None)?;
        self.present(&owner)?;
        self.ask_for(me, (request, feed), FilterChange::Remove, Map::new(), "removeFilter")
    }

    /// `begins`: else it ends.
    pub(super) fn listen_to_filter(&mut self, me: &str, request: &Request, begins: bool) -> Result<(), Refusal> {
        let (owner, _) = self.filterable(me, request, None)?;
        let filter = self.present(&owner)?;
        let event = request.params.text("eventType")?.to_owned();
        let stream = request.params.text("streamId")?.to_owned();
        let listener = Listener { connection: me.to_owned(), stream, event };
        let known = self.filters.listeners.iter().position(|other| *other == listener);
        match known {
            _ if !filter::raises(type_of(&filter), &listener.event) => {
                return Err(Refusal::new(407, format!("{} has no event {}", type_of(&filter), listener.event)));
            }
            None if !begins => return Err(Refusal::new(407, format!("Nobody listens to {}", listener.event))),
            Some(known) if !begins => drop(self.filters.listeners.remove(known)),
            None => self.filters.listeners.push(listener),
            Some(_) => {}
        }
        self.done(me, &request.id);
        Ok(())
    }

    /// The filter that a stream is to begin with. A connection without options of its own begins without.
    pub(super) fn first_filter(&self, me: &str, params: &Params) -> Result<Map<String, Value>, Refusal> {
        let wanted = options(params.raw("filter"))?;
        let Some(allowed) = self.allowed(me).filter(|_| !wanted.is_empty()) else { return Ok(Map::new()) };
        let kind = wanted.get("type").and_then(Value::as_str).unwrap_or_default();
        if !allowed.contains(&kind) {
            return Err(Refusal::new(406, format!("The filter {kind} is not among the connection's allowedFilters")));
        }
        let filter = read(kind, wanted.get("options"))?;
        filter.wish(&self.filters.settings).map_err(refused)?;
        Ok(filter.to_json())
    }

    /// A stream has another feed: the filter that it has goes onto that.
    pub(super) fn begin_filter(&mut self, me: &str, feed: FeedId) {
        let Some(stream) = self.find(me).and_then(|c| c.stream()).filter(|stream| !stream.filter.is_empty()) else {
            return;
        };
        let (becomes, stream) = (stream.filter.clone(), stream.id.clone());
        let Ok(filter) = read(type_of(&becomes), becomes.get("options")) else { return };
        let Ok(wish) = filter.wish(&self.filters.settings) else { return };
        let asked = Asked { request: None, stream, becomes: becomes.clone(), reason: "applyFilter" };
        self.ask(me, Ask::Filter(asked), Command::Filter { feed, change: FilterChange::Apply(wish) });
        let last = becomes.get("lastExecMethod");
        let name = last.and_then(|last| last["method"].as_str());
        let params = last.and_then(|last| last["params"].as_object());
        if let Some(Ok(change)) = name.zip(params).map(|(name, params)| filter::method(&filter.kind, name, params)) {
            self.ask(me, Ask::Other, Command::Filter { feed, change });
        }
    }

    /// The room has taken it, or refused it.
    pub(super) fn filter_asked(&mut self, me: &str, asked: Asked, result: Result<(), RoomError>) {
        let Asked { request, stream, becomes, reason } = asked;
        match (result, request) {
            (Ok(()), Some(request)) => {
                self.done(me, &request);
                self.set_filter(&stream, becomes, reason, Some(me));
            }
            (Ok(()), None) => {}
            (Err(error), Some(request)) => self.refuse(me, &request, refusal(&error)),
            (Err(error), None) => {
                tracing::warn!(stream, %error, "a stream goes on without the filter that it was to begin with");
                self.set_filter(&stream, Map::new(), "removeFilter", None);
            }
        }
    }

    /// The engine gave it up. All connections hear of it; its publisher's counts.
    pub(super) fn filter_failed(&mut self, me: &str, feed: FeedId, publisher: &ParticipantId) {
        let mine = self.named_by(feed).filter(|_| super::participant(me) == *publisher || self.is_first(me, publisher));
        if let Some(stream) = mine {
            self.set_filter(&stream, Map::new(), "removeFilter", None);
        }
    }

    /// To who listens, and to the application when anybody does.
    pub(super) fn code_seen(&mut self, feed: FeedId, code: &CodeSeen) {
        let Some(stream) = self.named_by(feed) else { return };
        let (Some(owner), (event, data)) = (self.owner_of(&stream), filter::code_found(code)) else { return };
        let here = self.clients(None);
        self.filters.listeners.retain(|listener| here.contains(&listener.connection));
        let hear = self.filters.listeners.iter().filter(|one| one.stream == stream && one.event == event);
        let hear: Vec<String> = hear.map(|listener| listener.connection.clone()).collect();
        if hear.is_empty() {
            return;
        }
        let told = json!({ "connectionId": owner, "streamId": stream, "filterType": filter::CODES, "eventType": event, "data": data });
        self.notify(&hear, "filterEventDispatched", &told);
        self.tell("filterEventDispatched", super::happening::with(json!({ "participantId": owner }), told));
    }

    /// Whose stream, and its feed; `kind`: the filter that is to be applied. Moderators may all; the owner of a stream what its
    /// connection allows.
    fn filterable(&self, me: &str, request: &Request, kind: Option<&str>) -> Result<(String, FeedId), Refusal> {
        let (owner, feed) = self.carrier(request.params.text("streamId")?)?;
        let moderates = self.find(me).is_some_and(|connection| connection.role() == Role::Moderator);
        let own = owner == me && kind.is_none_or(|kind| self.allowed(me).unwrap_or_default().contains(&kind));
        match moderates || own {
            true => Ok((owner, feed)),
            false => Err(Refusal::new(401, format!("Unable to {}: the connection does not allow it", request.method))),
        }
    }

    /// Types that a connection may apply to its stream; `None`: it was made without options.
    fn allowed(&self, me: &str) -> Option<Vec<&str>> {
        let Kind::WebRtc { options: Some(options), .. } = &self.find(me)?.new.kind else { return None };
        let listed = options.get("allowedFilters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(listed.iter().filter_map(Value::as_str).collect())
    }

    fn ask_for(
        &mut self,
        me: &str,
        (request, feed): (&Request, FeedId),
        change: FilterChange,
        becomes: Map<String, Value>,
        reason: &'static str,
    ) -> Result<(), Refusal> {
        let stream = request.params.text("streamId")?.to_owned();
        let asked = Asked { request: Some(request.id.clone()), stream, becomes, reason };
        self.effects.push(Effect::Ask(me.to_owned(), Ask::Filter(asked), Command::Filter { feed, change }));
        Ok(())
    }

    /// All hear of it but who asked for it.
    fn set_filter(&mut self, stream: &str, filter: Map<String, Value>, reason: &str, asker: Option<&str>) {
        let Some(owner) = self.owner_of(stream) else { return };
        if filter.is_empty() {
            self.filters.listeners.retain(|listener| listener.stream != stream);
        }
        let told = json!({
            "connectionId": owner, "streamId": stream, "property": "filter", "newValue": filter, "reason": reason,
        });
        if let Some(known) = self.any_stream_mut(&owner) {
            known.filter = filter;
        }
        let others = self.clients(asker);
        self.notify(&others, "streamPropertyChanged", &told);
    }

    fn present(&self, owner: &str) -> Result<Map<String, Value>, Refusal> {
        let filter = self.filter_of(owner);
        if filter.is_empty() { Err(Refusal::new(406, "The stream has no filter")) } else { Ok(filter) }
    }

    fn filter_of(&self, owner: &str) -> Map<String, Value> {
        let own = self.find(owner).and_then(|connection| connection.stream());
        let foreign = || self.foreign.iter().find(|foreign| foreign.connection == owner).map(|f| &f.stream);
        own.or_else(foreign).map(|stream| stream.filter.clone()).unwrap_or_default()
    }

    fn any_stream_mut(&mut self, owner: &str) -> Option<&mut Stream> {
        match self.foreign.iter().position(|foreign| foreign.connection == owner) {
            Some(at) => Some(&mut self.foreign[at].stream),
            None => self.stream_mut(owner),
        }
    }

    /// The connection whose stream has this name.
    fn owner_of(&self, stream: &str) -> Option<String> {
        let own = self.connections.iter().find(|c| c.stream().is_some_and(|known| known.id == stream));
        let foreign = || self.foreign.iter().find(|foreign| foreign.stream.id == stream).map(|f| f.connection.clone());
        own.map(|connection| connection.id.clone()).or_else(foreign)
    }

    /// The stream that this feed carries.
    fn named_by(&self, feed: FeedId) -> Option<String> {
        let own = self.connections.iter().filter_map(|c| c.stream()).find(|stream| stream.feed == Some(feed));
        let foreign = || self.foreign.iter().find(|foreign| foreign.feed == feed).map(|foreign| &foreign.stream);
        own.or_else(foreign).map(|stream| stream.id.clone())
    }

    /// Of another dialect's publisher all connections hear the same: the first of them counts.
    fn is_first(&self, me: &str, publisher: &ParticipantId) -> bool {
        super::connection_of(publisher).is_none() && self.clients(None).first().is_some_and(|first| first == me)
    }
}

fn read(kind: &str, given: Option<&Value>) -> Result<Filter, Refusal> {
    Ok(Filter { kind: kind.to_owned(), options: options(given)? })
}

fn options(given: Option<&Value>) -> Result<Map<String, Value>, Refusal> {
    filter::object(given).ok_or_else(|| Refusal::new(406, "The filter's options or parameters are no JSON object"))
}

fn type_of(filter: &Map<String, Value>) -> &str {
    filter.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn refused(why: String) -> Refusal {
    Refusal::new(406, why)
}

/// Nothing about filters has a code of its own but this.
fn refusal(error: &RoomError) -> Refusal {
    match error {
        RoomError::Forbidden(_) | RoomError::FeedNotFound => super::media::refusal(error),
        _ => Refusal::new(406, error.to_string()),
    }
}
