//! What a receiver of plain RTP needs to know (RFC 8866). Pure.

use crate::media::feed::SourceTrack;
use crate::model::{Codec, FeedId, Kind};
use std::net::{IpAddr, SocketAddr};

/// The port of a track: pictures at the one asked for, sound two above.
pub(super) fn port(kind: Kind, to: SocketAddr) -> u16 {
    match kind {
        Kind::Video => to.port(),
        Kind::Audio => to.port().saturating_add(2),
    }
}

/// The description of a feed's tracks sent to this address.
pub(super) fn describe(feed: FeedId, tracks: &[SourceTrack], to: SocketAddr) -> String {
    let family = if matches!(to.ip(), IpAddr::V4(_)) { "IP4" } else { "IP6" };
    // RFC 4566 5.7: multicast in IPv4 has a time to live.
    let ttl = if to.ip().is_multicast() && to.is_ipv4() { "/1" } else { "" };
    let ip = to.ip();
    let mut text = format!(
        "v=0\r\no=- {feed} 1 IN {family} {ip}\r\ns=Millrace feed {feed}\r\nc=IN {family} {ip}{ttl}\r\nt=0 0\r\n"
    );
    tracks.iter().for_each(|track| text.push_str(&section(track, to)));
    text
}

fn section(track: &SourceTrack, to: SocketAddr) -> String {
    let (kind, number) = (track.codec.kind(), track.payload_type);
    let channels = if track.codec == Codec::Opus { "/2" } else { "" };
    let (name, rate) = (track.codec.encoding_name(), track.codec.clock_rate());
    let port = port(kind, to);
    let mut text =
        format!("m={} {port} RTP/AVP {number}\r\na=rtpmap:{number} {name}/{rate}{channels}\r\n", kind.as_str());
    if !track.fmtp.is_empty() {
        text.push_str(&format!("a=fmtp:{number} {}\r\n", track.fmtp));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::branch::testing::source;

    #[test]
    fn each_track_has_its_port_and_codec() {
        let tracks =
            [source(Codec::Opus, 111), SourceTrack { fmtp: "packetization-mode=1".into(), ..source(Codec::H264, 96) }];
        let text = describe(FeedId(4), &tracks, "127.0.0.1:5000".parse().unwrap());
        assert!(text.contains("c=IN IP4 127.0.0.1\r\n"), "{text}");
        assert!(text.contains("m=audio 5002 RTP/AVP 111\r\na=rtpmap:111 OPUS/48000/2\r\n"), "{text}");
        assert!(
            text.contains("m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n")
        );
    }
}
