//! Messages in a stream (RFC 8656 3.1, 12.5): over TCP and TLS, STUN messages and channel data follow each other, the latter
//! padded to four bytes. Pure.

/// The longest message. Nothing that a relay carries for WebRTC comes near; more is somebody filling memory.
pub(super) const MAX_MESSAGE: usize = 9_500;
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

/// What stands at the beginning of a stream's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message of `length` bytes; the next one begins after `taken`.
    Whole {
        /// Without padding.
        length: usize,
        /// With it.
        taken: usize,
    },
    /// More bytes are needed.
    Part,
    /// Neither STUN nor a channel, or too long: the rest of the stream means nothing.
    Broken,
}

/// Looks at the beginning of `bytes`.
pub(super) fn next(bytes: &[u8]) -> Frame {
    let &[first, _, high, low, ..] = bytes else { return Frame::Part };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (length, taken) = match first >> 6 {
        0 if length % 4 == 0 => (STUN_HEADER + length, STUN_HEADER + length),
        1 => (CHANNEL_HEADER + length, CHANNEL_HEADER + length.next_multiple_of(4)),
        _ => return Frame::Broken,
    };
    match taken {
        _ if taken > MAX_MESSAGE => Frame::Broken,
        _ if bytes.len() < taken => Frame::Part,
        _ => Frame::Whole { length, taken },
    }
}

/// Adds the padding that a stream wants.
pub(super) fn pad(message: &mut Vec<u8>) {
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_data_is_padded_and_stun_is_not() {
        let channel = [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0x40];
        assert_eq!(next(&channel), Frame::Whole { length: 9, taken: 12 });
        let stun = [&[0, 1, 0, 4][..], &[0; 20]].concat();
        assert_eq!(next(&stun), Frame::Whole { length: 24, taken: 24 });
        let mut message = channel[..9].to_vec();
        pad(&mut message);
        assert_eq!(message, channel[..12]);
    }

    #[test]
    fn what_came_in_part_waits() {
        let stun = [&[0, 1, 0, 4][..], &[0; 20]].concat();
        assert!((0..stun.len()).all(|end| next(&stun[..end]) == Frame::Part));
        assert_eq!(next(&[0x40, 0, 0, 5, 1, 2, 3, 4, 5]), Frame::Part, "without its padding");
    }

    #[test]
    fn foreign_and_endless_bytes_are_told() {
        for bytes in [
            b"GET / HTTP/1.1",
            &[0x16, 3, 1, 2, 0][..],
            &[0xff; 8],
            &[0, 1, 0xff, 0xfc],
            &[0, 1, 0, 3],
            &[0x40, 0, 0xff, 0xff],
        ] {
            assert_eq!(next(bytes), Frame::Broken, "{bytes:?}");
        }
    }
}
