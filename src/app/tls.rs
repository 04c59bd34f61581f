//! The certificate of HTTPS: the configured one, else a self-signed one that is made once and kept.

use crate::config::Server;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// Whoever trusts the self-signed certificate once should not have to do so again soon.
const VALIDITY: Duration = Duration::days(10 * 365);

/// Why HTTPS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or does not hold what it should.
    #[error("{path} cannot be used: {cause}\n  remedy: {remedy}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The self-signed certificate cannot be made.
    #[error("a self-signed certificate cannot be made: {0}\n  remedy: set server.tls_cert and server.tls_key")]
    Make(#[from] rcgen::Error),
}

const GIVEN: &str = "server.tls_cert wants a PEM certificate chain, server.tls_key its PEM private key";
const KEPT: &str = "make server.data_dir writable; remove its folder `tls` to have a new certificate made";

/// What HTTPS is served with.
pub fn server_config(server: &Server, addresses: &[IpAddr]) -> Result<Arc<ServerConfig>, TlsError> {
    let (cert, key, remedy) = match (&server.tls_cert, &server.tls_key) {
        (Some(cert), Some(key)) => (cert.clone(), key.clone(), GIVEN),
        _ => {
            let (cert, key) = kept(&server.data_dir.join("tls"), addresses)?;
            (cert, key, KEPT)
        }
    };
    let wrong = |path: &Path, cause: String| TlsError::File { path: path.into(), cause, remedy };
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(&cert, e.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|e| wrong(&key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|e| wrong(&cert, e.to_string()))?;
    // WebSockets come over HTTP/1.1; a second protocol would only be a second way to go wrong.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The self-signed certificate and key in this folder, made if they are not there.
fn kept(folder: &Path, addresses: &[IpAddr]) -> Result<(PathBuf, PathBuf), TlsError> {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if !(cert.exists() && key.exists()) {
        let (cert_pem, key_pem) = self_signed(addresses)?;
        let written = fs::create_dir_all(folder)
            .and_then(|()| write(&key, &key_pem, 0o600))
            .and_then(|()| write(&cert, &cert_pem, 0o644));
        written.map_err(|e| TlsError::File { path: folder.into(), cause: e.to_string(), remedy: KEPT })?;
        tracing::info!(path = %cert.display(), "made a self-signed certificate");
    }
    Ok((cert, key))
}

fn self_signed(addresses: &[IpAddr]) -> Result<(String, String), TlsError> {
    let mut params = CertificateParams::new(names(addresses))?;
    params.distinguished_name.push(DnType::CommonName, "Millrace (self-signed)");
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + VALIDITY;
    let key = KeyPair::generate()?;
    let cert = params.self_signed(&key)?;
    Ok((cert.pem(), key.serialize_pem()))
}

/// All that this machine may be called in a browser's address line.
fn names(addresses: &[IpAddr]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    names.extend(Some(host.trim().to_owned()).filter(|name| is_dns_name(name)));
    names.extend(addresses.iter().map(IpAddr::to_string));
    names.sort();
    names.dedup();
    names
}

fn is_dns_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Writes a file that nobody ever sees half or with wider permissions.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn server(data_dir: &Path) -> Server {
        Server { data_dir: data_dir.into(), ..Server::default() }
    }

    #[test]
    fn the_certificate_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        server_config(&server(dir.path()), &[]).unwrap();
        let first = fs::read(dir.path().join("tls/cert.pem")).unwrap();
        server_config(&server(dir.path()), &[]).unwrap();
        assert_eq!(first, fs::read(dir.path().join("tls/cert.pem")).unwrap());
        let mode = fs::metadata(dir.path().join("tls/key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn its_names_hold_the_machines_addresses() {
        let names = names(&["192.0.2.7".parse().unwrap()]);
        for name in ["localhost", "127.0.0.1", "192.0.2.7"] {
            assert!(names.iter().any(|n| n == name), "{name} is missing in {names:?}");
        }
    }

    #[test]
    fn a_wrong_file_is_named_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cert.pem");
        fs::write(&path, "no certificate").unwrap();
        let mut settings = server(dir.path());
        (settings.tls_cert, settings.tls_key) = (Some(path.clone()), Some(dir.path().join("missing.pem")));
        let text = server_config(&settings, &[]).unwrap_err().to_string();
        assert!(text.contains("remedy: server.tls_cert"), "{text}");
    }
}
