//! Which RTP may reach webrtcbin: only SSRCs that the description announced. Pure.
//!
//! webrtcbin 1.22 to 1.28 follows a null pointer on an SSRC it was not told of (`webrtcbin-notes.md` 4.4), so the
//! decision falls before it. Descriptions without `a=ssrc` name payload types; the first SSRC of each is learnt.

/// The SSRCs of one peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gate {
    announced: Vec<u32>,
    to_learn: Vec<u8>,
}

impl Gate {
    /// Admits an announced SSRC.
    pub fn announce(&mut self, ssrc: u32) {
        self.announced.push(ssrc);
    }

    /// Admits the first SSRC that comes with this payload type.
    pub fn learn(&mut self, payload_type: u8) {
        self.to_learn.push(payload_type);
    }

    /// Whether an RTP packet (its header is never encrypted) may pass.
    pub fn admits(&mut self, packet: &[u8]) -> bool {
        let Some(header) = packet.first_chunk::<12>() else { return false };
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        if self.announced.contains(&ssrc) {
            return true;
        }
        let payload_type = header[1] & 0x7f;
        let Some(at) = self.to_learn.iter().position(|pt| *pt == payload_type) else { return false };
        self.to_learn.swap_remove(at);
        self.announced.push(ssrc);
        true
    }
}

/// What a datagram is, by its first bytes (RFC 7983 and RFC 5761 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// A connectivity check.
    Stun,
    /// Handshake or alert.
    Dtls,
    /// Media.
    Rtp,
    /// Reports and feedback.
    Rtcp,
    /// None of these.
    Other,
}

impl Datagram {
    /// Classifies a datagram.
    pub fn of(packet: &[u8]) -> Self {
        match packet {
            [0..=3, ..] if packet.len() >= 20 => Self::Stun,
            [20..=63, ..] if packet.len() >= 13 => Self::Dtls,
            [128..=191, 192..=223, ..] if packet.len() >= 8 => Self::Rtcp,
            [128..=191, ..] if packet.len() >= 12 => Self::Rtp,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(payload_type: u8, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type, 0, 1, 0, 0, 0, 0];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet
    }

    #[test]
    fn an_unannounced_ssrc_does_not_pass() {
        let mut gate = Gate::default();
        gate.announce(7);
        assert!(gate.admits(&rtp(96, 7)));
        assert!(!gate.admits(&rtp(96, 8)));
        assert!(!gate.admits(&rtp(96, 7)[..11]));
    }

    #[test]
    fn only_the_first_ssrc_of_a_payload_type_is_learnt() {
        let mut gate = Gate::default();
        gate.learn(96);
        assert!(!gate.admits(&rtp(97, 1)));
        assert!(gate.admits(&rtp(96 | 0x80, 2)));
        assert!(!gate.admits(&rtp(96, 3)));
        assert!(gate.admits(&rtp(96, 2)));
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_bytes() {
        assert_eq!(Datagram::of(&[1; 20]), Datagram::Stun);
        assert_eq!(Datagram::of(&[22; 13]), Datagram::Dtls);
        assert_eq!(Datagram::of(&[0x80, 200, 0, 1, 0, 0, 0, 0]), Datagram::Rtcp);
        assert_eq!(Datagram::of(&rtp(111, 1)), Datagram::Rtp);
        for short in [&[][..], &[1], &[22, 0], &[0x80, 200], &[255; 40], &[64; 40]] {
            assert_eq!(Datagram::of(short), Datagram::Other);
        }
    }
}
