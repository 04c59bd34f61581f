//! What a client sends → the offer of one feed. Pure.

use super::{Encoding, RtpParameters, head, section, word};
use crate::model::{Content, Kind, Sdp};
use crate::signaling::conference::refusal::Refusal;
use sdp_types::Session;
use serde_json::Value;

/// Codecs, extensions and layers of one producer at most: far more than any browser has.
const MOST: usize = 32;

/// One producer, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    mid: String,
    text: String,
}

impl Section {
    /// Of what a client sends; `fallback` names it if the client has not.
    pub fn of(kind: Kind, sent: &RtpParameters, fallback: &str) -> Result<Self, Refusal> {
        let many = [sent.codecs.len(), sent.header_extensions.len(), sent.encodings.len()];
        if sent.codecs.is_empty() || many.into_iter().any(|count| count > MOST) {
            return Err(Refusal::bad_request(format!("`rtpParameters` must have 1 to {MOST} codecs")));
        }
        let mid = word("`rtpParameters.mid`", sent.mid.as_deref().unwrap_or(fallback), 16)?.to_owned();
        let numbers = sent.codecs.iter().map(super::Codec::number).collect::<Result<Vec<_>, _>>()?;
        let mut text = section(kind, &numbers, &mid, "sendonly");
        sent.header_extensions.iter().try_for_each(|extension| extension.write(&mut text))?;
        sent.codecs.iter().try_for_each(|codec| codec.write(&mut text, kind))?;
        let cname = word(
            "`rtcp.cname`",
            sent.rtcp.cname.as_deref().filter(|cname| !cname.is_empty()).unwrap_or("unnamed"),
            256,
        )?;
        write_encodings(&mut text, &sent.encodings, cname)?;
        Ok(Self { mid, text })
    }
}

/// The offer of these.
pub fn offer<'a>(sections: impl Iterator<Item = &'a Section> + Clone) -> Sdp {
    let mids: Vec<&str> = sections.clone().map(|section| section.mid.as_str()).collect();
    let mut text = head(&mids);
    sections.for_each(|section| text.push_str(&section.text));
    Sdp::new(text)
}

/// Whether the answer to an offer takes nothing of this kind.
pub fn is_rejected(answer: &Sdp, kind: Kind) -> bool {
    let session = Session::parse(answer.as_str().as_bytes());
    session.is_ok_and(|session| session.medias.iter().any(|media| media.media == kind.as_str() && media.port == 0))
}

/// By SSRC, or by the names of several layers.
fn write_encodings(out: &mut String, encodings: &[Encoding], cname: &str) -> Result<(), Refusal> {
    let named = encodings.len() > 1 && encodings.iter().all(|encoding| encoding.rid.is_some());
    if named {
        return write_layers(out, encodings);
    }
    let ssrcs: Vec<u32> = encodings.iter().filter_map(|encoding| encoding.ssrc).collect();
    if let [_, _, ..] = ssrcs[..] {
        out.push_str(&format!("a=ssrc-group:SIM {}\r\n", words(&ssrcs)));
    }
    for encoding in encodings {
        let pair = [encoding.ssrc, encoding.rtx.as_ref().map(|rtx| rtx.ssrc)];
        if let [Some(ssrc), Some(rtx)] = pair {
            out.push_str(&format!("a=ssrc-group:FID {ssrc} {rtx}\r\n"));
        }
        pair.into_iter().flatten().for_each(|ssrc| out.push_str(&format!("a=ssrc:{ssrc} cname:{cname}\r\n")));
    }
    Ok(())
}

/// mediasoup's clients list the smallest first; a description the best.
fn write_layers(out: &mut String, encodings: &[Encoding]) -> Result<(), Refusal> {
    let rids = encodings.iter().rev().filter_map(|encoding| encoding.rid.as_deref());
    let rids = rids.map(|rid| word("`encodings.rid`", rid, 16)).collect::<Result<Vec<_>, _>>()?;
    rids.iter().for_each(|rid| out.push_str(&format!("a=rid:{rid} send\r\n")));
    out.push_str(&format!("a=simulcast:send {}\r\n", rids.join(";")));
    Ok(())
}

fn words(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// What is filmed, as pages say it in `appData`: there is no rule, so all customary words count.
pub fn content(app_data: &Value) -> Content {
    let is = |name: &str, words: &[&str]| match app_data.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => {
            let text = text.to_ascii_lowercase();
            words.iter().any(|word| text.contains(word))
        }
        _ => false,
    };
    let words = ["screen", "share", "display", "slides"];
    let names =
        ["screen", "share", "isScreen", "screenShare", "source", "mediaTag", "mediaType", "type", "kind", "name"];
    match names.into_iter().any(|name| is(name, &words)) {
        true => Content::Screen,
        false => Content::Camera,
    }
}
