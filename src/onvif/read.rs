//! What a device's answers say. Pure, and lenient: cameras leave out what they like.

use super::request::Service;
use super::soap::shown;
use super::xml::Node;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

/// More profiles than any camera has; recorders have some per channel.
const MAX_PROFILES: usize = 64;
/// Longer names are not given back to a device.
const LONGEST_TOKEN: usize = 256;
const WIDEST: u32 = 16_384;

/// Who made the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Information {
    /// Maker.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Version of its firmware.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
}

/// One of the streams that a camera offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Profile {
    /// Its name in requests: `profile` of snapshots and movements.
    pub token: String,
    /// Its name for people.
    pub name: String,
    /// Encoding of its pictures: `H264`, `H265`, `JPEG`, `MPEG4`; `null` when it has none.
    pub encoding: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Pictures per second, at most.
    pub framerate: Option<f32>,
    /// Bits per second, at most.
    pub bitrate: Option<u64>,
    /// Encoding of its sound: `G711`, `G726`, `AAC`…; `null` when it has none.
    pub audio: Option<String>,
    /// Whether the camera can be moved by it.
    pub ptz: bool,
    /// Address of its stream, without user and password.
    pub uri: Option<String>,
    /// Address of its picture, without user and password; `null` when it has none.
    pub snapshot: Option<String>,
    /// Why the stream cannot be used, in words.
    pub problem: Option<String>,
}

/// A position that the camera keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preset {
    /// Its name in requests.
    pub token: String,
    /// Its name for people.
    pub name: String,
}

/// Addresses of services, as the device names them.
pub fn services(response: &Node) -> Vec<(Service, String)> {
    const KNOWN: [Service; 4] = [Service::Device, Service::Media, Service::Media2, Service::Ptz];
    let service = |node: &Node| {
        let namespace = node.child("Namespace")?.text.trim_end_matches('/').to_owned();
        let known = KNOWN.into_iter().find(|known| known.namespace() == namespace)?;
        Some((known, node.child("XAddr")?.text.clone()))
    };
    response.children("Service").filter_map(service).collect()
}

/// The same from `GetCapabilities`.
pub fn capabilities(response: &Node) -> Vec<(Service, String)> {
    let Some(all) = response.child("Capabilities") else { return Vec::new() };
    let named = [("Device", Service::Device), ("Media", Service::Media), ("PTZ", Service::Ptz)];
    let address = |name: &str| all.path(&[name, "XAddr"]).map(|node| node.text.clone()).filter(|text| !text.is_empty());
    named.into_iter().filter_map(|(name, service)| Some((service, address(name)?))).collect()
}

