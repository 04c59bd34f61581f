//! Whether a camera's certificate is accepted: the pinned one, or one that this machine trusts for the camera's name.

use super::{Attach, Plan, Trouble};
use crate::model::IngestReason;
use aws_lc_rs::digest;
use gst::prelude::*;
use gst_rtsp_server::gio;
use gst_rtsp_server::gio::prelude::*;
use std::sync::Weak;

/// The purpose of a server's certificate (RFC 5280 4.2.1.12), as GIO names it.
const SERVER: &str = "1.3.6.1.5.5.7.3.1";

/// Lets the element ask here.
///
/// # Errors
/// `Certificate`: the pinned fingerprint is none.
pub fn judge(source: &gst::Element, plan: &Plan, attach: Weak<Attach>) -> Result<(), Trouble> {
    let pinned = pinned(&plan.wish.fingerprint)?;
    if pinned.is_some() {
        source.set_property("tls-database", nobody().map_err(|error| Trouble::new(IngestReason::Failed, error))?);
    }
    let target = plan.target()?;
    let port = target.addresses.first().map_or(322, std::net::SocketAddr::port);
    let host = target.host.clone();
    source.connect("accept-certificate", false, move |values| {
        let certificate = values.get(2).and_then(|value| value.get::<gio::TlsCertificate>().ok());
        let accepted = certificate.as_ref().is_some_and(|certificate| match &pinned {
            Some(pinned) => hash(certificate).as_deref() == Some(pinned),
            None => is_trusted(certificate, &host, port),
        });
        if let (false, Some(attach)) = (accepted, attach.upgrade()) {
            attach.failed(refusal(certificate.as_ref().and_then(hash)));
        }
        Some(accepted.to_value())
    });
    Ok(())
}

/// A database that trusts none but an authority that signs nothing: each certificate comes to us. GIO reads it from a file,
/// once, and refuses an empty one.
fn nobody() -> Result<gio::TlsFileDatabase, String> {
    let made = rcgen::generate_simple_self_signed(["nobody".to_owned()]).map_err(|error| error.to_string())?;
    let path = std::env::temp_dir().join(format!("millrace-{:032x}.pem", rand::random::<u128>()));
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let written = written.and_then(|mut file| std::io::Write::write_all(&mut file, made.cert.pem().as_bytes()));
    let database = written
        .map_err(|error| error.to_string())
        .and_then(|()| gio::TlsFileDatabase::new(&path).map_err(|error| error.to_string()));
    let _ = std::fs::remove_file(&path);
    database
}

fn pinned(fingerprint: &str) -> Result<Option<Vec<u8>>, Trouble> {
    let digits: String = fingerprint.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let byte = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    match bytes.filter(|bytes| bytes.len() == 32) {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            Err(Trouble::new(IngestReason::Certificate, "`fingerprint` is no SHA-256: write its 64 hexadecimal digits"))
        }
    }
}

fn hash(certificate: &gio::TlsCertificate) -> Option<Vec<u8>> {
    let der = certificate.certificate()?;
    Some(digest::digest(&digest::SHA256, &der).as_ref().to_vec())
}

/// The element compares with the address that it connects to; the certificate is the name's.
fn is_trusted(certificate: &gio::TlsCertificate, host: &str, port: u16) -> bool {
    let database = gio::TlsBackend::default().default_database();
    let name = gio::NetworkAddress::new(host, port);
    let flags = gio::TlsDatabaseVerifyFlags::NONE;
    let judged = database.verify_chain(
        certificate,
        SERVER,
        Some(&name),
        None::<&gio::TlsInteraction>,
        flags,
        None::<&gio::Cancellable>,
    );
    judged.is_ok_and(|problems| problems.is_empty())
}

fn refusal(seen: Option<Vec<u8>>) -> Trouble {
    let seen: Vec<String> = seen.unwrap_or_default().iter().map(|byte| format!("{byte:02X}")).collect();
    let detail =
        "its certificate is not trusted, or not the pinned one; if it is the camera's own, set `fingerprint` to";
    Trouble::new(IngestReason::Certificate, format!("{detail} {}", seen.join(":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        let plain = "ab".repeat(32);
        assert_eq!(pinned(&plain), Ok(Some(vec![0xab; 32])));
        assert_eq!(pinned(&["AB"; 32].join(":")), Ok(Some(vec![0xab; 32])));
        assert_eq!(pinned(""), Ok(None));
        for bad in ["ab", "xyz", &plain[1..], "ä".repeat(32).as_str()] {
            assert!(pinned(bad).is_err(), "{bad}");
        }
    }
}
