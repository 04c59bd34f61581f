//! Which RTP may be opened: only SSRCs that the description announced, in words or by other names. Pure.
//!
//! webrtcbin 1.22 to 1.28 follows a null pointer on an SSRC it was not told of (`webrtcbin-notes.md` 4.4), and opening
//! packets of strangers costs; so the decision falls before both. Descriptions without `a=ssrc` name payload types, whose
//! first SSRC is learnt, or the layers of a simulcast (RFC 8852), whose SSRCs are. The header is not encrypted but anybody
//! can write one: what it says is a `Lesson`, and learnt only when the packet has proved to be authentic. Several on one
//! link are `gates`'.

use crate::media::rtp::find_extension;

/// The SSRCs of one publication.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gate {
    announced: Vec<u32>,
    payload_types: Vec<(u8, Option<u32>)>,
    rids: Rids,
    /// Id of the extension with a section's name (RFC 8843), 0 for none, and the names of this publication's.
    mids: (u8, Vec<String>),
    /// Tells it from those before it.
    number: u64,
}

/// The names of a simulcast's streams, and the SSRC of each.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rids {
    /// Ids of the extensions with the name of a stream, and of a stream of retransmissions.
    ids: [u8; 2],
    /// Payload types of both.
    payload_types: [Option<u8>; 2],
    /// Name, SSRC, SSRC of retransmissions.
    layers: Vec<(String, [Option<u32>; 2])>,
}

/// What may be learnt from a packet that is authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    ssrc: u32,
    name: Name,
    /// The number of the gate that it is about.
    of: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Index among the payload types.
    PayloadType(usize),
    /// Index among the layers; 1 for retransmissions.
    Layer(usize, usize),
}

/// Whether a packet may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It may not.
    No,
    /// Its SSRC is known.
    Known,
    /// It may; when it is authentic, its SSRC is to be learnt.
    Unproved(Lesson),
}

impl Gate {
    /// Admits an announced SSRC.
    pub fn announce(&mut self, ssrc: u32) {
        self.announced.push(ssrc);
    }

    /// Admits one SSRC with this payload type: the first that is authentic.
    pub fn learn(&mut self, payload_type: u8) {
        self.payload_types.push((payload_type, None));
    }

    /// Admits one SSRC for each name, and one of its retransmissions; another of the same name takes its place (an
    /// encoder that began anew). `ids` and `payload_types`: of the streams and of their retransmissions; id 0 and `None`
    /// where there are none.
    pub fn learn_rids<'a>(
        &mut self,
        ids: [u8; 2],
        payload_types: [Option<u8>; 2],
        rids: impl IntoIterator<Item = &'a str>,
    ) {
        let layers = rids.into_iter().map(|rid| (rid.to_owned(), [None; 2])).collect();
        self.rids = Rids { ids, payload_types, layers };
    }

    /// Its packets may name their section: one of these. A name of another publication on the link teaches nothing.
    pub fn name_sections(&mut self, id: u8, mids: Vec<String>) {
        self.mids = (id, mids);
    }

    /// What a former gate of the same peer connection has learnt stays known where the names are the same: senders cease
    /// to write them once they were understood.
    pub fn keep(&mut self, former: &Self) {
        self.number = former.number + 1;
        for (payload_type, ssrc) in &mut self.payload_types {
            let known = former.payload_types.iter().find(|(known, _)| known == payload_type);
            *ssrc = known.and_then(|(_, ssrc)| *ssrc);
        }
        for (rid, ssrcs) in &mut self.rids.layers {
            let known = former.rids.layers.iter().find(|(known, _)| known == rid);
            *ssrcs = known.map_or([None; 2], |(_, ssrcs)| *ssrcs);
        }
    }

    /// Whether an RTP packet, still encrypted, may be opened.
    pub fn admits(&self, packet: &[u8]) -> Pass {
        match head(packet) {
            Some((ssrc, _)) if self.knows(ssrc) => Pass::Known,
            _ => self.teaches(packet).map_or(Pass::No, |(lesson, _)| Pass::Unproved(lesson)),
        }
    }

    /// What a packet of an unknown SSRC teaches, and whether it names one of this publication's sections.
    pub(super) fn teaches(&self, packet: &[u8]) -> Option<(Lesson, bool)> {
        let (ssrc, payload_type) = head(packet)?;
        let mid = Some(self.mids.0).filter(|id| *id != 0).and_then(|id| find_extension(packet, id));
        if mid.is_some_and(|mid| self.mids.1.iter().all(|own| own.as_bytes() != mid)) {
            return None;
        }
        let unnamed = || self.payload_types.iter().position(|(known, ssrc)| *known == payload_type && ssrc.is_none());
        let name = self.rids.name(packet, payload_type).or_else(|| unnamed().map(Name::PayloadType))?;
        Some((Lesson { ssrc, name, of: self.number }, mid.is_some()))
    }

    /// Whether this SSRC was announced or learnt.
    pub(super) fn knows(&self, ssrc: u32) -> bool {
        self.announced.contains(&ssrc)
            || self.payload_types.iter().any(|(_, known)| *known == Some(ssrc))
            || self.rids.layers.iter().any(|(_, known)| known.contains(&Some(ssrc)))
    }

    /// All that were announced or learnt.
    pub(super) fn ssrcs(&self) -> impl Iterator<Item = u32> {
        let learnt = self.payload_types.iter().filter_map(|(_, ssrc)| *ssrc);
        let layers = self.rids.layers.iter().flat_map(|(_, ssrcs)| ssrcs).flatten().copied();
        self.announced.iter().copied().chain(learnt).chain(layers)
    }

    /// The packet was authentic. What it taught about a former gate says nothing about this one.
    pub fn proved(&mut self, lesson: Lesson) {
        if lesson.of != self.number {
            return;
        }
        let place = match lesson.name {
            Name::PayloadType(at) => self.payload_types.get_mut(at).map(|(_, ssrc)| ssrc).filter(|ssrc| ssrc.is_none()),
            Name::Layer(at, which) => self.rids.layers.get_mut(at).and_then(|(_, ssrcs)| ssrcs.get_mut(which)),
        };
        if let Some(place) = place {
            *place = Some(lesson.ssrc);
        }
    }
}

