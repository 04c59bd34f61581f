//! RFC 4571: each datagram behind two bytes of its length. Pure.

use std::ops::ControlFlow;

/// The longest frame taken; WebRTC keeps below 1500 over TCP as well.
pub const MAX_FRAME: usize = 2048;
/// Bytes of the length.
pub const HEAD: usize = 2;

/// Cuts a stream back into datagrams. Keeps at most one unfinished frame.
#[derive(Debug, Default)]
pub struct Deframer {
    unfinished: Vec<u8>,
}

/// A frame longer than [`MAX_FRAME`]: whoever sends that is no WebRTC client.
#[derive(Debug, PartialEq, Eq)]
pub struct Oversize;

impl Deframer {
    /// Takes the next bytes and gives each complete frame to `each`, empty ones too, until that breaks off.
    pub fn take<B>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Oversize> {
        while !self.unfinished.is_empty() {
            let wanted = length(&self.unfinished)?.map_or(HEAD, |length| HEAD + length) - self.unfinished.len();
            if bytes.is_empty() && wanted > 0 {
                return Ok(ControlFlow::Continue(()));
            }
            let (head, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.unfinished.extend_from_slice(head);
            bytes = rest;
            if length(&self.unfinished)?.is_some_and(|length| self.unfinished.len() == HEAD + length) {
                let frame = std::mem::take(&mut self.unfinished);
                if let ControlFlow::Break(why) = each(&frame[HEAD..]) {
                    return Ok(ControlFlow::Break(why));
                }
            }
        }
        while let Some(length) = length(bytes)? {
            let Some(frame) = bytes.get(HEAD..HEAD + length) else { break };
            if let ControlFlow::Break(why) = each(frame) {
                return Ok(ControlFlow::Break(why));
            }
            bytes = &bytes[HEAD + length..];
        }
        self.unfinished.extend_from_slice(bytes);
        Ok(ControlFlow::Continue(()))
    }
}

/// The length that a frame begins with, once it is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Oversize> {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
    match usize::from(u16::from_be_bytes(*head)) {
        length if length > MAX_FRAME => Err(Oversize),
        length => Ok(Some(length)),
    }
}

/// What stands before a datagram of this length; `None` when it is too long for a frame.
pub fn head(length: usize) -> Option<[u8; HEAD]> {
    u16::try_from(length).ok().map(u16::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        datagrams.iter().flat_map(|d| head(d.len()).unwrap().into_iter().chain(d.iter().copied())).collect()
    }

    fn cut<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Oversize> {
        let (mut deframer, mut out) = (Deframer::default(), Vec::new());
        for piece in pieces {
            let flow = deframer.take(piece, |frame| -> ControlFlow<()> {
                out.push(frame.to_vec());
                ControlFlow::Continue(())
            });
            assert_eq!(flow?, ControlFlow::Continue(()));
        }
        Ok(out)
    }

    fn samples() -> Vec<Vec<u8>> {
        [20, 0, 1, 255, 256, 1200, 0, 0, 3].iter().enumerate().map(|(i, n)| vec![i as u8 + 1; *n]).collect()
    }

    #[test]
    fn frames_come_out_whole_wherever_the_stream_is_split() {
        let stream = framed(&samples());
        for at in 0..=stream.len() {
            assert_eq!(cut([&stream[..at], &stream[at..]]).unwrap(), samples(), "split at {at}");
        }
    }

    #[test]
    fn frames_come_out_whole_of_pieces_of_any_size() {
        let stream = framed(&samples());
        for size in 1..=40 {
            assert_eq!(cut(stream.chunks(size)).unwrap(), samples(), "pieces of {size}");
        }
    }

    #[test]
    fn an_oversize_frame_is_refused_with_its_head_even_when_that_is_split() {
        let head = head(MAX_FRAME + 1).unwrap();
        assert_eq!(cut([&head[..]]), Err(Oversize));
        assert_eq!(cut([&head[..1], &head[1..]]), Err(Oversize));
        assert_eq!(cut([&[0, 1, 9][..], &head]), Err(Oversize));
        let largest = framed(&[vec![7; MAX_FRAME]]);
        assert_eq!(cut([&largest[..]]).unwrap(), [vec![7; MAX_FRAME]]);
    }

    #[test]
    fn what_is_kept_is_never_more_than_a_frame() {
        let (mut deframer, mut state, mut frames) = (Deframer::default(), 1u64, 0);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise: Vec<u8> =
                (0..state >> 58).map(|n| ((state >> (n % 48)) as u8) & if n % 2 == 0 { 7 } else { 255 }).collect();
            let taken = deframer.take(&noise, |_| -> ControlFlow<()> {
                frames += 1;
                ControlFlow::Continue(())
            });
            assert!(taken.is_ok() || !deframer.unfinished.is_empty() || !noise.is_empty());
            assert!(deframer.unfinished.len() < HEAD + MAX_FRAME);
        }
    }

    #[test]
    fn breaking_off_ends_at_once() {
        let stream = framed(&samples());
        let (mut deframer, mut seen) = (Deframer::default(), 0);
        let flow = deframer.take(&stream, |_| {
            seen += 1;
            if seen == 2 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        });
        assert_eq!((flow, seen), (Ok(ControlFlow::Break("enough")), 2));
    }
}
