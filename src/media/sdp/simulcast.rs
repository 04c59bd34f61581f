//! A publisher's simulcast (RFC 8853): which layers are taken, and what the answer says of them.
//!
//! Layers are named by `a=rid` (RFC 8851), their packets by header extensions (RFC 8852); of browsers before that, by the
//! SSRCs of `a=ssrc-group:SIM`. The first three that the chosen codec may have are taken; of alternatives the first.
//! Restrictions other than payload types are the sender's own business.

use super::extension;
use super::text::{extension_id, push, values};
use crate::media::feed::{LayerSource, MOST_LAYERS, Simulcast, SourceTrack};
use sdp_types::Media;

/// What a section offers, `None` when it sends one layer.
pub fn read(media: &Media, track: &SourceTrack) -> Option<Simulcast> {
    let layers = match named(media, track) {
        named if named.len() > 1 => named,
        _ => grouped(media),
    };
    let ids = [extension::RID, extension::REPAIRED_RID].map(|uri| extension_id(media, uri));
    (layers.len() > 1).then_some(Simulcast { ids, layers })
}

/// The layers of `a=simulcast:send`; without the extension nobody could tell them apart.
fn named(media: &Media, track: &SourceTrack) -> Vec<LayerSource> {
    let usable = extension_id(media, extension::RID) != 0;
    let list = values(media, "simulcast").find_map(sending).filter(|_| usable).unwrap_or_default();
    let names = list.split(';').filter_map(|alternatives| {
        let mut names = alternatives.split(',').map(|name| name.trim().trim_start_matches('~'));
        names.find(|name| is_name(name) && may_have(media, name, track.payload_type))
    });
    let mut layers: Vec<LayerSource> = Vec::new();
    for rid in names {
        if layers.len() < MOST_LAYERS && layers.iter().all(|known| known.rid != rid) {
            layers.push(LayerSource { rid: rid.to_owned(), ssrc: None, rtx_ssrc: None });
        }
    }
    layers
}

/// What stands after `send` in `recv … send …`.
fn sending(value: &str) -> Option<&str> {
    let mut words = value.split_whitespace().skip_while(|word| *word != "send");
    words.nth(1)
}

/// Letters, digits, `-` and `_` (RFC 8851 10), short enough for an extension of the one-byte form.
fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    letters && (1..=16).contains(&name.len())
}

/// Whether `a=rid` declares it for sending, with this payload type or any.
fn may_have(media: &Media, name: &str, payload_type: u8) -> bool {
    values(media, "rid").any(|line| {
        let mut words = line.splitn(3, ' ');
        let declared = words.next() == Some(name) && words.next() == Some("send");
        let restrictions = words.next().unwrap_or_default();
        let only = restrictions.split(';').find_map(|one| one.trim().strip_prefix("pt="));
        declared && only.is_none_or(|list| list.split(',').any(|pt| pt.trim().parse() == Ok(payload_type)))
    })
}

/// The layers of `a=ssrc-group:SIM`, each with its retransmissions by `FID`; named by their place.
fn grouped(media: &Media) -> Vec<LayerSource> {
    let numbers = |list: &str| list.split_whitespace().map_while(|ssrc| ssrc.parse().ok()).collect::<Vec<u32>>();
    let groups = |name: &'static str| values(media, "ssrc-group").filter_map(move |group| group.strip_prefix(name));
    let Some(ssrcs) = groups("SIM ").next().map(numbers) else { return Vec::new() };
    let rtx = |ssrc: u32| groups("FID ").map(numbers).find(|pair| pair.first() == Some(&ssrc))?.get(1).copied();
    let layer = |(at, ssrc): (usize, u32)| LayerSource { rid: at.to_string(), ssrc: Some(ssrc), rtx_ssrc: rtx(ssrc) };
    ssrcs.into_iter().take(MOST_LAYERS).enumerate().map(layer).collect()
}

