//! Reads a file as frames in the order in which they stand in it, without decoding.
//!
//! Decides that a file is read once, from its beginning to the length that it had when it was opened: so a growing file
//! and one that a crash cut off are read like finished ones, and the demuxer drops what is not whole. A seek would need
//! an index that such files do not have. Leaves to `scan` and `copy` what frames mean.

use super::queue::{Inlet, Next, Outlet, queue};
use super::{Container, fatal, launch};
use crate::media::MediaError;
use gst::prelude::*;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that are read at a time.
const CHUNK: usize = 128 << 10;
/// Frames that may wait for the caller.
const AHEAD: usize = 64;
/// A demuxer that says nothing for so long hangs, or the disk does.
const STALL: Duration = Duration::from_secs(15);
/// How long a pipeline may take to stop before it is left behind.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// One picture, or one packet of sound.
#[derive(Clone, Debug)]
pub(in crate::media) struct Frame {
    /// Which track, counted from 0 in the order of the file.
    pub track: usize,
    /// Its form; the same object until it changes.
    pub caps: gst::Caps,
    /// Place in the file in nanoseconds.
    pub at: u64,
    /// Decoding needs nothing before it (sound: always).
    pub keyframe: bool,
    /// The data, with the file's own times.
    pub buffer: gst::Buffer,
}

impl Frame {
    pub(in crate::media) fn is_picture(&self) -> bool {
        self.caps.structure(0).is_some_and(|s| s.name().starts_with("video/"))
    }
    /// Length in nanoseconds, 0 when the file does not tell.
    pub(in crate::media) fn length(&self) -> u64 {
        self.buffer.duration().map_or(0, gst::ClockTime::nseconds)
    }
}

/// An open file. Dropping it ends the reading.
pub(super) struct Reader {
    pipeline: gst::Pipeline,
    frames_in: Option<Inlet<Frame>>,
    container: Container,
    length: u64,
    handed: Arc<AtomicU64>,
    frames: u64,
    damage: Option<String>,
}

impl Reader {
    /// Opens the file as far as it reaches now, or to `limit` bytes. `NotReady`: no file, or nothing in it yet.
    /// `Fatal`: not a WebM or MP4 file.
    pub(super) fn open(path: &Path, limit: Option<u64>) -> Result<Self, MediaError> {
        let unreadable = |error: std::io::Error| MediaError::NotReady(format!("{}: {error}", path.display()));
        let mut file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len().min(limit.unwrap_or(u64::MAX));
        let container = Container::of(&mut file, path)?;
        let (pipeline, source) =
            launch::<gst_app::AppSrc>(&format!("appsrc name=in ! {} name=demux", container.demuxer()), "in")?;
        let (outlet, inlet) = queue(AHEAD);
        let handed = Arc::new(AtomicU64::new(0));
        if container == Container::Mp4 && index_is_last(&mut file) {
            source.set_stream_type(gst_app::AppStreamType::Seekable);
        }
        feed(&source, file, length, handed.clone());
        watch(&pipeline, &outlet)?;
        take(&pipeline, outlet)?;
        let reader = Self { pipeline, frames_in: Some(inlet), container, length, handed, frames: 0, damage: None };
        reader.pipeline.set_state(gst::State::Playing).map_err(|error| fatal("the demuxer does not start", error))?;
        Ok(reader)
    }

    /// Its container.
    pub(super) fn container(&self) -> Container {
        self.container
    }

    /// Bytes that are looked at.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The next frame; `None` at the end. What cannot be read after whole frames is the end too, see `damage`.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, MediaError> {
        let Some(inlet) = &self.frames_in else { return Ok(None) };
        match inlet.next(STALL) {
            Next::Frame(frame) => {
                self.frames += 1;
                Ok(Some(frame))
            }
            Next::End(None) => self.ended(),
            Next::End(Some(words)) => self.broke(words),
            Next::Stalled => Err(MediaError::Transient(format!("nothing was read for {} s", STALL.as_secs()))),
        }
    }

    /// Why reading ended before the end of the file, with the bytes that were not read.
    pub(super) fn damage(&self) -> Option<(&str, u64)> {
        self.damage.as_deref().map(|words| (words, self.length.saturating_sub(self.handed.load(Relaxed))))
    }

    fn ended(&mut self) -> Result<Option<Frame>, MediaError> {
        self.frames_in = None;
        if self.frames == 0 { Err(fatal("the file", "not one picture or sound is whole")) } else { Ok(None) }
    }

    fn broke(&mut self, words: String) -> Result<Option<Frame>, MediaError> {
        let none = self.frames == 0;
        self.frames_in = None;
        if none {
            return Err(fatal("the file cannot be read, not one picture or sound is whole", words));
        }
        self.damage = Some(words);
        Ok(None)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // First, so that nobody waits for room.
        self.frames_in = None;
        close(&self.pipeline);
    }
}

