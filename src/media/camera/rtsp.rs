//! `rtsp://` and `rtsps://`: rtspsrc, told exactly where to go.
//!
//! Decides on transport, certificate, keep-alive and which tracks are set up. Its location is the address that was checked, so that nothing is resolved a second time. Tracks that nobody wants are never
//! set up.

use super::attach::Attach;
use super::head::{Head, Site, element};
use super::plan::Plan;
use super::trouble::Trouble;
use crate::model::{Kind, Transport};
use gst::prelude::*;
use std::sync::{Arc, Weak};
use std::time::Duration;

mod certificate;

/// Half of the session timeout that servers have unless they say another (RFC 2326 12.37), and less.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Builds it.
///
/// # Errors
/// `Failed`: the element is missing.
pub fn build(plan: &Plan, site: &Site) -> Result<Head, Trouble> {
    let source = element("rtspsrc")?;
    configure(&source, plan)?;
    let attach = Arc::downgrade(&site.attach);
    stay(&source, plan, site)?;
    if plan.url.scheme() == "rtsps" {
        certificate::judge(&source, plan, attach.clone())?;
    }
    select(&source, attach.clone());
    pads(&source, attach);
    site.pipeline.add(&source)?;
    let keep = keep_alive(&source).map(|task| Box::new(task) as _);
    Ok(Head { keep, ..Head::default() })
}

fn configure(source: &gst::Element, plan: &Plan) -> Result<(), Trouble> {
    let micros = |limit: Duration| u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    source.set_property("location", plan.target()?.located());
    source.set_property_from_str("protocols", protocols(plan.wish.transport, plan.url.scheme()));
    source.set_property("latency", u32::try_from(plan.wish.latency_ms).unwrap_or(u32::MAX));
    source.set_property("drop-on-latency", true);
    source.set_property("tcp-timeout", micros(plan.settings.connect_limit));
    // Without this a camera that sends no UDP would be asked for TCP, against the operator's choice.
    source.set_property("timeout", 0u64);
    source.set_property("user-agent", "Millrace");
    if !plan.user.is_empty() {
        source.set_property("user-id", &plan.user);
        source.set_property("user-pw", &plan.password);
    }
    Ok(())
}

/// rtspsrc follows redirects by itself: it is noticed before it connects, and not a word is said there.
fn stay(source: &gst::Element, plan: &Plan, site: &Site) -> Result<(), Trouble> {
    let target = plan.target()?;
    let at = target.addresses.first().map(ToString::to_string).unwrap_or_default();
    site.attach.keep_to(format!("{}://{at}", target.url.scheme()));
    let attach = Arc::downgrade(&site.attach);
    source.connect("before-send", false, move |_| {
        Some(attach.upgrade().is_some_and(|attach| !attach.is_astray()).to_value())
    });
    Ok(())
}

/// rtspsrc says nothing while packets come over TCP, and a server may take that for a client that is gone (RFC 2326 10.8).
/// Any answer will do.
fn keep_alive(source: &gst::Element) -> Option<AbortOnDrop> {
    let (source, runtime) = (source.downgrade(), tokio::runtime::Handle::try_current().ok()?);
    let asking = async move {
        let mut tick = tokio::time::interval(KEEP_ALIVE);
        tick.tick().await;
        loop {
            tick.tick().await;
            let Some(source) = source.upgrade() else { return };
            let promise = gst::Promise::with_change_func(|_| {});
            source.emit_by_name::<bool>("get-parameter", &[&"position", &None::<String>, &promise]);
        }
    };
    Some(AbortOnDrop(runtime.spawn(asking)))
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn protocols(transport: Transport, scheme: &str) -> &'static str {
    match (transport, scheme) {
        (Transport::Tcp, "rtsps") => "tls+tcp",
        (Transport::Tcp, _) => "tcp",
        (Transport::Udp, "rtsps") => "tls+udp",
        (Transport::Udp, _) => "udp",
        (Transport::Multicast, "rtsps") => "tls+udp-mcast",
        (Transport::Multicast, _) => "udp-mcast",
    }
}

/// One track of each kind that is wanted; metadata and back channels are left alone.
fn select(source: &gst::Element, attach: Weak<Attach>) {
    let taken = parking_lot::Mutex::new(Vec::new());
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let kind = caps.as_ref().and_then(|caps| caps.structure(0)).and_then(kind);
        let mut taken = taken.lock();
        let wanted =
            kind.filter(|kind| !taken.contains(kind) && attach.upgrade().is_some_and(|attach| attach.wants(*kind)));
        taken.extend(wanted);
        Some(wanted.is_some().to_value())
    });
}

fn kind(caps: &gst::StructureRef) -> Option<Kind> {
    match caps.get::<&str>("media").ok()? {
        "video" => Some(Kind::Video),
        "audio" => Some(Kind::Audio),
        _ => None,
    }
}

fn pads(source: &gst::Element, attach: Weak<Attach>) {
    let to = attach.clone();
    source.connect_pad_added(move |_, pad| {
        if let Some(attach) = to.upgrade().filter(|_| pad.direction() == gst::PadDirection::Src) {
            attach.pad(pad);
        }
    });
    source.connect_no_more_pads(move |_| {
        if let Some(attach) = attach.upgrade() {
            attach.complete();
        }
    });
}
