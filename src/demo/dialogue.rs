//! The device's half of the device protocol: message in, step out. Pure.

use serde_json::{Value, json};

/// What the device does next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Go on.
    Nothing,
    /// Send this.
    Say(String),
    /// Make media and offer them.
    Offer,
    /// Take the server's answer.
    Answer(String),
    /// End the media.
    End,
    /// End the media and send this.
    EndAndSay(String),
}

/// Where the conversation stands.
#[derive(Default)]
pub(super) struct Dialogue {
    room: Option<Value>,
    feed: Option<Value>,
}

impl Dialogue {
    pub(super) fn on_message(&mut self, text: &str) -> Step {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let data = &message["data"];
        match message["event"].as_str().unwrap_or_default() {
            "start_streaming" => self.on_invitation(data),
            "joined_as_publisher" => Step::Offer,
            "answer_to_client" => data["sdp"].as_str().map_or(Step::Nothing, |sdp| Step::Answer(sdp.into())),
            "start_listening" => self.on_feed(data),
            "stop_listening" if self.is_mine(data) => Step::EndAndSay(self.leave()),
            "leave" | "left" | "kicked" | "room_closed" => self.on_end(),
            "error" if self.room.is_some() => Step::EndAndSay(self.leave()),
            _ => Step::Nothing,
        }
    }

    /// Out of the room, and available again.
    pub(super) fn leave(&mut self) -> String {
        *self = Self::default();
        say("leave", json!({}))
    }

    pub(super) fn offer(sdp: &str) -> String {
        say("offer_from_device", json!({ "sdp": sdp }))
    }

    fn on_invitation(&mut self, data: &Value) -> Step {
        if self.room.is_some() {
            return Step::Nothing;
        }
        self.room = Some(data["room_id"].clone());
        Step::Say(say("join_as_publisher", json!({ "room_id": data["room_id"], "inviter": data["inviter"] })))
    }

    /// A device hears of feeds only when it is told of its own.
    fn on_feed(&mut self, data: &Value) -> Step {
        self.feed.get_or_insert(data["feed"].clone());
        Step::Nothing
    }

    fn is_mine(&self, data: &Value) -> bool {
        let same_feed = self.feed.as_ref().is_none_or(|feed| *feed == data["feed"]);
        let same_room = data["room_id"].is_null() || self.room.as_ref() == Some(&data["room_id"]);
        self.room.is_some() && same_feed && same_room
    }

    fn on_end(&mut self) -> Step {
        *self = Self::default();
        Step::End
    }
}

fn say(event: &str, data: Value) -> String {
    json!({ "event": event, "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(dialogue: &mut Dialogue, event: &str, data: Value) -> Step {
        dialogue.on_message(&say(event, data))
    }

    fn said(step: Step) -> Value {
        match step {
            Step::Say(text) | Step::EndAndSay(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("nothing said but {other:?}"),
        }
    }

    #[test]
    fn an_invitation_is_followed_once() {
        let mut dialogue = Dialogue::default();
        let joined = said(hear(&mut dialogue, "start_streaming", json!({"room_id": 7, "inviter": "42"})));
        assert_eq!(joined, json!({"event": "join_as_publisher", "data": {"room_id": 7, "inviter": "42"}}));
        assert_eq!(hear(&mut dialogue, "start_streaming", json!({"room_id": 8, "inviter": "42"})), Step::Nothing);
        assert_eq!(hear(&mut dialogue, "joined_as_publisher", json!({"room_id": 7})), Step::Offer);
        let answer = json!({"type": "answer", "sdp": "v=0"});
        assert_eq!(hear(&mut dialogue, "answer_to_client", answer), Step::Answer("v=0".into()));
    }

    #[test]
    fn it_is_available_again_after_its_feed_or_room_ended_or_an_error() {
        for (event, data) in [
            ("stop_listening", json!({"feed": "1", "room_id": 7, "reason": "kicked"})),
            ("error", json!({"code": "bad_sdp", "message": "?"})),
        ] {
            let mut dialogue = Dialogue::default();
            hear(&mut dialogue, "start_streaming", json!({"room_id": 7, "inviter": "42"}));
            assert_eq!(said(hear(&mut dialogue, event, data))["event"], "leave", "{event}");
            said(hear(&mut dialogue, "start_streaming", json!({"room_id": 8, "inviter": "42"})));
            assert_eq!(hear(&mut dialogue, "leave", json!({})), Step::End);
        }
    }

    #[test]
    fn what_concerns_others_or_makes_no_sense_changes_nothing() {
        let mut dialogue = Dialogue::default();
        assert_eq!(hear(&mut dialogue, "error", json!({"code": "x", "message": "y"})), Step::Nothing);
        hear(&mut dialogue, "start_streaming", json!({"room_id": 7, "inviter": "42"}));
        hear(&mut dialogue, "start_listening", json!({"feed": "1", "room_id": 7}));
        assert_eq!(hear(&mut dialogue, "stop_listening", json!({"feed": "2", "room_id": 7})), Step::Nothing);
        assert_eq!(hear(&mut dialogue, "stop_listening", json!({"feed": "1", "room_id": 8})), Step::Nothing);
        for text in ["", "[]", "{}", "{\"event\":3}", "{\"event\":\"answer_to_client\",\"data\":{}}"] {
            assert_eq!(dialogue.on_message(text), Step::Nothing, "{text}");
        }
    }
}
