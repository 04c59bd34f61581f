//! SRTP and SRTCP with AES_CM_128_HMAC_SHA1_80 (RFC 3711) on aws-lc-rs.
//!
//! A [`Sender`]'s roll-over counter comes from the caller, who numbers the packets: no state per SSRC. Invariant: each
//! (SSRC, index) once per master key, else key stream is used twice. So several [`Sender`]s of one key share their
//! [`RtcpIndex`], and only one of them sends RTP of an SSRC. A [`Receiver`] follows the roll-overs itself and refuses
//! replays: one per far side.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Master key (16 bytes) and salt (14).
pub type MasterKey = [u8; 30];

const TAG: usize = 10;
/// Index with the E bit, and tag.
const RTCP_TRAILER: usize = 4 + TAG;
const ENCRYPTED: u32 = 1 << 31;

/// Session keys of one direction, for RTP or for RTCP.
struct Half {
    cipher: EncryptingKey,
    salt: [u8; 14],
    mac: hmac::Key,
}

impl Half {
    /// `label`: 0 for RTP, 3 for RTCP (RFC 3711 4.3.2).
    fn new(master: &MasterKey, label: u8) -> Result<Self, Unspecified> {
        let (mut key, mut mac, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(master, label, &mut key)?;
        derive(master, label + 1, &mut mac)?;
        derive(master, label + 2, &mut salt)?;
        let mac = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &mac);
        Ok(Self { cipher: counter_mode(&key)?, salt, mac })
    }

    /// Encrypts or decrypts in place (RFC 3711 4.1.1).
    fn apply(&self, ssrc: [u8; 4], index: u64, data: &mut [u8]) -> Result<(), Unspecified> {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[4..8].iter_mut().zip(ssrc).for_each(|(byte, with)| *byte ^= with);
        iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(byte, with)| *byte ^= with);
        self.cipher.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(&iv))).map(drop)
    }
}

impl Half {
    /// Compares the tag of what was signed, in constant time.
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), Unspecified> {
        let mut mac = hmac::Context::with_key(&self.mac);
        parts.iter().for_each(|part| mac.update(part));
        verify_slices_are_equal(&mac.sign().as_ref()[..TAG], tag)
    }
}

fn counter_mode(key: &[u8]) -> Result<EncryptingKey, Unspecified> {
    EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key)?)
}

fn derive(master: &MasterKey, label: u8, out: &mut [u8]) -> Result<(), Unspecified> {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(&master[16..]);
    iv[7] ^= label;
    out.fill(0);
    counter_mode(&master[..16])?.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(&iv))).map(drop)
}

/// Numbers the RTCP that is sent with one master key, whoever writes it: no number comes twice.
#[derive(Clone, Debug, Default)]
pub struct RtcpIndex(Arc<AtomicU32>);

impl RtcpIndex {
    /// 31 bits, beginning at 1.
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Relaxed).wrapping_add(1) & !ENCRYPTED
    }
}

/// Protects what we send.
pub struct Sender {
    rtp: Half,
    rtcp: Half,
    rtcp_index: RtcpIndex,
}

impl Sender {
    /// The only one for this master key.
    pub fn new(master: &MasterKey) -> Result<Self, Unspecified> {
        Self::sharing(master, RtcpIndex::default())
    }

    /// One of several for this master key, all with this index.
    pub fn sharing(master: &MasterKey, rtcp_index: RtcpIndex) -> Result<Self, Unspecified> {
        Ok(Self { rtp: Half::new(master, 0)?, rtcp: Half::new(master, 3)?, rtcp_index })
    }

    /// Encrypts the RTP packet `buffer[start..]` whose header has `header` bytes, and appends the tag.
    /// `roll_over`: how often its 16-bit sequence number has wrapped; begins at 0.
    pub fn protect(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header: usize,
        roll_over: u32,
    ) -> Result<(), Unspecified> {
        let Some(&[_, _, high, low, _, _, _, _, a, b, c, d, ..]) = buffer.get(start..) else { return Err(Unspecified) };
        let index = u64::from(roll_over) << 16 | u64::from(u16::from_be_bytes([high, low]));
        let payload = buffer.get_mut(start + header..).ok_or(Unspecified)?;
        self.rtp.apply([a, b, c, d], index, payload)?;
        // The tag covers the counter too: it stands where the tag goes, so that one pass does.
        let end = buffer.len();
        buffer.extend_from_slice(&roll_over.to_be_bytes());
        let tag = hmac::sign(&self.rtp.mac, &buffer[start..]);
        buffer.truncate(end);
        buffer.extend_from_slice(&tag.as_ref()[..TAG]);
        Ok(())
    }

    /// Encrypts the RTCP compound that `buffer` is, and appends index and tag.
    pub fn protect_rtcp(&self, buffer: &mut Vec<u8>) -> Result<(), Unspecified> {
        let Some(&[_, _, _, _, a, b, c, d, ..]) = buffer.get(..) else { return Err(Unspecified) };
        let index = self.rtcp_index.next();
        self.rtcp.apply([a, b, c, d], index.into(), &mut buffer[8..])?;
        buffer.extend_from_slice(&(index | ENCRYPTED).to_be_bytes());
        let tag = hmac::sign(&self.rtcp.mac, buffer);
        buffer.extend_from_slice(&tag.as_ref()[..TAG]);
        Ok(())
    }
}

