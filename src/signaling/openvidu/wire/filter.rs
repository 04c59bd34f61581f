//! Filters as this dialect writes them: a type with options, and methods with parameters.
//!
//! Decides which there are and reads their commands; whether an element takes a value, the engine says.

use crate::config;
use crate::model::{FilterChange, FilterElement, FilterWish};
use serde_json::{Map, Value, json};

/// A filter that sees something: the only event there is, and its filter.
pub const CODES: &str = "ZBarFilter";
const CODE_FOUND: &str = "CodeFound";
const GSTREAMER: &str = "GStreamerFilter";

/// A filter as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// `GStreamerFilter`…
    pub kind: String,
    /// As given.
    pub options: Map<String, Value>,
}

impl Filter {
    /// As streams show it.
    pub fn to_json(&self) -> Map<String, Value> {
        let fields = [("type", json!(self.kind)), ("options", json!(self.options))];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What the engine is asked for; `Err`: why it cannot be, in words.
    pub fn wish(&self, settings: &config::OpenVidu) -> Result<FilterWish, String> {
        match self.kind.as_str() {
            CODES => Ok(FilterWish::Codes),
            GSTREAMER => {
                let command = self.options.get("command").and_then(Value::as_str);
                let command = command.ok_or("GStreamerFilter needs the option \"command\", a text")?;
                elements(command, settings).map(FilterWish::Elements)
            }
            kind => Err(format!("There is no filter {}; there are {GSTREAMER} and {CODES}", shortened(kind))),
        }
    }
}

/// The elements of a command, or of the template that it names.
fn elements(command: &str, settings: &config::OpenVidu) -> Result<Vec<FilterElement>, String> {
    if let Some(template) = settings.filter_template(command.trim()) {
        return FilterElement::read_all(template).map_err(|why| why.to_string());
    }
    let elements = FilterElement::read_all(command).map_err(|why| why.to_string())?;
    let strange = elements.iter().find(|element| !settings.filters.contains(&element.name));
    match strange {
        None => Ok(elements),
        Some(strange) if settings.filters.is_empty() => {
            Err(format!("{} is not allowed: this server allows no element", shortened(&strange.name)))
        }
        Some(strange) => {
            let allowed = settings.filters.join(", ");
            Err(format!("{} is not allowed in a filter; allowed are {allowed}", shortened(&strange.name)))
        }
    }
}

/// `execFilterMethod`: a property of a running `GStreamerFilter`.
pub fn method(kind: &str, name: &str, params: &Map<String, Value>) -> Result<FilterChange, String> {
    if kind != GSTREAMER || name != "setElementProperty" {
        return Err(format!("{kind} has no method {}; {GSTREAMER} has setElementProperty", shortened(name)));
    }
    let property = params.get("propertyName").and_then(Value::as_str);
    let property = property.ok_or("setElementProperty needs propertyName, a text")?.to_owned();
    let value = match params.get("propertyValue") {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => return Err("setElementProperty needs propertyValue: a text, a number, true or false".into()),
    };
    Ok(FilterChange::Set { property, value })
}

/// Whether a filter of this type raises such an event.
pub fn raises(kind: &str, event: &str) -> bool {
    kind == CODES && event == CODE_FOUND
}

/// The event of a code that was seen: its type, and its data as JSON in a text.
pub fn code_found(code: &crate::model::CodeSeen) -> (&'static str, String) {
    (CODE_FOUND, json!({ "type": CODE_FOUND, "codeType": code.kind, "value": code.text }).to_string())
}

/// An object that came as JSON in a text, or as one; nothing at all is an empty one.
pub fn object(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value {
        None => Some(Map::new()),
        Some(Value::Object(fields)) => Some(fields.clone()),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Map::new()),
        Some(Value::String(text)) => serde_json::from_str::<Value>(text).ok()?.as_object().cloned(),
        Some(_) => None,
    }
}

/// What came from a client may be long.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(kind: &str, options: Value) -> Result<FilterWish, String> {
        let filter_templates = vec!["grey: videobalance saturation=0 ! secret name=x".to_owned()];
        let settings = config::OpenVidu { filter_templates, ..config::OpenVidu::default() };
        Filter { kind: kind.into(), options: object(Some(&options)).unwrap() }.wish(&settings)
    }

    #[test]
    fn only_what_the_operator_allows_is_wished_for() {
        let Ok(FilterWish::Elements(grey)) =
            wish("GStreamerFilter", json!({ "command": "videobalance saturation=0.0" }))
        else {
            panic!("refused")
        };
        assert_eq!((grey.len(), grey[0].name.as_str()), (1, "videobalance"));
        assert!(
            matches!(wish("GStreamerFilter", json!({ "command": " grey" })), Ok(FilterWish::Elements(two)) if two.len() == 2)
        );
        assert_eq!(wish("ZBarFilter", json!({})), Ok(FilterWish::Codes));
        for (kind, options, says) in [
            ("GStreamerFilter", json!({ "command": "filesrc location=/etc/passwd" }), "filesrc is not allowed"),
            ("GStreamerFilter", json!({ "command": "videobalance ! filesink location=/x" }), "allowed are agingtv"),
            ("GStreamerFilter", json!({ "command": "( videobalance )" }), "no name"),
            ("GStreamerFilter", json!({ "command": 7 }), "needs the option"),
            ("GStreamerFilter", json!({}), "needs the option"),
            ("FaceOverlayFilter", json!({}), "There is no filter FaceOverlayFilter"),
            ("ChromaFilter", json!({}), "there are GStreamerFilter and ZBarFilter"),
        ] {
            let why = wish(kind, options).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }

    #[test]
    fn methods_set_one_property() {
        let params =
            |value: Value| json!({ "propertyName": "saturation", "propertyValue": value }).as_object().cloned();
        let set = |value: &str| Ok(FilterChange::Set { property: "saturation".into(), value: value.into() });
        assert_eq!(method(GSTREAMER, "setElementProperty", &params(json!("0.5")).unwrap()), set("0.5"));
        assert_eq!(method(GSTREAMER, "setElementProperty", &params(json!(0.5)).unwrap()), set("0.5"));
        assert!(method(GSTREAMER, "setElementProperty", &params(json!([])).unwrap()).is_err());
        assert!(method(GSTREAMER, "other", &Map::new()).is_err());
        assert!(method(CODES, "setElementProperty", &params(json!(1)).unwrap()).is_err());
        assert!(raises(CODES, "CodeFound") && !raises(GSTREAMER, "CodeFound") && !raises(CODES, "x"));
    }

    #[test]
    fn options_are_an_object_or_its_text() {
        assert_eq!(object(None), Some(Map::new()));
        assert_eq!(object(Some(&json!("{\"a\":1}"))), object(Some(&json!({ "a": 1 }))));
        assert_eq!(
            (object(Some(&json!("{"))), object(Some(&json!("[]"))), object(Some(&json!(3)))),
            (None, None, None)
        );
    }
}
