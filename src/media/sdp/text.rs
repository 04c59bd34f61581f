//! The attributes of an m-section, by their names.

use sdp_types::Media;

/// Values of `a=NAME:value` lines.
pub fn values<'a>(media: &'a Media, name: &'static str) -> impl Iterator<Item = &'a str> {
    media.get_attribute_values(name).flatten()
}

/// The first of them.
pub fn value<'a>(media: &'a Media, name: &'static str) -> Option<&'a str> {
    values(media, name).next()
}

/// Values of lines such as `a=rtpmap:96 VP8/90000` for one payload type, the payload type removed.
pub fn of_payload<'a>(media: &'a Media, name: &'static str, payload_type: u8) -> impl Iterator<Item = &'a str> {
    values(media, name).filter_map(move |value| {
        let (first, rest) = value.split_once(' ')?;
        (first.parse() == Ok(payload_type)).then_some(rest.trim())
    })
}

/// Id of a header extension, 0 when it is not there. Only ids of the one-byte form count.
pub fn extension_id(media: &Media, uri: &str) -> u8 {
    let parse = |value: &str| {
        let mut words = value.split_whitespace();
        let id = words.next()?.split('/').next()?.parse().ok()?;
        (words.next()? == uri && (1..=14).contains(&id)).then_some(id)
    };
    values(media, "extmap").find_map(parse).unwrap_or(0)
}

/// Payload types of the m-line, in the sender's order of preference.
pub fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    media.fmt.split_whitespace().filter_map(|pt| pt.parse().ok()).filter(|pt| *pt < 128)
}

/// A parameter of an `a=fmtp` value.
pub fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Appends lines with the line end SDP wants.
pub fn push(out: &mut String, line: impl AsRef<str>) {
    out.push_str(line.as_ref());
    out.push_str("\r\n");
}
