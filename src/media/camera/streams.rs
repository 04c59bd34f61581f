//! `srt://`, `udp://` and `rtmp://`: elements of GStreamer that are told where to, by the address that was checked.
//!
//! Everything of the URI is read here and set as a property; elements never see the URI itself.

use super::container::{Container, chain};
use super::head::{Head, Site, element};
use super::plan::Plan;
use super::trouble::Trouble;
use crate::model::IngestReason;
use gst::prelude::*;

/// Keys of `srt://` that are understood.
const SRT_KEYS: [&str; 4] = ["mode", "streamid", "latency", "pbkeylen"];
/// Datagrams that may wait for us in the kernel.
const UDP_BUFFER: i32 = 2 << 20;

/// `srt://host:port` (caller) and `srt://:port?mode=listener`; the password is the passphrase.
///
/// # Errors
/// `NotFound`: the URI's options; `Credentials`: the passphrase cannot be one.
pub fn srt(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let at = address(plan)?;
    let source = element("srtsrc")?;
    source.set_property("uri", format!("srt://{at}"));
    source.set_property("latency", i32::try_from(plan.wish.latency_ms).unwrap_or(i32::MAX));
    let mut listens = at.ip().is_unspecified();
    for (key, value) in plan.url.query_pairs() {
        match (key.as_ref(), value.as_ref()) {
            ("mode", "caller") => {}
            ("mode", "listener") => listens = true,
            ("streamid", id) => source.set_property("streamid", id),
            ("latency", ms) => source.set_property("latency", ms.parse::<i32>().map_err(|_| odd("latency"))?.max(0)),
            ("pbkeylen", length @ ("16" | "24" | "32")) => source.set_property_from_str("pbkeylen", length),
            (key, _) => return Err(odd(key)),
        }
    }
    source.set_property_from_str("mode", if listens { "listener" } else { "caller" });
    source.set_property("wait-for-connection", true);
    // Whether and when it is tried again is the supervisor's.
    source.set_property("auto-reconnect", false);
    passphrase(plan, &source)?;
    transport_stream(site, source, listens)
}

fn odd(key: &str) -> Trouble {
    let known = SRT_KEYS.join(", ");
    Trouble::new(
        IngestReason::NotFound,
        format!(
            "the option {key:.20} of srt:// cannot be used: there are {known}; the passphrase goes into `password`"
        ),
    )
}

fn passphrase(plan: &Plan, source: &gst::Element) -> Result<(), Trouble> {
    match plan.password.len() {
        0 => Ok(()),
        10..=79 => {
            source.set_property("passphrase", &plan.password);
            Ok(())
        }
        _ => Err(Trouble::new(IngestReason::Credentials, "a passphrase of SRT has 10 to 79 characters")),
    }
}

/// `udp://group:port`, `udp://:port`: an MPEG transport stream in datagrams.
///
/// # Errors
/// When it cannot be bound.
pub fn udp(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let at = address(plan)?;
    let source = element("udpsrc")?;
    source.set_property("address", at.ip().to_string());
    source.set_property("port", i32::from(at.port()));
    source.set_property("buffer-size", UDP_BUFFER);
    source.set_property("caps", Container::Ts.caps());
    transport_stream(site, source, true)
}

/// `rtmp://host/application/stream`, played.
///
/// # Errors
/// `NotFound` without application and stream.
pub fn rtmp(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let at = address(plan)?;
    let path = plan.url.path().trim_start_matches('/');
    let (application, stream) =
        path.rsplit_once('/').filter(|(a, s)| !a.is_empty() && !s.is_empty()).ok_or_else(|| {
            Trouble::new(IngestReason::NotFound, "an RTMP source is written rtmp://host/application/stream")
        })?;
    let stream = plan.url.query().map_or_else(|| stream.to_owned(), |query| format!("{stream}?{query}"));
    let source = element("rtmp2src")?;
    source.set_property_from_str("scheme", "rtmp");
    source.set_property("host", at.ip().to_string());
    source.set_property("port", i32::from(at.port()));
    source.set_property("application", application);
    source.set_property("stream", &stream);
    source.set_property("timeout", u32::try_from(plan.settings.connect_limit.as_secs().max(1)).unwrap_or(u32::MAX));
    if !plan.user.is_empty() {
        source.set_property("username", &plan.user);
        source.set_property("password", &plan.password);
    }
    let demuxer = Container::Flv.demuxer(&site.attach)?;
    add(site, &[&source, &element("queue")?, &demuxer])?;
    Ok(Head::default())
}

fn transport_stream(site: &Site, source: gst::Element, patient: bool) -> Result<Head, Trouble> {
    let demuxer = Container::Ts.demuxer(&site.attach)?;
    add(site, &[&source, &element("queue")?, &demuxer])?;
    Ok(Head { patient, ..Head::default() })
}

fn add(site: &Site, elements: &[&gst::Element]) -> Result<(), Trouble> {
    let gone = || Trouble::new(IngestReason::Failed, "the pipeline is gone");
    chain(&site.pipeline.downgrade().upgrade().ok_or_else(gone)?, elements)
}

fn address(plan: &Plan) -> Result<std::net::SocketAddr, Trouble> {
    let none = || Trouble::new(IngestReason::Unreachable, "the source has no address");
    plan.target()?.addresses.first().copied().ok_or_else(none)
}
