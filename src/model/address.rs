//! Addresses of sources and targets as people write them: credentials taken out, and what may be shown.
//!
//! Works on the text alone, so that an address no parser takes is not shown with its secrets either.

use super::{BroadcastWish, IngestWish, Secret};
use percent_encoding::percent_decode_str;

/// Where the authority (`user:password@host:port`) lies in a URI.
fn authority(uri: &str) -> Option<std::ops::Range<usize>> {
    let start = uri.find("://")? + 3;
    let length = uri[start..].find(['/', '?', '#']).unwrap_or(uri.len() - start);
    Some(start..start + length)
}

/// A URI without its credentials, and these: user, password.
fn split(uri: &str) -> (String, Option<(String, String)>) {
    let uri = uri.trim();
    let Some(range) = authority(uri) else { return (uri.into(), None) };
    // A password may hold a slash that nobody wrote as %2F: the last @ before the path is the sure one.
    let Some((info, host)) = uri[range.clone()].rsplit_once('@') else { return (uri.into(), None) };
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let without = format!("{}{host}{}", &uri[..range.start], &uri[range.end..]);
    (without, Some((plain(user), plain(password))))
}

/// Scheme, host and path: no credentials, and no query, where tokens and passphrases are.
fn shown(uri: &str) -> String {
    let (uri, _) = split(uri);
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    // Whatever is before an @ now could be half a password.
    let cut = authority(&uri).map_or(0, |range| uri[range.end..end].rfind('@').map_or(0, |at| range.end + at + 1));
    if cut > 0 { "(hidden)".into() } else { uri[..end].into() }
}

impl IngestWish {
    /// With the credentials in fields of their own.
    pub fn normalised(mut self) -> Self {
        let (uri, credentials) = split(&self.uri);
        self.uri = uri;
        (self.onvif, _) = split(&self.onvif);
        if let Some((user, password)) = credentials {
            self.user = user;
            self.password = Secret::new(password);
        }
        self
    }
    /// As anybody may see it.
    pub fn shown(&self) -> Self {
        Self { uri: shown(&self.uri), onvif: shown(&self.onvif), ..self.clone() }
    }
}

impl BroadcastWish {
    /// With the secrets in fields of their own: what follows `rtmp://host/app/` is the stream key.
    pub fn normalised(mut self) -> Self {
        let (uri, credentials) = split(&self.to);
        self.to = uri;
        if let Some((_, password)) = credentials.filter(|_| self.password.is_empty()) {
            self.password = Secret::new(password);
        }
        if self.key.is_empty() && self.to.starts_with("rtmp") {
            self.take_key();
        }
        self
    }

    fn take_key(&mut self) {
        let Some(path) = authority(&self.to).map(|range| range.end + 1) else { return };
        let Some(slash) = self.to.get(path..).and_then(|path| path.find('/')).map(|at| path + at) else { return };
        let key = self.to.split_off(slash + 1);
        self.to.truncate(slash);
        self.key = Secret::new(key);
    }

    /// As anybody may see it.
    pub fn shown(&self) -> Self {
        Self { to: shown(&self.to), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ingest(uri: &str) -> IngestWish {
        IngestWish { uri: uri.into(), ..IngestWish::default() }.normalised()
    }

    #[test]
    fn credentials_move_into_their_fields() {
        let wish = ingest(" rtsp://admin:p%40ss:w@rd@10.0.0.7:554/Streaming/101?profile=1 ");
        assert_eq!(wish.uri, "rtsp://10.0.0.7:554/Streaming/101?profile=1");
        assert_eq!((wish.user.as_str(), wish.password.reveal()), ("admin", "p@ss:w@rd"));
        let plain = ingest("srt://:9000?mode=listener");
        assert_eq!((plain.uri.as_str(), plain.user.as_str()), ("srt://:9000?mode=listener", ""));
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        for uri in [
            "rtsp://u:hunter2@h/s?token=hunter2",
            "http://h/x?password=hunter2#hunter2",
            "rtsp://u:hun/ter2hunter2@h/s",
            "srt://h:1?passphrase=hunter2",
        ] {
            let shown = format!("{} {:?}", serde_json::to_string(&ingest(uri).shown()).unwrap(), ingest(uri).shown());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(ingest("rtsp://h/s").shown().uri, "rtsp://h/s");
    }

    #[test]
    fn a_stream_key_in_the_address_becomes_the_key() {
        let wish = |to: &str| BroadcastWish { to: to.into(), ..BroadcastWish::default() }.normalised();
        let pasted = wish("rtmps://live.example.org:443/app/abc-def?x=1");
        assert_eq!((pasted.to.as_str(), pasted.key.reveal()), ("rtmps://live.example.org:443/app", "abc-def?x=1"));
        assert_eq!(wish("rtmp://h/app").to, "rtmp://h/app");
        let full = serde_json::to_string(&pasted.shown()).unwrap();
        assert!(!full.contains("abc-def"), "{full}");
    }
}
