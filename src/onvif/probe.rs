//! WS-Discovery's messages: the question to all devices, and a device's answer. Pure.

use super::address::decoded;
use super::soap::shown;
use super::xml::{self, Node};
use serde::Serialize;
use std::net::IpAddr;
use url::Url;

/// Addresses of a device that are listened to.
const MAX_ADDRESSES: usize = 16;

/// A device that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Its own lasting name, `urn:uuid:…`.
    pub endpoint: String,
    /// What it is called.
    pub name: Option<String>,
    /// Its model.
    pub hardware: Option<String>,
    /// Where it says it is.
    pub location: Option<String>,
    /// Address of its device service: of several the one that it answered from.
    pub address: String,
    /// All of its addresses.
    pub addresses: Vec<String>,
    /// The address that its answer came from.
    #[schema(value_type = String)]
    pub from: IpAddr,
    /// Why the server may not talk to it, in words; `null` when it may.
    pub refused: Option<String>,
}

/// The question, for devices of one type. `id` is a UUID.
pub fn question(id: &str, kind: Kind) -> String {
    let (prefix, namespace, name) = match kind {
        Kind::Camera => ("dn", "http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter"),
        Kind::Device => ("tds", "http://www.onvif.org/ver10/device/wsdl", "Device"),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" \
         xmlns:{prefix}=\"{namespace}\"><e:Header><w:MessageID>uuid:{id}</w:MessageID>\
         <w:To e:mustUnderstand=\"true\">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>\
         <w:Action e:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>\
         <e:Body><d:Probe><d:Types>{prefix}:{name}</d:Types></d:Probe></e:Body></e:Envelope>"
    )
}

/// What is asked for: older devices know the first type only, newer recorders the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `dn:NetworkVideoTransmitter`
    Camera,
    /// `tds:Device`
    Device,
}

/// The devices in an answer to one of the questions `asked` (UUIDs). Printers and the like are left out.
pub fn answers(datagram: &[u8], from: IpAddr, asked: &[String]) -> Vec<Found> {
    let Ok(envelope) = xml::read(datagram) else { return Vec::new() };
    let related = envelope.path(&["Header", "RelatesTo"]).map_or("", |node| node.text.as_str());
    // Some devices leave it out; the port that it came to is known to those who were asked alone.
    if !related.is_empty() && !asked.iter().any(|id| related.ends_with(id.as_str())) {
        return Vec::new();
    }
    let Some(matches) = envelope.path(&["Body", "ProbeMatches"]) else { return Vec::new() };
    matches.children("ProbeMatch").filter_map(|node| device(node, from)).collect()
}

fn device(node: &Node, from: IpAddr) -> Option<Found> {
    let text = |name: &str| node.child(name).map_or("", |node| node.text.as_str());
    let (scopes, types) = (text("Scopes"), text("Types"));
    if !types.contains("NetworkVideo") && !scopes.contains("onvif://") {
        return None;
    }
    let addresses = text("XAddrs").split_whitespace().filter_map(usable).take(MAX_ADDRESSES);
    let addresses: Vec<Url> = addresses.collect();
    let address = preferred(&addresses, from)?.to_string();
    let endpoint = shown(node.path(&["EndpointReference", "Address"]).map_or("", |node| node.text.as_str()));
    Some(Found {
        endpoint: if endpoint.is_empty() { address.clone() } else { endpoint },
        name: scope(scopes, "name"),
        hardware: scope(scopes, "hardware"),
        location: scope(scopes, "location"),
        addresses: addresses.into_iter().map(String::from).collect(),
        address,
        from,
        refused: None,
    })
}

fn usable(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    plain.then_some(url)
}

/// The one it answered from; else one of IPv4, since link-local IPv6 leads nowhere without an interface.
fn preferred(addresses: &[Url], from: IpAddr) -> Option<&Url> {
    let ip = |url: &Url| match url.host()? {
        url::Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        url::Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        url::Host::Domain(_) => None,
    };
    let same = addresses.iter().find(|url| ip(url) == Some(from));
    let v4 = || addresses.iter().find(|url| ip(url).is_some_and(|ip| ip.is_ipv4()));
    same.or_else(v4).or_else(|| addresses.first())
}

/// `onvif://www.onvif.org/name/Front%20door` → `Front door`.
fn scope(scopes: &str, kind: &str) -> Option<String> {
    let value = |scope: &str| {
        let (_, rest) = scope.split_once("onvif://")?.1.split_once('/')?;
        let (found, value) = rest.split_once('/')?;
        found.eq_ignore_ascii_case(kind).then(|| shown(&decoded(value)))
    };
    scopes.split_whitespace().filter_map(value).find(|value| !value.is_empty())
}

/// One entry per device, with all of its addresses.
pub fn merge(known: &mut Vec<Found>, found: Found) {
    let Some(same) = known.iter_mut().find(|one| one.endpoint == found.endpoint || one.address == found.address) else {
        return known.push(found);
    };
    let new = found.addresses.into_iter().filter(|address| !same.addresses.contains(address)).collect::<Vec<_>>();
    same.addresses.extend(new);
    same.addresses.truncate(MAX_ADDRESSES);
    same.name = same.name.take().or(found.name);
    same.hardware = same.hardware.take().or(found.hardware);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "e32e6863-ea5e-4ee4-997e-69539d1ff2cc";
    const DAHUA: &[u8] = include_bytes!("../../fuzz/corpus/onvif/probe_dahua.xml");
    const AXIS: &[u8] = include_bytes!("../../fuzz/corpus/onvif/probe_axis.xml");
    const PRINTER: &[u8] = include_bytes!("../../fuzz/corpus/onvif/probe_printer.xml");

    fn read(datagram: &[u8]) -> Vec<Found> {
        answers(datagram, "192.168.1.108".parse().unwrap(), &[ID.to_owned()])
    }

    #[test]
    fn names_models_and_the_best_address_are_read() {
        let found = read(DAHUA).remove(0);
        assert_eq!((found.name.as_deref(), found.hardware.as_deref()), (Some("Dahua"), Some("IPC-HDW2431T")));
        assert_eq!(found.location.as_deref(), Some("country/china"));
        assert_eq!(found.address, "http://192.168.1.108/onvif/device_service");
        let axis = read(AXIS).remove(0);
        assert_eq!(axis.name.as_deref(), Some("AXIS M3045-V & more"));
        assert_eq!(axis.address, "http://192.168.1.90/onvif/device_service", "of IPv4, as none is the sender's");
        assert_eq!(axis.addresses.len(), 2);
    }

    #[test]
    fn printers_strangers_answers_and_rubbish_are_left_out() {
        assert_eq!(read(PRINTER), []);
        assert_eq!(answers(DAHUA, "192.168.1.108".parse().unwrap(), &["another".into()]), []);
        assert_eq!(read(b"<a"), []);
    }

    #[test]
    fn a_device_that_answers_twice_is_one() {
        let mut all = Vec::new();
        let mut again = read(DAHUA).remove(0);
        again.addresses = vec!["http://10.0.0.1/onvif/device_service".into()];
        for found in [read(DAHUA).remove(0), read(AXIS).remove(0), again] {
            merge(&mut all, found);
        }
        assert_eq!((all.len(), all[0].addresses.len()), (2, 3));
    }
}
