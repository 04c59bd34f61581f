//! Variables of OpenVidu's own deployments, for a service that takes the place of one.
//!
//! Decides what each means here. They are read only where the dialect is on, and only where no setting of ours is given.

use super::{LoadError, Source};
use config::{Config, Value, ValueKind};
use std::collections::HashMap;

/// How a variable's text is read.
#[derive(Clone, Copy)]
enum Kind {
    /// As it is.
    Text,
    /// `true` or `false`.
    Switch,
    /// A whole number of seconds.
    Seconds,
    /// A whole number.
    Number,
    /// A list of texts, as JSON or between commas in brackets.
    List,
    /// The same of STUN and TURN servers, `url=…,username=…,credential=…` or `url=…,staticAuthSecret=…`.
    IceServers,
}

/// Variable, setting, and how it is read.
const TABLE: [(&str, &str, Kind); 19] = [
    ("OPENVIDU_SECRET", "openvidu.secret", Kind::Text),
    ("OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", "openvidu.forced_codec", Kind::Text),
    ("OPENVIDU_STREAMS_ALLOW_TRANSCODING", "openvidu.allow_transcoding", Kind::Switch),
    ("OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH", "openvidu.video_max_recv", Kind::Number),
    ("OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH", "openvidu.video_min_recv", Kind::Number),
    ("OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH", "openvidu.video_max_send", Kind::Number),
    ("OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH", "openvidu.video_min_send", Kind::Number),
    ("OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", "openvidu.unused_limit", Kind::Seconds),
    ("OPENVIDU_SESSIONS_GARBAGE_INTERVAL", "openvidu.unused_interval", Kind::Seconds),
    ("OPENVIDU_RECORDING", "openvidu.recording", Kind::Switch),
    ("OPENVIDU_RECORDING_PATH", "recording.dir", Kind::Text),
    ("OPENVIDU_RECORDING_PUBLIC_ACCESS", "openvidu.recording_public_access", Kind::Switch),
    ("OPENVIDU_RECORDING_NOTIFICATION", "openvidu.recording_notification", Kind::Text),
    ("OPENVIDU_RECORDING_CUSTOM_LAYOUT", "openvidu.layouts", Kind::Text),
    ("OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT", "openvidu.recording_autostop", Kind::Seconds),
    ("OPENVIDU_WEBHOOK_ENDPOINT", "openvidu.webhook", Kind::Text),
    ("OPENVIDU_WEBHOOK_HEADERS", "openvidu.webhook_headers", Kind::List),
    ("OPENVIDU_WEBHOOK_EVENTS", "openvidu.webhook_events", Kind::List),
    ("OPENVIDU_CDR_PATH", "openvidu.cdr", Kind::Text),
];
/// Those that mean something only while a switch is on: the beginning of their names, and the switch.
const SWITCHED: [(&str, &str); 2] = [("OPENVIDU_WEBHOOK_", "OPENVIDU_WEBHOOK"), ("OPENVIDU_CDR_", "OPENVIDU_CDR")];
/// The original's port where none is given.
const HTTPS_PORT: &str = "443";
/// And that of coturn.
const COTURN_PORT: &str = "3478";

/// A setting that a variable gives.
pub struct Taken {
    /// The variables that say it.
    pub names: Vec<&'static str>,
    /// Where it goes; the value for errors.
    pub source: Source,
    /// What it is.
    pub value: Value,
}

/// The settings that the original's variables give beside those of ours, `own`.
pub fn take(environment: &HashMap<String, String>, own: &Config) -> Result<Vec<Taken>, LoadError> {
    let known = Variables(environment);
    let on = own.get_string("openvidu.secret").is_ok_and(|secret| !secret.is_empty());
    if !on && known.text("OPENVIDU_SECRET").is_none() {
        return Ok(Vec::new());
    }
    let mut taken = known.settings()?;
    taken.extend(known.public_url()?);
    taken.extend(known.ice_servers()?);
    taken.retain(|taken| own.get::<Value>(&taken.source.key).is_err());
    Ok(taken)
}

struct Variables<'a>(&'a HashMap<String, String>);

