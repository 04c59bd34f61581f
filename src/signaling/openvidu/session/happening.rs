//! What an application is told of a session, by webhook and in the CDR.

use super::Millis;
use serde_json::{Map, Value, json};

/// An event with its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// `participantJoined`…
    pub name: &'static str,
    /// All its fields; those that are `null` are written.
    pub fields: Map<String, Value>,
}

impl Happening {
    /// Of the session with this name and unique name.
    pub fn new(name: &'static str, (session, unique): (&str, &str), at: Millis, more: Value) -> Self {
        let mut fields = Map::new();
        fields.insert("sessionId".into(), session.into());
        fields.insert("uniqueSessionId".into(), unique.into());
        fields.insert("timestamp".into(), at.into());
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        Self { name, fields }
    }

    /// Whose it is.
    pub fn session(&self) -> &str {
        self.fields.get("sessionId").and_then(Value::as_str).unwrap_or_default()
    }

    /// As a webhook's body.
    pub fn body(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("event".into(), self.name.into());
        Value::Object(fields)
    }

    /// As a line of the CDR.
    pub fn line(&self) -> String {
        json!({ self.name: self.fields }).to_string()
    }
}

/// What the end of something adds.
pub fn end(began: Millis, now: Millis, reason: &str) -> Value {
    json!({ "startTime": began, "duration": (now - began) / 1000, "reason": reason })
}

/// Both objects' fields.
pub fn with(mut fields: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}
