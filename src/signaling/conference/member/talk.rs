//! Chat, mesh, hands: messages of one client that the room passes to others, unread. Who says something is what the room
//! says, never what the message claims.

use super::{Member, Note, Step, Why};
use crate::model::{FeedId, Kind, Opaque, ParticipantId};
use crate::room::Command;
use crate::signaling::conference::names;
use crate::signaling::conference::refusal::Refusal;
use crate::signaling::conference::wire::Request;
use serde_json::{Map, Value, json};

/// The longest chat message, in bytes.
const CHAT: usize = 8 * 1024;
/// The longest time or label.
const WORD: usize = 64;
/// Says whose a relayed message is.
const OURS: &str = "conference";

impl Member {
    pub(super) fn leave(&mut self, request: &Request) -> Result<(), Refusal> {
        if request.optional_text("username", 4 * WORD)?.is_some_and(|name| name.trim() != self.name) {
            return Err(Refusal::bad_request("`username` is not yours: nobody leaves for another"));
        }
        if request.id.is_some() {
            self.tell("ok", json!({}), request.id.as_ref());
        }
        self.steps.push(Step::Left);
        Ok(())
    }

    pub(super) fn chat(&mut self, request: &Request) -> Result<(), Refusal> {
        let text = request.text("text", CHAT)?;
        // As the client wrote it.
        let time = request.optional_text("timestamp", WORD)?.filter(|time| time.parse::<jiff::Timestamp>().is_ok());
        let time = time.map_or_else(|| jiff::Timestamp::now().to_string(), str::to_owned);
        let said = json!({ "from": self.name, "text": text, "timestamp": time });
        self.tell("chat-message", said.clone(), request.id.as_ref());
        self.steps.push(Step::Note(Note::Said(said.clone())));
        self.pass(None, "chat-message", said, Why::Nothing);
        Ok(())
    }

    pub(super) fn relay(&mut self, request: &Request) -> Result<(), Refusal> {
        let target = request.text("target", 8 * WORD)?;
        let data = json!({ "target": target, "payload": request.any("payload") });
        let why = Why::Passed(request.id.clone());
        let kind = match request.kind.as_str() {
            "webrtc-offer" => "webrtc-offer",
            "webrtc-answer" => "webrtc-answer",
            _ => "webrtc-ice-candidate",
        };
        self.pass(Some(names::target(target)), kind, data, why);
        Ok(())
    }

    pub(super) fn raise_hand(&mut self, request: &Request) -> Result<(), Refusal> {
        let raised = request.switch("raised")?.unwrap_or(true);
        self.steps.push(Step::Note(Note::Hand(self.me.clone(), raised)));
        self.pass(None, "hand-raised", json!({ "raised": raised }), Why::Nothing);
        self.tell("ok", json!({}), request.id.as_ref());
        Ok(())
    }

    /// Any small thing, to one or all: what pages would send over a data channel.
    pub(super) fn send_data(&mut self, request: &Request) -> Result<(), Refusal> {
        let label = request.optional_text("label", WORD)?.unwrap_or_default();
        let target = request.optional_text("target", 8 * WORD)?.map(names::target);
        let data = json!({ "label": label, "payload": request.any("payload") });
        self.pass(target, "data", data, Why::Passed(request.id.clone()));
        Ok(())
    }

    /// To one of the room, or to all others.
    pub(super) fn pass(&mut self, to: Option<ParticipantId>, kind: &str, data: Value, why: Why) {
        let body = Opaque::new(json!({ OURS: kind, "data": data }).to_string());
        self.ask(0, why, Command::Relay { to, body, keep: false });
    }

    /// Another client's message, in the words of its kind.
    pub(super) fn relayed(&mut self, from: &ParticipantId, body: &Opaque) {
        let Some((name, None)) = names::parts(from) else { return };
        let Ok(Value::Object(mut body)) = serde_json::from_str::<Value>(body.as_str()) else { return };
        let (Some(Value::String(kind)), Some(Value::Object(data))) = (body.remove(OURS), body.remove("data")) else {
            return;
        };
        match kind.as_str() {
            "chat-message" => self.tell(&kind, data.into(), None),
            "producer-paused" | "producer-resumed" => self.producer_changed(from, &kind, &data),
            "hand-raised" => {
                let told = json!({ "peerId": from, "user": name, "raised": data.get("raised") });
                self.tell_of_media(&kind, told);
            }
            _ => {
                let sender = Map::from_iter([("from".to_owned(), json!(name)), ("fromId".to_owned(), json!(from))]);
                self.tell(&kind, sender.into_iter().chain(data).collect::<Map<_, _>>().into(), None);
            }
        }
    }

    /// Of a producer of its own alone.
    fn producer_changed(&mut self, from: &ParticipantId, kind: &str, data: &Map<String, Value>) {
        let Some(producer) = data.get("producerId").and_then(Value::as_str) else { return };
        let is_its_own = |(feed, kind): (FeedId, Kind)| {
            let live = self.feeds.get(&feed).filter(|live| live.kinds.contains(&kind));
            live.is_some_and(|live| names::owner(&live.publisher).0 == *from)
        };
        if names::read_producer(producer).is_ok_and(is_its_own) {
            self.tell(kind, json!({ "producerId": producer }), None);
        }
    }
}
