//! `customIceServers`: STUN and TURN servers that a connection is given instead of ours.

use super::fields::{Fields, Read, Wrong};
use crate::model::{IceAddress, IceKey, IceServer, Secret};
use crate::signaling::openvidu::ids;
use crate::turn::Credentials;
use serde_json::{Value, json};
use std::time::Duration;

/// How long accounts made here are good.
const ACCOUNT: Duration = Duration::from_secs(24 * 3600);

/// Reads the list; accounts are made for entries that bring a shared secret. `now`: seconds since 1970.
pub fn read(list: &[Value], now: u64) -> Read<Vec<IceServer>> {
    list.iter().map(|entry| read_one(entry, now)).collect()
}

fn read_one(entry: &Value, now: u64) -> Read<IceServer> {
    let fields = Fields::of(entry)?;
    let url = fields.text("url")?.ok_or_else(|| Wrong("customIceServers: url is missing".into()))?;
    let relays = judge(url)?;
    let given = (fields.text("username")?, fields.text("credential")?, fields.text("staticAuthSecret")?);
    let account = match (relays, given) {
        (false, (None, None, None)) => None,
        (true, (Some(user), Some(password), None)) => Some((user.to_owned(), Secret::new(password))),
        (true, (None, None, Some(secret))) => Some(issue(secret, now)),
        (false, _) => return Err(Wrong(format!("customIceServers: {url} takes no credentials"))),
        (true, _) => {
            return Err(Wrong(format!(
                "customIceServers: {url} needs username and credential, or staticAuthSecret alone"
            )));
        }
    };
    Ok(IceServer { url: url.to_owned(), account })
}

/// Whether it relays; refused when it is no address of this kind.
fn judge(url: &str) -> Read<bool> {
    let wrong = || Wrong(format!("customIceServers: {url:?} is no stun:, stuns:, turn: or turns: address"));
    IceAddress::relays(url).ok_or_else(wrong)
}

/// The deployment's own, for a connection that brings none.
pub fn of_deployment(written: &[String], now: u64) -> Vec<IceServer> {
    written.iter().filter_map(|text| IceAddress::read(text)).map(|address| opened(address, now)).collect()
}

fn opened(IceAddress { url, key }: IceAddress, now: u64) -> IceServer {
    let account = match key {
        IceKey::Open => None,
        IceKey::Shared(secret) => Some(issue(secret.reveal(), now)),
        IceKey::Account(user, password) => Some((user, password)),
    };
    IceServer { url, account }
}

/// As coturn wants it: when it ends, and eight random characters.
fn issue(secret: &str, now: u64) -> (String, Secret) {
    let name = format!("{}:{}", now.saturating_add(ACCOUNT.as_secs()), ids::account());
    let password = Secret::new(Credentials::new(secret.as_bytes()).password(&name));
    (name, password)
}

/// As answers and join results show them.
pub fn list(servers: &[IceServer]) -> Value {
    let entry = |server: &IceServer| match &server.account {
        Some((user, password)) => {
            json!({ "url": server.url, "username": user, "credential": password.reveal() })
        }
        None => json!({ "url": server.url }),
    };
    servers.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(entry: Value) -> Read<Vec<IceServer>> {
        read(&[entry], 0)
    }

    #[test]
    fn good_ones_are_taken_and_secrets_become_accounts() {
        for url in ["stun:h", "stuns:10.0.0.1:1", "stun:[2001:db8::1]:3478"] {
            assert!(one(json!({ "url": url })).is_ok(), "{url}");
        }
        let turn = one(json!({ "url": "turn:h:3478?transport=tcp", "staticAuthSecret": "north" })).unwrap();
        assert!(list(&turn)[0]["username"].as_str().unwrap().starts_with("86400:"));
        assert!(!list(&turn).to_string().contains("north"));
        let ours = list(&of_deployment(&["stun:h".into(), "turn:h u p".into(), "turn:h north".into()], 0));
        assert_eq!(
            (ours[0].clone(), ours[1].clone()),
            (json!({ "url": "stun:h" }), json!({ "url": "turn:h", "username": "u", "credential": "p" }))
        );
        assert!(
            ours[2]["username"].as_str().unwrap().len() == "86400:abcdefgh".len()
                && !ours.to_string().contains("north")
        );
    }

    #[test]
    fn others_are_refused() {
        for wrong in [
            json!({}),
            json!({ "url": "http:h" }),
            json!({ "url": "stun:" }),
            json!({ "url": "stun:h:0" }),
            json!({ "url": "stun:h:99999" }),
            json!({ "url": "stun:h?transport=udp" }),
            json!({ "url": "turn:h" }),
            json!({ "url": "turn:h?transport=sctp", "username": "u", "credential": "c" }),
            json!({ "url": "turn:h", "username": "u" }),
            json!({ "url": "stun:h", "username": "u", "credential": "c" }),
            json!({ "url": "turn:u@h", "username": "u", "credential": "c" }),
            json!({ "url": "turn:h", "username": "u", "credential": "c", "staticAuthSecret": "s" }),
        ] {
            assert!(one(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
