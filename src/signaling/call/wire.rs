//! The call's JSON, with its exact field names. Descriptions and candidates are passed on as they are written: only what
//! must be there is looked at.

use crate::model::Opaque;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::{Map, Value, json};

/// Characters of a code.
const MAX_CODE: usize = 255;

/// What a page asks for. Fields that are not known are ignored: older pages send more.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Request {
    /// Be put through to whoever dials the same code.
    Dial {
        /// Any text that both have agreed on.
        #[serde(deserialize_with = "code")]
        call_code: String,
        /// Ours: record the call, which runs through the server then.
        #[serde(default)]
        record: bool,
        /// Ours: run it through the server.
        #[serde(default)]
        relay: bool,
    },
    /// How the line stands. Keeps it.
    GetStatus {
        /// Who asks.
        user_id: String,
    },
    /// The initiator's description.
    Offer {
        /// Who says it.
        user_id: String,
        /// As `RTCSessionDescription` is written.
        offer: Description,
    },
    /// The subscriber's.
    Answer {
        /// Who says it.
        user_id: String,
        /// As `RTCSessionDescription` is written.
        answer: Description,
    },
    /// A candidate; `null` ends them.
    Ice {
        /// Whose.
        user_id: String,
        /// As `RTCIceCandidate` is written.
        #[serde(deserialize_with = "ice")]
        ice: Opaque,
    },
    /// Ours: a word to the other side of a call that has no data channel, as it runs through the server.
    Say {
        /// Whose.
        user_id: String,
        /// As it would be in the data channel.
        #[serde(deserialize_with = "object")]
        message: Opaque,
    },
    /// The line is over for both.
    Disconnect {
        /// Who says it.
        user_id: String,
    },
}

/// A session description as its page wrote it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The whole object.
    pub written: Opaque,
    /// Its `sdp`.
    pub sdp: Opaque,
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Map::deserialize(deserializer)?;
        let sdp = object.get("sdp").and_then(Value::as_str).filter(|sdp| !sdp.is_empty());
        let sdp = sdp.map(Opaque::new).ok_or_else(|| D::Error::custom("a description needs its text in `sdp`"))?;
        Ok(Self { sdp, written: Opaque::new(Value::Object(object).to_string()) })
    }
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let code = String::deserialize(deserializer)?;
    match code.trim().is_empty() || code.chars().count() > MAX_CODE {
        true => Err(D::Error::custom(format!("`call_code` must be 1 to {MAX_CODE} characters"))),
        false => Ok(code),
    }
}

fn ice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Opaque, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.is_null() || value["candidate"].is_string() {
        true => Ok(Opaque::new(value.to_string())),
        false => Err(D::Error::custom("`ice` must be a candidate with its text in `candidate`, or null at their end")),
    }
}

fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Opaque, D::Error> {
    Ok(Opaque::new(Value::Object(Map::deserialize(deserializer)?).to_string()))
}

/// Reads a body; the error says what is wrong with it.
pub fn read(body: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body is not what a call sends: {error}"))
}

/// Answer to `dial`.
pub fn dialled(user_id: &str) -> String {
    json!({ "user_id": user_id }).to_string()
}

/// A refusal.
pub fn refusal(words: &str) -> String {
    json!({ "error": words }).to_string()
}

/// Ours, in answers to those whose call runs through the server; older pages do not look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Whether it is recorded.
    pub recorded: bool,
}

/// Answer to `get_status`, but for its first and the empty one. What pages wrote goes back as they wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing to do: `{}`.
    Wait,
    /// The initiator is to offer.
    NeedInit(Option<Relayed>),
    /// The subscriber is to answer this.
    Offered(Opaque, Option<Relayed>),
    /// The initiator's answer.
    Answered(Opaque, Option<Relayed>),
    /// The other side's candidates since the last time; and what it said, where the server is between.
    Connected(Vec<Opaque>, Option<(Relayed, Vec<Opaque>)>),
}

