//! Access units into RTP payloads: H.264 by RFC 6184 (single units, STAP-A for the small ones at the front, FU-A for what is
//! too large). Pure. A packet of Opus is a payload (RFC 7587); G.711 is cut into pieces of 20 ms (RFC 3551 4.2).

use crate::model::Codec;

/// Payloads are no larger, so that with all headers a packet fits every path that WebRTC uses.
pub const MOST: usize = 1180;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// 20 ms of G.711: browsers play no packet as long as some sources make them.
const G711: usize = 160;

/// The payloads of a piece of sound.
pub fn sound(codec: Codec, unit: &[u8]) -> std::slice::Chunks<'_, u8> {
    match codec {
        Codec::Pcmu | Codec::Pcma => unit.chunks(G711),
        _ => unit.chunks(unit.len().max(1)),
    }
}

/// The payloads of one access unit, given as a byte stream (H.264 annex B). Delimiters and fillers are left out.
pub fn h264(unit: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::with_capacity(unit.len() / MOST + 2);
    let mut small: Vec<&[u8]> = Vec::new();
    for nal in nals(unit).filter(|nal| !is_idle(nal)) {
        if 3 + small.iter().map(|nal| nal.len() + 2).sum::<usize>() + nal.len() > MOST {
            aggregate(&mut small, &mut payloads);
        }
        if nal.len() > MOST {
            fragment(nal, &mut payloads);
        } else {
            small.push(nal);
        }
    }
    aggregate(&mut small, &mut payloads);
    payloads
}

/// The NAL units of a byte stream, without start codes.
pub fn nals(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(stream).map(|(_, after)| &stream[after..]);
    std::iter::from_fn(move || {
        let stream = rest.take()?;
        let (end, after) = start_code(stream).map_or((stream.len(), None), |(at, after)| (at, Some(after)));
        rest = after.map(|after| &stream[after..]);
        Some(&stream[..end])
    })
    .filter(|nal| !nal.is_empty())
}

/// Where the next start code begins, with the zeros before it, and where it ends.
fn start_code(stream: &[u8]) -> Option<(usize, usize)> {
    let mut at = 2;
    // Every third byte is enough: a start code has 1 at its end and 0 before.
    while let Some(&byte) = stream.get(at) {
        match byte {
            0 => at += 1,
            1 if stream[at - 1] == 0 && stream[at - 2] == 0 => {
                let zeros = stream[..at].iter().rev().take_while(|byte| **byte == 0).count();
                return Some((at - zeros, at + 1));
            }
            _ => at += 3,
        }
    }
    None
}

/// Delimiters, ends and fillers.
fn is_idle(nal: &[u8]) -> bool {
    matches!(nal.first().map(|byte| byte & 0x1f), Some(9..=12))
}

fn aggregate(small: &mut Vec<&[u8]>, payloads: &mut Vec<Vec<u8>>) {
    match small.as_slice() {
        [] => {}
        [one] => payloads.push(one.to_vec()),
        many => {
            let importance = many.iter().filter_map(|nal| nal.first()).map(|byte| byte & 0x60).max().unwrap_or(0);
            let mut payload = vec![importance | STAP_A];
            for nal in many {
                payload.extend_from_slice(&u16::try_from(nal.len()).unwrap_or(0).to_be_bytes());
                payload.extend_from_slice(nal);
            }
            payloads.push(payload);
        }
    }
    small.clear();
}

fn fragment(nal: &[u8], payloads: &mut Vec<Vec<u8>>) {
    let Some((header, body)) = nal.split_first() else { return };
    let count = body.len().div_ceil(MOST - 2);
    // Of equal length: no tiny last packet.
    for (number, part) in body.chunks(body.len().div_ceil(count.max(1)).max(1)).enumerate() {
        let first = if number == 0 { 0x80 } else { 0 };
        let last = if part.as_ptr_range().end == body.as_ptr_range().end { 0x40 } else { 0 };
        let mut payload = Vec::with_capacity(part.len() + 2);
        payload.extend_from_slice(&[header & 0xe0 | FU_A, first | last | header & 0x1f]);
        payload.extend_from_slice(part);
        payloads.push(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
    }

    #[test]
    fn g711_is_cut_and_opus_is_not() {
        let sizes = |codec| sound(codec, &[7; 400]).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!((sizes(Codec::Pcma), sizes(Codec::Opus)), (vec![160, 160, 80], vec![400]));
    }

    #[test]
    fn units_are_found_and_put_together() {
        let (sps, pps, slice) = ([0x67, 1, 2, 0, 0, 3], [0x68, 9], [0x65, 7, 7]);
        let unit = stream(&[&[0x09, 0xf0], &sps, &pps, &slice]);
        assert_eq!(nals(&unit).count(), 4);
        let stap = [&[0x78, 0, 6][..], &sps, &[0, 2], &pps, &[0, 3], &slice].concat();
        assert_eq!(h264(&unit), [stap]);
        assert_eq!(h264(&stream(&[&slice])), [slice.to_vec()]);
        assert_eq!(nals(&[0, 0, 1, 5, 0, 0, 1, 6]).collect::<Vec<_>>(), [&[5][..], &[6]]);
    }

    #[test]
    fn a_large_unit_is_cut_and_whole_again() {
        let large: Vec<u8> = (0..5000u32).map(|n| if n == 0 { 0x65 } else { n as u8 | 1 }).collect();
        let payloads = h264(&stream(&[&[0x67, 1], &[0x68, 2], &large]));
        assert!(payloads.iter().all(|payload| payload.len() <= MOST));
        assert_eq!((payloads[0][0] & 0x1f, payloads.len()), (STAP_A, 6));
        let mut whole = vec![payloads[1][0] & 0xe0 | payloads[1][1] & 0x1f];
        payloads[1..].iter().for_each(|payload| whole.extend_from_slice(&payload[2..]));
        assert_eq!(whole, large);
        let marks: Vec<u8> = payloads[1..].iter().map(|payload| payload[1] & 0xc0).collect();
        assert_eq!(marks, [0x80, 0, 0, 0, 0x40]);
    }

    #[test]
    fn garbage_never_panics() {
        let mut state = 7u32;
        for length in 0..3000usize {
            let data: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((state >> 24) as u8).saturating_sub(200)
                })
                .collect();
            assert!(h264(&data).iter().all(|payload| payload.len() <= MOST));
        }
    }
}
