//! TLS with one certificate: the one whose SHA-256 the wish names, whoever signed it, and no other.

use crate::media::camera::trouble::Trouble;
use crate::model::IngestReason;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

#[derive(Debug)]
struct Pinned {
    fingerprint: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

/// For a client that trusts `fingerprint` (hex, colons allowed) alone.
///
/// # Errors
/// `Certificate`: it is not 32 bytes in hex.
pub fn config(fingerprint: &str) -> Result<ClientConfig, Trouble> {
    let bad =
        || Trouble::new(IngestReason::Certificate, "`fingerprint` must be a SHA-256: 64 hex digits, colons allowed");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Pinned { fingerprint: bytes(fingerprint).ok_or_else(bad)?, provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Trouble::new(IngestReason::Failed, error.to_string()))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned)).with_no_client_auth())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: String = hex.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.filter(|bytes| bytes.len() == 32)
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let digest = aws_lc_rs_digest(certificate);
        if digest == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn aws_lc_rs_digest(certificate: &[u8]) -> Vec<u8> {
    ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, certificate).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read() {
        assert_eq!(bytes(&"ab:".repeat(31)).map(|b| b.len()), None);
        assert_eq!(bytes(&vec!["AB"; 32].join(":")), Some(vec![0xab; 32]));
        assert_eq!(bytes(&"0f".repeat(32)), Some(vec![0x0f; 32]));
        assert_eq!(config("secret").unwrap_err().reason, IngestReason::Certificate);
    }
}
