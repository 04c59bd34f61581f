//! A server that helps clients to reach us, or each other.

use super::Secret;
use serde_json::{Value, json};

/// STUN or TURN, as clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port`, `turn:host:port?transport=udp`, `turns:…` (RFC 7064, RFC 7065).
    pub url: String,
    /// User name and password, for TURN.
    pub account: Option<(String, Secret)>,
}

impl IceServer {
    /// One without an account.
    pub fn open(url: impl Into<String>) -> Self {
        Self { url: url.into(), account: None }
    }

    /// A list as browsers' `RTCConfiguration.iceServers` wants it. The one place where passwords are shown: to the client
    /// whose they are.
    pub fn list(servers: &[Self]) -> Value {
        servers.iter().map(Self::entry).collect()
    }

    fn entry(&self) -> Value {
        match &self.account {
            Some((user, password)) => {
                json!({ "urls": [self.url], "username": user, "credential": password.reveal() })
            }
            None => json!({ "urls": [self.url] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_browsers_take() {
        let account = Some(("17:me".to_owned(), Secret::new("word")));
        let servers = [IceServer::open("stun:h:3478"), IceServer { url: "turn:h:3478?transport=tcp".into(), account }];
        let expected = json!([
            { "urls": ["stun:h:3478"] },
            { "urls": ["turn:h:3478?transport=tcp"], "username": "17:me", "credential": "word" }
        ]);
        assert_eq!(IceServer::list(&servers), expected);
        assert!(!format!("{servers:?}").contains("word"));
    }
}
