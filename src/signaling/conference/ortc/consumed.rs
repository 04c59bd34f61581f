//! What a client can take → the offer of one consumer, and our answer → what it is sent. Pure.

use super::{Codec, RtpCapabilities, head, router, section};
use crate::model::{Kind, Sdp};
use crate::signaling::conference::refusal::Refusal;
use sdp_types::{Media, Session};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The offer of a consumer of this kind under this mid: of our codecs those that the client has, under our numbers.
pub fn offer(kind: Kind, mid: &str, can: &RtpCapabilities) -> Result<Sdp, Refusal> {
    let ours = router::codecs().filter_map(|codec| Codec::deserialize(codec).ok());
    let ours: Vec<Codec> = ours.filter(|codec| codec.name(kind).is_some()).collect();
    let media: Vec<&Codec> = ours.iter().filter(|codec| !codec.is_rtx() && has(can, codec, kind)).collect();
    if media.is_empty() {
        let words = format!("none of the {} codecs in `rtpCapabilities` is there to be sent", kind.as_str());
        return Err(Refusal::new("cannot_consume", words));
    }
    let repeats = can.codecs.iter().any(|codec| codec.is_rtx());
    let rtx = |codec: &&Codec| {
        let of = codec.payload_type.map(Value::from);
        ours.iter().find(|rtx| rtx.is_rtx() && rtx.parameters.get("apt").cloned() == of).filter(|_| repeats)
    };
    let all: Vec<&Codec> = media.iter().flat_map(|codec| std::iter::once(*codec).chain(rtx(codec))).collect();
    let numbers = all.iter().map(|codec| codec.number()).collect::<Result<Vec<_>, _>>()?;
    let mut text = head(&[mid]) + &section(kind, &numbers, mid, "recvonly");
    for extension in router::extensions_for(kind, |uri| can.header_extensions.iter().any(|known| known.uri == uri)) {
        text.push_str(&extension);
    }
    all.iter().try_for_each(|codec| codec.write(&mut text, kind))?;
    Ok(Sdp::new(text))
}

/// Whether the client has a codec of ours, in a form that it takes.
fn has(can: &RtpCapabilities, ours: &Codec, kind: Kind) -> bool {
    can.codecs.iter().any(|theirs| {
        let same = theirs.mime_type.eq_ignore_ascii_case(&ours.mime_type) && theirs.clock_rate == ours.clock_rate;
        let equal = |name: &str, default: &str| text(theirs, name, default) == text(ours, name, default);
        same && match ours.name(kind) {
            Some("H264") => equal("packetization-mode", "0") && equal_profile(theirs, ours),
            Some("VP9") => equal("profile-id", "0"),
            _ => true,
        }
    })
}

/// Constrained baseline is written in several ways; the level may differ.
fn equal_profile(theirs: &Codec, ours: &Codec) -> bool {
    let family = |codec| text(codec, "profile-level-id", "42001f").chars().take(2).collect::<String>();
    family(theirs) == family(ours)
}

fn text(codec: &Codec, name: &str, default: &str) -> String {
    match codec.parameters.get(name) {
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        Some(Value::Number(number)) => number.to_string(),
        _ => default.to_owned(),
    }
}

/// `rtpParameters` of a consumer, from our answer; `None`: nothing is sent by it.
pub fn parameters(answer: &Sdp) -> Option<Value> {
    let session = Session::parse(answer.as_str().as_bytes()).ok()?;
    let media = session.medias.first()?;
    let codecs: Vec<Value> = media.fmt.split_whitespace().filter_map(|number| codec(media, number)).collect();
    let (ssrc, rtx) = ssrcs(media)?;
    let mut encoding = json!({ "ssrc": ssrc });
    if let (Some(fields), Some(rtx)) = (encoding.as_object_mut(), rtx) {
        fields.insert("rtx".into(), json!({ "ssrc": rtx }));
    }
    Some(json!({
        "mid": attribute(media, "mid").next()?,
        "codecs": codecs,
        "headerExtensions": attribute(media, "extmap").filter_map(extension).collect::<Vec<_>>(),
        "encodings": [encoding],
        "rtcp": { "cname": cname(media)?, "reducedSize": true },
    }))
}

fn attribute<'a>(media: &'a Media, name: &'static str) -> impl Iterator<Item = &'a str> {
    media.attributes.iter().filter(move |a| a.attribute == name).filter_map(|a| a.value.as_deref())
}

/// What stands behind a payload type.
fn of<'a>(media: &'a Media, name: &'static str, number: &'a str) -> impl Iterator<Item = &'a str> {
    attribute(media, name).filter_map(move |value| value.strip_prefix(number)?.strip_prefix(' '))
}

fn codec(media: &Media, number: &str) -> Option<Value> {
    let mut map = of(media, "rtpmap", number).next()?.split('/');
    let (name, rate, channels) = (map.next()?, map.next()?.parse::<u32>().ok()?, map.next());
    let feedback = of(media, "rtcp-fb", number).map(|line| {
        let (kind, more) = line.split_once(' ').unwrap_or((line, ""));
        json!({ "type": kind, "parameter": more })
    });
    let mut codec = json!({
        "mimeType": format!("{}/{name}", media.media), "payloadType": number.parse::<u8>().ok()?, "clockRate": rate,
        "parameters": of(media, "fmtp", number).next().map(fields).unwrap_or_default(),
        "rtcpFeedback": feedback.collect::<Vec<_>>(),
    });
    if let (Some(fields), Some(Ok(channels))) = (codec.as_object_mut(), channels.map(str::parse::<u8>)) {
        fields.insert("channels".into(), channels.into());
    }
    Some(codec)
}

fn fields(fmtp: &str) -> Map<String, Value> {
    let pairs = fmtp.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.parse::<u32>().map_or_else(|_| value.into(), Value::from)))
        .collect()
}

fn extension(line: &str) -> Option<Value> {
    let (id, uri) = line.split_once(' ')?;
    Some(json!({ "uri": uri, "id": id.parse::<u8>().ok()?, "encrypt": false, "parameters": {} }))
}

fn ssrcs(media: &Media) -> Option<(u32, Option<u32>)> {
    let group = attribute(media, "ssrc-group").find_map(|group| group.strip_prefix("FID "));
    let mut numbers = group.into_iter().flat_map(str::split_whitespace).filter_map(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(ssrc), rtx) => Some((ssrc, rtx)),
        _ => attribute(media, "ssrc").next()?.split(' ').next()?.parse().ok().map(|ssrc| (ssrc, None)),
    }
}

fn cname(media: &Media) -> Option<&str> {
    attribute(media, "ssrc").find_map(|line| line.split_once(" cname:").map(|(_, cname)| cname))
}