impl Variables<'_> {
    /// An empty one is an absent one.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn switch(&self, name: &'static str) -> Result<bool, LoadError> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(name, "it must be true or false")),
        }
    }

    fn settings(&self) -> Result<Vec<Taken>, LoadError> {
        let mut taken = Vec::new();
        for (name, key, kind) in TABLE {
            let switch = SWITCHED.iter().find(|(start, _)| name.starts_with(start));
            if switch.map_or(Ok(true), |(_, switch)| self.switch(switch))?
                && let Some(text) = self.text(name)
            {
                taken.push(setting(vec![name], key, read(name, kind, text)?));
            }
        }
        self.check_switches(&taken)?;
        Ok(taken)
    }

    /// What is switched on must say where to.
    fn check_switches(&self, taken: &[Taken]) -> Result<(), LoadError> {
        for (switch, needed) in
            [("OPENVIDU_WEBHOOK", "OPENVIDU_WEBHOOK_ENDPOINT"), ("OPENVIDU_CDR", "OPENVIDU_CDR_PATH")]
        {
            if self.switch(switch)? && !taken.iter().any(|taken| taken.names == [needed]) {
                return Err(wrong(needed, &format!("it must be set where {switch} is true")));
            }
        }
        Ok(())
    }

    fn public_url(&self) -> Result<Option<Taken>, LoadError> {
        const NAMES: [&str; 2] = ["DOMAIN_OR_PUBLIC_IP", "HTTPS_PORT"];
        let Some(host) = self.text(NAMES[0]) else { return Ok(None) };
        let port = self.text(NAMES[1]).unwrap_or(HTTPS_PORT);
        if !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(wrong(NAMES[1], "it must be a port, 1 to 65535"));
        }
        let port = if port == HTTPS_PORT { String::new() } else { format!(":{port}") };
        Ok(Some(setting(NAMES.to_vec(), "openvidu.public_url", text(format!("https://{host}{port}")))))
    }

    /// Those that are listed, else the deployment's own coturn.
    fn ice_servers(&self) -> Result<Option<Taken>, LoadError> {
        const LISTED: &str = "OPENVIDU_WEBRTC_ICE_SERVERS";
        const KEY: &str = "openvidu.ice_servers";
        const COTURN: [&str; 3] = ["COTURN_IP", "COTURN_SHARED_SECRET_KEY", "COTURN_PORT"];
        if let Some(listed) = self.text(LISTED) {
            return Ok(Some(setting(vec![LISTED], KEY, read(LISTED, Kind::IceServers, listed)?)));
        }
        let Some((host, secret)) = self.text(COTURN[0]).zip(self.text(COTURN[1])) else { return Ok(None) };
        let port = self.text(COTURN[2]).unwrap_or(COTURN_PORT);
        let server = text(format!("turn:{host}:{port} {secret}"));
        Ok(Some(setting(COTURN.to_vec(), KEY, Value::new(None, ValueKind::Array(vec![server])))))
    }
}

fn read(name: &'static str, kind: Kind, given: &str) -> Result<Value, LoadError> {
    match kind {
        Kind::Text => Ok(text(given)),
        Kind::Switch => match given.to_ascii_lowercase().as_str() {
            word @ ("true" | "false") => Ok(text(word)),
            _ => Err(wrong(name, "it must be true or false")),
        },
        Kind::Number | Kind::Seconds => {
            let number: u32 = given.parse().map_err(|_| wrong(name, "it must be a whole number"))?;
            Ok(text(if matches!(kind, Kind::Seconds) { format!("{number}s") } else { number.to_string() }))
        }
        Kind::List => Ok(array(list(name, given)?)),
        Kind::IceServers => {
            let servers: Option<Vec<String>> = list(name, given)?.iter().map(|one| ice_server(one)).collect();
            servers.map(array).ok_or_else(|| {
                wrong(name, "each must be url=…, with username=… and credential=…, or staticAuthSecret=…")
            })
        }
    }
}

