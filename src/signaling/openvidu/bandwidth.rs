//! How much of pictures a connection may send and get, in kbit/s: its own `kurentoOptions`, else the deployment's settings.
//!
//! "recv" is what we take of a publisher: it hears so in our answer (`b=`, RFC 8866 and 3890), which every browser obeys. "send" is
//! what a viewer is sent: its subscription wants no more. The minimums are shown and do nothing: what a line carries is
//! measured, and a sender that is held above it only makes a queue.

use crate::config;
use serde_json::{Map, Value};

/// What a subscription may be limited to.
const LIMITS: (u64, u64) = (16, 1_000_000);

/// The deployment's, kbit/s; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidths {
    /// What we take of a publisher.
    pub recv: Option<u32>,
    /// What a viewer is sent.
    pub send: Option<u32>,
}

impl Bandwidths {
    /// As configured.
    pub fn of(settings: &config::OpenVidu) -> Self {
        let limit = |kbits: u32| (kbits > 0).then_some(kbits);
        Self { recv: limit(settings.video_max_recv), send: limit(settings.video_max_send) }
    }

    /// With what a connection's own options say instead; there 0 is no limit.
    pub fn with(self, options: Option<&Map<String, Value>>) -> Self {
        let of = |name: &str, deployment: Option<u32>| match options.and_then(|options| options.get(name)?.as_u64()) {
            None => deployment,
            Some(0) => None,
            Some(kbits) => u32::try_from(kbits.clamp(LIMITS.0, LIMITS.1)).ok(),
        };
        Self { recv: of("videoMaxRecvBandwidth", self.recv), send: of("videoMaxSendBandwidth", self.send) }
    }
}

/// An answer that lets its reader send no more than this in each video section.
pub fn at_most(answer: &str, kbits: u32) -> String {
    let mut out = String::with_capacity(answer.len() + 64);
    // Behind `m=`, `i=` and `c=`, before all else (RFC 8866 5).
    let mut due = false;
    for line in answer.lines().map(str::trim_end) {
        let before = ["m=", "i=", "c="].iter().any(|kind| line.starts_with(kind));
        if due && (!before || line.starts_with("m=")) {
            push_limit(&mut out, kbits);
            due = false;
        }
        due |= line.starts_with("m=video ");
        out.push_str(line);
        out.push_str("\r\n");
    }
    if due {
        push_limit(&mut out, kbits);
    }
    out
}

/// Old clients read the one, Firefox the other.
fn push_limit(out: &mut String, kbits: u32) {
    out.push_str(&format!("b=AS:{kbits}\r\nb=TIAS:{}\r\n", u64::from(kbits) * 1000));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_connections_own_options_come_first_and_nothing_is_lifted_by_zero() {
        let deployment = Bandwidths { recv: Some(1000), send: Some(800) };
        let with = |options: Value| deployment.with(options.as_object());
        assert_eq!(deployment.with(None), deployment);
        assert_eq!(with(json!({ "videoMinRecvBandwidth": 300 })), deployment);
        assert_eq!(with(json!({ "videoMaxRecvBandwidth": 300 })), Bandwidths { recv: Some(300), send: Some(800) });
        assert_eq!(with(json!({ "videoMaxSendBandwidth": 0 })), Bandwidths { recv: Some(1000), send: None });
        assert_eq!(with(json!({ "videoMaxSendBandwidth": 1 })).send, Some(16), "what a subscription can be limited to");
    }

    #[test]
    fn the_limit_stands_behind_the_connection_line_of_each_video_section() {
        let answer = "v=0\r\nm=audio 9 X 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\nm=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n";
        let limited = at_most(answer, 300);
        assert!(limited.contains("c=IN IP4 0.0.0.0\r\nb=AS:300\r\nb=TIAS:300000\r\na=mid:1\r\n"), "{limited}");
        assert_eq!(limited.matches("b=").count(), 2, "{limited}");
        assert!(
            at_most("v=0\r\nm=video 9 X 96\r\nm=video 0 X 97", 300)
                .ends_with("m=video 0 X 97\r\nb=AS:300\r\nb=TIAS:300000\r\n")
        );
    }
}