/// The device's clock.
pub fn date(response: &Node) -> Option<Timestamp> {
    let utc = response.find("UTCDateTime")?;
    let number = |part: &str, name: &str| utc.path(&[part, name])?.text.parse::<i16>().ok();
    let small = |part: &str, name: &str| i8::try_from(number(part, name)?).ok();
    let (year, month, day) = (number("Date", "Year")?, small("Date", "Month")?, small("Date", "Day")?);
    let (hour, minute) = (small("Time", "Hour")?, small("Time", "Minute")?);
    // A leap second is written as 60.
    let second = small("Time", "Second")?.min(59);
    let at = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// Who made the device.
pub fn information(response: &Node) -> Information {
    let text = |name: &str| shown(response.text_of(name).unwrap_or_default());
    Information {
        manufacturer: text("Manufacturer"),
        model: text("Model"),
        firmware: text("FirmwareVersion"),
        serial: text("SerialNumber"),
    }
}

/// Profiles of either version of media; their addresses are asked for separately.
pub fn profiles(response: &Node) -> Vec<Profile> {
    response.children("Profiles").filter_map(profile).take(MAX_PROFILES).collect()
}

fn profile(node: &Node) -> Option<Profile> {
    let token = token(node)?;
    let part = |old: &str, new: &str| node.child(old).or_else(|| node.path(&["Configurations", new]));
    let video = part("VideoEncoderConfiguration", "VideoEncoder");
    let audio = part("AudioEncoderConfiguration", "AudioEncoder");
    let number = |path: &[&str]| video?.path(path)?.text.parse::<f32>().ok().filter(|n| *n > 0.0 && n.is_finite());
    let pixels = |name| video?.path(&["Resolution", name])?.text.parse().ok().filter(|n| (1..=WIDEST).contains(n));
    Some(Profile {
        name: shown(node.child("Name").map_or(&token, |name| &name.text)),
        encoding: video.and_then(encoding),
        width: pixels("Width"),
        height: pixels("Height"),
        framerate: number(&["RateControl", "FrameRateLimit"]),
        // It is told in thousands.
        bitrate: number(&["RateControl", "BitrateLimit"]).map(|n| (n * 1000.0) as u64),
        audio: audio.and_then(encoding),
        ptz: part("PTZConfiguration", "PTZ").is_some(),
        token,
        ..Profile::default()
    })
}

fn encoding(configuration: &Node) -> Option<String> {
    let text = shown(&configuration.child("Encoding")?.text).to_ascii_uppercase();
    (!text.is_empty()).then_some(text)
}

/// An address: of a stream or a picture.
pub fn uri(response: &Node) -> Option<String> {
    response.text_of("Uri").map(str::to_owned)
}

/// Positions that the camera keeps.
pub fn presets(response: &Node) -> Vec<Preset> {
    const MOST: usize = 300;
    let preset = |node: &Node| {
        let token = token(node)?;
        let name = shown(node.child("Name").map_or("", |name| &name.text));
        Some(Preset { name: if name.is_empty() { token.clone() } else { name }, token })
    };
    response.children("Preset").filter_map(preset).take(MOST).collect()
}

fn token(node: &Node) -> Option<String> {
    let token = node.attribute("token")?;
    (!token.is_empty() && token.len() <= LONGEST_TOKEN).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onvif::soap::{self, Answer};

    fn response(document: &str) -> Node {
        let text = std::fs::read(format!("fuzz/corpus/onvif/{document}.xml")).unwrap();
        match soap::read(&text) {
            Ok(Answer::Response(node)) => node,
            other => panic!("{document}: {other:?}"),
        }
    }

    #[test]
    fn three_makers_profiles_are_read() {
        let [main, sub] = profiles(&response("hikvision_profiles2")).try_into().unwrap();
        assert_eq!((main.token.as_str(), main.name.as_str(), main.ptz), ("Profile_1", "mainStream", true));
        assert_eq!((main.encoding.as_deref(), main.width, main.height), (Some("H265"), Some(2560), Some(1440)));
        assert_eq!((main.framerate, main.bitrate, main.audio.as_deref()), (Some(25.0), Some(4_096_000), Some("PCMU")));
        assert_eq!(
            (sub.encoding.as_deref(), sub.framerate, sub.audio, sub.ptz),
            (Some("H264"), Some(12.5), None, false)
        );
        let [main, sub] = profiles(&response("dahua_profiles")).try_into().unwrap();
        assert_eq!((main.encoding.as_deref(), main.width, main.ptz), (Some("H264"), Some(1920), true));
        assert_eq!((sub.encoding.as_deref(), sub.width, sub.bitrate), (Some("JPEG"), Some(704), None));
        let [only] = profiles(&response("axis_profiles")).try_into().unwrap();
        assert_eq!((only.name.as_str(), only.framerate, only.ptz), ("profile_1 h264", Some(30.0), false));
    }

    #[test]
    fn services_are_read_from_both_answers() {
        let hikvision = services(&response("hikvision_services"));
        let names: Vec<_> = hikvision.iter().map(|(service, _)| *service).collect();
        assert_eq!(names, [Service::Device, Service::Media, Service::Ptz, Service::Media2]);
        let dahua = capabilities(&response("dahua_capabilities"));
        assert!(dahua.contains(&(Service::Ptz, "http://192.168.1.108/onvif/ptz_service".into())), "{dahua:?}");
        assert_eq!(services(&response("axis_services")).len(), 2);
    }

    #[test]
    fn clocks_addresses_and_positions_are_read() {
        assert_eq!(date(&response("date")).unwrap().to_string(), "2026-11-21T07:50:59Z");
        let told = uri(&response("axis_stream")).unwrap();
        assert!(told.ends_with("?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast"), "{told}");
        let presets: Vec<_> = presets(&response("dahua_presets")).into_iter().map(|p| (p.token, p.name)).collect();
        assert_eq!(presets, [("1".into(), "Gate".into()), ("2".into(), "2".into())]);
    }
}
