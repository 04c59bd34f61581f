//! Requests by their names; signals, and properties of streams.

use super::super::wire::frame::{Params, Refusal, Request};
use super::super::wire::new_connection::Role;
use super::{State, agent};
use serde_json::{Value, json};

/// Features of the commercial edition.
const NOT_HERE: [&str; 2] = ["subscribeToSpeechToText", "unsubscribeFromSpeechToText"];

impl State {
    pub(super) fn request(&mut self, me: &str, request: &Request) {
        if self.active(me).is_none() {
            return;
        }
        if let Err(refusal) = self.carry_out(me, request) {
            self.refuse(me, &request.id, refusal);
        }
    }

    fn carry_out(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        match request.method.as_str() {
            "publishVideo" => self.publish(me, request),
            "unpublishVideo" => self.unpublish(me, request),
            "prepareReceiveVideoFrom" => self.prepare(me, request),
            "receiveVideoFrom" => self.receive(me, request),
            "unsubscribeFromVideo" => self.unsubscribe(me, request),
            "onIceCandidate" => self.candidate(me, request),
            "reconnectStream" => self.reconnect(me, request),
            "sendMessage" => self.message(me, request),
            "streamPropertyChanged" => self.property(me, request),
            "leaveRoom" => {
                self.leave(me, request);
                Ok(())
            }
            "forceDisconnect" => self.force_disconnect(me, request),
            "forceUnpublish" => self.force_unpublish(me, request),
            "applyFilter" => self.apply_filter(me, request),
            "execFilterMethod" => self.exec_filter_method(me, request),
            "removeFilter" => self.remove_filter(me, request),
            "addFilterEventListener" => self.listen_to_filter(me, request, true),
            "removeFilterEventListener" => self.listen_to_filter(me, request, false),
            "videoData" | "echo" => {
                self.done(me, &request.id);
                Ok(())
            }
            name if NOT_HERE.contains(&name) => Err(Refusal::new(997, format!("{name} is not part of this edition"))),
            name => Err(Refusal::new(-32601, format!("There is no method {name}"))),
        }
    }

    fn message(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let said = Signal::read(request.params.text("message")?)?;
        let to = self.targets(&said.to).map_err(|who| Refusal::new(601, format!("There is no connection {who}")))?;
        self.notify(&to, "sendMessage", &json!({ "data": said.data, "type": said.kind, "from": me }));
        self.done(me, &request.id);
        // Applications hear the type as they chose it.
        let plain = said.kind.as_deref().map(|kind| kind.strip_prefix("signal:").unwrap_or(kind));
        self.tell("signalSent", json!({ "from": me, "to": people(&to), "type": plain, "data": said.data }));
        Ok(())
    }

    /// The application speaks; `Err`: who is not here, and then nothing is sent.
    pub fn signal(&mut self, to: &[String], kind: Option<&str>, data: Option<&str>) -> Result<(), String> {
        let to = self.targets(to)?;
        self.notify(&to, "sendMessage", &json!({ "data": data, "type": kind }));
        self.tell("signalSent", json!({ "from": Value::Null, "to": people(&to), "type": kind, "data": data }));
        Ok(())
    }

    /// Those named, or all.
    fn targets(&self, named: &[String]) -> Result<Vec<String>, String> {
        let here = self.clients(None);
        match named.iter().find(|name| !here.contains(name)) {
            Some(absent) => Err(absent.clone()),
            // Pages that record show signals too; the application hears of people alone.
            None if named.is_empty() => Ok(here),
            None => {
                let mut once = named.to_vec();
                once.sort_unstable();
                once.dedup();
                Ok(once)
            }
        }
    }

    /// Only one's own stream; what others hear is the value as JSON in a text.
    fn property(&mut self, me: &str, request: &Request) -> Result<(), Refusal> {
        let params = &request.params;
        let (stream_id, property) = (params.text("streamId")?, params.text("property")?);
        let value = params.raw("newValue").cloned().ok_or_else(|| Refusal::missing("newValue"))?;
        let reason = params.find("reason").unwrap_or_default();
        if let Some(stream) = self.stream_mut(me).filter(|stream| stream.told && stream.id == stream_id) {
            remember(stream, property, params);
            let told = json!({
                "connectionId": me, "streamId": stream_id, "property": property, "newValue": value.to_string(), "reason": reason,
            });
            let others = self.clients(Some(me));
            self.notify(&others, "streamPropertyChanged", &told);
        }
        self.done(me, &request.id);
        Ok(())
    }

    pub(super) fn moderates(&self, me: &str, what: &str) -> Result<(), Refusal> {
        let moderator = |connection: &super::Connection| connection.role() == Role::Moderator;
        let moderates = agent::is(me) || self.find(me).is_some_and(moderator);
        if moderates { Ok(()) } else { Err(Refusal::new(401, format!("Unable to {what}: the role does not allow it"))) }
    }
}

/// What a page signals.
struct Signal {
    to: Vec<String>,
    kind: Option<String>,
    data: Option<Value>,
}

impl Signal {
    /// A text of JSON, with `to` a list of connections: what is no such list means nobody, least of all everybody.
    fn read(text: &str) -> Result<Self, Refusal> {
        let malformed = || Refusal::new(600, "The signal is not JSON of the right form");
        let Ok(Value::Object(said)) = serde_json::from_str(text) else { return Err(malformed()) };
        let of = |name: &str| said.get(name).filter(|value| !value.is_null());
        let to = match of("to") {
            None => Vec::new(),
            Some(Value::Array(to)) => {
                let names = to.iter().map(|one| one.as_str().map(str::to_owned));
                names.collect::<Option<_>>().ok_or_else(malformed)?
            }
            Some(_) => return Err(malformed()),
        };
        let kind = of("type").map(|kind| kind.as_str().map(str::to_owned).ok_or_else(malformed)).transpose()?;
        Ok(Self { to, kind, data: of("data").cloned() })
    }
}

fn people(to: &[String]) -> Vec<&String> {
    to.iter().filter(|id| !agent::is(id)).collect()
}

/// For those who join later.
fn remember(stream: &mut super::Stream, property: &str, params: &Params) {
    match property {
        "audioActive" => stream.audio_active = params.switch("newValue").unwrap_or(stream.audio_active),
        "videoActive" => stream.video_active = params.switch("newValue").unwrap_or(stream.video_active),
        "videoDimensions" => stream.dimensions = params.find("newValue").map(str::to_owned),
        _ => {}
    }
}
