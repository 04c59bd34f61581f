//! What a device is asked, as ONVIF's WSDL has it. Pure: texts in, texts out.

use super::xml::escape;
use serde::{Deserialize, Serialize};

const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
const MEDIA2: &str = "http://www.onvif.org/ver20/media/wsdl";
const PTZ: &str = "http://www.onvif.org/ver20/ptz/wsdl";
const SCHEMA: &str = "http://www.onvif.org/ver10/schema";
/// A camera stops by itself after this if nobody tells it to, in seconds: the page that moves it may be gone.
pub const MOVE_LIMIT_S: u32 = 5;

/// A service of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The device itself.
    Device,
    /// Media, first version: every camera has it, but it cannot name H265.
    Media,
    /// Media, second version.
    Media2,
    /// Pan, tilt and zoom.
    Ptz,
}

impl Service {
    /// Its XML namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Device => DEVICE,
            Self::Media => MEDIA,
            Self::Media2 => MEDIA2,
            Self::Ptz => PTZ,
        }
    }
    /// For sentences: "the camera has no …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Device => "device service",
            Self::Media | Self::Media2 => "media service",
            Self::Ptz => "pan, tilt and zoom",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom it is for.
    pub service: Service,
    /// ONVIF's name of it.
    pub action: &'static str,
    /// Elements in it, the service's namespace being the default one, the schema's `tt`.
    inner: String,
}

/// How fast to move: -1 to 1 each, left and down being negative; zoom in is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Velocity {
    /// To the right.
    pub x: f32,
    /// Up.
    pub y: f32,
    /// In.
    pub zoom: f32,
}

impl Velocity {
    /// Whether all are finite and within their range.
    pub fn is_valid(&self) -> bool {
        [self.x, self.y, self.zoom].iter().all(|v| (-1.0..=1.0).contains(v))
    }
    /// Whether it is no movement at all.
    pub fn is_zero(&self) -> bool {
        [self.x, self.y, self.zoom].iter().all(|v| *v == 0.0)
    }
}

impl Request {
    fn new(service: Service, action: &'static str, inner: impl Into<String>) -> Self {
        Self { service, action, inner: inner.into() }
    }

    /// The clock; may be asked by anybody.
    pub fn date() -> Self {
        Self::new(Service::Device, "GetSystemDateAndTime", "")
    }
    /// Addresses of the services.
    pub fn services() -> Self {
        Self::new(Service::Device, "GetServices", "<IncludeCapability>false</IncludeCapability>")
    }
    /// The same from older devices.
    pub fn capabilities() -> Self {
        Self::new(Service::Device, "GetCapabilities", "<Category>All</Category>")
    }
    /// Maker, model, firmware.
    pub fn information() -> Self {
        Self::new(Service::Device, "GetDeviceInformation", "")
    }
    /// Profiles, by either version of media.
    pub fn profiles(media: Service) -> Self {
        let inner = if media == Service::Media2 { "<Type>All</Type>" } else { "" };
        Self::new(media, "GetProfiles", inner)
    }
    /// The RTSP address of a profile.
    pub fn stream_uri(media: Service, profile: &str) -> Self {
        let profile = profile_token(profile);
        let inner = match media {
            Service::Media2 => format!("<Protocol>RTSP</Protocol>{profile}"),
            _ => format!(
                "<StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>\
                 </tt:Transport></StreamSetup>{profile}"
            ),
        };
        Self::new(media, "GetStreamUri", inner)
    }
    /// The address of a profile's picture.
    pub fn snapshot_uri(media: Service, profile: &str) -> Self {
        Self::new(media, "GetSnapshotUri", profile_token(profile))
    }
    /// A keyframe, please.
    pub fn synchronize(media: Service, profile: &str) -> Self {
        Self::new(media, "SetSynchronizationPoint", profile_token(profile))
    }
    /// Moves until it is stopped, or for `MOVE_LIMIT_S` if `limited` (some devices know no limit).
    pub fn moving(profile: &str, velocity: Velocity, limited: bool) -> Self {
        let Velocity { x, y, zoom } = velocity;
        // Cameras that cannot zoom refuse a request with zoom in it, and the other way round.
        let pan = if x != 0.0 || y != 0.0 { format!("<tt:PanTilt x=\"{x:.3}\" y=\"{y:.3}\"/>") } else { String::new() };
        let zoom = if zoom != 0.0 { format!("<tt:Zoom x=\"{zoom:.3}\"/>") } else { String::new() };
        let limit = if limited { format!("<Timeout>PT{MOVE_LIMIT_S}S</Timeout>") } else { String::new() };
        let inner = format!("{}<Velocity>{pan}{zoom}</Velocity>{limit}", profile_token(profile));
        Self::new(Service::Ptz, "ContinuousMove", inner)
    }
    /// Stops all movement.
    pub fn stop(profile: &str) -> Self {
        let inner = format!("{}<PanTilt>true</PanTilt><Zoom>true</Zoom>", profile_token(profile));
        Self::new(Service::Ptz, "Stop", inner)
    }
    /// Kept positions.
    pub fn presets(profile: &str) -> Self {
        Self::new(Service::Ptz, "GetPresets", profile_token(profile))
    }
    /// To a kept position.
    pub fn goto_preset(profile: &str, preset: &str) -> Self {
        let inner = format!("{}<PresetToken>{}</PresetToken>", profile_token(profile), escape(preset));
        Self::new(Service::Ptz, "GotoPreset", inner)
    }

    /// As it stands in the body of an envelope.
    pub fn body(&self) -> String {
        let Self { service, action, inner } = self;
        format!("<{action} xmlns=\"{}\" xmlns:tt=\"{SCHEMA}\">{inner}</{action}>", service.namespace())
    }
    /// What HTTP calls it.
    pub fn action_uri(&self) -> String {
        format!("{}/{}", self.service.namespace(), self.action)
    }
}

fn profile_token(profile: &str) -> String {
    format!("<ProfileToken>{}</ProfileToken>", escape(profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_moves_is_named_and_texts_cannot_break_out() {
        let zoom = Request::moving("p</x>", Velocity { zoom: -0.5, ..Velocity::default() }, true).body();
        assert!(zoom.contains("<tt:Zoom x=\"-0.500\"/>") && !zoom.contains("PanTilt"), "{zoom}");
        assert!(zoom.contains("<ProfileToken>p&lt;/x&gt;</ProfileToken>") && zoom.contains("PT5S"), "{zoom}");
        let pan = Request::moving("p", Velocity { x: 1.0, ..Velocity::default() }, false).body();
        assert!(pan.contains("<tt:PanTilt x=\"1.000\" y=\"0.000\"/>") && !pan.contains("Timeout"), "{pan}");
    }

    #[test]
    fn speeds_that_are_none_are_known() {
        let with = |x| Velocity { x, ..Velocity::default() };
        assert!(with(1.0).is_valid() && with(0.0).is_zero());
        assert!(!with(1.1).is_valid() && !with(f32::NAN).is_valid() && !with(f32::INFINITY).is_valid());
    }
}
