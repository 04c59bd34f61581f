//! Media's payloads: synthetic ones, VP8-shaped frames (RFC 7741) and Opus-sized packets stamped with their send time,
//! and ones that decode: packets of an encoder's VP8 frame, and Opus noise.

/// Largest RTP payload of a video packet in bytes.
const PAYLOAD: usize = 1180;
/// Bytes that every video payload begins with: descriptor, VP8 frame header, stamp.
const HEADER: usize = 32;
/// Where the stamp (nanoseconds since the Unix epoch, big endian) stands in a video payload.
const VIDEO_STAMP: usize = 16;
/// Where it stands in an audio payload.
const AUDIO_STAMP: usize = 8;

/// Nanoseconds since the Unix epoch.
pub fn now_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

/// The payloads of one frame of about `bytes` bytes. A keyframe says 640×360.
pub fn frame(bytes: usize, key: bool) -> Vec<Vec<u8>> {
    let count = bytes.div_ceil(PAYLOAD).max(1);
    let size = (bytes / count).max(HEADER);
    (0..count).map(|index| video_payload(size, key, index == 0)).collect()
}

fn video_payload(size: usize, key: bool, first: bool) -> Vec<u8> {
    let mut payload = vec![0x5a; size];
    payload[0] = if first { 0x10 } else { 0 }; // S bit, partition 0, no extensions
    if first {
        payload[1] = u8::from(!key); // frame tag (RFC 6386 9.1): bit 0 is clear for a keyframe
        payload[4..7].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        payload[7..9].copy_from_slice(&640u16.to_le_bytes());
        payload[9..11].copy_from_slice(&360u16.to_le_bytes());
    }
    payload[VIDEO_STAMP..VIDEO_STAMP + 8].copy_from_slice(&now_ns().to_be_bytes());
    payload
}

/// One audio payload of 100 bytes.
pub fn audio() -> Vec<u8> {
    let mut payload = vec![0xa5; 100];
    payload[AUDIO_STAMP..AUDIO_STAMP + 8].copy_from_slice(&now_ns().to_be_bytes());
    payload
}

/// The payloads of an encoder's VP8 frame, each behind a descriptor of one byte.
pub fn vp8(frame: &[u8]) -> Vec<Vec<u8>> {
    let parts = frame.chunks(PAYLOAD - 1).enumerate();
    parts.map(|(index, part)| [&[if index == 0 { 0x10 } else { 0 }], part].concat()).collect()
}

/// A valid Opus packet of 100 bytes: 20 ms of full-band stereo noise (RFC 6716 3.1), which differs from call to call by
/// `state`; that must not be 0.
pub fn opus(state: &mut u64) -> Vec<u8> {
    let mut payload = vec![0xfc; 100];
    for byte in &mut payload[1..] {
        // xorshift64: every packet is another, every run the same.
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *byte = *state as u8;
    }
    payload
}

/// What stands behind the descriptor of a received VP8 payload, and whether a picture begins there (RFC 7741 4.2).
pub fn behind_descriptor(payload: &[u8]) -> Option<(&[u8], bool)> {
    let first = *payload.first()?;
    let mut frame = 1;
    if first & 0x80 != 0 {
        let present = *payload.get(1)?;
        let wide = present & 0x80 != 0 && payload.get(2)? & 0x80 != 0;
        let fields = [0x80, 0x40, 0x30].iter().filter(|bits| present & **bits != 0).count();
        frame = 2 + fields + usize::from(wide);
    }
    Some((payload.get(frame..)?, first & 0x17 == 0x10))
}

/// The height of the keyframe that a received VP8 payload begins (RFC 6386 9.1); `None`: it begins none.
pub fn keyframe_height(payload: &[u8]) -> Option<u16> {
    let (frame, begins) = behind_descriptor(payload)?;
    let key = begins && frame.first()? & 1 == 0 && *frame.get(3..6)? == [0x9d, 0x01, 0x2a];
    key.then(|| Some(u16::from_le_bytes([*frame.get(8)?, *frame.get(9)?]) & 0x3fff)).flatten()
}

/// When a received payload was sent, in nanoseconds since the Unix epoch.
pub fn sent_at(payload: &[u8], video: bool) -> Option<u64> {
    let at = if video { VIDEO_STAMP } else { AUDIO_STAMP };
    Some(u64::from_be_bytes(payload.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_and_only_its_first_packet_says_so() {
        let frame: Vec<u8> = (0..2 * PAYLOAD).map(|n| n as u8).collect();
        let payloads = vp8(&frame);
        assert_eq!(payloads.iter().map(|payload| payload[0]).collect::<Vec<_>>(), [0x10, 0, 0]);
        assert!(payloads.iter().all(|payload| payload.len() <= PAYLOAD));
        assert_eq!(payloads.iter().flat_map(|payload| &payload[1..]).copied().collect::<Vec<_>>(), frame);
    }

    #[test]
    fn opus_packets_differ_but_for_what_they_say_they_are() {
        let mut state = 1;
        let (one, other) = (opus(&mut state), opus(&mut state));
        assert_eq!((one[0], other[0]), (0xfc, 0xfc));
        assert_ne!(one, other);
    }
}
