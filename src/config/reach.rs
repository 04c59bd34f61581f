//! What may be opened and sent to on behalf of those who add cameras and broadcasts: `[reach]`. Applied to the addresses a
//! name resolves to, each time anew.
//!
//! Decides what can be set; the decision on an address is `media::reach`'s.

use ipnet::IpNet;
use serde::Deserialize;
use std::path::PathBuf;

/// `[reach]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reach {
    /// Schemes of URIs that may be used.
    pub schemes: Vec<String>,
    /// Names and addresses that may be used, `*.example.org` for all below; empty: any.
    pub hosts: Vec<String>,
    /// Networks that may be used; empty: any.
    pub networks: Vec<IpNet>,
    /// Networks that may be used though they are this machine's own (loopback), link-local, or a cloud's metadata service.
    pub special: Vec<IpNet>,
    /// Folder whose files may be played (`file:///NAME` inside it); empty: none.
    #[serde(deserialize_with = "super::empty_is_none")]
    pub files: Option<PathBuf>,
}

impl Default for Reach {
    fn default() -> Self {
        let schemes = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "http", "https", "file", "test"];
        Self {
            schemes: schemes.map(str::to_owned).to_vec(),
            hosts: Vec::new(),
            networks: Vec::new(),
            special: Vec::new(),
            files: None,
        }
    }
}
