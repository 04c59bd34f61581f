//! Bytes into a pipeline: an `appsrc` before a demuxer, filled no faster than it is emptied.

use crate::media::camera::attach::Attach;
use crate::media::camera::container::{Container, chain};
use crate::media::camera::trouble::Trouble;
use crate::model::IngestReason;
use bytes::Bytes;
use gst::glib;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// What waits in the pipeline, at most about so many bytes.
const QUEUE_LIMIT: u64 = 2 << 20;
/// Room is looked for so often when nobody says that there is some.
const LOOK: Duration = Duration::from_millis(100);

/// A pipe into a source's pipeline.
pub struct Pipe {
    source: gst_app::AppSrc,
    room: Arc<Notify>,
    /// Where the demuxer wants to go on reading; only of seekable ones.
    wanted: Arc<Mutex<Option<u64>>>,
}

impl Pipe {
    /// Adds it. `length`: all bytes there are, when any of them can be asked for. `live`: bytes have the time of their
    /// arrival, since the container tells none.
    ///
    /// # Errors
    /// `Failed`.
    pub fn open(
        pipeline: &glib::WeakRef<gst::Pipeline>,
        attach: &Arc<Attach>,
        container: Container,
        length: Option<u64>,
    ) -> Result<Self, Trouble> {
        let gone = || Trouble::new(IngestReason::Failed, "the pipeline is gone");
        let pipeline = pipeline.upgrade().ok_or_else(gone)?;
        let (room, wanted): (Arc<Notify>, Arc<Mutex<Option<u64>>>) = Default::default();
        let source = source(container, length, &room, &wanted);
        let demuxer = container.demuxer(attach)?;
        chain(&pipeline, &[source.as_ref(), &demuxer])?;
        Ok(Self { source, room, wanted })
    }

    /// Puts bytes in when there is room. `false`: nobody wants them any more, or others are wanted first.
    pub async fn push(&self, bytes: Bytes) -> bool {
        while self.source.current_level_bytes() > QUEUE_LIMIT {
            if self.is_elsewhere() {
                return false;
            }
            let _ = tokio::time::timeout(LOOK, self.room.notified()).await;
        }
        !self.is_elsewhere() && self.source.push_buffer(gst::Buffer::from_slice(bytes)).is_ok()
    }

    fn is_elsewhere(&self) -> bool {
        self.wanted.lock().is_some()
    }

    /// Where to read on, if the demuxer asked for another place.
    pub fn elsewhere(&self) -> Option<u64> {
        self.wanted.lock().take()
    }

    /// Until the demuxer wants to read elsewhere.
    pub async fn until_elsewhere(&self) -> u64 {
        loop {
            if let Some(at) = self.elsewhere() {
                return at;
            }
            let _ = tokio::time::timeout(LOOK, self.room.notified()).await;
        }
    }

    /// No more bytes.
    pub fn end(&self) {
        let _ = self.source.end_of_stream();
    }
}

fn source(
    container: Container,
    length: Option<u64>,
    room: &Arc<Notify>,
    wanted: &Arc<Mutex<Option<u64>>>,
) -> gst_app::AppSrc {
    let live = container == Container::Multipart;
    let caps = container.caps();
    let builder = gst_app::AppSrc::builder().caps(&caps).is_live(live).do_timestamp(live);
    let builder = builder.format(if live { gst::Format::Time } else { gst::Format::Bytes });
    let source = builder.max_bytes(2 * QUEUE_LIMIT).min_percent(50).build();
    if let Some(length) = length {
        source.set_stream_type(gst_app::AppStreamType::Seekable);
        source.set_size(i64::try_from(length).unwrap_or(-1));
    }
    let (need, seek) = (room.clone(), room.clone());
    let wanted = wanted.clone();
    let callbacks =
        gst_app::AppSrcCallbacks::builder().need_data(move |_, _| need.notify_one()).seek_data(move |_, to| {
            *wanted.lock() = Some(to);
            seek.notify_one();
            true
        });
    source.set_callbacks(callbacks.build());
    source
}
