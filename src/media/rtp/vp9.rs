//! VP9 payloads (RFC 9628): where a keyframe begins, and how large its pictures are.

use super::bits::Bits;

/// Width and height in pixels.
type Size = (u32, u32);

/// The payload descriptor as far as it is of interest (RFC 9628 4.2).
struct Descriptor {
    /// P: depends on pictures before it.
    predicted: bool,
    /// B: begins a frame.
    begins: bool,
    /// SID: the layer of its spatial resolution, 0 the lowest.
    spatial: u8,
    /// Size of the largest layer, from the scalability structure.
    size: Option<Size>,
    /// Where the VP9 data begins.
    frame: usize,
}

/// Whether the payload begins a keyframe (its lowest layer, if it has several), and its picture size if told.
pub fn keyframe(payload: &[u8]) -> (bool, Option<Size>) {
    let Some(read) = Descriptor::read(payload) else { return (false, None) };
    if read.predicted || !read.begins || read.spatial != 0 {
        return (false, None);
    }
    let size = read.size.or_else(|| header_size(payload.get(read.frame..)?));
    (true, size)
}

impl Descriptor {
    /// `None` when the payload is cut short.
    fn read(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let [id, predicted, layers, flexible, begins, structure] =
            [0x80, 0x40, 0x20, 0x10, 0x08, 0x02].map(|bit| first & bit != 0);
        let mut rest = payload.get(1..)?;
        if id {
            let wide = rest.first()? & 0x80 != 0;
            rest = rest.get(1 + usize::from(wide)..)?;
        }
        let mut spatial = 0;
        if layers {
            spatial = rest.first()? >> 1 & 7;
            // TL0PICIDX is there in the non-flexible mode only.
            rest = rest.get(if flexible { 1 } else { 2 }..)?;
        }
        if flexible && predicted {
            rest = skip_references(rest)?;
        }
        let mut size = None;
        if structure {
            (size, rest) = structure_size(rest)?;
        }
        let frame = payload.len() - rest.len();
        Some(Self { predicted, begins, spatial, size, frame })
    }
}

/// Up to three P_DIFF; the last bit of each says whether another follows.
fn skip_references(rest: &[u8]) -> Option<&[u8]> {
    let listed = rest.iter().take(3).position(|byte| byte & 1 == 0).map_or(3, |last| last + 1);
    rest.get(listed..)
}

/// The scalability structure: size of the last (largest) layer, and what follows it.
fn structure_size(rest: &[u8]) -> Option<(Option<Size>, &[u8])> {
    let first = *rest.first()?;
    let (layers, sizes, pictures) = (usize::from(first >> 5) + 1, first & 0x10 != 0, first & 0x08 != 0);
    let mut rest = rest.get(1..)?;
    let mut size = None;
    if sizes {
        let largest = rest.get(4 * (layers - 1)..4 * layers)?;
        let side = |at: usize| Some(u32::from(u16::from_be_bytes([*largest.get(at)?, *largest.get(at + 1)?])));
        size = Some((side(0)?, side(2)?));
        rest = rest.get(4 * layers..)?;
    }
    if pictures {
        let (&count, mut group) = rest.split_first()?;
        for _ in 0..count {
            let references = usize::from(group.first()? >> 2 & 3);
            group = group.get(1 + references..)?;
        }
        rest = group;
    }
    Some((size, rest))
}

/// Width and height from the uncompressed header of a keyframe of profile 0 (VP9 bitstream specification 6.2).
fn header_size(frame: &[u8]) -> Option<Size> {
    let mut bits = Bits::new(frame, 0);
    // frame_marker, profile 0, show_existing_frame, frame_type KEY_FRAME
    if bits.take(6)? != 0b10_0000 {
        return None;
    }
    bits.take(2)?; // show_frame, error_resilient_mode
    const SYNC: u32 = 0x49_83_42;
    const RGB: u32 = 7; // not in profile 0
    if bits.take(24)? != SYNC || bits.take(3)? == RGB {
        return None;
    }
    bits.take(1)?; // color_range
    Some((bits.take(16)? + 1, bits.take(16)? + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keyframe of 320x240: frame header behind a descriptor.
    const FRAME: [u8; 9] = [0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0e, 0xf0];

    fn with(descriptor: &[u8]) -> Vec<u8> {
        [descriptor, &FRAME].concat()
    }

    #[test]
    fn keyframes_tell_their_size() {
        assert_eq!(keyframe(&with(&[0x08])), (true, Some((320, 240))), "the shortest descriptor");
        assert_eq!(keyframe(&with(&[0x88, 0x92, 0x34])), (true, Some((320, 240))), "15 bits of picture id");
        assert_eq!(keyframe(&with(&[0xa8, 0x12, 0x00, 7])), (true, Some((320, 240))), "layers, not flexible");
        assert_eq!(keyframe(&with(&[0xb8, 0x12, 0x00])), (true, Some((320, 240))), "layers, flexible");
    }

    #[test]
    fn the_scalability_structure_tells_the_largest_layer() {
        // Two layers with sizes; a group of two pictures, the second with one reference.
        let structure = [0x0a, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 2, 0x00, 0x04, 1];
        assert_eq!(keyframe(&with(&structure)), (true, Some((640, 360))));
        assert_eq!(keyframe(&with(&[0x0a, 0x08, 1, 0x04, 1])), (true, Some((320, 240))), "a structure without sizes");
        for end in 0..structure.len() {
            assert_eq!(keyframe(&structure[..end]), (false, None), "cut short");
        }
    }

    #[test]
    fn others_are_no_keyframes() {
        assert!(!keyframe(&with(&[0x48])).0, "P");
        assert!(!keyframe(&with(&[0x00])).0, "no B");
        assert!(!keyframe(&with(&[0x28, 0x02, 0])).0, "an upper layer of a keyframe");
        assert!(!keyframe(&with(&[0x58, 0x03, 0x02])).0, "P, flexible, two references");
        assert_eq!(keyframe(&[0x08]), (true, None), "no header");
    }
}