/// Stops a pipeline, on a thread of its own: a hanging disk, or a demuxer gone astray, is left behind and told of.
pub(in crate::media) fn close(pipeline: &gst::Pipeline) {
    let (done, closed) = sync_channel(1);
    let closing = pipeline.clone();
    let spawned = std::thread::Builder::new().name("file-close".into()).spawn(move || {
        let _ = closing.set_state(gst::State::Null);
        if let Some(bus) = closing.bus() {
            bus.unset_sync_handler();
            bus.set_flushing(true);
        }
        let _ = done.send(());
    });
    if spawned.is_err() || closed.recv_timeout(CLOSE_LIMIT).is_err() {
        tracing::error!("a file's pipeline does not stop and is left behind");
    }
}

/// Gives the demuxer the file piece by piece, as it asks.
fn feed(source: &gst_app::AppSrc, file: File, length: u64, handed: Arc<AtomicU64>) {
    source.set_format(gst::Format::Bytes);
    source.set_size(i64::try_from(length).unwrap_or(-1));
    let file = Arc::new(Mutex::new(file.take(length)));
    let (reading, seeking) = (file.clone(), file);
    let need = move |source: &gst_app::AppSrc, _wanted: u32| {
        let mut chunk = vec![0; CHUNK];
        let read = reading.lock().unwrap_or_else(PoisonError::into_inner).read(&mut chunk).unwrap_or(0);
        chunk.truncate(read);
        handed.fetch_add(read as u64, Relaxed);
        let _ = match read {
            0 => source.end_of_stream(),
            _ => source.push_buffer(gst::Buffer::from_slice(chunk)),
        };
    };
    let seek = move |_: &gst_app::AppSrc, offset: u64| {
        let mut file = seeking.lock().unwrap_or_else(PoisonError::into_inner);
        file.set_limit(length.saturating_sub(offset));
        file.get_mut().seek(SeekFrom::Start(offset)).is_ok()
    };
    source.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(need).seek_data(seek).build());
}

/// Whether an MP4's media stands before its index: so do finished files of others; the demuxer must jump then.
fn index_is_last(file: &mut File) -> bool {
    let (mut at, mut head) = (0u64, [0; 16]);
    let mut found = false;
    // `ftyp`, a `uuid` or two, `free`: the first of both comes soon.
    for _ in 0..16 {
        if file.seek(SeekFrom::Start(at)).is_err() || file.read_exact(&mut head).is_err() {
            break;
        }
        let [a, b, c, d, kind @ ..] = head;
        found = kind.starts_with(b"mdat");
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        if found || kind.starts_with(b"moov") || length < 8 {
            break;
        }
        at = at.saturating_add(length);
    }
    let _ = file.rewind();
    found
}

/// Errors and the end come by the same way as frames, after them.
fn watch(pipeline: &gst::Pipeline, outlet: &Outlet<Frame>) -> Result<(), MediaError> {
    let bus = pipeline.bus().ok_or_else(|| fatal("a pipeline", "without a bus"))?;
    let outlet = outlet.clone();
    bus.set_sync_handler(move |_, message| {
        match message.view() {
            gst::MessageView::Eos(_) => outlet.end(None),
            gst::MessageView::Error(error) => outlet.end(Some(error.error().message().to_owned())),
            _ => {}
        }
        gst::BusSyncReply::Drop
    });
    Ok(())
}

/// Gives each track of the demuxer a sink, right where it appears.
fn take(pipeline: &gst::Pipeline, outlet: Outlet<Frame>) -> Result<(), MediaError> {
    let demux = pipeline.by_name("demux").ok_or_else(|| fatal("a pipeline", "without a demuxer"))?;
    let (pipeline, count) = (pipeline.downgrade(), AtomicUsize::new(0));
    demux.connect_pad_added(move |_, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        let sink = sink_of(count.fetch_add(1, Relaxed), outlet.clone());
        let linked = pipeline.add(&sink).is_ok()
            && sink.sync_state_with_parent().is_ok()
            && sink.static_pad("sink").is_some_and(|end| pad.link(&end).is_ok());
        if !linked {
            outlet.end(Some("a track cannot be read".into()));
        }
    });
    Ok(())
}

fn sink_of(track: usize, outlet: Outlet<Frame>) -> gst_app::AppSink {
    let on_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        match frame(track, &sample).map(|frame| outlet.frame(frame)) {
            Some(false) => Err(gst::FlowError::Flushing),
            _ => Ok(gst::FlowSuccess::Ok),
        }
    };
    gst_app::AppSink::builder()
        .sync(false)
        .async_(false)
        .enable_last_sample(false)
        .callbacks(gst_app::AppSinkCallbacks::builder().new_sample(on_sample).build())
        .build()
}

/// A frame without a time is of no use.
fn frame(track: usize, sample: &gst::Sample) -> Option<Frame> {
    let buffer = sample.buffer_owned()?;
    let time = buffer.pts().or(buffer.dts())?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let at = segment.to_stream_time(time)?.nseconds();
    let caps = sample.caps_owned()?;
    let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let frame = Frame { track, keyframe: !delta, caps, at, buffer };
    Some(Frame { keyframe: frame.keyframe || !frame.is_picture(), ..frame })
}
