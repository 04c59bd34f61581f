//! Frames of the socket: JSON-RPC 2.0. An answer has exactly one of `result` and `error`, or the client drops it.

use serde_json::{Map, Value, json};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Counts from 0 and goes on after a lost socket.
    pub id: Value,
    /// What.
    pub method: String,
    /// With what; absent ones are empty.
    pub params: Params,
}

/// A request's parameters. Some clients write all of them as texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(Map<String, Value>);

/// A refusal: its code and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What clients act on.
    pub code: i64,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// A refusal in the original's form of words.
    pub fn new(code: i64, words: impl AsRef<str>) -> Self {
        Self { code, message: format!("{}. Code: {code}", words.as_ref().trim_end_matches('.')) }
    }

    /// A parameter that must be there.
    pub fn missing(name: &str) -> Self {
        Self::new(-1, format!("Request element \"{name}\" is missing or has a wrong type"))
    }
}

/// Reads a frame; `None` for what is no request: a client that sends it hears nothing.
pub fn read(text: &str) -> Option<Request> {
    let Value::Object(mut frame) = serde_json::from_str(text).ok()? else { return None };
    let method = frame.get("method")?.as_str()?.to_owned();
    let id = frame.remove("id").filter(|id| id.is_number() || id.is_string())?;
    let params = match frame.remove("params") {
        Some(Value::Object(params)) => Params(params.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Params::default(),
    };
    Some(Request { id, method, params })
}

/// An answer. Every result carries the secret that resumes the connection.
pub fn answer(id: &Value, rpc: &str, outcome: Result<Value, Refusal>) -> String {
    let frame = match outcome {
        Ok(mut result) => {
            if let Some(fields) = result.as_object_mut() {
                fields.insert("sessionId".into(), rpc.into());
            }
            json!({ "jsonrpc": "2.0", "id": id, "result": result })
        }
        Err(refusal) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": refusal.code, "message": refusal.message } })
        }
    };
    frame.to_string()
}

/// A notification. Keys that are `null` are left out.
pub fn notification(method: &str, mut params: Value) -> String {
    if let Some(fields) = params.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

impl Params {
    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.find(name).ok_or_else(|| Refusal::missing(name))
    }

    /// A text.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A switch, also as a text.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A number, also as a text.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(value) => value.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// As it came.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_for_switches_and_numbers() {
        let request =
            read(r#"{"jsonrpc":"2.0","id":3,"method":"x","params":{"a":"false","b":"30","c":null}}"#).unwrap();
        assert_eq!((request.params.switch("a"), request.params.number("b")), (Some(false), Some(30.0)));
        assert_eq!(request.params.raw("c"), None);
        assert!(read(r#"{"id":1,"method":"ping"}"#).unwrap().params.0.is_empty());
        assert!(read("[]").is_none() && read(r#"{"method":"x"}"#).is_none());
    }

    #[test]
    fn an_answer_has_one_of_both() {
        let good: Value = serde_json::from_str(&answer(&json!(0), "rpc", Ok(json!({})))).unwrap();
        assert_eq!(good, json!({ "jsonrpc": "2.0", "id": 0, "result": { "sessionId": "rpc" } }));
        let bad: Value = serde_json::from_str(&answer(&json!(1), "rpc", Err(Refusal::new(401, "No.")))).unwrap();
        assert_eq!(bad["error"], json!({ "code": 401, "message": "No. Code: 401" }));
        assert!(bad.get("result").is_none());
        let told: Value = serde_json::from_str(&notification("m", json!({ "a": null, "b": 1 }))).unwrap();
        assert_eq!(told["params"], json!({ "b": 1 }));
    }
}