/// JSON; its quotes are often lost on the way through shells and files.
fn list(name: &'static str, given: &str) -> Result<Vec<String>, LoadError> {
    if let Ok(items) = serde_json::from_str(given) {
        return Ok(items);
    }
    let inner = given.strip_prefix('[').and_then(|given| given.strip_suffix(']'));
    let inner =
        inner.filter(|inner| !inner.contains('"')).ok_or_else(|| wrong(name, "it must be a JSON array of strings"))?;
    Ok(inner.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
}

fn ice_server(given: &str) -> Option<String> {
    let fields: Option<HashMap<&str, &str>> = given.split(',').map(|field| field.trim().split_once('=')).collect();
    let fields = fields?;
    let word = |name: &str| fields.get(name).copied();
    match (word("url")?, word("username"), word("credential"), word("staticAuthSecret")) {
        (url, None, None, None) => Some(url.to_owned()),
        (url, None, None, Some(secret)) => Some(format!("{url} {secret}")),
        (url, Some(user), Some(password), None) => Some(format!("{url} {user} {password}")),
        _ => None,
    }
}

fn setting(names: Vec<&'static str>, key: &str, value: Value) -> Taken {
    let origin = format!("environment variable {}", names.join(", "));
    Taken { source: Source { key: key.to_owned(), value: String::new(), origin }, names, value }
}

fn text(value: impl Into<String>) -> Value {
    Value::new(None, ValueKind::String(value.into()))
}

fn array<T: Into<Value>>(items: Vec<T>) -> Value {
    Value::new(None, ValueKind::Array(items.into_iter().map(Into::into).collect()))
}

fn wrong(name: &'static str, cause: &str) -> LoadError {
    let remedy =
        "correct it, remove it, or give the setting of ours instead: the commented sample millrace.toml has them";
    LoadError::Setting { key: name.into(), origin: "environment".into(), cause: cause.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ForcedCodec, LoadError, load};
    use std::time::Duration;

    fn with(variables: &[(&str, &str)]) -> Result<Config, LoadError> {
        load(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), Vec::new())
    }

    #[test]
    fn a_deployments_variables_are_settings_here() {
        let config = with(&[
            ("OPENVIDU_SECRET", "MY_SECRET"),
            ("DOMAIN_OR_PUBLIC_IP", "video.example.org"),
            ("HTTPS_PORT", "4443"),
            ("OPENVIDU_WEBHOOK", "true"),
            ("OPENVIDU_WEBHOOK_ENDPOINT", "http://127.0.0.1:7777/hook"),
            ("OPENVIDU_WEBHOOK_HEADERS", r#"["Authorization: Basic YWJj, or so"]"#),
            ("OPENVIDU_WEBHOOK_EVENTS", "[sessionCreated,participantJoined]"),
            ("OPENVIDU_CDR", "false"),
            ("OPENVIDU_CDR_PATH", "/opt/openvidu/cdr"),
            ("OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", "H264"),
            ("OPENVIDU_STREAMS_ALLOW_TRANSCODING", "True"),
            ("OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH", "1000"),
            ("OPENVIDU_RECORDING", "false"),
            ("OPENVIDU_RECORDING_PATH", "/opt/openvidu/recordings"),
            ("OPENVIDU_RECORDING_PUBLIC_ACCESS", "true"),
            ("OPENVIDU_RECORDING_NOTIFICATION", "all"),
            ("OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT", "0"),
            ("OPENVIDU_SESSIONS_GARBAGE_INTERVAL", "0"),
            ("OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", "60"),
            (
                "OPENVIDU_WEBRTC_ICE_SERVERS",
                r#"["url=stun:h","url=turn:h:1,username=u,credential=p","url=turn:h,staticAuthSecret=s"]"#,
            ),
            ("MILLRACE_OPENVIDU__UNUSED_LIMIT", "5m"),
        ])
        .unwrap();
        config.check().unwrap();
        assert_eq!(config.recording.dir.as_deref(), Some("/opt/openvidu/recordings".as_ref()));
        let openvidu = config.openvidu;
        assert_eq!((openvidu.recording, openvidu.recording_public_access), (false, true));
        assert_eq!((openvidu.recording_notification.as_str(), openvidu.recording_autostop), ("all", Duration::ZERO));
        assert_eq!(openvidu.secret.as_deref(), Some("MY_SECRET"));
        assert_eq!(openvidu.public_url.as_deref(), Some("https://video.example.org:4443"));
        assert_eq!(openvidu.webhook.as_deref(), Some("http://127.0.0.1:7777/hook"));
        assert_eq!(openvidu.webhook_headers, ["Authorization: Basic YWJj, or so"]);
        assert_eq!(openvidu.webhook_events, ["sessionCreated", "participantJoined"]);
        assert_eq!((openvidu.cdr, openvidu.forced_codec, openvidu.allow_transcoding), (None, ForcedCodec::H264, true));
        assert_eq!((openvidu.unused_limit, openvidu.unused_interval), (Duration::from_secs(300), Duration::ZERO));
        assert_eq!(openvidu.video_max_send, 1000);
        assert_eq!(openvidu.ice_servers, ["stun:h", "turn:h:1 u p", "turn:h s"]);
        assert!(
            openvidu.taken.contains(&"OPENVIDU_SECRET")
                && !openvidu.taken.contains(&"OPENVIDU_SESSIONS_GARBAGE_THRESHOLD")
        );
    }

    #[test]
    fn without_a_secret_they_mean_nothing() {
        let config =
            with(&[("DOMAIN_OR_PUBLIC_IP", "h"), ("HTTPS_PORT", "many"), ("OPENVIDU_WEBHOOK", "perhaps")]).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn a_coturn_is_told_of_and_the_usual_port_is_not_written() {
        let secret = ("MILLRACE_OPENVIDU__SECRET", "x");
        let config =
            with(&[secret, ("DOMAIN_OR_PUBLIC_IP", "h"), ("COTURN_IP", "10.0.0.1"), ("COTURN_SHARED_SECRET_KEY", "k")]);
        let openvidu = config.unwrap().openvidu;
        assert_eq!(
            (openvidu.public_url.as_deref(), openvidu.ice_servers),
            (Some("https://h"), vec!["turn:10.0.0.1:3478 k".to_owned()])
        );
    }

    #[test]
    fn wrong_ones_are_named_and_not_shown() {
        for (name, value) in [
            ("OPENVIDU_WEBHOOK", "perhaps"),
            ("OPENVIDU_WEBHOOK_ENDPOINT", ""),
            ("OPENVIDU_WEBHOOK_HEADERS", "hunter2"),
            ("OPENVIDU_STREAMS_ALLOW_TRANSCODING", "2"),
            ("OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", "1h"),
            ("OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", "AV1"),
            ("OPENVIDU_WEBRTC_ICE_SERVERS", r#"["url=turn:h,credential=hunter2"]"#),
        ] {
            let mut variables =
                vec![("OPENVIDU_SECRET", "x"), ("OPENVIDU_WEBHOOK", "true"), ("OPENVIDU_WEBHOOK_ENDPOINT", "http://h")];
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
            let told = with(&variables).unwrap_err().to_string();
            assert!(told.contains(name) && told.contains("remedy:") && !told.contains("hunter2"), "{told}");
        }
    }
}
