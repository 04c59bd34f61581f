//! The dialect's messages, with its exact field names (`reciever_login` and `beasy` are spelled so in deployed pages).

use super::presence::{Refusal, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Events of the socket. `CALLING` carries the caller's login, `DECLINED` that of who declined, `ONLINE` a [`Seen`].
pub const CALLING: &str = "calling";
/// See [`CALLING`].
pub const DECLINED: &str = "declined";
/// See [`CALLING`].
pub const ONLINE: &str = "online";
/// A page says whose it is.
pub const LOGIN: &str = "login";

/// `login`, `calling` and `declined`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// A user's name.
    pub login: String,
}

/// `online`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen<'a> {
    /// Whose status it is.
    pub login: &'a str,
    /// `free`, `busy` or `offline`.
    pub status: &'static str,
}

/// `POST /call`
#[derive(Debug, Deserialize)]
pub struct Call {
    /// Who is called.
    pub login: String,
    /// The page's Socket.IO id; `null` when it has none.
    pub sid: Option<String>,
}

/// `POST /decline`
#[derive(Debug, Deserialize)]
pub struct Decline {
    /// As in [`Call`].
    pub sid: Option<String>,
    /// The other side of the call.
    pub reciever_login: String,
}

/// `POST /status`
#[derive(Debug, Deserialize)]
pub struct SetStatus {
    /// As in [`Call`].
    pub sid: Option<String>,
    /// `beasy` or `busy`; anything else is free.
    #[serde(default)]
    pub status: Value,
}

impl SetStatus {
    /// Whether it says busy.
    pub fn is_busy(&self) -> bool {
        self.status == "beasy" || self.status == "busy"
    }
}

impl Status {
    /// Its word in `online`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Busy => "busy",
            Self::Offline => "offline",
        }
    }
}

/// Any answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// 0 done, 1 refused.
    pub status: u8,
    /// What to show. No name is in it: deployed pages write it into their HTML as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Who is online, for `GET /online`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Vec<String>>,
    /// Who of them is busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Vec<String>>,
}

impl Answer {
    /// It is done.
    pub fn done(message: &str) -> Self {
        Self { status: 0, message: message.to_owned(), payload: None, busy: None }
    }
    /// It is refused, for this reason.
    pub fn refused(reason: impl ToString) -> Self {
        Self { status: 1, message: reason.to_string(), payload: None, busy: None }
    }
    /// What came of a request.
    pub fn of(outcome: Result<(), Refusal>, message: &str) -> Self {
        outcome.map_or_else(Self::refused, |()| Self::done(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn busy_is_spelled_in_two_ways_and_all_else_is_free() {
        let busy = |status: Value| serde_json::from_value::<SetStatus>(json!({"sid": "a", "status": status})).unwrap();
        assert!(busy(json!("beasy")).is_busy() && busy(json!("busy")).is_busy());
        assert!(![json!("free"), json!("Busy"), json!(1), json!(null)].into_iter().any(|word| busy(word).is_busy()));
        assert!(!serde_json::from_str::<SetStatus>(r#"{"sid": null}"#).unwrap().is_busy());
    }
}
