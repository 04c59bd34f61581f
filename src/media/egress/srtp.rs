//! SRTP and SRTCP with AES_CM_128_HMAC_SHA1_80 (RFC 3711) on aws-lc-rs.
//!
//! The roll-over counter comes from the caller, who numbers the packets: no state per SSRC here. Invariant: one
//! [`Sender`] per master key and each (SSRC, index) once, else key stream is used twice.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

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

/// Protects what we send.
pub struct Sender {
    rtp: Half,
    rtcp: Half,
    rtcp_index: u32,
}

impl Sender {
    /// The only one for this master key.
    pub fn new(master: &MasterKey) -> Result<Self, Unspecified> {
        Ok(Self { rtp: Half::new(master, 0)?, rtcp: Half::new(master, 3)?, rtcp_index: 0 })
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
        let mut mac = hmac::Context::with_key(&self.rtp.mac);
        mac.update(&buffer[start..]);
        mac.update(&roll_over.to_be_bytes());
        buffer.extend_from_slice(&mac.sign().as_ref()[..TAG]);
        Ok(())
    }

    /// Encrypts the RTCP compound that `buffer` is, and appends index and tag.
    pub fn protect_rtcp(&mut self, buffer: &mut Vec<u8>) -> Result<(), Unspecified> {
        let Some(&[_, _, _, _, a, b, c, d, ..]) = buffer.get(..) else { return Err(Unspecified) };
        self.rtcp_index = (self.rtcp_index + 1) & !ENCRYPTED;
        self.rtcp.apply([a, b, c, d], self.rtcp_index.into(), &mut buffer[8..])?;
        buffer.extend_from_slice(&(self.rtcp_index | ENCRYPTED).to_be_bytes());
        let tag = hmac::sign(&self.rtcp.mac, buffer);
        buffer.extend_from_slice(&tag.as_ref()[..TAG]);
        Ok(())
    }
}

/// Opens the RTCP we receive.
pub struct Receiver {
    rtcp: Half,
    /// An index belongs to an SSRC (RFC 3711 3.2.1), and a receiver of sound and picture reports with several.
    windows: Vec<([u8; 4], Window)>,
}

impl Receiver {
    /// For the far side's master key.
    pub fn new(master: &MasterKey) -> Result<Self, Unspecified> {
        Ok(Self { rtcp: Half::new(master, 3)?, windows: Vec::new() })
    }

    /// The plain compound; an error when it is not authentic or came before.
    pub fn unprotect_rtcp(&mut self, datagram: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let end = datagram.len().checked_sub(RTCP_TRAILER).filter(|end| *end >= 8).ok_or(Unspecified)?;
        let (signed, tag) = datagram.split_at(end + 4);
        verify_slices_are_equal(&hmac::sign(&self.rtcp.mac, signed).as_ref()[..TAG], tag)?;
        let word = |at: usize| [datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]];
        let index = u32::from_be_bytes(word(end));
        self.window(word(4))?.admit(index & !ENCRYPTED)?;
        let mut plain = datagram[..end].to_vec();
        if index & ENCRYPTED != 0 {
            self.rtcp.apply(word(4), (index & !ENCRYPTED).into(), &mut plain[8..])?;
        }
        Ok(plain)
    }

    /// Of this sender; only authentic packets come here.
    fn window(&mut self, ssrc: [u8; 4]) -> Result<&mut Window, Unspecified> {
        let known = self.windows.iter().position(|(known, _)| *known == ssrc);
        let at = known.unwrap_or(self.windows.len());
        if at >= SENDERS {
            return Err(Unspecified);
        }
        if known.is_none() {
            self.windows.push((ssrc, Window::default()));
        }
        Ok(&mut self.windows[at].1)
    }
}

/// SSRCs that one far side may report with.
const SENDERS: usize = 32;

/// The last 64 indices (RFC 3711 3.3.2): bit 0 is `highest`.
#[derive(Default)]
struct Window {
    highest: u32,
    seen: u64,
}

impl Window {
    fn admit(&mut self, index: u32) -> Result<(), Unspecified> {
        if self.seen == 0 || index > self.highest {
            let step = index.saturating_sub(self.highest);
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = index;
            return Ok(());
        }
        let bit = 1u64.checked_shl(self.highest - index).ok_or(Unspecified)?;
        if self.seen & bit != 0 {
            return Err(Unspecified);
        }
        self.seen |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
