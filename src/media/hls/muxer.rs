//! `cmafmux` for one track: units in, a header and chunks out, split exactly where it is told.
//!
//! Leaves where to split to `cutter`, and what a chunk is worth to who gets it.

use crate::media::bus::{Action, action};
use crate::media::{MediaError, census};
use bytes::{Bytes, BytesMut};
use gst::prelude::*;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub enum Made {
    /// `ftyp` and `moov`, once, before the rest.
    Init(Bytes),
    /// What lay between two splits.
    Chunk(Bytes),
}

/// A running muxer; dropped, it ends and loses what was not split off.
pub struct Muxer {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    over: Arc<(Mutex<bool>, Condvar)>,
}

impl Muxer {
    /// For units of these caps. `on_made` is called from a streaming thread: it must not block.
    pub fn start(name: &str, caps: &gst::Caps, on_made: impl FnMut(Made) + Send + 'static) -> Result<Self, MediaError> {
        let failed = |error: gst::glib::BoolError| MediaError::Fatal(format!("an HLS muxer: {error}"));
        let pipeline = gst::Pipeline::with_name(name);
        census::count("pipeline", &pipeline);
        let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).build();
        let mux = gst::ElementFactory::make("cmafmux")
            .property("manual-split", true)
            .property_from_str("write-edts-mode", "never")
            .build()
            .map_err(failed)?;
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let sink = sink(on_made, over.clone());
        let elements = [source.upcast_ref(), &mux, sink.upcast_ref()];
        pipeline.add_many(elements).map_err(failed)?;
        gst::Element::link_many(elements).map_err(failed)?;
        watch(&pipeline, over.clone());
        let muxer = Self { pipeline, source, over };
        match muxer.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(muxer),
            Err(error) => Err(MediaError::Fatal(format!("an HLS muxer does not start: {error}"))),
        }
    }

    /// A unit that lasts from `start` to `end` nanoseconds. Never blocks.
    pub fn push(&self, mut unit: gst::Buffer, start: u64, end: u64) {
        let buffer = unit.make_mut();
        buffer.set_pts(gst::ClockTime::from_nseconds(start));
        buffer.set_dts(gst::ClockTime::from_nseconds(start));
        buffer.set_duration(gst::ClockTime::from_nseconds(end.saturating_sub(start)));
        let _ = self.source.push_buffer(unit);
    }

    /// What was pushed since the last split is a chunk. `whole`: a segment ends, and the next unit is a keyframe.
    pub fn split(&self, whole: bool) {
        let split = gst::Structure::builder("FMP4MuxSplitNow").field("chunk", !whole).build();
        self.source.send_event(gst::event::CustomDownstream::new(split));
    }

    /// The rest comes out as a last chunk. Whether it did within `limit`.
    pub fn finish(self, limit: Duration) -> bool {
        let _ = self.source.end_of_stream();
        let (over, told) = &*self.over;
        let mut over = over.lock();
        !told.wait_while_for(&mut over, |over| !*over, limit).timed_out()
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

fn end(over: &(Mutex<bool>, Condvar)) {
    *over.0.lock() = true;
    over.1.notify_all();
}

fn sink(mut on_made: impl FnMut(Made) + Send + 'static, over: Arc<(Mutex<bool>, Condvar)>) -> gst_app::AppSink {
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        read(&sample).into_iter().for_each(&mut on_made);
        Ok(gst::FlowSuccess::Ok)
    };
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(take).eos(move |_| end(&over)).build();
    gst_app::AppSink::builder().sync(false).buffer_list(true).callbacks(callbacks).build()
}

fn watch(pipeline: &gst::Pipeline, over: Arc<(Mutex<bool>, Condvar)>) {
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| {
        if let Action::Fail(why) = action(message) {
            tracing::warn!(reason = why, "an HLS muxer failed");
            end(&over);
        }
        gst::BusSyncReply::Drop
    });
}

/// The header, if there is one, stands first in a list and is marked; the rest is the chunk.
fn read(sample: &gst::Sample) -> Vec<Made> {
    let buffers: Vec<gst::Buffer> = match (sample.buffer_list_owned(), sample.buffer_owned()) {
        (Some(list), _) => list.iter_owned().collect(),
        (None, buffer) => buffer.into_iter().collect(),
    };
    let header = gst::BufferFlags::HEADER | gst::BufferFlags::DISCONT;
    let (init, chunk): (Vec<_>, Vec<_>) = buffers.iter().partition(|buffer| buffer.flags().contains(header));
    let init = Some(join(&init)).filter(|bytes| !bytes.is_empty()).map(Made::Init);
    let chunk = Some(join(&chunk)).filter(|bytes| !bytes.is_empty()).map(Made::Chunk);
    init.into_iter().chain(chunk).collect()
}

fn join(buffers: &[&gst::Buffer]) -> Bytes {
    let mut all = BytesMut::with_capacity(buffers.iter().map(|buffer| buffer.size()).sum());
    for buffer in buffers {
        if let Ok(map) = buffer.map_readable() {
            all.extend_from_slice(&map);
        }
    }
    all.freeze()
}