impl Status {
    /// The body.
    pub fn text(&self) -> String {
        let fields = match self {
            Self::Wait => String::new(),
            Self::NeedInit(ours) => format!(r#""code":"need_init"{}"#, notes(*ours)),
            Self::Offered(offer, ours) => format!(r#""code":"offered","offer":{}{}"#, offer.as_str(), notes(*ours)),
            Self::Answered(answer, ours) => {
                format!(r#""code":"answered","answer":{}{}"#, answer.as_str(), notes(*ours))
            }
            Self::Connected(routes, ours) => {
                let said = ours.as_ref().map(|(_, said)| format!(r#","said":{}"#, list(said))).unwrap_or_default();
                let notes = notes(ours.as_ref().map(|(relayed, _)| *relayed));
                format!(r#""code":"connected","new_ice_routes":{}{notes}{said}"#, list(routes))
            }
        };
        format!("{{{fields}}}")
    }
}

fn notes(ours: Option<Relayed>) -> String {
    ours.map(|relayed| format!(r#","relayed":true,"recorded":{}"#, relayed.recorded)).unwrap_or_default()
}

fn list(written: &[Opaque]) -> String {
    let all: Vec<&str> = written.iter().map(Opaque::as_str).collect();
    format!("[{}]", all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_pages_send_is_read() {
        let dial = read(br#"{"code": "dial", "call_code": "7", "csrf": 1}"#).unwrap();
        assert_eq!(dial, Request::Dial { call_code: "7".into(), record: false, relay: false });
        let ice = read(br#"{"code": "ice", "user_id": "u", "ice": {"candidate": "", "sdpMid": "0"}}"#);
        assert!(matches!(ice, Ok(Request::Ice { .. })));
        assert!(read(br#"{"code": "ice", "user_id": "u", "ice": null}"#).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = format!(r#"{{"code": "dial", "call_code": "{}"}}"#, "x".repeat(256));
        for (body, words) in [
            ("{}", "missing field `code`"),
            ("hello", "expected value"),
            (r#"{"code": "ring"}"#, "unknown variant `ring`"),
            (r#"{"code": "dial"}"#, "missing field `call_code`"),
            (r#"{"code": "dial", "call_code": " "}"#, "1 to 255 characters"),
            (&long, "1 to 255 characters"),
            (r#"{"code": "offer", "user_id": "u", "offer": {"type": "offer"}}"#, "needs its text in `sdp`"),
            (r#"{"code": "ice", "user_id": "u"}"#, "missing field `ice`"),
            (r#"{"code": "ice", "user_id": "u", "ice": 5}"#, "must be a candidate"),
        ] {
            let error = read(body.as_bytes()).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }

    #[test]
    fn answers_have_the_exact_fields() {
        let body = |status: Status| serde_json::from_str::<Value>(&status.text()).unwrap();
        assert_eq!(body(Status::Wait), json!({}));
        assert_eq!(body(Status::NeedInit(None)), json!({ "code": "need_init" }));
        let offer = Opaque::new(r#"{"sdp":"v=0","type":"offer"}"#);
        let expected = json!({ "code": "offered", "offer": { "sdp": "v=0", "type": "offer" } });
        assert_eq!(body(Status::Offered(offer, None)), expected);
        let routes = vec![Opaque::new("null"), Opaque::new(r#"{"candidate":"a"}"#)];
        let expected = json!({ "code": "connected", "new_ice_routes": [null, { "candidate": "a" }] });
        assert_eq!(body(Status::Connected(routes, None)), expected);
        let ours = Some((Relayed { recorded: true }, vec![Opaque::new(r#"{"code":"reject"}"#)]));
        let expected = json!({ "code": "connected", "new_ice_routes": [], "relayed": true, "recorded": true,
                               "said": [{ "code": "reject" }] });
        assert_eq!(body(Status::Connected(Vec::new(), ours)), expected);
    }
}
