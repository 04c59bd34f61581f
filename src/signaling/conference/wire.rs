//! The conference dialect's envelope: `{"type", "data", "id"?}` both ways. Pure: text ↔ values.
//!
//! A direct answer carries the id of its request. What `data` holds, each request reads by the fields here.

use super::refusal::Refusal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The longest piece of a client's text that comes back to it in an error.
const QUOTED: usize = 80;

/// A message of a client's.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `type`
    pub kind: String,
    /// `id`: its answer carries the same. `None`: it wants none.
    pub id: Option<Value>,
    data: Map<String, Value>,
}

/// Reads a text frame; the id comes along with the error when there is one.
pub fn read(text: &str) -> Result<Request, (Option<Value>, Refusal)> {
    let bad = |words: String| (None, Refusal::bad_request(words));
    let value: Value = serde_json::from_str(text).map_err(|error| bad(format!("the message is not JSON: {error}")))?;
    let Value::Object(mut fields) = value else { return Err(bad("the message must be a JSON object".into())) };
    let id = fields.remove("id").filter(|id| id.is_string() || id.is_number());
    let Some(Value::String(kind)) = fields.remove("type") else {
        return Err((id, Refusal::bad_request("`type` must be a string")));
    };
    match fields.remove("data").unwrap_or_default() {
        Value::Null => Ok(Request { kind, id, data: Map::new() }),
        Value::Object(data) => Ok(Request { kind, id, data }),
        _ => Err((id, Refusal::bad_request("`data` must be an object"))),
    }
}

/// A message for a client.
pub fn message(kind: &str, data: Value, id: Option<&Value>) -> String {
    let mut message = json!({ "type": kind, "data": data });
    if let (Some(fields), Some(id)) = (message.as_object_mut(), id) {
        fields.insert("id".into(), id.clone());
    }
    message.to_string()
}

impl Request {
    /// Whether others get it.
    pub fn is_passed_on(&self) -> bool {
        let media = ["transport", "produce", "consume", "router", "restart"];
        !media.iter().any(|word| self.kind.contains(word))
    }

    /// What it costs in work for this server, as bytes: a connection and its threads, a description to be read.
    pub fn work(&self) -> usize {
        match self.kind.as_str() {
            "create-transport" => 32 * 1024,
            "restart-ice" | "produce" | "consume" => 2 * 1024,
            _ => 0,
        }
    }

    /// A text of 1 to `most` bytes.
    pub fn text(&self, name: &str, most: usize) -> Result<&str, Refusal> {
        match self.optional_text(name, most)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(Refusal::bad_request(format!("`{name}` is empty"))),
            None => Err(Refusal::bad_request(format!("`{name}` is missing"))),
        }
    }

    /// A text of at most so many bytes, if it is there.
    pub fn optional_text(&self, name: &str, most: usize) -> Result<Option<&str>, Refusal> {
        match self.data.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= most => Ok(Some(text)),
            Some(Value::String(_)) => Err(Refusal::bad_request(format!("`{name}` is longer than {most} bytes"))),
            Some(_) => Err(Refusal::bad_request(format!("`{name}` must be a string"))),
        }
    }

    /// A switch; `None`: it is not there.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.data.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Refusal::bad_request(format!("`{name}` must be true or false"))),
        }
    }

    /// Whatever it is; `null` if it is not there.
    pub fn any(&self, name: &str) -> Value {
        self.data.get(name).cloned().unwrap_or_default()
    }

    /// A structure of mediasoup's.
    pub fn structure<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        let value = self.data.get(name).ok_or_else(|| Refusal::bad_request(format!("`{name}` is missing")))?;
        T::deserialize(value).map_err(|error| {
            // It quotes what it found, whatever its length.
            let words: String = error.to_string().chars().take(QUOTED).collect();
            Refusal::bad_request(format!("`{name}`: {words}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_still_names_its_request() {
        for (text, id, words) in [
            ("{", None, "is not JSON"),
            ("[]", None, "must be a JSON object"),
            (r#"{"id": 7}"#, Some(json!(7)), "`type` must be a string"),
            (r#"{"id": "a", "type": "x", "data": 3}"#, Some(json!("a")), "`data` must be an object"),
            (r#"{"id": {}, "type": 1}"#, None, "`type` must be a string"),
        ] {
            let (found, refusal) = read(text).unwrap_err();
            assert_eq!(found, id, "{text}");
            assert!(refusal.message.contains(words), "{refusal:?}");
        }
    }

    #[test]
    fn fields_are_judged_by_name() {
        let request = read(r#"{"type": "x", "data": {"a": "yes", "b": 1, "c": null, "d": ""}}"#).unwrap();
        assert_eq!(request.text("a", 3).unwrap(), "yes");
        assert_eq!(request.optional_text("c", 3).unwrap(), None);
        for (name, words) in [("a", "longer than 2"), ("b", "must be a string"), ("c", "is missing"), ("d", "is empty")]
        {
            assert!(request.text(name, 2).unwrap_err().message.contains(words), "{name}");
        }
        assert!(request.structure::<u8>("a").is_err() && request.structure::<u8>("b") == Ok(1));
    }
}
