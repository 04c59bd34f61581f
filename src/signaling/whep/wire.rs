//! What a WHEP client may say in its address: the room, and which of its feeds.

use serde::Deserialize;

/// `/whep/{room}` and `/whep/{room}/{feed}`.
#[derive(Debug, Deserialize)]
pub struct Address {
    /// Where.
    pub room: String,
    /// A feed's number, its publisher's id or name, or `mix`; absent: the only feed, else the mix.
    pub feed: Option<String>,
}

/// `?own=…`
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    /// Who publishes as the same person, by a feed's number, its publisher's id or name: not heard in a mix.
    pub own: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_may_be_left_out() {
        let address: Address = serde_json::from_str(r#"{"room": "hall"}"#).unwrap();
        assert_eq!((address.room.as_str(), address.feed), ("hall", None));
    }
}
