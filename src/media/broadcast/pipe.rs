//! One attempt over RTMP or SRT: the pipeline, from its making to its end.
//!
//! Decides how the sinks are set up and when media flows; secrets are set as properties, and the pipeline's graph, which would
//! show them, is given to nobody.

use super::feeder::Feeder;
use super::plan::{Plan, Srt, To};
use super::report::Report;
use super::supervisor::Happening;
use crate::media::outlet::{Framing, Outlet, Sound, Wants};
use crate::media::reach::Target;
use crate::media::rendition::Renditions;
use crate::media::template::{Template, element};
use crate::media::{MediaError, census, feed::Feed};
use crate::model::{Codec, Kind};
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// A stream that is stopped says goodbye within this.
const GOODBYE: Duration = Duration::from_secs(1);

/// A running attempt. To be closed where blocking is allowed; dropped, it ends without a goodbye.
pub(super) struct Pipe {
    outlet: Option<Outlet>,
    pipeline: gst::Pipeline,
    sources: Vec<(Kind, gst_app::AppSrc)>,
    /// Something is being left out: the other side is slow.
    pub slow: Arc<AtomicBool>,
    ended: Mutex<Receiver<()>>,
}

/// Where an attempt gets its media, and whom it tells.
pub(super) struct Ends<'a> {
    pub feed: &'a Arc<Feed>,
    pub renditions: &'a Arc<Renditions>,
    pub report: &'a Arc<Report>,
    pub tell: &'a UnboundedSender<Happening>,
}

impl Pipe {
    /// Begins to connect, and to send from the feed's next keyframe. May block for a moment.
    pub(super) fn start(plan: &Plan, target: &Target, ends: &Ends<'_>) -> Result<Self, MediaError> {
        let kinds = kinds(ends.feed);
        let (name, framing) = match &plan.to {
            To::Rtmp { .. } => ("broadcast/rtmp", Framing::Avc),
            To::Srt(_) | To::Rtp => ("broadcast/srt", Framing::ByteStream),
        };
        let inputs = kinds.iter().map(|kind| if *kind == Kind::Video { Codec::H264 } else { Codec::Opus }.as_str());
        let pipeline = Template::load(name, ends.renditions.templates())?.build(inputs)?;
        census::count("pipeline", &pipeline);
        let (told, ended) = channel();
        let slow = Arc::new(AtomicBool::new(false));
        let sources = kinds.iter().map(|kind| Ok((*kind, source(&pipeline, *kind)?))).collect::<Result<Vec<_>, _>>()?;
        let mut pipe = Self { outlet: None, pipeline, sources, slow, ended: Mutex::new(ended) };
        pipe.watch(ends.tell, told);
        let sink = element(&pipe.pipeline, "out")?;
        set_up(&sink, plan, target);
        tell_callers(&sink, ends);
        count(&sink, ends, matches!(&plan.to, To::Srt(srt) if srt.listener));
        pipe.pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| MediaError::Transient("the connection cannot be begun".into()))?;
        let mut feeder = Feeder::new(&pipe.pipeline, pipe.sources.clone(), pipe.slow.clone(), ends.tell.clone());
        let (sound, take) = (Sound::Aac, Box::new(move |unit| feeder.take(unit)));
        pipe.outlet = Some(Outlet::start(ends.feed.clone(), ends.renditions, Wants { sound, framing }, take)?);
        Ok(pipe)
    }

    /// Ends it: with a goodbye when it was live. Blocks for a moment.
    pub(super) fn close(mut self, politely: bool) {
        self.outlet = None;
        if politely {
            self.sources.iter().for_each(|(_, source)| _ = source.end_of_stream());
            let _ = self.ended.lock().recv_timeout(GOODBYE);
        }
    }

    /// Errors and the end, as they are told on the bus.
    fn watch(&self, tell: &UnboundedSender<Happening>, ended: Sender<()>) {
        let Some(bus) = self.pipeline.bus() else { return };
        let (tell, weak) = (tell.clone(), self.pipeline.downgrade());
        let ended = Mutex::new(ended);
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let _ = ended.lock().send(());
                    let _ = tell.send(failure(&error.error(), error.debug().as_deref()));
                }
                gst::MessageView::Eos(_) => _ = ended.lock().send(()),
                gst::MessageView::Latency(_) => {
                    weak.upgrade().iter().for_each(|pipeline| pipeline.call_async(|p| _ = p.recalculate_latency()));
                }
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.outlet = None;
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// What the feed has and has sent already: the muxers wait for ever for a track that never comes. One that begins later
/// makes the attempt begin anew.
fn kinds(feed: &Feed) -> Vec<Kind> {
    let tracks = feed.stats().tracks;
    let silent = tracks.iter().all(|track| track.packets == 0);
    let has = |kind: &Kind| tracks.iter().any(|t| t.codec.kind() == *kind && (silent || t.packets > 0));
    [Kind::Video, Kind::Audio].into_iter().filter(has).collect()
}

