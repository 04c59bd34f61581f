//! `POST /sessions/S/connection`: what a connection is asked to be.

use super::fields::{Fields, Read, Wrong};
use super::ice;
use crate::model::IceServer;
use serde_json::{Map, Value};

/// What a participant may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Watch.
    Subscriber,
    /// And publish.
    Publisher,
    /// And decide over others.
    Moderator,
}

/// Worst first.
const ROLES: [(&str, Role); 3] =
    [("SUBSCRIBER", Role::Subscriber), ("PUBLISHER", Role::Publisher), ("MODERATOR", Role::Moderator)];
/// Options in kbit/s.
const BANDWIDTHS: [&str; 4] =
    ["videoMaxRecvBandwidth", "videoMinRecvBandwidth", "videoMaxSendBandwidth", "videoMinSendBandwidth"];

/// Characters of a camera's address: they become part of names that are told to everybody.
const LONGEST_URI: usize = 2048;

/// What a connection is.
#[derive(Clone, Debug, PartialEq)]
pub struct NewConnection {
    /// The application's own data.
    pub data: String,
    /// Whether individual recordings have it.
    pub record: bool,
    /// A client's, or a camera.
    pub kind: Kind,
}

/// By what it is served.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A page or an app.
    WebRtc {
        /// What it may do.
        role: Role,
        /// Those that were given, as given; `None`: none.
        options: Option<Map<String, Value>>,
        /// Instead of the deployment's.
        ice: Vec<IceServer>,
    },
    /// A camera.
    Camera {
        /// Its address.
        uri: String,
        /// Transcode where its viewers need it.
        adapt: bool,
        /// Open it only while somebody watches.
        on_demand: bool,
        /// Milliseconds of buffer.
        cache: u64,
    },
}

impl Role {
    /// As the protocol spells it.
    pub fn as_str(self) -> &'static str {
        ROLES.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }
}

impl NewConnection {
    /// Reads a body; `now` in seconds since 1970, for accounts.
    pub fn read(body: &Value, now: u64) -> Read<Self> {
        let fields = Fields::of(body)?;
        let camera = fields.word("type", &["WEBRTC", "IPCAM"])? == Some("IPCAM");
        let data = fields.text("data")?.unwrap_or_default().to_owned();
        let record = fields.switch("record")?.unwrap_or(true);
        let kind = if camera { read_camera(fields)? } else { read_client(fields, now)? };
        Ok(Self { data, record, kind })
    }

    /// The same of an older token, which is always a client's and always recorded.
    pub fn of_token(body: &Value, now: u64) -> Read<Self> {
        let fields = Fields::of(body)?;
        let data = fields.text("data")?.unwrap_or_default().to_owned();
        Ok(Self { data, record: true, kind: read_client(fields, now)? })
    }

    /// The deployment's servers for one that brings none; `now` as in `read`.
    pub fn give_ice(&mut self, deployment: &[String], now: u64) {
        if let Kind::WebRtc { ice, .. } = &mut self.kind
            && ice.is_empty()
        {
            *ice = ice::of_deployment(deployment, now);
        }
    }
}

/// `PATCH …/connection/C`: what is to be different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What it may do.
    pub role: Option<Role>,
    /// Whether individual recordings have it.
    pub record: Option<bool>,
}

impl Change {
    /// Reads a body.
    pub fn read(body: &Value) -> Read<Self> {
        let fields = Fields::of(body)?;
        Ok(Self { role: read_role(fields)?, record: fields.switch("record")? })
    }
}

fn read_role(fields: Fields<'_>) -> Read<Option<Role>> {
    let role = fields.word("role", &ROLES.map(|(name, _)| name))?;
    Ok(ROLES.iter().find(|(name, _)| Some(*name) == role).map(|(_, role)| *role))
}

fn read_client(fields: Fields<'_>, now: u64) -> Read<Kind> {
    let role = read_role(fields)?.unwrap_or(Role::Publisher);
    let options = fields.object("kurentoOptions")?.map(read_options).transpose()?;
    let ice = fields.list("customIceServers")?.map(|list| ice::read(list, now)).transpose()?.unwrap_or_default();
    Ok(Kind::WebRtc { role, options, ice })
}

fn read_options(fields: Fields<'_>) -> Read<Map<String, Value>> {
    let mut options = Map::new();
    for name in BANDWIDTHS {
        if let Some(kbits) = fields.number(name)? {
            options.insert(name.into(), (kbits.max(0.0) as u64).into());
        }
    }
    if let Some(filters) = fields.list("allowedFilters")? {
        if filters.iter().any(|filter| !filter.is_string()) {
            return Err(Wrong("allowedFilters must be a list of strings".into()));
        }
        options.insert("allowedFilters".into(), filters.clone().into());
    }
    Ok(options)
}

fn read_camera(fields: Fields<'_>) -> Read<Kind> {
    let uri = fields.text("rtspUri")?.ok_or_else(|| Wrong("rtspUri is missing".into()))?;
    if uri.len() > LONGEST_URI {
        return Err(Wrong(format!("rtspUri has more than {LONGEST_URI} characters")));
    }
    let url = url::Url::parse(uri).ok();
    let known = |url: &url::Url| match url.scheme() {
        "file" => true,
        "rtsp" | "rtsps" | "http" | "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        _ => false,
    };
    if !url.as_ref().is_some_and(known) {
        return Err(Wrong("rtspUri must be an rtsp, rtsps, http, https or file address".into()));
    }
    Ok(Kind::Camera {
        uri: uri.to_owned(),
        adapt: fields.switch("adaptativeBitrate")?.unwrap_or(true),
        on_demand: fields.switch("onlyPlayWithSubscribers")?.unwrap_or(true),
        cache: fields.number("networkCache")?.unwrap_or(2000.0).max(0.0) as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_client_is_a_publisher_unless_told_otherwise() {
        let read = NewConnection::read(&json!({ "role": null }), 0).unwrap();
        assert_eq!(read.kind, Kind::WebRtc { role: Role::Publisher, options: None, ice: Vec::new() });
        assert!(read.record && read.data.is_empty());
        let options = json!({ "kurentoOptions": { "videoMaxRecvBandwidth": 300, "allowedFilters": ["GStreamerFilter"], "x": 1 } });
        let Kind::WebRtc { options: Some(options), .. } = NewConnection::read(&options, 0).unwrap().kind else {
            panic!("options")
        };
        assert_eq!(
            Value::Object(options),
            json!({ "videoMaxRecvBandwidth": 300, "allowedFilters": ["GStreamerFilter"] })
        );
    }

    #[test]
    fn wrong_ones_are_refused() {
        for wrong in [
            json!({ "type": "X" }),
            json!({ "data": 1 }),
            json!({ "role": "KING" }),
            json!({ "record": "yes" }),
            json!({ "kurentoOptions": [] }),
            json!({ "kurentoOptions": { "allowedFilters": [1] } }),
            json!({ "customIceServers": {} }),
            json!({ "type": "IPCAM" }),
            json!({ "type": "IPCAM", "rtspUri": "gopher://x" }),
            json!({ "type": "IPCAM", "rtspUri": "rtsp://" }),
        ] {
            assert!(NewConnection::read(&wrong, 0).is_err(), "{wrong}");
        }
    }

    #[test]
    fn roles_grow() {
        assert!(Role::Moderator > Role::Publisher && Role::Publisher > Role::Subscriber);
        assert_eq!(Role::Moderator.as_str(), "MODERATOR");
    }
}
