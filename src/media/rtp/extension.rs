//! Header extensions of a received packet (RFC 8285), one-byte and two-byte form. Header and extensions of SRTP are not
//! encrypted: they are read before a packet is opened as well, when its padding cannot be judged.

/// The value of extension `id`, if the packet has it.
pub fn find_extension(packet: &[u8], id: u8) -> Option<&[u8]> {
    let block = block(packet)?;
    match block.0 {
        0xbede => {
            find(block.1, |e| if e[0] >> 4 == 15 { None } else { Some((e[0] >> 4, (e[0] & 15) as usize + 1, 1)) }, id)
        }
        profile if profile & 0xfff0 == 0x1000 => find(block.1, |e| Some((e[0], *e.get(1)? as usize, 2)), id),
        _ => None,
    }
}

/// Profile and elements of the extension (RFC 3550 5.3.1).
fn block(packet: &[u8]) -> Option<(u16, &[u8])> {
    let first = *packet.first().filter(|first| *first >> 6 == 2 && *first & 0x10 != 0)?;
    let at = 12 + 4 * usize::from(first & 15);
    let &[a, b, c, d] = packet.get(at..)?.first_chunk()?;
    let words = usize::from(u16::from_be_bytes([c, d]));
    Some((u16::from_be_bytes([a, b]), packet.get(at + 4..at + 4 + 4 * words)?))
}

/// Walks the elements; `element` reads id, length and header size of the one at the front.
fn find(mut rest: &[u8], element: impl Fn(&[u8]) -> Option<(u8, usize, usize)>, id: u8) -> Option<&[u8]> {
    loop {
        if *rest.first()? == 0 {
            rest = &rest[1..];
            continue;
        }
        let (found, length, head) = element(rest)?;
        if found == id {
            return rest.get(head..head + length);
        }
        rest = rest.get(head + length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(profile: u16, block: &[u8]) -> Vec<u8> {
        let mut data = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        data.extend_from_slice(&profile.to_be_bytes());
        data.extend_from_slice(&((block.len() / 4) as u16).to_be_bytes());
        data.extend_from_slice(block);
        data
    }

    #[test]
    fn both_forms_are_found() {
        assert_eq!(find_extension(&packet(0xbede, &[0, 0x31, 1, 2, 0x50, 9, 0, 0]), 5), Some(&[9][..]));
        assert_eq!(find_extension(&packet(0x1000, &[3, 2, 1, 2, 20, 1, 9, 0]), 20), Some(&[9][..]));
        assert_eq!(find_extension(&packet(0xbede, &[0xf0, 0x31, 1, 2]), 3), None, "id 15 ends the block");
    }

    #[test]
    fn lengths_beyond_the_block_find_nothing() {
        assert_eq!(find_extension(&packet(0xbede, &[0x3f, 1, 2, 3]), 3), None);
        assert_eq!(find_extension(&packet(0x1000, &[3, 200, 2, 3]), 3), None);
    }
}
