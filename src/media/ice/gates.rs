//! The gates of all publications that come over one link, which of them a packet is for, and which nobody has announced. Pure.
//!
//! An ordinary publisher has one. On a transport several publications may have the same payload types and names of layers:
//! a packet that teaches is then told apart by its section's name, and without one it must fit one of them alone.

use super::gate::{Gate, Lesson, Pass, head};
use crate::model::PeerId;

/// The gates, by whose publication they are.
#[derive(Debug, Default)]
pub struct Gates(Vec<(PeerId, Gate)>);

impl Gates {
    /// Replaces a publication's gate; what was learnt under the same names stays known. Returns the SSRCs that are not admitted
    /// any more, or one that is another publication's: then nothing has changed.
    pub fn set(&mut self, whose: PeerId, mut gate: Gate) -> Result<Vec<u32>, u32> {
        let others = || self.0.iter().filter(|(other, _)| *other != whose);
        if let Some(taken) = gate.ssrcs().find(|ssrc| others().any(|(_, gate)| gate.knows(*ssrc))) {
            return Err(taken);
        }
        let Some((_, current)) = self.0.iter_mut().find(|(known, _)| *known == whose) else {
            self.0.push((whose, gate));
            return Ok(Vec::new());
        };
        gate.keep(current);
        let former = std::mem::replace(current, gate);
        Ok(former.ssrcs().filter(|ssrc| !current.knows(*ssrc)).collect())
    }

    /// A publication is over. Returns the SSRCs that are not admitted any more.
    pub fn remove(&mut self, whose: PeerId) -> Vec<u32> {
        let at = self.0.iter().position(|(known, _)| *known == whose);
        at.map_or_else(Vec::new, |at| self.0.remove(at).1.ssrcs().collect())
    }

    /// Whose an RTP packet is, still encrypted, and whether it may be opened.
    pub fn admits(&self, packet: &[u8]) -> Option<(PeerId, Pass)> {
        // Nearly all have one, and nearly all packets are known.
        if let [(whose, gate)] = &self.0[..] {
            return Some((*whose, gate.admits(packet))).filter(|(_, pass)| *pass != Pass::No);
        }
        let (ssrc, _) = head(packet)?;
        if let Some((whose, _)) = self.0.iter().find(|(_, gate)| gate.knows(ssrc)) {
            return Some((*whose, Pass::Known));
        }
        let taught = self.0.iter().filter_map(|(whose, gate)| Some((*whose, gate.teaches(packet)?)));
        let (mut only, mut count) = (None, 0);
        for (whose, (lesson, named)) in taught {
            if named {
                return Some((whose, Pass::Unproved(lesson)));
            }
            (only, count) = (Some((whose, Pass::Unproved(lesson))), count + 1);
        }
        only.filter(|_| count == 1)
    }

    /// The packet was authentic.
    pub fn proved(&mut self, whose: PeerId, lesson: Lesson) {
        self.0.iter_mut().filter(|(known, _)| *known == whose).for_each(|(_, gate)| gate.proved(lesson));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerId = PeerId(1);
    const BOB: PeerId = PeerId(2);
    const MID: u8 = 4;
    const RID: u8 = 10;
    const REPAIRED: u8 = 11;

    /// With these extensions of one letter.
    fn packet(payload_type: u8, ssrc: u32, extensions: &[(u8, u8)]) -> Vec<u8> {
        let mut packet = vec![0x90, payload_type, 0, 1, 0, 0, 0, 0];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        let mut body: Vec<u8> = extensions.iter().flat_map(|(id, value)| [id << 4, *value]).collect();
        body.resize(body.len().next_multiple_of(4), 0);
        packet.extend_from_slice(&[0xbe, 0xde, 0, (body.len() / 4) as u8]);
        packet.extend_from_slice(&body);
        packet.push(9);
        packet
    }

    fn layered(mid: &str) -> Gate {
        let mut gate = Gate::default();
        gate.learn_rids([RID, REPAIRED], [Some(96), Some(97)], ["h", "l"]);
        gate.name_sections(MID, vec![mid.into()]);
        gate
    }

    /// Whose it is; it was authentic.
    fn whose(gates: &mut Gates, packet: &[u8]) -> Option<PeerId> {
        let (whose, pass) = gates.admits(packet)?;
        if let Pass::Unproved(lesson) = pass {
            gates.proved(whose, lesson);
        }
        Some(whose)
    }

    #[test]
    fn announced_streams_are_told_apart_by_their_ssrcs() {
        let mut gates = Gates::default();
        for (peer, ssrc) in [(ANN, 1), (BOB, 2)] {
            let mut gate = Gate::default();
            gate.announce(ssrc);
            assert_eq!(gates.set(peer, gate), Ok(Vec::new()));
        }
        assert_eq!(whose(&mut gates, &packet(96, 1, &[])), Some(ANN));
        assert_eq!(whose(&mut gates, &packet(96, 2, &[(MID, b'0')])), Some(BOB), "the SSRC says it all");
        assert_eq!(whose(&mut gates, &packet(96, 3, &[])), None);
        let mut taken = Gate::default();
        taken.announce(2);
        assert_eq!(gates.set(ANN, taken), Err(2));
        assert_eq!(whose(&mut gates, &packet(96, 1, &[])), Some(ANN), "what was there goes on");
        assert_eq!(gates.remove(ANN), [1]);
        assert_eq!(whose(&mut gates, &packet(96, 1, &[])), None);
    }

    #[test]
    fn layers_of_the_same_names_are_told_apart_by_their_sections() {
        let mut gates = Gates::default();
        assert!(gates.set(ANN, layered("0")).is_ok() && gates.set(BOB, layered("1")).is_ok());
        assert_eq!(whose(&mut gates, &packet(96, 1, &[(RID, b'h')])), None, "it could be of both");
        assert_eq!(whose(&mut gates, &packet(96, 1, &[(MID, b'2'), (RID, b'h')])), None, "of nobody's section");
        assert_eq!(whose(&mut gates, &packet(96, 1, &[(MID, b'0'), (RID, b'h')])), Some(ANN));
        assert_eq!(whose(&mut gates, &packet(96, 2, &[(MID, b'1'), (RID, b'h')])), Some(BOB));
        assert_eq!(whose(&mut gates, &packet(97, 3, &[(MID, b'1'), (REPAIRED, b'h')])), Some(BOB));
        for (ssrc, peer) in [(1, ANN), (2, BOB), (3, BOB)] {
            assert_eq!(whose(&mut gates, &packet(96, ssrc, &[])), Some(peer), "named once is enough");
        }
        let mut gone = gates.remove(BOB);
        gone.sort_unstable();
        assert_eq!(gone, [2, 3]);
        assert_eq!(whose(&mut gates, &packet(96, 4, &[(RID, b'l')])), Some(ANN), "one is left that it can be of");
    }

    #[test]
    fn a_further_offer_tells_what_is_gone_and_keeps_what_was_learnt() {
        let mut gates = Gates::default();
        assert!(gates.set(ANN, layered("0")).is_ok());
        assert_eq!(whose(&mut gates, &packet(96, 1, &[(MID, b'0'), (RID, b'h')])), Some(ANN));
        assert_eq!(gates.set(ANN, layered("0")), Ok(Vec::new()));
        assert_eq!(whose(&mut gates, &packet(96, 1, &[])), Some(ANN));
        let mut plain = Gate::default();
        plain.announce(5);
        assert_eq!(gates.set(ANN, plain), Ok(vec![1]));
    }
}
