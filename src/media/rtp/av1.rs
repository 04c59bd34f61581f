//! AV1 payloads (AOM "RTP Payload Format For AV1" 1.0): whether they are sound, where a keyframe begins, and how large
//! its pictures are.

use super::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
/// The aggregation header says nothing of how many elements there are: each has a size before it.
const ALL_SIZED: u8 = 0;

/// An OBU, or a part of one, as the packet has it.
struct Element<'a> {
    data: &'a [u8],
    /// Begun in a packet before.
    continues: bool,
    /// Goes on in the next packet.
    unfinished: bool,
}

/// Whether the payload begins a keyframe (the N bit: a coded video sequence begins), and its picture size if told.
pub fn keyframe(payload: &[u8]) -> (bool, Option<(u32, u32)>) {
    const CONTINUES_AND_NEW: u8 = 0x88;
    if payload.first().is_none_or(|header| header & CONTINUES_AND_NEW != 0x08) {
        return (false, None);
    }
    let sequence = |element: Element| {
        let unit = Unit::read(element.data)?;
        if unit.kind == SEQUENCE_HEADER { size(unit.payload) } else { None }
    };
    (true, elements(payload).and_then(|found| found.into_iter().find_map(sequence)))
}

/// Whether all its sizes are true: depayloaders reserve what a size says.
pub fn is_sound(payload: &[u8]) -> bool {
    elements(payload).is_some_and(|found| found.iter().all(Element::is_sound))
}

impl Element<'_> {
    /// OBUs may have a size of their own, though they should not: it can be judged only when they are here as a whole.
    fn is_sound(&self) -> bool {
        let sized = self.data.first().is_some_and(|header| header & 2 != 0);
        if self.continues || !sized {
            return true;
        }
        !self.unfinished && Unit::read(self.data).is_some_and(|unit| unit.rest.is_empty())
    }
}

/// The elements of a packet; `None` when it is cut short or a size is not true.
fn elements(payload: &[u8]) -> Option<Vec<Element<'_>>> {
    let (&header, mut rest) = payload.split_first()?;
    let (first_continues, last_unfinished, count) = (header & 0x80 != 0, header & 0x40 != 0, header >> 4 & 3);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let is_counted_last = count != ALL_SIZED && found.len() + 1 == usize::from(count);
        let (size, tail) = if is_counted_last { (rest.len(), rest) } else { leb128(rest)? };
        let data = tail.get(..size)?;
        rest = tail.get(size..)?;
        found.push(Element {
            data,
            continues: first_continues && found.is_empty(),
            unfinished: last_unfinished && rest.is_empty(),
        });
    }
    let counted = count == ALL_SIZED || found.len() == usize::from(count);
    (counted && !found.is_empty()).then_some(found)
}

/// An OBU (AV1 bitstream specification 5.3).
struct Unit<'a> {
    kind: u8,
    payload: &'a [u8],
    /// What follows it by its own size.
    rest: &'a [u8],
}

impl<'a> Unit<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let header = *data.first()?;
        let (extended, sized) = (header & 4 != 0, header & 2 != 0);
        let body = data.get(1 + usize::from(extended)..)?;
        let (size, body) = if sized { leb128(body)? } else { (body.len(), body) };
        let (payload, rest) = (body.get(..size)?, body.get(size..)?);
        Some(Self { kind: header >> 3 & 15, payload, rest })
    }
}

/// A number of up to 32 bits in pieces of 7 (4.10.5), and what follows it.
fn leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in data.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let fits = u32::try_from(value).ok()?;
            return Some((usize::try_from(fits).ok()?, data.get(index + 1..)?));
        }
    }
    None
}

/// Greatest width and height of a sequence header (5.5.1).
fn size(header: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(header, 4); // seq_profile, still_picture
    if bits.flag()? {
        bits.take(5)?; // reduced_still_picture_header: only seq_level_idx
    } else {
        let model = timing(&mut bits)?;
        operating_points(&mut bits, model)?;
    }
    let (across, down) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some((bits.take(across)? + 1, bits.take(down)? + 1))
}

