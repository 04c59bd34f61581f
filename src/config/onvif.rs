//! Looking for cameras: `[onvif]`.

use serde::Deserialize;
use std::net::Ipv4Addr;
use std::time::Duration;

/// `[onvif]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Onvif {
    /// This machine's addresses from which cameras are looked for; empty: those of all interfaces but loopback.
    pub interfaces: Vec<Ipv4Addr>,
    /// How long their answers are waited for.
    #[serde(with = "humantime_serde")]
    pub search: Duration,
}

impl Default for Onvif {
    fn default() -> Self {
        Self { interfaces: Vec::new(), search: Duration::from_secs(3) }
    }
}
