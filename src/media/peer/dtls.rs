//! The peer's certificate against its description (RFC 8122), and the keys of a finished handshake.

use crate::media::egress::Keys;
use crate::media::ice::gobject::decoder_key;
use crate::media::sdp::Fingerprint;
use crate::media::srtp::RtcpIndex;
use aws_lc_rs::digest;
use gst::prelude::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Whether a PEM certificate has one of the fingerprints. webrtcbin 1.22 does not look (`webrtcbin-notes.md` 3.6).
pub fn matches(pem: &str, announced: &[Fingerprint]) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_slice(pem.as_bytes()) else { return false };
    announced.iter().any(|fingerprint| {
        let algorithm = match fingerprint.hash.as_str() {
            "sha-256" => &digest::SHA256,
            "sha-384" => &digest::SHA384,
            "sha-512" => &digest::SHA512,
            _ => return false,
        };
        digest::digest(algorithm, &certificate).as_ref() == fingerprint.bytes
    })
}

/// The master keys, once both directions have them.
pub fn keys(dtlsenc: &gst::Element, dtlsdec: &gst::Element, index: &RtcpIndex) -> Option<Keys> {
    let send = dtlsenc.property::<Option<gst::Buffer>>("encoder-key")?;
    Some(Keys { send: master(&send)?, receive: master(&decoder_key(dtlsdec)?)?, index: index.clone() })
}

fn master(buffer: &gst::Buffer) -> Option<[u8; 30]> {
    buffer.map_readable().ok()?.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_announced_certificate_matches() {
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let bytes = digest::digest(&digest::SHA256, made.cert.der()).as_ref().to_vec();
        let right = Fingerprint { hash: "sha-256".into(), bytes };
        let wrong = Fingerprint { hash: "sha-256".into(), bytes: vec![0xaa; 32] };
        let pem = made.cert.pem();
        assert!(matches(&pem, &[wrong.clone(), right.clone()]));
        assert!(!matches(&pem, &[wrong]));
        assert!(!matches(&pem, &[]));
        assert!(!matches("no certificate", &[right]));
    }
}
