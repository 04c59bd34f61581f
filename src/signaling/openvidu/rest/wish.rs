//! What a reader's query asks for: `?pendingConnections=true&webRtcStats=true`.

use super::super::OpenVidu;
use super::refusal::Refusal;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::Value;

/// Which connections are shown, and with what. An empty value is an absent one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Those that have not joined yet, too.
    pub pending: Option<bool>,
    /// How they are connected.
    pub stats: bool,
}

impl Wish {
    fn read(query: &str) -> Result<Self, String> {
        let mut wish = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let switch = || match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(format!("{name} must be true or false")),
            };
            match &*name {
                "pendingConnections" => wish.pending = Some(switch()?),
                "webRtcStats" => wish.stats = switch()?,
                _ => {}
            }
        }
        Ok(wish)
    }
}

/// What the original's dashboards read of each stream of each connection, as far as it is at hand: how it is called.
pub fn add_stats(connections: &mut Value) {
    let Some(all) = connections["content"].as_array_mut() else { return };
    for connection in all {
        let id = connection["id"].as_str().unwrap_or_default().to_owned();
        for (side, receives) in [("publishers", false), ("subscribers", true)] {
            connection[side]
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(|stream| add_to_stream(stream, &id, receives));
        }
    }
}

fn add_to_stream(stream: &mut Value, connection: &str, receives: bool) {
    let id = stream["streamId"].as_str().unwrap_or_default();
    let name = if receives { format!("{connection}_{id}") } else { id.to_owned() };
    stream["webrtcEndpointName"] = name.into();
    for unknown in ["remoteSdp", "localSdp", "localCandidate", "remoteCandidate"] {
        stream[unknown] = Value::Null;
    }
    for list in ["clientIceCandidates", "serverIceCandidates", "events"] {
        stream[list] = Value::Array(Vec::new());
    }
}

impl FromRequestParts<OpenVidu> for Wish {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &OpenVidu) -> Result<Self, Refusal> {
        Self::read(parts.uri.query().unwrap_or_default())
            .map_err(|words| Refusal::Words(StatusCode::BAD_REQUEST, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_names_and_what_is_not_at_hand_is_null() {
        let mut all = serde_json::json!({ "content": [
            { "id": "con_A", "publishers": [{ "streamId": "str_A" }], "subscribers": [{ "streamId": "str_B" }] },
            { "id": "con_B", "publishers": null, "subscribers": null },
        ] });
        add_stats(&mut all);
        let (publisher, subscriber) = (&all["content"][0]["publishers"][0], &all["content"][0]["subscribers"][0]);
        assert_eq!(
            (&publisher["webrtcEndpointName"], &subscriber["webrtcEndpointName"]),
            (&"str_A".into(), &"con_A_str_B".into())
        );
        assert!(publisher["remoteCandidate"].is_null() && publisher["events"].is_array());
        assert!(all["content"][1]["publishers"].is_null());
    }

    #[test]
    fn switches_are_read_and_the_rest_is_not_looked_at() {
        let read = |query| Wish::read(query).map(|wish| (wish.pending, wish.stats));
        assert_eq!(read("pendingConnections=true&webRtcStats=True&x=1"), Ok((Some(true), true)));
        assert_eq!(read("pendingConnections=&y"), Ok((None, false)));
        assert_eq!(read("webRtcStats=1"), Err("webRtcStats must be true or false".into()));
    }
}
