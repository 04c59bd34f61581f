//! One track's pipeline of an outlet or a rendition: RTP packets in order in, whatever its template makes of them out.
//!
//! Decides how it is fed (one continuous RTP stream, whatever the sources were) and that nobody is ever blocked: what is
//! too slow gets nothing more until it has caught up. Leaves what comes out to the callback.

use crate::media::branch::Timed;
use crate::media::bus::{Action, action};
use crate::media::elements::rtp_caps;
use crate::media::feed::SourceTrack;
use crate::media::template::{Template, element};
use crate::media::{MediaError, census};
use crate::model::Kind;
use gst::prelude::*;
use std::sync::{Arc, OnceLock};

/// What may wait in front of it: time and bytes.
const SLOW: gst::ClockTime = gst::ClockTime::from_seconds(1);
const QUEUE_LIMIT: u64 = 8 << 20;

/// A pipeline; dropped, it ends.
pub(in crate::media) struct Chain {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    payload_type: u8,
    sequence: u16,
    /// Packets of the picture that has not ended yet.
    picture: Vec<gst::Buffer>,
    /// Its RTP time.
    time: u32,
    failed: Arc<OnceLock<String>>,
}

impl Chain {
    /// Starts it. `set` sets what the template leaves open. `on_sample` is called from a streaming thread with all that
    /// comes out: it must not block.
    pub(in crate::media) fn start(
        template: &Template,
        track: &SourceTrack,
        set: impl FnOnce(&gst::Pipeline) -> Result<(), MediaError>,
        on_sample: impl FnMut(gst::Sample) + Send + 'static,
    ) -> Result<Self, MediaError> {
        Self::start_heard(template, track, set, on_sample, |_| {})
    }

    /// The same; `on_message` hears all that the pipeline says, from its threads: it must not block.
    pub(in crate::media) fn start_heard(
        template: &Template,
        track: &SourceTrack,
        set: impl FnOnce(&gst::Pipeline) -> Result<(), MediaError>,
        mut on_sample: impl FnMut(gst::Sample) + Send + 'static,
        on_message: impl Fn(&gst::MessageRef) + Send + Sync + 'static,
    ) -> Result<Self, MediaError> {
        let pipeline = template.build([track.codec.as_str()])?;
        census::count("pipeline", &pipeline);
        let failed = watch(&pipeline, on_message);
        let sink = element(&pipeline, "out")?
            .downcast::<gst_app::AppSink>()
            .map_err(|_| MediaError::Fatal("template: `out` is no appsink".into()))?;
        let take = move |sink: &gst_app::AppSink| {
            on_sample(sink.pull_sample().map_err(|_| gst::FlowError::Eos)?);
            Ok(gst::FlowSuccess::Ok)
        };
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
        let source = input(&pipeline, track)?;
        set(&pipeline)?;
        let started = pipeline.set_state(gst::State::Playing);
        let payload_type = track.payload_type;
        let chain = Self { pipeline, source, payload_type, sequence: 0, picture: Vec::new(), time: 0, failed };
        match started {
            Ok(_) => Ok(chain),
            Err(_) => Err(MediaError::Fatal(chain.failure().unwrap_or("a pipeline does not start").to_owned())),
        }
    }

    /// A packet that belongs at `at` nanoseconds. Pictures go on when they have come whole: half of one would show.
    /// `false`: the pipeline is too slow and the packet is left out.
    pub(in crate::media) fn push(&mut self, timed: &Timed, at: u64) -> bool {
        if timed.after_gap {
            self.lose();
        }
        if self.is_slow() {
            self.lose();
            return false;
        }
        self.sequence = self.sequence.wrapping_add(if timed.after_gap { 2 } else { 1 });
        let mut buffer = gst::Buffer::from_slice(self.packet(timed));
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(at));
        }
        // A picture whose last packet says nothing ends where the next begins.
        if self.time != timed.packet.timestamp {
            self.hand_over();
        }
        self.time = timed.packet.timestamp;
        self.picture.push(buffer);
        if timed.packet.marker || timed.packet.codec.kind() == Kind::Audio {
            self.hand_over();
        }
        true
    }

    /// Packets are left out from here on: the picture that has begun never ends.
    pub(in crate::media) fn lose(&mut self) {
        self.picture.clear();
    }

    fn hand_over(&mut self) {
        if !self.picture.is_empty() {
            let _ = self.source.push_buffer_list(self.picture.drain(..).collect::<gst::BufferList>());
        }
    }

    fn is_slow(&self) -> bool {
        self.source.current_level_bytes() > QUEUE_LIMIT || self.source.current_level_time() > SLOW
    }

    /// An element by its name in the template.
    pub(in crate::media) fn element(&self, name: &str) -> Option<gst::Element> {
        self.pipeline.by_name(name)
    }

    /// Why it failed, if it has.
    pub(in crate::media) fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Header (RFC 3550 5.1) and payload alone.
    fn packet(&self, timed: &Timed) -> Vec<u8> {
        let (packet, payload) = (&timed.packet, timed.packet.payload());
        let mut bytes = Vec::with_capacity(12 + payload.len());
        bytes.extend([0x80, (u8::from(packet.marker) << 7) | (self.payload_type & 0x7f)]);
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(packet.timestamp.to_be_bytes());
        bytes.extend(1u32.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// Where a pipeline tells its first failure; its bus keeps nothing.
fn watch(
    pipeline: &gst::Pipeline,
    on_message: impl Fn(&gst::MessageRef) + Send + Sync + 'static,
) -> Arc<OnceLock<String>> {
    let failed = Arc::new(OnceLock::new());
    let told = failed.clone();
    let weak = pipeline.downgrade();
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            on_message(message);
            match action(message) {
                Action::Fail(why) => _ = told.set(why),
                Action::RecalculateLatency => {
                    weak.upgrade().iter().for_each(|pipeline| pipeline.call_async(|p| _ = p.recalculate_latency()));
                }
                Action::Warn(_) | Action::Ignore => {}
            }
            gst::BusSyncReply::Drop
        });
    }
    failed
}

fn input(pipeline: &gst::Pipeline, track: &SourceTrack) -> Result<gst_app::AppSrc, MediaError> {
    let source = element(pipeline, &format!("in_{}", track.codec.kind().as_str()))?
        .downcast::<gst_app::AppSrc>()
        .map_err(|_| MediaError::Fatal("template: its input is no appsrc".into()))?;
    source.set_caps(Some(&rtp_caps(track.codec, track.payload_type)));
    source.set_format(gst::Format::Time);
    source.set_max_bytes(2 * QUEUE_LIMIT);
    Ok(source)
}
