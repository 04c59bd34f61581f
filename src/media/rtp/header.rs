//! The RTP header: read with `rtp-types`, written by hand into a batch.

use crate::media::egress::OutExtensions;
use rtp_types::RtpPacket;
use std::ops::Range;

/// What a received header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// Where the payload lies, without padding; empty when there is only padding.
    pub payload: Range<usize>,
}

impl Header {
    /// Length of the header with its extensions, of a packet whose payload (and so its padding's length) is encrypted.
    pub fn length(packet: &mut [u8]) -> Option<usize> {
        let first = *packet.first()?;
        packet[0] = first & !0x20;
        let length = RtpPacket::parse(packet).ok().map(|packet| packet.payload_offset());
        packet[0] = first;
        length
    }

    /// `None` when this is no RTP packet.
    pub fn read(data: &[u8]) -> Option<Self> {
        let packet = RtpPacket::parse(data).ok()?;
        let start = packet.payload_offset();
        Some(Self {
            marker: packet.marker_bit(),
            payload_type: packet.payload_type(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload: start..start + packet.payload_len(),
        })
    }
}

/// Values of the header extensions toward a subscriber; `None` leaves one out.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutExtensionValues<'a> {
    /// Media id.
    pub mid: Option<&'a str>,
    /// Transport-wide sequence number.
    pub transport_cc: u16,
    /// 24 bits: seconds in 6.18 fixed point.
    pub abs_send_time: u32,
    /// Audio level.
    pub level: Option<u8>,
}

/// A header to be written.
#[derive(Clone, Copy, Debug)]
pub struct OutHeader<'a> {
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
    /// Extensions.
    pub values: OutExtensionValues<'a>,
}

impl OutHeader<'_> {
    /// Appends the header, with those extensions only that have an id; returns its length.
    pub fn write(&self, ids: &OutExtensions, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[0x80, self.payload_type & 0x7f | u8::from(self.marker) << 7]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[0xbe, 0xde, 0, 0]);
        let block = out.len();
        self.write_extensions(ids, out);
        if out.len() == block {
            out.truncate(block - 4);
        } else {
            out.resize(block + (out.len() - block).next_multiple_of(4), 0);
            out[start] |= 0x10;
            let words = ((out.len() - block) / 4) as u16;
            out[block - 2..block].copy_from_slice(&words.to_be_bytes());
        }
        out.len() - start
    }

    fn write_extensions(&self, ids: &OutExtensions, out: &mut Vec<u8>) {
        let values = &self.values;
        put(out, ids.transport_cc, &values.transport_cc.to_be_bytes());
        put(out, ids.abs_send_time, &values.abs_send_time.to_be_bytes()[1..]);
        if let Some(level) = values.level {
            put(out, ids.audio_level, &[level]);
        }
        if let Some(mid) = values.mid {
            put(out, ids.mid, mid.as_bytes());
        }
    }
}

/// One element of the one-byte form (RFC 8285 4.2): ids 1 to 14, 1 to 16 bytes.
fn put(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    if (1..=14).contains(&id) && (1..=16).contains(&value.len()) {
        out.push(id << 4 | (value.len() - 1) as u8);
        out.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::find_extension;
    use super::*;

    #[test]
    fn written_header_reads_back() {
        let ids = OutExtensions { mid: 9, abs_send_time: 7, transport_cc: 5, audio_level: 3 };
        let values = OutExtensionValues {
            mid: Some("video1"),
            transport_cc: 0x1234,
            abs_send_time: 0xabcdef,
            level: Some(0x85),
        };
        let header =
            OutHeader { marker: true, payload_type: 101, sequence: 7, timestamp: 9, ssrc: 0xdead_beef, values };
        let mut out = vec![1, 2, 3];
        let length = header.write(&ids, &mut out);
        out.extend_from_slice(b"payload");
        let packet = &out[3..];
        let read = Header::read(packet).unwrap();
        assert_eq!((read.marker, read.payload_type, read.sequence, read.timestamp), (true, 101, 7, 9));
        assert_eq!((read.ssrc, &packet[read.payload.clone()]), (0xdead_beef, &b"payload"[..]));
        assert_eq!(length, read.payload.start);
        assert_eq!(find_extension(packet, 9), Some(&b"video1"[..]));
        assert_eq!(find_extension(packet, 7), Some(&[0xab, 0xcd, 0xef][..]));
        assert_eq!(find_extension(packet, 5), Some(&[0x12, 0x34][..]));
        assert_eq!(find_extension(packet, 3), Some(&[0x85][..]));
        assert_eq!(find_extension(packet, 4), None);
    }

    #[test]
    fn without_extensions_the_header_is_plain() {
        let header = OutHeader {
            marker: false,
            payload_type: 96,
            sequence: 1,
            timestamp: 2,
            ssrc: 3,
            values: OutExtensionValues::default(),
        };
        let mut out = Vec::new();
        assert_eq!(header.write(&OutExtensions::default(), &mut out), 12);
        assert_eq!(out[0], 0x80);
    }

    #[test]
    fn padding_only_has_an_empty_payload() {
        let mut data = vec![0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        data.extend_from_slice(&[0, 0, 0, 4]);
        assert_eq!(Header::read(&data).unwrap().payload, 12..12);
        data[15] = 5;
        assert_eq!(Header::read(&data), None, "padding longer than the packet");
    }
}