/// timing_info and decoder_model_info; the length of buffer delays if there is a model.
fn timing(bits: &mut Bits) -> Option<Option<u32>> {
    if !bits.flag()? {
        return Some(None);
    }
    bits.take(32)?; // num_units_in_display_tick
    bits.take(32)?; // time_scale
    if bits.flag()? {
        bits.golomb()?; // num_ticks_per_picture_minus_1
    }
    if !bits.flag()? {
        return Some(None);
    }
    let length = bits.take(5)? + 1;
    bits.take(32)?; // num_units_in_decoding_tick
    bits.take(10)?; // lengths of buffer_removal_time and frame_presentation_time
    Some(Some(length))
}

fn operating_points(bits: &mut Bits, model: Option<u32>) -> Option<()> {
    let display_delays = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?; // operating_point_idc
        if bits.take(5)? > 7 {
            bits.take(1)?; // seq_tier
        }
        if let Some(length) = model
            && bits.flag()?
        {
            bits.take(length)?; // decoder_buffer_delay
            bits.take(length)?; // encoder_buffer_delay
            bits.take(1)?; // low_delay_mode_flag
        }
        if display_delays && bits.flag()? {
            bits.take(4)?; // initial_display_delay_minus_1
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libaom's sequence header (without a size of its own) for 320x240.
    const SEQUENCE: [u8; 12] = [0x08, 0x20, 0x00, 0x00, 0x04, 0x3c, 0xff, 0xbf, 0x81, 0xb5, 0xf2, 0x04];

    fn one(header: u8, elements: &[&[u8]]) -> Vec<u8> {
        let mut payload = vec![header];
        for element in elements {
            payload.push(element.len() as u8);
            payload.extend_from_slice(element);
        }
        payload
    }

    #[test]
    fn keyframes_tell_their_size() {
        let frame = [0x30, 1, 2, 3];
        assert_eq!(keyframe(&one(0x08, &[&SEQUENCE, &frame])), (true, Some((320, 240))), "sizes before all");
        let counted = [&[0x28, 12][..], &SEQUENCE, &frame].concat();
        assert_eq!(keyframe(&counted), (true, Some((320, 240))), "W = 2: no size before the last");
        assert_eq!(keyframe(&[&[0x58][..], &SEQUENCE].concat()), (true, Some((320, 240))), "W = 1, goes on");
        assert_eq!(keyframe(&one(0x08, &[&frame])), (true, None));
    }

    #[test]
    fn others_are_no_keyframes() {
        assert_eq!(keyframe(&one(0x00, &[&SEQUENCE])), (false, None), "N is not set");
        assert_eq!(keyframe(&one(0x88, &[&SEQUENCE])), (false, None), "continues");
        assert_eq!(keyframe(&[]), (false, None));
    }

    #[test]
    fn sizes_must_be_true() {
        let frame = [0x30, 1, 2, 3];
        assert!(is_sound(&one(0x00, &[&frame])));
        assert!(is_sound(&one(0xc0, &[&frame])), "the middle of an OBU");
        assert!(is_sound(&[0x10, 0x32, 2, 7, 7]), "a true size of its own");
        assert!(!is_sound(&[0x10, 0x32, 0xff, 0xff, 0xff, 0xff, 0x0f, 7]), "one that is not");
        assert!(!is_sound(&[0x50, 0x32, 9, 7]), "one that cannot be judged");
        assert!(!is_sound(&[0x20, 0xff, 0xff, 0xff, 0xff, 0x0f, 7]), "an element larger than the packet");
        assert!(!is_sound(&[0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 7]), "a number too long");
        assert!(!is_sound(&[0x30, 1, 0x30]), "fewer elements than counted");
        assert!(!is_sound(&[0x10]) && !is_sound(&[]));
    }

    #[test]
    fn truncated_never_panics() {
        let whole = one(0x08, &[&SEQUENCE]);
        for end in 0..whole.len() {
            assert_eq!(keyframe(&whole[..end]).1, None);
        }
    }
}
