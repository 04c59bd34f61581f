//! One feed on its way to all RTSP clients that watch it with the same kind of sound.
//!
//! Decides when it can be described (its tracks are known by then), where a pipeline begins (at a keyframe) and when clients
//! have to come again (the feed is over, or has other tracks). Time stamps stay close to the pipeline's clock, whatever the
//! sender's does.

use super::Sound;
use super::factory::Factory;
use crate::media::MediaError;
use crate::media::feed::Feed;
use crate::media::outlet::{self, Framing, Outlet, Unit, Wants};
use crate::media::rendition::Renditions;
use crate::model::Kind;
use gst::glib;
use gst::prelude::*;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// When pictures are there, sound that was announced is waited for so long: who plays without it never gets it, and a mix takes
/// its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);
/// What may wait in a pipeline nobody plays yet, or that is too slow, in bytes; the oldest goes then.
const MOST_WAITING: u64 = 4 << 20;
/// How far time stamps may lie ahead of or behind the clock, and how much is put right at each keyframe, in nanoseconds.
const AHEAD: i64 = 20_000_000;
const BEHIND: i64 = -300_000_000;
const NUDGE: i64 = 1_000_000;

/// A feed for RTSP clients.
pub struct Stream {
    pub factory: Factory,
    ends: Arc<Ends>,
    outlet: Outlet,
    /// Tracks that are to be expected: pictures, sound.
    expected: (bool, bool),
}

/// What is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct News {
    pictures: bool,
    sound: bool,
    over: bool,
}

/// The ends of its pipelines, fed by the outlet.
pub struct Ends {
    state: Mutex<State>,
    news: watch::Sender<News>,
    keyframe: Notify,
}

#[derive(Default)]
struct State {
    pictures: Option<gst::Caps>,
    sound: Option<gst::Caps>,
    pipelines: Vec<Pipeline>,
}

/// One pipeline; gst-rtsp-server owns it.
struct Pipeline {
    bin: glib::WeakRef<gst::Bin>,
    pictures: Option<glib::WeakRef<gst_app::AppSrc>>,
    sound: Option<glib::WeakRef<gst_app::AppSrc>>,
    /// From the outlet's time to the pipeline's running time; `None` before it began.
    shift: Option<i64>,
}

impl Stream {
    /// Begins. Blocks while a rendition is made.
    pub fn start(feed: Arc<Feed>, renditions: &Arc<Renditions>, sound: Sound) -> Result<Self, MediaError> {
        let ends = Arc::new(Ends { state: Mutex::default(), news: watch::Sender::default(), keyframe: Notify::new() });
        let sound = match sound {
            Sound::Aac => outlet::Sound::Aac,
            Sound::Opus => outlet::Sound::Opus,
            Sound::None => outlet::Sound::None,
        };
        let has = |kind| feed.tracks().iter().any(|track| track.codec.kind() == kind);
        let expected = (has(Kind::Video), has(Kind::Audio) && sound != outlet::Sound::None);
        let (wants, fed) = (Wants { sound, framing: Framing::ByteStream }, ends.clone());
        let outlet = Outlet::start(feed, renditions, wants, Box::new(move |unit| fed.take(unit)))?;
        Ok(Self { factory: Factory::new(Arc::downgrade(&ends)), ends, outlet, expected })
    }

    /// Whether it goes on.
    pub fn is_live(&self) -> bool {
        !self.ends.news.borrow().over
    }

    /// Waits until it can be described; `false` when it is over before. No deadline of its own.
    pub async fn ready(&self) -> bool {
        let mut news = self.ends.news.subscribe();
        let some = news.wait_for(|news| news.over || news.pictures || (news.sound && !self.expected.0)).await.is_ok();
        let all = |news: &News| news.over || news.sound || !self.expected.1;
        let _sound_alone_may_be_missing = tokio::time::timeout(PATIENCE, news.wait_for(all)).await;
        some && self.is_live()
    }

    /// Returns when it is over; until then passes on who waits for a keyframe.
    pub async fn over(&self) {
        let mut news = self.ends.news.subscribe();
        loop {
            tokio::select! {
                _ = news.wait_for(|news| news.over) => return,
                () = self.ends.keyframe.notified() => self.outlet.request_keyframe(),
            }
        }
    }

    /// Somebody begins to watch.
    pub fn wants_keyframe(&self) {
        self.outlet.request_keyframe();
    }
}

impl Ends {
    /// A new pipeline with the tracks that are known.
    pub fn pipeline(&self) -> Result<gst::Element, MediaError> {
        let mut state = self.state.lock();
        let failed = |error: glib::BoolError| MediaError::Fatal(error.to_string());
        let bin = gst::Bin::new();
        let mut next = 0;
        let mut track = |caps: &Option<gst::Caps>| -> Result<_, MediaError> {
            let Some(caps) = caps else { return Ok(None) };
            let name = format!("pay{next}");
            next += 1;
            track_of(&bin, caps, &name).map_err(failed).map(|source| Some(source.downgrade()))
        };
        let pictures = track(&state.pictures)?;
        let sound = track(&state.sound)?;
        state.pipelines.push(Pipeline { bin: bin.downgrade(), pictures, sound, shift: None });
        self.keyframe.notify_one();
        Ok(bin.upcast())
    }

