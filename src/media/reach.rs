//! What may be opened and sent to on behalf of those who add cameras and broadcasts.
//!
//! Decides on scheme, host and each address that a name resolves to, and gives back the addresses that passed: a caller
//! connects to exactly those and resolves nothing a second time, so a name server cannot answer differently in between.
//! Leaves to the caller to ask anew before every attempt and for every redirect. What is allowed is `config::Reach`'s.

use crate::config::Reach;
use crate::model::network;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

#[cfg(test)]
mod tests;

/// A name server that does not answer within this is as good as none.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Connected or sent to: a host.
    Connect,
    /// Sent to or received at, and may be a multicast group (`udp://`, `rtp://`, multicast of RTSP).
    Group,
    /// Bound: what comes there is taken. May be the unspecified address, which is every one of this machine.
    Listen,
}

/// Why a target is not used. The sentences hold no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// The URI cannot be understood.
    #[error("{0}")]
    Invalid(String),
    /// `[reach]` does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The name has no address, or the name server does not answer.
    #[error("{0}")]
    Unknown(String),
}

/// A target that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Without user and password.
    pub url: Url,
    /// As it is named in the URI, normalised: for TLS, the `Host` header, messages. IPv6 without brackets.
    pub host: String,
    /// The only ones that may be used, never empty.
    pub addresses: Vec<SocketAddr>,
}

impl Target {
    /// The URI with the first address in place of the name, for elements that resolve by themselves.
    pub fn located(&self) -> String {
        self.addresses.first().map_or_else(String::new, |at| self.located_at(*at))
    }
    /// The URI with `at` in place of host and port.
    pub fn located_at(&self, at: SocketAddr) -> String {
        let tail = &self.url[url::Position::BeforePath..];
        format!("{}://{at}{tail}", self.url.scheme())
    }
}

/// Reads a URI and moves its credentials out: the URI without them, user, password (percent-decoded). `srt://:9000` and
/// `udp://@:5000`, which name no host, are read as the unspecified address.
///
/// # Errors
/// `Invalid`; its text does not repeat the URI, which may hold a password.
pub fn parse(uri: &str) -> Result<(Url, String, String), ReachError> {
    let mut url = Url::parse(&with_host(uri.trim())).map_err(|e| {
        ReachError::Invalid(format!("the URI cannot be read ({e}): it should look like rtsp://host:554/path"))
    })?;
    let decode = |text: &str| percent_decode(text);
    let (user, password) = (decode(url.username()), decode(url.password().unwrap_or_default()));
    if url.has_host() {
        let _no_credentials = (url.set_username(""), url.set_password(None));
    }
    Ok((url, user, password))
}

/// Checks the scheme, the host and its addresses. `default_port` counts when the URI has none; 0: one is needed.
///
/// # Errors
/// `Forbidden` names the setting that would allow it; `Unknown` when nothing is found; `Invalid` without host or port.
pub async fn target(reach: &Reach, uri: &str, default_port: u16, way: Way) -> Result<Target, ReachError> {
    let (url, _, _) = parse(uri)?;
    scheme(reach, &url)?;
    let host = host_of(&url)?;
    let port = url.port_or_known_default().unwrap_or(default_port);
    if port == 0 {
        return Err(ReachError::Invalid("the URI needs a port, as in udp://239.1.1.1:5000".into()));
    }
    let addresses = resolve(reach, &host, port, way).await?;
    Ok(Target { url, host: bare(&host), addresses })
}

/// Whether `url`'s scheme may be used.
///
/// # Errors
/// `Forbidden`.
pub fn scheme(reach: &Reach, url: &Url) -> Result<(), ReachError> {
    let scheme = url.scheme();
    if reach.schemes.iter().any(|s| s.eq_ignore_ascii_case(scheme)) {
        return Ok(());
    }
    let allowed = reach.schemes.join(", ");
    Err(ReachError::Forbidden(format!(
        "{scheme}:// is not among [reach] schemes ({allowed}): use one of them or add it there"
    )))
}

