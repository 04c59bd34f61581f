//! mediasoup's parameters (ORTC, as `mediasoup-client` 3 writes and reads them) and the descriptions that the engine takes.
//!
//! `router` is what we can do, `produced` makes an offer of what a client sends, `consumed` one of what it can take, and of
//! our answer what it is sent, `data` those of data channels. Whatever of a client's goes into a description is checked here, word by word. Pure.

pub mod consumed;
mod data;
pub mod produced;
pub mod router;

pub use data::SctpStreamParameters;

use super::refusal::Refusal;
use crate::model::{Kind, TransportLocal, TransportRemote};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `RtpParameters` of a producer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpParameters {
    mid: Option<String>,
    codecs: Vec<Codec>,
    #[serde(default)]
    header_extensions: Vec<HeaderExtension>,
    #[serde(default)]
    encodings: Vec<Encoding>,
    #[serde(default)]
    rtcp: Rtcp,
}

/// `RtpCodecParameters`, and as far as we read them `RtpCodecCapability`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Codec {
    mime_type: String,
    #[serde(alias = "preferredPayloadType")]
    payload_type: Option<u8>,
    clock_rate: u32,
    channels: Option<u8>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    rtcp_feedback: Vec<Feedback>,
}

#[derive(Clone, Debug, Deserialize)]
struct Feedback {
    r#type: String,
    parameter: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderExtension {
    uri: String,
    #[serde(alias = "preferredId")]
    id: u8,
}

#[derive(Clone, Debug, Deserialize)]
struct Encoding {
    ssrc: Option<u32>,
    rtx: Option<Rtx>,
    rid: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Rtx {
    ssrc: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Rtcp {
    cname: Option<String>,
}

/// `RtpCapabilities` of a device.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCapabilities {
    codecs: Vec<Codec>,
    #[serde(default)]
    header_extensions: Vec<HeaderExtension>,
}

/// `DtlsParameters` of a client's transport.
#[derive(Clone, Debug, Deserialize)]
pub struct DtlsParameters {
    role: Option<String>,
    fingerprints: Vec<Fingerprint>,
}

#[derive(Clone, Debug, Deserialize)]
struct Fingerprint {
    algorithm: String,
    value: String,
}

impl Fingerprint {
    /// Bytes of its algorithm.
    fn bytes(&self) -> Option<usize> {
        let lengths = [("sha-256", 32), ("sha-384", 48), ("sha-512", 64)];
        lengths.into_iter().find(|(name, _)| *name == self.algorithm).map(|(_, bytes)| bytes)
    }

    fn is_good(&self) -> bool {
        let hex = |byte: &str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
        self.value.split(':').all(hex) && self.bytes() == Some(self.value.split(':').count())
    }
}

impl DtlsParameters {
    /// As the engine takes it. A client that leaves the choice to us is told nothing more, and begins.
    pub fn remote(&self) -> Result<TransportRemote, Refusal> {
        let waits = match self.role.as_deref() {
            None | Some("auto" | "client") => false,
            Some("server") => true,
            Some(_) => return Err(Refusal::bad_request("`dtlsParameters.role` must be auto, client or server")),
        };
        let good = self.fingerprints.iter().filter(|one| one.is_good());
        let fingerprints: Vec<String> = good.map(|one| format!("{} {}", one.algorithm, one.value)).collect();
        match fingerprints.is_empty() {
            true => Err(Refusal::bad_request("`dtlsParameters.fingerprints` has none of sha-256, sha-384 or sha-512")),
            false => Ok(TransportRemote { waits, fingerprints }),
        }
    }
}

/// `iceParameters`: we are a lite agent and wait.
pub fn ice_parameters(local: &TransportLocal) -> Value {
    json!({ "usernameFragment": local.name, "password": local.password.reveal(), "iceLite": true })
}

/// What a client needs to make its side of a transport.
pub fn transport(id: &str, direction: &str, local: &TransportLocal) -> Value {
    let (algorithm, value) = local.fingerprint.split_once(' ').unwrap_or_default();
    let mut told = json!({
        "id": id,
        "direction": direction,
        "iceParameters": ice_parameters(local),
        "iceCandidates": candidates(local),
        "dtlsParameters": { "role": "auto", "fingerprints": [{ "algorithm": algorithm, "value": value }] },
    });
    if let Some(port) = &local.data {
        told["sctpParameters"] = data::parameters(port);
    }
    told
}

/// Any over UDP before any over TCP; of each the first best (RFC 8445 5.1.2.1).
fn candidates(local: &TransportLocal) -> Vec<Value> {
    let each = local.addresses.iter().enumerate().map(|(at, (address, tcp))| {
        let preference: u32 = if *tcp { 90 } else { 126 };
        let mut candidate = json!({
            "foundation": format!("{at}"), "priority": (preference << 24) + ((65_535 - at as u32) << 8) + 255,
            "address": address.ip().to_string(), "ip": address.ip().to_string(), "port": address.port(),
            "protocol": if *tcp { "tcp" } else { "udp" }, "type": "host",
        });
        if let (true, Some(fields)) = (*tcp, candidate.as_object_mut()) {
            fields.insert("tcpType".into(), "passive".into());
        }
        candidate
    });
    each.collect()
}

/// A description's head. What it says of a transport means nothing: the engine knows which it is on.
fn head(mids: &[&str]) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "))
}

/// A section's beginning, up to its codecs.
fn section(kind: Kind, payload_types: &[u8], mid: &str, direction: &str) -> String {
    let numbers: Vec<String> = payload_types.iter().map(u8::to_string).collect();
    format!(
        "m={} 9 UDP/TLS/RTP/SAVPF {}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
         a=ice-ufrag:unused\r\na=ice-pwd:unused-unused-unused-unused\r\na=fingerprint:sha-256 {}\r\na=setup:actpass\r\n",
        kind.as_str(),
        numbers.join(" "),
        ["00"; 32].join(":")
    )
}

/// A word that may stand in a description: it can end no line and begin no other attribute.
fn word<'a>(what: &str, text: &'a str, most: usize) -> Result<&'a str, Refusal> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+/:=,{}@~".contains(&b);
    match (1..=most).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text),
        false => Err(Refusal::bad_request(format!("{what} is malformed"))),
    }
}

