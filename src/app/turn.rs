//! The STUN and TURN server: beside real media, with the certificate of HTTPS if the operator gave one.

use super::{StartError, tls};
use crate::config::Config;
use crate::turn::{Credentials, Handout, Own, Ports, Server, TurnError};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// Starts it, unless it is switched off or `media`, our media port, is not there. And what clients are told of it and others.
pub fn start(config: &Config, media: Option<SocketAddr>) -> Result<(Option<Server>, Handout), StartError> {
    let given = config.turn.secret.as_ref().map(|secret| Credentials::new(secret.as_bytes()));
    let credentials = given.or_else(Credentials::random);
    let credentials = credentials.ok_or_else(|| StartError::Turn("the system gives no random numbers".into()))?;
    let server = media.map(|media| listen(config, media, &credentials)).transpose()?.flatten();
    let ports = server.as_ref().map_or_else(Ports::default, Server::ports);
    let address = config.media.announced().first().copied();
    Ok((server, Handout::new(&config.turn, ports, credentials, address)))
}

fn listen(config: &Config, media: SocketAddr, credentials: &Credentials) -> Result<Option<Server>, StartError> {
    let tls = certificate(config)?;
    if config.turn.listen.is_empty() && (tls.is_none() || config.turn.listen_tls.is_empty()) {
        return Ok(None);
    }
    let announced = config.media.announced();
    let media = announced.iter().map(|ip| SocketAddr::new(*ip, media.port())).collect();
    let started = Server::start(&config.turn, Own { media, announced }, tls, credentials.clone());
    Ok(Some(started.map_err(|error| match error {
        TurnError::Bind { key: "turn.listen_tls", address, cause } => {
            let flag = "MILLRACE_TURN__LISTEN_TLS (\"\" switches it off)";
            StartError::Bind { key: "turn.listen_tls", flag, address, cause }
        }
        TurnError::Bind { key, address, cause } => {
            StartError::Bind { key, flag: "MILLRACE_TURN__LISTEN (\"\" switches it off)", address, cause }
        }
        TurnError::System(cause) => StartError::Turn(cause),
    })?))
}

/// Browsers take no self-signed one here, so that there is none without the operator's.
fn certificate(config: &Config) -> Result<Option<Arc<ServerConfig>>, StartError> {
    if config.server.tls_cert.is_none() {
        return Ok(None);
    }
    let mut tls = ServerConfig::clone(&*tls::server_config(&config.server, &config.media.announced())?);
    // Whoever names a protocol names one of TURN's.
    tls.alpn_protocols.clear();
    Ok(Some(Arc::new(tls)))
}
