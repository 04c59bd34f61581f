//! Descriptions between us and webrtcbin. It is given one codec per section without parameters, the transport, and the
//! announced SSRCs; of what it makes only its end of the transport counts.

use super::extension;
use super::offered::{Remote, bad};
use super::text::{push, value};
use crate::media::MediaError;
use crate::media::feed::SourceTrack;
use crate::model::Codec;
use sdp_types::Session;

/// Our end of the transport, as webrtcbin made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// ICE user name fragment.
    pub name: String,
    /// ICE password.
    pub password: String,
    /// Value of `a=fingerprint`.
    pub fingerprint: String,
    /// DTLS role.
    pub setup: String,
    /// Media id of its first section.
    pub mid: String,
}

impl Local {
    /// Reads it from webrtcbin's description.
    pub fn read(description: &str) -> Result<Self, MediaError> {
        let missing = || MediaError::Fatal("webrtcbin made a description without a transport".into());
        let session = Session::parse(description.as_bytes()).map_err(|_| missing())?;
        let media = session.medias.first().ok_or_else(missing)?;
        let get = |name| value(media, name).map(str::to_owned).ok_or_else(missing);
        Ok(Self {
            name: get("ice-ufrag")?,
            password: get("ice-pwd")?,
            fingerprint: get("fingerprint")?,
            setup: get("setup")?,
            mid: get("mid")?,
        })
    }

    /// The same end with a fresh name and password, for an ICE restart: 48 and 192 random bits (RFC 8839 5.4 asks for
    /// 24 and 128).
    pub fn restarted(&self) -> Result<Self, MediaError> {
        let mut raw = [0; 30];
        aws_lc_rs::rand::fill(&mut raw).map_err(|_| MediaError::Fatal("no random numbers".into()))?;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: hex(&raw[..6]), password: hex(&raw[6..]), ..self.clone() })
    }

    /// As lines of a section.
    pub fn write(&self, out: &mut String) {
        push(out, format!("a=ice-ufrag:{}", self.name));
        push(out, format!("a=ice-pwd:{}", self.password));
        push(out, format!("a=fingerprint:{}", self.fingerprint));
        push(out, format!("a=setup:{}", self.setup));
    }
}

/// `a=rtpmap`'s encoding of a codec.
pub fn encoding(codec: Codec) -> &'static str {
    match codec {
        Codec::Vp8 => "VP8/90000",
        Codec::H264 => "H264/90000",
        Codec::Vp9 => "VP9/90000",
        Codec::Av1 => "AV1/90000",
        Codec::Opus => "opus/48000/2",
        Codec::Pcmu => "PCMU/8000",
        Codec::Pcma => "PCMA/8000",
    }
}

/// The lines before the first section.
pub fn header(out: &mut String, id: u64, version: u64, mids: &[&str]) {
    push(out, "v=0");
    push(out, format!("o=- {id} {version} IN IP4 127.0.0.1"));
    push(out, "s=-");
    push(out, "t=0 0");
    push(out, format!("a=group:BUNDLE {}", mids.join(" ")));
}

/// An m-line and what follows it in every section.
pub fn section(out: &mut String, kind: &str, payload_types: &str, mid: &str) {
    push(out, format!("m={kind} 9 UDP/TLS/RTP/SAVPF {payload_types}"));
    push(out, "c=IN IP4 0.0.0.0");
    push(out, "a=rtcp:9 IN IP4 0.0.0.0");
    push(out, format!("a=mid:{mid}"));
    push(out, "a=rtcp-mux");
}

fn transport(out: &mut String, remote: &Remote) -> Result<(), MediaError> {
    let fingerprint = remote.fingerprints.first().ok_or_else(|| bad("a=fingerprint is missing"))?;
    push(out, format!("a=ice-ufrag:{}", remote.name));
    push(out, format!("a=ice-pwd:{}", remote.password));
    push(out, format!("a=fingerprint:{fingerprint}"));
    push(out, format!("a=setup:{}", remote.setup));
    Ok(())
}

/// A publisher's offer for webrtcbin. `transport_cc` is the extension's id, 0 when not negotiated.
pub fn offer(remote: &Remote, tracks: &[SourceTrack], transport_cc: u8) -> Result<String, MediaError> {
    let mids: Vec<String> = (0..tracks.len()).map(|index| index.to_string()).collect();
    let mut out = String::new();
    header(&mut out, 1, 1, &mids.iter().map(String::as_str).collect::<Vec<_>>());
    for (track, mid) in tracks.iter().zip(&mids) {
        let pt = track.payload_type;
        section(&mut out, track.codec.kind().as_str(), &pt.to_string(), mid);
        transport(&mut out, remote)?;
        push(&mut out, "a=sendonly");
        push(&mut out, format!("a=rtpmap:{pt} {}", encoding(track.codec)));
        if transport_cc != 0 {
            push(&mut out, format!("a=rtcp-fb:{pt} transport-cc"));
            push(&mut out, format!("a=extmap:{transport_cc} {}", extension::TRANSPORT_CC));
        }
        for ssrc in track.ssrc.iter().chain(&track.rtx_ssrc) {
            push(&mut out, format!("a=ssrc:{ssrc} cname:publisher"));
        }
    }
    Ok(out)
}

/// A subscriber's answer for webrtcbin, which knows one section only: the transport.
pub fn answer(remote: &Remote, mid: &str, payload_type: u8, codec: Codec) -> Result<String, MediaError> {
    let mut out = String::new();
    header(&mut out, 1, 1, &[mid]);
    section(&mut out, codec.kind().as_str(), &payload_type.to_string(), mid);
    transport(&mut out, remote)?;
    push(&mut out, "a=recvonly");
    push(&mut out, format!("a=rtpmap:{payload_type} {}", encoding(codec)));
    Ok(out)
}
