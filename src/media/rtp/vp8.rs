//! The VP8 payload descriptor (RFC 7741 4.2), read, and rewritten so that picture ids continue over a switch of source.

/// What the descriptor says, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet begins a keyframe.
    pub keyframe: bool,
    /// Size of the picture, from the keyframe's header.
    pub size: Option<(u32, u32)>,
    /// Picture id.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: offset in the payload, value.
    pub tl0: Option<(usize, u8)>,
    /// KEYIDX: offset in the payload, value.
    pub key_index: Option<(usize, u8)>,
}

/// A picture id of 7 or 15 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// Offset in the payload.
    pub offset: usize,
    /// Whether it has 15 bits.
    pub wide: bool,
    /// Value.
    pub value: u16,
}

/// What is added to the counters of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// To the picture id.
    pub picture_id: u16,
    /// To TL0PICIDX.
    pub tl0: u8,
    /// To KEYIDX.
    pub key_index: u8,
}

impl Descriptor {
    /// `None` when the payload is cut short.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self::default();
        let frame = if first & 0x80 != 0 { descriptor.read_extension(payload)? } else { 1 };
        let starts = first & 0x10 != 0 && first & 0x07 == 0;
        if starts && payload.get(frame).is_some_and(|b| b & 1 == 0) {
            descriptor.keyframe = true;
            descriptor.size = payload.get(frame..).and_then(size);
        }
        Some(descriptor)
    }

    /// Reads the optional fields; returns where the VP8 data begins.
    fn read_extension(&mut self, payload: &[u8]) -> Option<usize> {
        let present = *payload.get(1)?;
        let mut at = 2;
        if present & 0x80 != 0 {
            let high = *payload.get(at)?;
            let wide = high & 0x80 != 0;
            let value = if wide { u16::from_be_bytes([high & 0x7f, *payload.get(at + 1)?]) } else { high.into() };
            self.picture_id = Some(PictureId { offset: at, wide, value });
            at += if wide { 2 } else { 1 };
        }
        if present & 0x40 != 0 {
            self.tl0 = Some((at, *payload.get(at)?));
            at += 1;
        }
        if present & 0x30 != 0 {
            let value = *payload.get(at)? & 31;
            self.key_index = (present & 0x10 != 0).then_some((at, value));
            at += 1;
        }
        Some(at)
    }

    /// Writes the counters plus `offsets` into a copy of the payload.
    pub fn rewrite(&self, offsets: &Offsets, payload: &mut [u8]) {
        if let Some(id) = self.picture_id
            && let Some(field) = payload.get_mut(id.offset..id.offset + 1 + usize::from(id.wide))
        {
            let [high, low] = id.value.wrapping_add(offsets.picture_id).to_be_bytes();
            match field {
                [wide, narrow] => (*wide, *narrow) = (0x80 | high, low),
                [only] => *only = low & 0x7f,
                _ => {}
            }
        }
        if let Some((at, value)) = self.tl0
            && let Some(byte) = payload.get_mut(at)
        {
            *byte = value.wrapping_add(offsets.tl0);
        }
        if let Some((at, value)) = self.key_index
            && let Some(byte) = payload.get_mut(at)
        {
            *byte = *byte & 0xe0 | value.wrapping_add(offsets.key_index) & 31;
        }
    }
}

/// Width and height from the uncompressed header of a keyframe (RFC 6386 9.1).
fn size(frame: &[u8]) -> Option<(u32, u32)> {
    let field = |at: usize| Some(u32::from(u16::from_le_bytes([*frame.get(at)?, *frame.get(at + 1)?]) & 0x3fff));
    Some((field(6)?, field(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X, I (15 bit 0x1234), L (7), T/K (3); then a keyframe of 640x480.
    const KEY: [u8; 16] = [0x90, 0xf0, 0x92, 0x34, 7, 0x23, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1];

    #[test]
    fn keyframe_with_all_fields() {
        let d = Descriptor::read(&KEY).unwrap();
        assert!(d.keyframe);
        assert_eq!(d.size, Some((640, 480)));
        assert_eq!(d.picture_id, Some(PictureId { offset: 2, wide: true, value: 0x1234 }));
        assert_eq!((d.tl0, d.key_index), (Some((4, 7)), Some((5, 3))));
    }

    #[test]
    fn rewriting_wraps_within_the_fields() {
        let d = Descriptor::read(&KEY).unwrap();
        let mut payload = KEY;
        d.rewrite(&Offsets { picture_id: 0x7000, tl0: 250, key_index: 30 }, &mut payload);
        let again = Descriptor::read(&payload).unwrap();
        assert_eq!(again.picture_id.unwrap().value, (0x1234 + 0x7000) & 0x7fff);
        assert_eq!((again.tl0, again.key_index), (Some((4, 1)), Some((5, 1))));
        assert_eq!((payload[5] & 0xe0, &payload[6..]), (0x20, &KEY[6..]), "nothing else changes");
    }

    #[test]
    fn interframes_and_continuations_are_no_keyframes() {
        assert!(!Descriptor::read(&[0x10, 0x11, 0, 0]).unwrap().keyframe, "P bit");
        assert!(!Descriptor::read(&[0x00, 0x10, 0, 0]).unwrap().keyframe, "no S bit");
        assert!(!Descriptor::read(&[0x11, 0x10, 0, 0]).unwrap().keyframe, "partition 1");
    }

    #[test]
    fn truncated_never_panics() {
        for end in 0..KEY.len() {
            if let Some(d) = Descriptor::read(&KEY[..end]) {
                d.rewrite(&Offsets::default(), &mut [0; 3]);
            }
        }
    }
}
