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

/// Where a STUN or TURN server is, and what opens it, as operators and applications write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceAddress {
    /// As in [`IceServer`].
    pub url: String,
    /// What opens it.
    pub key: IceKey,
}

/// What opens a STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IceKey {
    /// Nothing is needed: STUN.
    Open,
    /// A secret that accounts are made with (coturn's `static-auth-secret`).
    Shared(Secret),
    /// User name and password.
    Account(String, Secret),
}

impl IceAddress {
    /// `stun:host:port`, `turn:host:port SECRET`, `turn:host:port USERNAME PASSWORD`.
    pub fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (url, key) = match words.as_slice() {
            [url] => (url, IceKey::Open),
            [url, secret] => (url, IceKey::Shared(Secret::new(secret))),
            [url, user, password] => (url, IceKey::Account((*user).to_owned(), Secret::new(password))),
            _ => return None,
        };
        let relays = Self::relays(url)?;
        (relays != (key == IceKey::Open)).then(|| Self { url: (*url).to_owned(), key })
    }

    /// Whether what an address names relays (`turn:`, `turns:`) or only tells (`stun:`, `stuns:`); `None`: it names neither.
    pub fn relays(url: &str) -> Option<bool> {
        let (scheme, rest) = url.split_once(':')?;
        let relays = match scheme {
            "stun" | "stuns" => false,
            "turn" | "turns" => true,
            _ => return None,
        };
        let (authority, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
        let known = query.is_none_or(|query| relays && ["transport=udp", "transport=tcp"].contains(&query));
        let authority: axum::http::uri::Authority = authority.parse().ok()?;
        let rest = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = rest.is_empty() || authority.port_u16().is_some_and(|port| port > 0);
        let plain =
            !authority.host().is_empty() && !authority.as_str().contains('@') && !authority.as_str().ends_with(':');
        (known && port && plain).then_some(relays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_key_that_it_needs() {
        for good in ["stun:h", "turn:h:3478?transport=tcp secret", "turns:[2001:db8::1]:443 user word"] {
            assert!(IceAddress::read(good).is_some(), "{good}");
        }
        for bad in
            ["", "http:h", "stun:h secret", "turn:h", "turn:h a b c", "turn:u@h a", "stun:h:0", "stun:h?transport=udp"]
        {
            assert_eq!(IceAddress::read(bad), None, "{bad}");
        }
        assert!(!format!("{:?}", IceAddress::read("turn:h hunter2")).contains("hunter2"));
    }

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
