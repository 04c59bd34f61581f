//! A JSON object's fields, as this dialect reads them: `null` is absent, unknown ones are ignored, a wrong type is refused.

use serde_json::{Map, Value};

/// What is wrong, in words that name the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub String);

/// Short for every reader here.
pub type Read<T> = Result<T, Wrong>;

/// An object's fields.
#[derive(Clone, Copy)]
pub struct Fields<'a>(Option<&'a Map<String, Value>>);

/// A body as JSON: nothing at all is an empty object.
pub fn body(bytes: &[u8]) -> Read<Value> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(bytes).map_err(|error| Wrong(format!("the body is not JSON: {error}")))
}

impl<'a> Fields<'a> {
    /// Of an object, or of nothing.
    pub fn of(value: &'a Value) -> Read<Self> {
        match value {
            Value::Object(fields) => Ok(Self(Some(fields))),
            Value::Null => Ok(Self(None)),
            _ => Err(Wrong("a JSON object is expected".into())),
        }
    }

    /// The field, unless it is absent.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(self, name: &str) -> Read<Option<&'a str>> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A switch.
    pub fn switch(self, name: &str) -> Read<Option<bool>> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// A number.
    pub fn number(self, name: &str) -> Read<Option<f64>> {
        self.typed(name, "a number", Value::as_f64)
    }

    /// A list.
    pub fn list(self, name: &str) -> Read<Option<&'a Vec<Value>>> {
        self.typed(name, "a list", Value::as_array)
    }

    /// An object.
    pub fn object(self, name: &str) -> Read<Option<Fields<'a>>> {
        let found = self.typed(name, "an object", |value| value.is_object().then_some(value))?;
        found.map(Fields::of).transpose()
    }

    /// One of these words.
    pub fn word(self, name: &str, known: &[&'static str]) -> Read<Option<&'static str>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = known.iter().find(|word| **word == text);
        found.map(|word| Some(*word)).ok_or_else(|| Wrong(format!("{name} must be one of {}", known.join(", "))))
    }

    fn typed<T>(self, name: &str, what: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Read<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| Wrong(format!("{name} must be {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_is_absent_and_a_wrong_type_is_named() {
        let value = json!({ "a": null, "b": 1, "c": "RED" });
        let fields = Fields::of(&value).unwrap();
        assert_eq!((fields.text("a"), fields.text("z")), (Ok(None), Ok(None)));
        assert_eq!(fields.text("b"), Err(Wrong("b must be a string".into())));
        assert_eq!(fields.word("c", &["RED", "BLUE"]), Ok(Some("RED")));
        assert_eq!(fields.word("c", &["BLUE"]), Err(Wrong("c must be one of BLUE".into())));
        assert!(Fields::of(&json!([])).is_err());
    }

    #[test]
    fn a_body_may_be_missing() {
        assert_eq!(body(b" \n"), Ok(json!({})));
        assert!(body(b"{").is_err());
    }
}