/// The addresses of `host` that may be used, at `port`.
///
/// # Errors
/// `Forbidden` when none of them may, `Unknown` when there is none.
pub async fn resolve(reach: &Reach, host: &Host, port: u16, way: Way) -> Result<Vec<SocketAddr>, ReachError> {
    named(reach, host)?;
    let found = match host {
        Host::Ipv4(v4) => vec![IpAddr::V4(*v4)],
        Host::Ipv6(v6) => vec![IpAddr::V6(*v6)],
        Host::Domain(name) => lookup(name).await?,
    };
    let allowed = choose(reach, &bare(host), &found, way)?;
    Ok(allowed.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// Whether one address may be used.
///
/// # Errors
/// `Forbidden`.
pub fn address(reach: &Reach, ip: IpAddr, way: Way) -> Result<(), ReachError> {
    // Only the mapped form is the same host as the address inside; the others merely may lead there.
    let plain = ip.to_canonical();
    if reach.special.iter().any(|net| net.contains(&ip) || net.contains(&plain)) {
        return Ok(());
    }
    match (network::kind(ip), way) {
        (Some(network::Special::Unspecified), Way::Listen) if ip.is_unspecified() => return Ok(()),
        (Some(network::Special::Multicast), Way::Group | Way::Listen) | (None, _) => {}
        (Some(kind), _) => {
            let kind = kind.as_str();
            return Err(ReachError::Forbidden(format!(
                "{ip} is {kind}: add its network to [reach] special if it is meant"
            )));
        }
    }
    if reach.networks.is_empty() || reach.networks.iter().any(|net| net.contains(&ip) || net.contains(&plain)) {
        return Ok(());
    }
    Err(ReachError::Forbidden(format!("{ip} is in none of [reach] networks: add its network there")))
}

/// The host of a URI in its normal form: `0x7f.1`, `2130706433` and `127.0.0.1` are the same, trailing dots are gone.
///
/// # Errors
/// `Invalid` without a usable host.
pub fn host_of(url: &Url) -> Result<Host, ReachError> {
    let none = || ReachError::Invalid(format!("the URI needs a host, as in {}://192.168.1.20/", url.scheme()));
    let text = url.host_str().filter(|h| !h.is_empty()).ok_or_else(none)?;
    let host = Host::parse(text.trim_end_matches('.')).map_err(|_| none())?;
    Ok(host)
}

/// Those of `found` that may be used.
fn choose(reach: &Reach, host: &str, found: &[IpAddr], way: Way) -> Result<Vec<IpAddr>, ReachError> {
    let mut refusal = ReachError::Unknown(format!("{host} has no address: check the name"));
    let mut allowed = Vec::new();
    for ip in found {
        match address(reach, *ip, way) {
            Ok(()) => allowed.push(*ip),
            Err(e) => refusal = e,
        }
    }
    if allowed.is_empty() { Err(refusal) } else { Ok(allowed) }
}

/// Whether the name is among `[reach] hosts`.
fn named(reach: &Reach, host: &Host) -> Result<(), ReachError> {
    let name = bare(host);
    let fits = |pattern: &String| {
        let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
        match pattern.strip_prefix('*') {
            Some(tail) => matches!(host, Host::Domain(_)) && tail.starts_with('.') && name.ends_with(tail),
            None => Host::parse(&pattern).is_ok_and(|h| bare(&h) == name) || pattern == name,
        }
    };
    if reach.hosts.is_empty() || reach.hosts.iter().any(fits) {
        return Ok(());
    }
    Err(ReachError::Forbidden(format!("{name} is not among [reach] hosts: add it there")))
}

async fn lookup(name: &str) -> Result<Vec<IpAddr>, ReachError> {
    let unknown = |why: &str| ReachError::Unknown(format!("{name} cannot be resolved ({why}): check the name"));
    match tokio::time::timeout(RESOLVE_LIMIT, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => Ok(found.map(|at| at.ip()).collect()),
        Ok(Err(_)) => Err(unknown("no such name")),
        Err(_) => Err(unknown("the name server does not answer")),
    }
}

fn bare(host: &Host) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(v4) => v4.to_string(),
        Host::Ipv6(v6) => v6.to_string(),
    }
}

/// `scheme://:PORT` and `scheme://@:PORT` get the unspecified address.
fn with_host(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    match rest.strip_prefix('@').unwrap_or(rest) {
        port if port.starts_with(':') => format!("{scheme}://0.0.0.0{port}"),
        // udp://@239.1.1.1:5000, as VLC writes it.
        group => format!("{scheme}://{group}"),
    }
}

/// `%20` and the like become what they stand for; anything else stays.
pub fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