/// SSRC and payload type.
pub(super) fn head(packet: &[u8]) -> Option<(u32, u8)> {
    let header = packet.first_chunk::<12>()?;
    Some((u32::from_be_bytes([header[8], header[9], header[10], header[11]]), header[1] & 0x7f))
}

impl Rids {
    fn name(&self, packet: &[u8], payload_type: u8) -> Option<Name> {
        let which = self.payload_types.iter().position(|known| *known == Some(payload_type))?;
        let id = Some(self.ids[which]).filter(|id| *id != 0)?;
        let rid = find_extension(packet, id)?;
        Some(Name::Layer(self.layers.iter().position(|(known, _)| known.as_bytes() == rid)?, which))
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

    /// With a name of one letter in extension `id`, and a last byte that is no sane length of padding.
    fn named(payload_type: u8, ssrc: u32, id: u8, rid: u8) -> Vec<u8> {
        let mut packet = rtp(payload_type, ssrc);
        packet[0] = 0xb0;
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, id << 4, rid, 0, 0, 255]);
        packet
    }

    /// Whether it passes as the first packet of an SSRC; it was authentic.
    fn teaches(gate: &mut Gate, packet: &[u8]) -> bool {
        let Pass::Unproved(lesson) = gate.admits(packet) else { return false };
        gate.proved(lesson);
        true
    }

    #[test]
    fn an_unannounced_ssrc_does_not_pass() {
        let mut gate = Gate::default();
        gate.announce(7);
        assert_eq!(gate.admits(&rtp(96, 7)), Pass::Known);
        assert_eq!(gate.admits(&rtp(96, 8)), Pass::No);
        assert_eq!(gate.admits(&rtp(96, 7)[..11]), Pass::No);
    }

    #[test]
    fn only_the_first_authentic_ssrc_of_a_payload_type_is_learnt() {
        let mut gate = Gate::default();
        gate.learn(96);
        assert_eq!(gate.admits(&rtp(97, 1)), Pass::No);
        let Pass::Unproved(late) = gate.admits(&rtp(96, 1)) else { panic!("nobody has proved anything yet") };
        assert!(teaches(&mut gate, &rtp(96 | 0x80, 2)), "a forged one took no place");
        gate.proved(late);
        assert_eq!(gate.admits(&rtp(96, 3)), Pass::No);
        assert_eq!(gate.admits(&rtp(96, 1)), Pass::No, "the place was taken meanwhile");
        assert_eq!(gate.admits(&rtp(96, 2)), Pass::Known);
    }

    fn simulcast() -> Gate {
        let mut gate = Gate::default();
        gate.learn_rids([10, 11], [Some(96), Some(97)], ["h", "l"]);
        gate
    }

    #[test]
    fn layers_are_known_by_their_names_and_bounded() {
        let mut gate = simulcast();
        for (no, why) in [
            (named(96, 1, 10, b'x'), "an unknown name"),
            (named(96, 1, 11, b'h'), "the name of retransmissions on media"),
            (named(97, 1, 10, b'h'), "the name of media on retransmissions"),
            (named(98, 1, 10, b'h'), "another payload type"),
            (rtp(96, 1), "no name"),
        ] {
            assert_eq!(gate.admits(&no), Pass::No, "{why}");
        }
        let all = [(96, 1, 10, b'h'), (97, 2, 11, b'h'), (96, 3, 10, b'l'), (97, 4, 11, b'l')];
        for (payload_type, ssrc, id, rid) in all {
            assert!(teaches(&mut gate, &named(payload_type, ssrc, id, rid)), "{ssrc}");
            assert_eq!(gate.admits(&rtp(payload_type, ssrc)), Pass::Known, "named once is enough");
        }
        assert!(teaches(&mut gate, &named(96, 9, 10, b'h')), "an encoder that began anew");
        assert_eq!(gate.admits(&rtp(96, 1)), Pass::No, "its former SSRC");
        assert_eq!(gate.admits(&rtp(96, 9)), Pass::Known);
    }

    #[test]
    fn a_further_offer_forgets_nothing_of_the_names_that_stay() {
        let (mut former, mut gate) = (simulcast(), Gate::default());
        former.learn(111);
        for packet in [named(96, 1, 10, b'h'), named(97, 2, 11, b'h'), named(96, 3, 10, b'l'), rtp(111, 5)] {
            assert!(teaches(&mut former, &packet));
        }
        gate.learn(111);
        gate.learn_rids([10, 11], [Some(96), Some(97)], ["h"]);
        gate.keep(&former);
        for known in [1, 2, 5] {
            assert_eq!(gate.admits(&rtp(96, known)), Pass::Known);
        }
        assert_eq!(gate.admits(&rtp(96, 3)), Pass::No, "a layer that is no more");
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
