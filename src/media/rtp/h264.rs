//! H.264 payloads (RFC 6184): where a keyframe begins, and how large its pictures are.

use super::bits::Bits;

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether the payload begins a keyframe (an IDR slice, or the parameter set before one), and its picture size if told.
pub fn keyframe(payload: &[u8]) -> (bool, Option<(u32, u32)>) {
    let Some(first) = payload.first() else { return (false, None) };
    match first & 0x1f {
        IDR => (true, None),
        SPS => (true, sps_size(payload)),
        STAP_A => aggregated(&payload[1..]),
        FU_A => (payload.get(1).is_some_and(|b| b & 0x80 != 0 && matches!(b & 0x1f, IDR | SPS)), None),
        _ => (false, None),
    }
}

/// Whether a NAL unit is a slice of a B picture (7.3.3: first_mb_in_slice, slice_type): one that is decoded after pictures
/// that are shown later.
pub fn is_bidirectional(unit: &[u8]) -> bool {
    let slice = unit.first().is_some_and(|first| first & 0x1f == 1);
    let plain = if slice { unescape(unit.get(..16).unwrap_or(unit)) } else { return false };
    let mut bits = Bits::new(&plain, 8);
    bits.golomb().is_some() && matches!(bits.golomb(), Some(1 | 6))
}

/// The units of a STAP-A: 16 bits of length before each.
fn aggregated(mut rest: &[u8]) -> (bool, Option<(u32, u32)>) {
    let (mut begins, mut size) = (false, None);
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(unit) = tail.get(..length) else { break };
        match unit.first().map(|b| b & 0x1f) {
            Some(IDR) => begins = true,
            Some(SPS) => (begins, size) = (true, sps_size(unit)),
            _ => {}
        }
        rest = &tail[length..];
    }
    (begins, size)
}

/// Picture size from a sequence parameter set (H.264 7.3.2.1.1); `None` for what WebRTC does not use (scaling lists,
/// picture order count type 1, other chroma than 4:2:0).
fn sps_size(unit: &[u8]) -> Option<(u32, u32)> {
    let plain = unescape(unit);
    let mut bits = Bits::new(&plain, 8);
    let profile = bits.take(8)?;
    bits.take(16)?; // constraints, level
    bits.golomb()?; // seq_parameter_set_id
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        let chroma = bits.golomb()?;
        bits.golomb()?; // bit_depth_luma_minus8
        bits.golomb()?; // bit_depth_chroma_minus8
        // transform bypass, scaling matrix present
        if bits.take(2)? & 1 != 0 || chroma != 1 {
            return None;
        }
    }
    bits.golomb()?; // log2_max_frame_num_minus4
    match bits.golomb()? {
        0 => _ = bits.golomb()?, // log2_max_pic_order_cnt_lsb_minus4
        2 => {}
        _ => return None,
    }
    bits.golomb()?; // max_num_ref_frames
    bits.take(1)?; // gaps_in_frame_num_value_allowed_flag
    picture(&mut bits)
}

/// The end of the parameter set: macroblocks less cropping.
fn picture(bits: &mut Bits) -> Option<(u32, u32)> {
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let units = bits.golomb()?.checked_add(1)?;
    let fields = 2 - bits.take(1)?; // frame_mbs_only_flag
    if fields == 2 {
        bits.take(1)?; // mb_adaptive_frame_field_flag
    }
    let height = units.checked_mul(16 * fields)?;
    bits.take(1)?; // direct_8x8_inference_flag
    if bits.take(1)? == 0 {
        return Some((width, height));
    }
    let [left, right, top, bottom] = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    let across = left.checked_add(right)?.checked_mul(2)?;
    let down = top.checked_add(bottom)?.checked_mul(2 * fields)?;
    Some((width.checked_sub(across)?, height.checked_sub(down)?))
}

/// Takes out the emulation prevention bytes (00 00 03).
fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit.iter().take(256) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264, constrained baseline 3.1, 1280x720.
    const SPS_720: [u8; 23] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
        0x03, 0x03, 0xc0, 0xf1, 0x83,
    ];

    #[test]
    fn single_units() {
        assert_eq!(keyframe(&SPS_720), (true, Some((1280, 720))));
        assert_eq!(keyframe(&[0x65, 1, 2]), (true, None));
        assert_eq!(keyframe(&[0x41, 1, 2]), (false, None));
        assert_eq!(keyframe(&[0x68, 1, 2]), (false, None), "a picture parameter set alone begins nothing");
    }

    #[test]
    fn slices_of_b_pictures() {
        // first_mb 0 = 1; slice_type 1 = 010, 6 = 00111, 0 = 1, 5 = 00110.
        let slices = [(0x41, 0b1010_0000, true), (0x01, 0b1001_1100, true), (0x41, 0b1100_0000, false)];
        for (header, bits, expected) in
            slices.into_iter().chain([(0x41, 0b1001_1000, false), (0x65, 0b1010_0000, false)])
        {
            assert_eq!(is_bidirectional(&[header, bits, 0, 0]), expected, "{header:x} {bits:b}");
        }
        assert!(!is_bidirectional(&[]) && !is_bidirectional(&[0x41]));
    }

    #[test]
    fn aggregation_and_fragments() {
        let mut stap = vec![0x78, 0, SPS_720.len() as u8];
        stap.extend_from_slice(&SPS_720);
        stap.extend_from_slice(&[0, 2, 0x68, 1]);
        assert_eq!(keyframe(&stap), (true, Some((1280, 720))));
        assert_eq!(keyframe(&[0x78, 0, 2, 0x41, 1, 0, 9, 0x65]), (false, None), "cut short");
        assert_eq!(keyframe(&[0x7c, 0x85]), (true, None), "start of a fragmented IDR");
        assert_eq!(keyframe(&[0x7c, 0x05]), (false, None), "its middle");
        assert_eq!(keyframe(&[0x7c]), (false, None));
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 1u32;
        for length in 0..2000 {
            let mut data: Vec<u8> = (0..length % 60)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            if let Some(first) = data.first_mut() {
                *first = [0x67, 0x78, 0x7c, 0x65][length % 4];
            }
            keyframe(&data);
        }
    }
}
