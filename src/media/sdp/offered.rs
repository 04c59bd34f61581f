//! A client's description, checked and normalised: what it says at session level holds for each section, every
//! section has a mid, sizes are bounded, candidates are gone (a lite agent needs none, and `.local` ones would be
//! looked up).

use super::text::{value, values};
use crate::media::MediaError;
use sdp_types::{Attribute, Media, Session};
use std::collections::HashSet;

/// Longest description taken; browsers' offers are near 8 kB.
const MAX_BYTES: usize = 64 * 1024;
/// Most m-sections taken.
const MAX_SECTIONS: usize = 32;
/// What may stand at session level and holds for every section.
const INHERITED: [&str; 4] = ["ice-ufrag", "ice-pwd", "fingerprint", "setup"];

/// A certificate's fingerprint (RFC 8122).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Hash function in lower case, e.g. `sha-256`.
    pub hash: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The far side's end of the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// ICE user name fragment.
    pub name: String,
    /// ICE password.
    pub password: String,
    /// DTLS role: `actpass`, `active` or `passive`.
    pub setup: String,
    /// Its certificate has one of these.
    pub fingerprints: Vec<Fingerprint>,
    /// The description's session id, the same for all of one peer connection (RFC 9429 5.2.2).
    pub session: String,
}

/// Reads a description.
pub fn read(text: &str) -> Result<Session, MediaError> {
    if text.len() > MAX_BYTES {
        return Err(bad("it is longer than 64 kB"));
    }
    let mut session = Session::parse(text.as_bytes()).map_err(|error| bad(&error.to_string()))?;
    if session.medias.is_empty() || session.medias.len() > MAX_SECTIONS {
        return Err(bad("it must have 1 to 32 m-sections"));
    }
    let inherited: Vec<Attribute> =
        session.attributes.iter().filter(|a| INHERITED.contains(&a.attribute.as_str())).cloned().collect();
    for media in &mut session.medias {
        inherit(media, &inherited);
        media.attributes.retain(|a| a.attribute != "candidate");
    }
    name_sections(&mut session)?;
    Ok(session)
}

fn inherit(media: &mut Media, inherited: &[Attribute]) {
    let own: HashSet<String> = media.attributes.iter().map(|a| a.attribute.clone()).collect();
    media.attributes.extend(inherited.iter().filter(|a| !own.contains(&a.attribute)).cloned());
}

fn name_sections(session: &mut Session) -> Result<(), MediaError> {
    let mut seen = HashSet::new();
    for (index, media) in session.medias.iter_mut().enumerate() {
        let mid = match value(media, "mid") {
            Some(mid) => mid.to_owned(),
            None => {
                media.add_attribute_with_value("mid", index);
                index.to_string()
            }
        };
        if mid.is_empty() || mid.len() > 32 || mid.contains(char::is_whitespace) || !seen.insert(mid) {
            return Err(bad("mids must be unique words of at most 32 characters"));
        }
    }
    Ok(())
}

/// The mids of the first bundle, or of the first section alone.
pub fn bundle(session: &Session) -> Vec<String> {
    let groups = session.get_attribute_values("group").flatten();
    let bundle = groups.filter_map(|group| group.strip_prefix("BUNDLE ")).next();
    match bundle {
        Some(mids) => mids.split_whitespace().map(str::to_owned).collect(),
        None => session
            .medias
            .iter()
            .find(|m| m.port != 0)
            .and_then(|m| value(m, "mid"))
            .map(str::to_owned)
            .into_iter()
            .collect(),
    }
}

impl Remote {
    /// Whether this is a later description of the peer connection that `before` belongs to: its certificate, and its
    /// session or ICE name. The certificate alone may be shared by several (`RTCPeerConnection.generateCertificate`).
    pub fn continues(&self, before: &Self) -> bool {
        let certificate = self.fingerprints.iter().any(|fingerprint| before.fingerprints.contains(fingerprint));
        certificate && (self.session == before.session || self.name == before.name)
    }

    /// The transport of a section.
    pub fn of(session: &str, media: &Media) -> Result<Self, MediaError> {
        let name = word(media, "ice-ufrag")?;
        let password = word(media, "ice-pwd")?;
        let setup = value(media, "setup").unwrap_or("actpass").trim().to_owned();
        if !["actpass", "active", "passive"].contains(&setup.as_str()) {
            return Err(bad("a=setup must be actpass, active or passive"));
        }
        let fingerprints: Vec<Fingerprint> = values(media, "fingerprint").filter_map(Fingerprint::parse).collect();
        if fingerprints.is_empty() {
            return Err(bad("a=fingerprint is missing or not of sha-256, sha-384 or sha-512"));
        }
        Ok(Self { name, password, setup, fingerprints, session: session.to_owned() })
    }
}

/// An ICE name or password: ice-char only (RFC 8839 5.4), so that it can be written into another description.
fn word(media: &Media, attribute: &'static str) -> Result<String, MediaError> {
    let text = value(media, attribute).unwrap_or_default().trim();
    let fits =
        (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b));
    if fits { Ok(text.to_owned()) } else { Err(bad(&format!("a={attribute} is missing or malformed"))) }
}

impl Fingerprint {
    /// Reads `sha-256 AB:CD:…`.
    pub fn parse(value: &str) -> Option<Self> {
        let (hash, hex) = value.trim().split_once(' ')?;
        let hash = hash.to_ascii_lowercase();
        let bytes: Vec<u8> =
            hex.trim().split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>().ok()?;
        let length = match hash.as_str() {
            "sha-256" => 32,
            "sha-384" => 48,
            "sha-512" => 64,
            _ => return None,
        };
        (bytes.len() == length).then_some(Self { hash, bytes })
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hex: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        write!(f, "{} {}", self.hash, hex.join(":"))
    }
}

/// A `BadSdp` in words.
pub fn bad(why: &str) -> MediaError {
    MediaError::BadSdp(why.to_owned())
}