impl Codec {
    /// `VP8` of `video/VP8`, if it is of this kind.
    fn name(&self, kind: Kind) -> Option<&str> {
        let (family, name) = self.mime_type.split_once('/')?;
        family.eq_ignore_ascii_case(kind.as_str()).then_some(name)
    }

    fn is_rtx(&self) -> bool {
        self.mime_type.to_ascii_lowercase().ends_with("/rtx")
    }

    fn number(&self) -> Result<u8, Refusal> {
        self.payload_type
            .filter(|number| *number < 128)
            .ok_or_else(|| Refusal::bad_request("a codec has no payload type"))
    }

    /// `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` of it.
    fn write(&self, out: &mut String, kind: Kind) -> Result<(), Refusal> {
        let wrong = || Refusal::bad_request(format!("a codec is not of {}", kind.as_str()));
        let (number, name) = (self.number()?, word("`mimeType`", self.name(kind).ok_or_else(wrong)?, 32)?);
        let channels = self.channels.filter(|channels| *channels > 1).map(|channels| format!("/{channels}"));
        out.push_str(&format!("a=rtpmap:{number} {name}/{}{}\r\n", self.clock_rate, channels.unwrap_or_default()));
        let parameters = self.parameters.iter().map(parameter).collect::<Result<Vec<_>, _>>()?;
        if !parameters.is_empty() {
            out.push_str(&format!("a=fmtp:{number} {}\r\n", parameters.join(";")));
        }
        for feedback in &self.rtcp_feedback {
            let kind = word("`rtcpFeedback`", &feedback.r#type, 32)?;
            let more = feedback.parameter.as_deref().filter(|more| !more.is_empty());
            let more = more.map(|more| word("`rtcpFeedback`", more, 32)).transpose()?;
            out.push_str(&format!("a=rtcp-fb:{number} {kind}"));
            more.iter().for_each(|more| out.push_str(&format!(" {more}")));
            out.push_str("\r\n");
        }
        Ok(())
    }
}

fn parameter((name, value): (&String, &Value)) -> Result<String, Refusal> {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(switch) => u8::from(*switch).to_string(),
        _ => return Err(Refusal::bad_request(format!("the codec parameter {name} is no text and no number"))),
    };
    Ok(format!("{}={}", word("a codec parameter", name, 64)?, word("a codec parameter", &value, 256)?))
}

impl HeaderExtension {
    fn write(&self, out: &mut String) -> Result<(), Refusal> {
        let uri = word("`headerExtensions.uri`", &self.uri, 256)?;
        if !(1..=255).contains(&self.id) {
            return Err(Refusal::bad_request("`headerExtensions.id` must be 1 to 255"));
        }
        out.push_str(&format!("a=extmap:{} {uri}\r\n", self.id));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