    fn take(&self, unit: Unit) {
        match unit {
            Unit::Caps(kind, caps) => self.set_caps(kind, caps),
            Unit::Access(kind, buffer) => self.push(kind, &buffer),
            Unit::Ended(_) => self.end(),
        }
    }

    fn set_caps(&self, kind: Kind, caps: gst::Caps) {
        let mut state = self.state.lock();
        let sources: Vec<_> =
            state.pipelines.iter().filter(|p| p.bin.upgrade().is_some()).map(|p| p.end(kind)).collect();
        // What was described without this track cannot get it any more.
        let lacking = sources.iter().any(Option::is_none);
        sources.into_iter().flatten().for_each(|source| source.set_caps(Some(&caps)));
        match kind {
            Kind::Video => state.pictures = Some(caps),
            Kind::Audio => state.sound = Some(caps),
        }
        drop(state);
        if lacking {
            return self.end();
        }
        self.news.send_modify(|news| match kind {
            Kind::Video => news.pictures = true,
            Kind::Audio => news.sound = true,
        });
    }

    fn push(&self, kind: Kind, buffer: &gst::Buffer) {
        let mut state = self.state.lock();
        state.pipelines.retain(|pipeline| pipeline.bin.upgrade().is_some());
        let waits = state.pipelines.iter_mut().map(|pipeline| pipeline.push(kind, buffer));
        let waiting = waits.filter(|waits| *waits).count();
        drop(state);
        if waiting > 0 {
            self.keyframe.notify_one();
        }
    }

    fn end(&self) {
        for pipeline in &self.state.lock().pipelines {
            for kind in [Kind::Video, Kind::Audio] {
                pipeline.end(kind).into_iter().for_each(|source| _ = source.end_of_stream());
            }
        }
        self.news.send_modify(|news| news.over = true);
    }
}

impl Pipeline {
    fn end(&self, kind: Kind) -> Option<gst_app::AppSrc> {
        let end = if kind == Kind::Video { &self.pictures } else { &self.sound };
        end.as_ref().and_then(glib::WeakRef::upgrade)
    }

    /// Whether it runs and waits for a keyframe.
    fn push(&mut self, kind: Kind, buffer: &gst::Buffer) -> bool {
        let Some((source, at)) = self.end(kind).zip(buffer.pts().and_then(|pts| i64::try_from(pts.nseconds()).ok()))
        else {
            return false;
        };
        // Not playing yet: it would throw away what comes.
        let Some(now) = source.current_running_time().and_then(|now| i64::try_from(now.nseconds()).ok()) else {
            return false;
        };
        let key = kind == Kind::Video && !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if self.shift.is_none() && !key && self.pictures.is_some() {
            return kind == Kind::Video;
        }
        let shift = self.shift.get_or_insert(now - at);
        let lead = at + *shift - now;
        if (key || self.pictures.is_none()) && !(BEHIND..AHEAD).contains(&lead) {
            *shift -= lead.clamp(-NUDGE, NUDGE);
        }
        let mut copy = buffer.clone();
        let stamped = copy.make_mut();
        let at = gst::ClockTime::from_nseconds(u64::try_from(at + *shift).unwrap_or(0));
        stamped.set_pts(at);
        stamped.set_dts((kind == Kind::Video).then_some(at));
        let _ = source.push_buffer(copy);
        false
    }
}

/// `appsrc ! payloader`.
fn track_of(bin: &gst::Bin, caps: &gst::Caps, name: &str) -> Result<gst_app::AppSrc, glib::BoolError> {
    let source = gst_app::AppSrc::builder()
        .caps(caps)
        .format(gst::Format::Time)
        .is_live(true)
        .max_bytes(MOST_WAITING)
        .leaky_type(gst_app::AppLeakyType::Downstream)
        .build();
    let what = caps.structure(0).map(|structure| structure.name().to_string()).unwrap_or_default();
    let payloader = match what.as_str() {
        "video/x-h264" => gst::ElementFactory::make("rtph264pay")
            .property("config-interval", -1i32)
            .property_from_str("aggregate-mode", "zero-latency"),
        "audio/mpeg" => gst::ElementFactory::make("rtpmp4gpay"),
        _ => gst::ElementFactory::make("rtpopuspay"),
    };
    let number = if what.starts_with("video") { 96u32 } else { 97 };
    let payloader = payloader.name(name).property("pt", number).build()?;
    bin.add_many([source.upcast_ref(), &payloader])?;
    source.link(&payloader)?;
    Ok(source)
}