/// The answer's lines: all named layers are taken.
pub fn write(out: &mut String, media: &Media, simulcast: &Simulcast) {
    let named: Vec<&str> = simulcast.layers.iter().filter(|l| l.ssrc.is_none()).map(|l| l.rid.as_str()).collect();
    if named.is_empty() {
        return;
    }
    for uri in [extension::RID, extension::REPAIRED_RID] {
        let id = extension_id(media, uri);
        if id != 0 {
            push(out, format!("a=extmap:{id} {uri}"));
        }
    }
    named.iter().for_each(|rid| push(out, format!("a=rid:{rid} recv")));
    push(out, format!("a=simulcast:recv {}", named.join(";")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::sdp::codec::choose;
    use sdp_types::Session;

    const SIMULCAST: &str = include_str!("fixtures/chromium_simulcast.sdp");

    fn of(text: &str) -> Option<Simulcast> {
        let session = Session::parse(text.as_bytes()).unwrap();
        let media = &session.medias[0];
        read(media, &choose(media).unwrap())
    }

    fn rids(text: &str) -> Vec<String> {
        of(text).map_or_else(Vec::new, |simulcast| simulcast.layers.into_iter().map(|layer| layer.rid).collect())
    }

    #[test]
    fn chromium_names_its_layers() {
        let simulcast = of(SIMULCAST).unwrap();
        assert_eq!(simulcast.ids, [10, 11]);
        let layer = |rid: &str| LayerSource { rid: rid.into(), ssrc: None, rtx_ssrc: None };
        assert_eq!(simulcast.layers, [layer("a"), layer("b")]);
    }

    #[test]
    fn only_what_can_be_told_apart_and_decoded_is_taken() {
        let with = |rids: &str, list: &str| {
            let text = SIMULCAST.replace("a=rid:a send\na=rid:b send\n", rids);
            let text = text.replace("a=rid:a send\r\na=rid:b send\r\n", &rids.replace('\n', "\r\n"));
            let (head, _) = text.split_once("a=simulcast").unwrap();
            self::rids(&format!("{head}a=simulcast:{list}\r\n"))
        };
        let three = "a=rid:h send\na=rid:m send max-width=640;pt=96,97\na=rid:l send\n";
        assert_eq!(with(three, "send h;m;l"), ["h", "m", "l"]);
        assert_eq!(with(three, "recv x;y send ~h;m"), ["h", "m"], "one that begins paused");
        assert_eq!(with(three, "send x,h;l"), ["h", "l"], "an alternative that is declared");
        assert_eq!(with(three, "send h;h;m"), ["h", "m"]);
        assert_eq!(with(&three.replace("pt=96,97", "pt=98"), "send h;m;l"), ["h", "l"], "another codec's layer");
        assert_eq!(with(&(three.to_owned() + "a=rid:k send\n"), "send h;m;l;k"), ["h", "m", "l"]);
        for one in ["send h", "recv h;m", "send", "send a b;c", ""] {
            assert!(with(three, one).is_empty(), "{one}");
        }
        assert!(rids(&SIMULCAST.replace("sdes:rtp-stream-id", "sdes:other")).is_empty(), "no extension");
    }

    #[test]
    fn ssrc_groups_of_older_browsers_are_layers_too() {
        let (head, _) = SIMULCAST.split_once("a=rid:a").unwrap();
        let groups = "a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 1 11\r\na=ssrc-group:FID 2 12\r\n";
        let simulcast = of(&format!("{head}{groups}")).unwrap();
        let layer = |rid: &str, ssrc, rtx_ssrc| LayerSource { rid: rid.into(), ssrc: Some(ssrc), rtx_ssrc };
        assert_eq!(simulcast.layers, [layer("0", 1, Some(11)), layer("1", 2, Some(12)), layer("2", 3, None)]);
        let mut out = String::new();
        let session = Session::parse(head.as_bytes()).unwrap();
        write(&mut out, &session.medias[0], &simulcast);
        assert_eq!(out, "", "it is no part of the standard's negotiation");
    }
}