/// Opens what we receive. State per SSRC (RFC 3711 3.2.3) is made only for authentic packets, bounded: when it is full, an
/// SSRC that was retired gives its place.
pub struct Receiver {
    rtp: Half,
    rtcp: Half,
    /// Roll-over counters and replay windows of RTP.
    streams: Vec<([u8; 4], Window)>,
    /// An SRTCP index belongs to an SSRC too, and a receiver of sound and picture reports with several.
    reporters: Vec<([u8; 4], Window)>,
}

impl Receiver {
    /// For the far side's master key.
    pub fn new(master: &MasterKey) -> Result<Self, Unspecified> {
        let (rtp, rtcp) = (Half::new(master, 0)?, Half::new(master, 3)?);
        Ok(Self { rtp, rtcp, streams: Vec::new(), reporters: Vec::new() })
    }

    /// Decrypts an SRTP packet in place, its tag cut off; `header` is the length of its RTP header with extensions.
    /// An error when it is not authentic or came before.
    pub fn unprotect(&mut self, packet: &mut Vec<u8>, header: usize) -> Result<(), Unspecified> {
        let end = packet.len().checked_sub(TAG).filter(|end| *end >= header).ok_or(Unspecified)?;
        let Some(&[_, _, high, low, _, _, _, _, a, b, c, d, ..]) = packet.get(..) else { return Err(Unspecified) };
        let (ssrc, sequence) = ([a, b, c, d], u16::from_be_bytes([high, low]));
        let known = self.streams.iter().find(|(known, _)| *known == ssrc).map(|(_, window)| window);
        let index = known.map_or(u64::from(sequence), |window| window.index_of(sequence));
        let roll_over = ((index >> 16) as u32).to_be_bytes();
        self.rtp.verify(&[&packet[..end], &roll_over], &packet[end..])?;
        window(&mut self.streams, ssrc)?.admit(index)?;
        packet.truncate(end);
        self.rtp.apply(ssrc, index, &mut packet[header..])
    }

    /// The plain compound; an error when it is not authentic or came before.
    pub fn unprotect_rtcp(&mut self, datagram: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let end = datagram.len().checked_sub(RTCP_TRAILER).filter(|end| *end >= 8).ok_or(Unspecified)?;
        let (signed, tag) = datagram.split_at(end + 4);
        self.rtcp.verify(&[signed], tag)?;
        let word = |at: usize| [datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]];
        let index = u32::from_be_bytes(word(end));
        window(&mut self.reporters, word(4))?.admit((index & !ENCRYPTED).into())?;
        let mut plain = datagram[..end].to_vec();
        if index & ENCRYPTED != 0 {
            self.rtcp.apply(word(4), (index & !ENCRYPTED).into(), &mut plain[8..])?;
        }
        Ok(plain)
    }

    /// No more is expected of these SSRCs. What is known of them stays until another needs the room: a late packet is no new
    /// one, and a sender that goes on after all is understood.
    pub fn retire(&mut self, ssrcs: &[u32]) {
        let all = self.streams.iter_mut().chain(&mut self.reporters);
        let gone = all.filter(|(known, _)| ssrcs.contains(&u32::from_be_bytes(*known)));
        gone.for_each(|(_, window)| window.retired = true);
    }
}

/// Of this sender; only authentic packets come here.
fn window(all: &mut Vec<([u8; 4], Window)>, ssrc: [u8; 4]) -> Result<&mut Window, Unspecified> {
    if let Some(at) = all.iter().position(|(known, _)| *known == ssrc) {
        return Ok(&mut all[at].1);
    }
    if all.len() >= SENDERS {
        let retired = all.iter().position(|(_, window)| window.retired).ok_or(Unspecified)?;
        all.remove(retired);
    }
    all.push((ssrc, Window::default()));
    all.last_mut().map(|(_, window)| window).ok_or(Unspecified)
}

/// SSRCs that one far side may send with.
const SENDERS: usize = 64;

/// The last 128 indices (RFC 3711 3.3.2): bit 0 is `highest`.
#[derive(Default)]
struct Window {
    highest: u64,
    seen: u128,
    /// Nothing more is expected.
    retired: bool,
}

impl Window {
    /// The index nearest to the highest that ends with this sequence number (RFC 3711 3.3.1).
    fn index_of(&self, sequence: u16) -> u64 {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        // Before the first roll-over there is nothing below: such a number is far ahead.
        self.highest.checked_add_signed(step).unwrap_or(u64::from(sequence))
    }

    fn admit(&mut self, index: u64) -> Result<(), Unspecified> {
        if self.seen == 0 || index > self.highest {
            let step = u32::try_from(index.saturating_sub(self.highest)).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            (self.highest, self.retired) = (index, false);
            return Ok(());
        }
        let step = u32::try_from(self.highest - index).map_err(|_| Unspecified)?;
        let bit = 1u128.checked_shl(step).ok_or(Unspecified)?;
        if self.seen & bit != 0 {
            return Err(Unspecified);
        }
        self.seen |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