fn source(pipeline: &gst::Pipeline, kind: Kind) -> Result<gst_app::AppSrc, MediaError> {
    element(pipeline, &format!("in_{}", kind.as_str()))?
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| MediaError::Fatal("a broadcast's template: its input is no appsrc".into()))
}

/// The address that was decided on, and the secrets, as properties.
fn set_up(sink: &gst::Element, plan: &Plan, target: &Target) {
    match &plan.to {
        To::Rtmp { key } => set_up_rtmp(sink, plan, target, key.reveal()),
        To::Srt(srt) => set_up_srt(sink, srt, target),
        To::Rtp => {}
    }
}

/// `rtmp2sink` takes the name it connects to also for `tcUrl` and for TLS. Over TLS the name stays, and the certificate
/// proves that the right server was reached; without, it is the address that was decided on.
fn set_up_rtmp(sink: &gst::Element, plan: &Plan, target: &Target, key: &str) {
    let Some(address) = target.addresses.first() else { return };
    let tls = plan.url.scheme() == "rtmps";
    sink.set_property_from_str("scheme", plan.url.scheme());
    sink.set_property("host", if tls { target.host.clone() } else { address.ip().to_string() });
    sink.set_property("port", i32::from(address.port()));
    sink.set_property("application", plan.url.path().trim_matches('/'));
    sink.set_property("stream", key);
}

fn set_up_srt(sink: &gst::Element, srt: &Srt, target: &Target) {
    let Some(address) = target.addresses.first() else { return };
    let mode = if srt.listener { "listener" } else { "caller" };
    sink.set_property("uri", format!("srt://{address}?mode={mode}"));
    sink.set_property_from_str("mode", mode);
    // Without a caller, what comes is let go: who calls gets what is new.
    sink.set_property("wait-for-connection", !srt.listener);
    if srt.listener {
        sink.set_property("localaddress", address.ip().to_string());
        sink.set_property("localport", u32::from(address.port()));
    }
    if let Some(latency) = srt.latency {
        sink.set_property("latency", latency);
    }
    if !srt.passphrase.is_empty() {
        sink.set_property("passphrase", srt.passphrase.reveal());
        sink.set_property_from_str("pbkeylen", "16");
    }
    if !srt.stream_id.is_empty() && !srt.listener {
        sink.set_property("streamid", srt.stream_id.reveal());
    }
}

/// SRT's listener: live while there are callers, and each gets a keyframe soon.
fn tell_callers(sink: &gst::Element, ends: &Ends<'_>) {
    if gst::glib::subclass::SignalId::lookup("caller-added", sink.type_()).is_none() {
        return;
    }
    let callers = Arc::new(AtomicU64::new(0));
    let (tell, feed, present) = (ends.tell.clone(), Arc::downgrade(ends.feed), callers.clone());
    sink.connect("caller-added", false, move |_| {
        present.fetch_add(1, Relaxed);
        let _ = tell.send(Happening::Live);
        feed.upgrade().iter().for_each(|feed| feed.request_keyframe());
        None
    });
    let tell = ends.tell.clone();
    sink.connect("caller-removed", false, move |_| {
        if callers.fetch_sub(1, Relaxed) == 1 {
            let _ = tell.send(Happening::Alone);
        }
        None
    });
}

/// Counts what is taken. A sink keeps its first buffer until it is connected and has it out: with the second, media flows.
/// (Headers are taken before: `rtmp2sink` sends them by itself.)
fn count(sink: &gst::Element, ends: &Ends<'_>, by_callers: bool) {
    let Some(pad) = sink.static_pad("sink") else { return };
    let (report, tell, buffers) = (ends.report.clone(), ends.tell.clone(), AtomicU64::new(0));
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let (size, is_header) = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                (buffer.size(), buffer.flags().contains(gst::BufferFlags::HEADER))
            }
            Some(gst::PadProbeData::BufferList(list)) => (list.calculate_size(), false),
            _ => (0, true),
        };
        report.sent(size as u64);
        if !is_header && buffers.fetch_add(1, Relaxed) == 1 && !by_callers {
            let _ = tell.send(Happening::Live);
        }
        gst::PadProbeReturn::Ok
    });
}

/// What went wrong, in words.
fn failure(error: &gst::glib::Error, more: Option<&str>) -> Happening {
    let refused = error.matches(gst::ResourceError::NotAuthorized);
    let more = more.and_then(|more| more.lines().nth(1)).map(|more| format!(" ({more})")).unwrap_or_default();
    Happening::Failed { why: format!("{}{more}", error.message()), refused }
}
